"""Plans, journals and results at `s3://` places: nothing of a run is left on the machine, nor needed there."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from workbench import BUCKET, Workbench

from indexer.model.place import S3Place
from indexer.runs.loading import load_plan
from indexer.runs.mirror import working_folder
from indexer.systems.s3_files import ContendedError
from indexer_sandbox.faults import Fault

RUNS = "indexer-runs"
PLAN = f"s3://{RUNS}/nightly/plan.json"
RUN = f"s3://{RUNS}/run"


@pytest.fixture
def bench(workbench: Workbench, tmp_path: Path) -> Workbench:
    """An asset out of step, a bucket for runs, and a folder for temporary files that is looked at."""
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.put("asset/subject.json", b"{}")
    workbench.put("asset/rig.json", b'{"rig_id":"r"}')
    workbench.sandbox.s3.create_bucket(RUNS)
    (tmp_path / "tmp").mkdir()
    workbench.env["TMPDIR"] = str(tmp_path / "tmp")
    return workbench


def planned(bench: Workbench, out: str = PLAN) -> dict[str, Any]:
    """Plan into S3; the plan."""
    done = bench.run("plan", "--bucket", BUCKET, "--out", out)
    assert done.returncode == 0, done.stderr
    return kept(bench, out)


def kept(bench: Workbench, place: str) -> Any:
    """A JSON file of a run, in S3."""
    return json.loads(bench.sandbox.s3.objects(RUNS)[place.removeprefix(f"s3://{RUNS}/")])


def state(bench: Workbench) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """S3 byte for byte, and DocDB but for the last-modified stamps."""
    records = [{**one, "last_modified": ""} for one in bench.records().find()]
    return bench.sandbox.s3.objects(BUCKET), records


def files_here(bench: Workbench) -> set[str]:
    """What lies in the working directory, and among the temporary files."""
    folders = (bench.folder, Path(bench.env["TMPDIR"]))
    return {one.name for folder in folders for one in folder.iterdir()}


def test_a_whole_story_without_a_disk(bench: Workbench) -> None:
    """plan, show, drift, apply, show, undo, apply: all in S3, and the state is as before."""
    before = state(bench)
    plan = planned(bench)
    shown = bench.run("show", PLAN, "--format", "json")
    assert json.loads(shown.stdout)["plan_id"] == plan["plan_id"]
    assert bench.run("drift", "--plan", PLAN).returncode == 3
    assert bench.run("show", PLAN, "--against", PLAN).returncode == 0
    done = bench.run("apply", PLAN)
    assert done.returncode == 0, done.stderr
    run = f"s3://{RUNS}/nightly/plan.results/{plan['plan_id'][:8]}"
    assert f"Result and journal: {run}/" in done.stderr
    assert state(bench) != before
    result = kept(bench, f"{run}/result.json")
    assert result["archive"] == f"{run}/archive"
    assert set(result["summary"]) == {"applied"}
    shown = bench.run("show", f"{run}/result.json", "--action", "put-object")
    assert "subject.json" in shown.stdout, shown.stderr
    undone = bench.run("undo", f"{run}/", "--out", f"s3://{RUNS}/back.json")
    assert undone.returncode == 0, undone.stderr
    done = bench.run("apply", f"s3://{RUNS}/back.json", "--results", f"s3://{RUNS}/back")
    assert done.returncode == 0, done.stderr
    assert state(bench) == before
    assert files_here(bench) == {"indexer.toml"}


def test_what_a_run_keeps_in_s3_is_what_it_keeps_on_disk(bench: Workbench) -> None:
    """The same files under the same names; before-images as bodies."""
    plan = planned(bench)
    assert bench.run("apply", PLAN, "--results", RUN).returncode == 0
    held = {key.removeprefix("run/"): body for key, body in bench.sandbox.s3.objects(RUNS).items()}
    assert {"journal.jsonl", "plan.json", "result.json"} <= held.keys()
    assert json.loads(held["plan.json"]) == plan
    events = [json.loads(line)["event"] for line in held["journal.jsonl"].splitlines() if line]
    assert events[0] == "started"
    assert events[-1] == "finished"
    assert b"{}" in [body for name, body in held.items() if name.startswith("archive/")]


def test_a_second_run_keeps_the_before_images_of_the_first(bench: Workbench) -> None:
    """It fetches the journal first: nothing is written, and the first run can still be taken back."""
    before = state(bench)
    planned(bench)
    assert bench.run("apply", PLAN, "--results", RUN).returncode == 0
    first = kept(bench, f"{RUN}/result.json")
    assert bench.run("apply", PLAN, "--results", RUN).returncode == 0
    second = kept(bench, f"{RUN}/result.json")
    assert set(second["summary"]) == {"satisfied"}
    assert [one["before"] for one in second["outcomes"]] == [one["before"] for one in first["outcomes"]]
    bench.run("undo", RUN, "--out", f"s3://{RUNS}/back.json")
    assert bench.run("apply", f"s3://{RUNS}/back.json").returncode == 0
    assert state(bench) == before


def test_a_plan_that_is_there_is_replaced(bench: Workbench) -> None:
    """As a file on disk is."""
    first = planned(bench)
    assert planned(bench)["plan_id"] != first["plan_id"]


def test_results_of_another_plan_are_not_mixed_with_these(bench: Workbench) -> None:
    """Wrong usage, and the other run's files stay as they are."""
    planned(bench)
    assert bench.run("apply", PLAN, "--results", RUN).returncode == 0
    held = bench.sandbox.s3.objects(RUNS)
    bench.put("asset/subject.json", b"{}")
    planned(bench, f"s3://{RUNS}/other.json")
    done = bench.run("apply", f"s3://{RUNS}/other.json", "--results", RUN)
    assert done.returncode == 2
    assert "Name another one with --results" in done.stderr
    after = bench.sandbox.s3.objects(RUNS)
    assert {key: after[key] for key in held} == held
    assert bench.sandbox.s3.objects(BUCKET)["asset/subject.json"] == b"{}"


@pytest.mark.parametrize(
    "typed",
    [
        ("plan", "--bucket", BUCKET, "--out", f"s3://{BUCKET}/asset/subject.json"),
        ("apply", PLAN, "--results", f"s3://{BUCKET}/runs"),
        ("apply", PLAN, "--results", "s3://codeocean-results/runs"),
        ("apply", PLAN, "--archive", f"s3://{BUCKET}/runs"),
        ("undo", RUN, "--out", f"s3://{BUCKET}/asset/back.json"),
    ],
    ids=lambda typed: " ".join((typed[0], *typed[-2:])),
)
def test_a_place_in_a_bucket_that_is_kept_in_step_is_refused(
    bench: Workbench, typed: tuple[str, ...]
) -> None:
    """What is ours there is no part of any asset."""
    planned(bench)
    if typed[0] == "undo":
        bench.run("apply", PLAN, "--results", RUN)
    before, since = state(bench), len(bench.sandbox.s3.log)
    done = bench.run(*typed)
    assert done.returncode == 2
    assert "kept in step" in done.stderr
    assert state(bench) == before
    assert not [one for one in bench.sandbox.s3.log.writes(since) if one.status == 200]


@pytest.mark.parametrize(
    ("typed", "status", "words"),
    [
        (
            ("plan", "--bucket", BUCKET, "--out", "s3://no-such-bucket/plan.json"),
            1,
            "no such bucket: no-such-bucket",
        ),
        (("plan", "--bucket", BUCKET, "--out", f"s3://{RUNS}/folder/"), 2, "names no object"),
        (("plan", "--bucket", BUCKET, "--out", "s3://"), 2, "names no bucket"),
        (("apply", PLAN, "--results", "s3://no-such-bucket/run"), 1, "no such bucket: no-such-bucket"),
        (("apply", "s3://no-such-bucket/plan.json"), 1, "no such bucket: no-such-bucket"),
        (("apply", f"s3://{RUNS}/nothing.json"), 1, f"s3://{RUNS}/nothing.json: No such file"),
        (("show", f"s3://{RUNS}/nothing.json"), 1, f"s3://{RUNS}/nothing.json: No such file"),
        (("drift", "--plan", f"s3://{RUNS}/nothing.json"), 1, f"s3://{RUNS}/nothing.json: No such file"),
        (
            ("undo", f"s3://{RUNS}/nothing", "--out", "back.json"),
            1,
            f"s3://{RUNS}/nothing/result.json: No such",
        ),
    ],
    ids=lambda one: " ".join((one[0], one[-1])) if isinstance(one, tuple) else None,
)
def test_a_place_that_cannot_be_used_is_said_before_anything_is_written(
    bench: Workbench, typed: tuple[str, ...], status: int, words: str
) -> None:
    planned(bench)
    before, held = state(bench), bench.sandbox.s3.objects(RUNS)
    done = bench.run(*typed)
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert "→" in done.stderr
    assert (state(bench), bench.sandbox.s3.objects(RUNS)) == (before, held)
    assert files_here(bench) == {"indexer.toml"}


def test_a_denied_place_is_said_before_anything_is_read(bench: Workbench) -> None:
    """And before anything is written: `apply` puts the plan there first."""
    planned(bench)
    before, since = state(bench), len(bench.sandbox.s3.log)
    bench.sandbox.s3.faults.add(Fault("PutObject", 403, count=None, contains=RUNS))
    for typed in (("plan", "--bucket", BUCKET, "--out", PLAN), ("apply", PLAN, "--results", RUN)):
        done = bench.run(*typed)
        assert done.returncode == 1
        assert "S3 denies access" in done.stderr
        assert f"Allow it for this role on s3://{RUNS}" in done.stderr
    asked = {one.bucket for one in bench.sandbox.s3.log.since(since)}
    assert asked == {RUNS}
    assert state(bench) == before


def test_a_result_that_does_not_get_to_s3_stays_on_disk(bench: Workbench) -> None:
    """The error names the folder, which holds all that is missing there."""
    plan = planned(bench)
    bench.sandbox.s3.faults.add(Fault("PutObject", 403, count=None, contains=f"{RUNS}/run/result.json"))
    done = bench.run("apply", PLAN, "--results", RUN)
    assert done.returncode == 1
    assert "The results could not all be put into S3" in done.stderr
    (folder,) = Path(bench.env["TMPDIR"]).iterdir()
    assert str(folder) in done.stderr
    result = json.loads((folder / "result.json").read_text())
    assert result["plan_id"] == plan["plan_id"]
    bench.sandbox.s3.faults.clear()
    assert bench.run("apply", PLAN, "--results", RUN).returncode == 0
    assert all(one["before"] for one in kept(bench, f"{RUN}/result.json")["outcomes"])


def test_a_run_that_did_not_end_is_taken_back_from_its_journal(bench: Workbench) -> None:
    """Killed, and not run again: there is no result."""
    before = state(bench)
    planned(bench)
    assert bench.run("apply", PLAN, "--results", RUN).returncode == 0
    bench.remove("run/result.json", RUNS)
    undone = bench.run("undo", RUN, "--out", "back.json")
    assert undone.returncode == 0, undone.stderr
    assert "did not get to its end" in undone.stderr
    assert bench.run("apply", "back.json").returncode == 0
    assert state(bench) == before


def test_what_a_clusters_workers_record_gets_there_too(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one journal, whose every line can be read; a line that is still being written waits for the next time."""
    planned(bench)
    for name, value in bench.sandbox.environment().items():
        monkeypatch.setenv(name, value)
    line = '\n{"event": "%s"}'
    with working_folder(S3Place(RUNS, "run"), load_plan(PLAN), Event(), (BUCKET,)) as working:
        (working.path / "journal.jsonl").write_text(line % "started")
        (working.path / "journal.shard-000000.jsonl").write_text(line % "intent" + '\n{"event": "out')
        (working.path / "journal.shard-000001.jsonl").write_text(line % "outcome")
    lines = bench.sandbox.s3.objects(RUNS)["run/journal.jsonl"].decode().split("\n")
    assert [json.loads(one)["event"] for one in lines if one] == ["started", "intent", "outcome"]


def test_of_two_runs_that_begin_at_once_one_gets_there(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other is refused before its first write, and leaves nothing here or there."""
    planned(bench)
    for name, value in bench.sandbox.environment().items():
        monkeypatch.setenv(name, value)
    place, plan = S3Place(RUNS, "run"), load_plan(PLAN)
    started = '{"event": "started", "run_id": "%s"}'
    with working_folder(place, plan, Event(), (BUCKET,)) as first:
        refused = []
        with suppress(ContendedError), working_folder(place, plan, Event(), (BUCKET,)) as second:
            # Only now that both have read what is there: a journal follows to S3 by itself, too.
            (first.path / "journal.jsonl").write_text(started % "first")
            first.claim()
            (second.path / "journal.jsonl").write_text(started % "second")
            refused.append(second)
            second.claim()
            refused.clear()
        assert [one.path.exists() for one in refused] == [False]
    assert kept(bench, f"{RUN}/journal.jsonl")["run_id"] == "first"
