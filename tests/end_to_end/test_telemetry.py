"""OpenTelemetry: what a collector gets of a run, and that no run is the worse for a collector that is not there."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from collector import Collector, attributes, collecting
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from workbench import BUCKET, Workbench

PLAN = ("plan", "--bucket", BUCKET)
KEY = "hush-key-of-the-collector"
PASSWORD = "hush-password"
BOUND_S = 500
"""Far more than a run takes with what it waits for a collector, far less than a collector that answers never."""


@pytest.fixture
def drifted(workbench: Workbench) -> Workbench:
    """Two core files are missing, a third asset is gone."""
    for prefix in ("asset", "other"):
        workbench.insert_in_step(prefix, subject={"subject_id": "hush-subject"})
        workbench.remove(f"{prefix}/subject.json")
    workbench.records().insert_one({"_id": "gone", "name": "gone", "location": f"s3://{BUCKET}/gone"})
    return workbench


@pytest.fixture
def collector() -> Iterator[Collector]:
    """One that takes everything."""
    with collecting() as server:
        yield server


def test_the_spans_of_a_plan(drifted: Workbench, collector: Collector) -> None:
    """One for the run, one for each stage beneath it; with the ids, and the bucket where there is one."""
    done = drifted.run(*PLAN, "--detailed-exitcode", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint)
    assert (done.returncode, "Telemetry" in done.stderr) == (3, False), done.stderr
    plan = json.loads((drifted.folder / "plan.json").read_text(encoding="utf-8"))
    *stages, run = collector.spans()
    assert (run.name, run.parent_span_id) == ("indexer plan", b"")
    assert attributes(run.attributes) == {
        "indexer.command": "plan",
        "indexer.run_id": plan["plan_id"],
        "indexer.plan_id": plan["plan_id"],
        "indexer.buckets": [BUCKET],
        "indexer.complete": True,
        "indexer.exit_status": 3,
    }
    assert run.status.code == Status.STATUS_CODE_UNSET
    assert {span.parent_span_id for span in stages} == {run.span_id}
    assert {span.trace_id for span in stages} == {run.trace_id}
    told = {attributes(span.attributes)["indexer.stage"]: attributes(span.attributes) for span in stages}
    assert told[f"planning {BUCKET}"]["indexer.bucket"] == BUCKET
    assert told[f"planning {BUCKET}"]["indexer.found"] == len(plan["actions"])
    assert "indexer.bucket" not in told["reading external data assets"]
    assert {span.name for span in stages} == {"reading", "planning"}
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in (*stages, run))
    (resource,) = collector.resources()
    assert (resource["service.name"], resource["service.instance.id"]) == ("indexer", plan["plan_id"])


def test_the_metrics_of_a_plan(drifted: Workbench, collector: Collector) -> None:
    """What is planned, withheld and found, and how long it took."""
    drifted.put("raw/data_description.json", b'{"data_level": "raw"}')
    more = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "INDEXER_POLICY__MODE": "upsert-only"}
    done = drifted.run(*PLAN, **more)
    assert done.returncode == 0, done.stderr
    summary = json.loads((drifted.folder / "plan.json").read_text(encoding="utf-8"))["summary"]
    assert summary["actions"]
    assert summary["findings"]
    assert collector.counts("indexer.actions.planned") == summary["actions"]
    assert collector.counts("indexer.actions.withheld") == {"upsert-only": summary["withheld"]}
    assert collector.counts("indexer.findings") == summary["findings"]
    (point,) = collector.metrics()["indexer.run.duration"].histogram.data_points
    assert point.count == 1
    assert 0 < point.sum < BOUND_S
    assert attributes(point.attributes) == {"indexer.command": "plan", "indexer.exit_status": 0}


def test_an_apply(drifted: Workbench, collector: Collector) -> None:
    """Outcomes are counted as in the result; a run in part is an error."""
    plan = drifted.plan()
    drifted.put("asset/subject.json", b"{}")  # somebody else's, since
    done = drifted.run(
        "apply", "plan.json", "--results", "run", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint
    )
    assert done.returncode == 4, done.stderr
    result = json.loads((drifted.folder / "run" / "result.json").read_text(encoding="utf-8"))
    counted = {
        status: sum(collector.counts(f"indexer.actions.{status}").values()) for status in result["summary"]
    }
    assert counted == result["summary"]
    assert counted["stale"]
    stage, run = collector.spans()
    assert (stage.name, run.name) == ("applying", "indexer apply")
    assert run.status.code == Status.STATUS_CODE_ERROR
    told = attributes(run.attributes)
    assert (told["indexer.run_id"], told["indexer.plan_id"]) == (result["run_id"], plan["plan_id"])


def test_a_signal_of_its_own_and_a_name(drifted: Workbench, collector: Collector) -> None:
    """The standard variables hold: here metrics only, under another name for the service."""
    more = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{collector.endpoint}/v1/metrics"}
    done = drifted.run("undo", "none", "--out", "back.json", OTEL_SERVICE_NAME="mine", **more)
    assert done.returncode == 1
    assert [path for path, _ in collector.bodies] == ["/v1/metrics"]
    assert b"mine" in collector.raw()
    off = drifted.run("undo", "none", "--out", "back.json", OTEL_SDK_DISABLED="true", **more)
    assert (off.returncode, len(collector.bodies)) == (1, 1)


def test_nothing_that_is_not_an_id_is_sent(drifted: Workbench, collector: Collector) -> None:
    """No secret, no location, nothing of a record, in a plan, an apply and an error."""
    on = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_EXPORTER_OTLP_HEADERS": f"key={KEY}"}
    uri = f"mongodb://user:{PASSWORD}/unencoded@127.0.0.1:9/"
    said = [
        drifted.run(*PLAN, "--asset", "*", "-v", **on),
        drifted.run("apply", "plan.json", "-v", **on),
        drifted.run(*PLAN, "-v", INDEXER_DOCDB__URI=uri, **on),
    ]
    assert [done.returncode for done in said] == [0, 0, 2]
    assert len(collector.spans()) > len(said)
    for never in (b"hush", b"s3://", b"subject", drifted.sandbox.token.encode()):
        assert never not in collector.raw()
    for done in said:
        assert KEY not in done.stdout + done.stderr
        assert PASSWORD not in done.stdout + done.stderr


def unused_port() -> int:
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def warnings_in(stderr: str) -> int:
    """How often telemetry was complained about."""
    assert "Traceback" not in stderr, stderr
    return stderr.count("Telemetry does not get through")


def test_a_collector_that_is_not_there_changes_nothing(drifted: Workbench) -> None:
    """The same status and the same plan, one warning, and a bounded wait; the credentials are not repeated."""
    began = monotonic()
    endpoint = f"http://me:{PASSWORD}@127.0.0.1:{unused_port()}"
    done = drifted.run(*PLAN, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    assert done.returncode == 0, done.stderr
    assert warnings_in(done.stderr) == 1, done.stderr
    assert PASSWORD not in done.stderr
    assert (drifted.folder / "plan.json").is_file()
    assert monotonic() - began < BOUND_S


@pytest.mark.parametrize("collector", [{"stuck": True}, {"status": 503}, {"status": 401}], ids=str)
def test_a_collector_that_is_ill_changes_nothing(drifted: Workbench, collector: dict[str, object]) -> None:
    """It never answers, has no time, or knows us not."""
    with collecting(**collector) as server:  # type: ignore[arg-type]
        began = monotonic()
        done = drifted.run(
            *PLAN, OTEL_EXPORTER_OTLP_ENDPOINT=server.endpoint, OTEL_EXPORTER_OTLP_TIMEOUT="600"
        )
        assert done.returncode == 0, done.stderr
        assert warnings_in(done.stderr) == 1, done.stderr
        assert monotonic() - began < BOUND_S
        assert server.bodies


def test_without_its_libraries_it_says_how_to_get_them(drifted: Workbench, tmp_path: Path) -> None:
    """Once; the run goes on. Without the variables nobody is told anything."""
    package = tmp_path / "shadow" / "opentelemetry"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('not installed')")
    shadowed = {"PYTHONPATH": str(package.parent)}
    done = drifted.run(*PLAN, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", **shadowed)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("pip install 'data-asset-indexer[otel]'") == 1
    plain = drifted.run(*PLAN, **shadowed)
    assert (plain.returncode, "otel" in plain.stderr) == (0, False)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "grpc was asked for"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon", "Telemetry does not get through"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense", "Telemetry does not get through"),
    ],
)
def test_variables_that_hold_nonsense_end_no_run(
    drifted: Workbench, collector: Collector, name: str, value: str, words: str
) -> None:
    """They are warned about."""
    done = drifted.run(*PLAN, **{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, name: value})
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(words) == 1, done.stderr
    assert "Traceback" not in done.stderr
