"""`--log-format json`: what every line names, and the one line that sums a run up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from workbench import BUCKET, Workbench, our_bytes

from shared.patience import PATIENCE_S

JSON = ("--log-format", "json")


@pytest.fixture
def drifted(workbench: Workbench) -> Workbench:
    """Two core files are missing, and a record misses the field of a third."""
    for prefix in ("asset", "other"):
        workbench.insert_in_step(prefix, subject={"subject_id": "1"})
        workbench.remove(f"{prefix}/subject.json")
    workbench.insert_in_step("third")
    workbench.put("third/session.json", our_bytes({"session": 1}))
    workbench.records("v2").insert_one({"_id": "elsewhere", "location": "s3://another-bucket/asset"})
    return workbench


def lines_of(stderr: str) -> list[dict[str, Any]]:
    """Every line is an object."""
    return [json.loads(line) for line in stderr.splitlines()]


def summary_of(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """There is one, and it comes last."""
    assert [line.get("type") for line in lines].count("run-summary") == 1
    assert lines[-1]["type"] == "run-summary"
    return lines[-1]


def test_every_line_of_a_plan_has_its_ids(drifted: Workbench) -> None:
    """A plan's run goes by the plan's id; the summary has what the plan's has, and the status."""
    done = drifted.run("plan", "--bucket", BUCKET, "-v", "--detailed-exitcode", *JSON)
    plan = json.loads((drifted.folder / "plan.json").read_text(encoding="utf-8"))
    lines = lines_of(done.stderr)
    assert {line["run_id"] for line in lines} == {plan["plan_id"]}
    assert {line["plan_id"] for line in lines if "plan_id" in line} == {plan["plan_id"]}
    requests = [line for line in lines if line.get("logger") == "indexer.s3"]
    assert requests
    assert all("plan_id" in line and "action_id" not in line for line in requests)
    summary = summary_of(lines)
    assert (summary["command"], summary["exit_status"], summary["complete"]) == ("plan", 3, True)
    assert summary["actions"] == plan["summary"]["actions"]
    assert summary["findings"] == plan["summary"]["findings"]
    assert 0 < summary["duration_s"] < PATIENCE_S


def test_the_lines_of_an_apply_name_the_action(drifted: Workbench) -> None:
    """In whichever thread it is carried out: each write in S3 names the action on its key."""
    plan = drifted.plan()
    done = drifted.run("apply", "plan.json", "--results", "run", "-v", "--parallel", "4", *JSON)
    assert done.returncode == 0, done.stderr
    result = json.loads((drifted.folder / "run" / "result.json").read_text(encoding="utf-8"))
    lines = lines_of(done.stderr)
    assert {line["run_id"] for line in lines} == {result["run_id"]}
    keys = {one["id"]: one["target"]["key"] for one in plan["actions"] if one["kind"] == "put-object"}
    assert set(plan["summary"]["actions"]) > {"put-object", "update-record"}
    writes = [line for line in lines if "PUT s3://" in line["message"]]
    assert {line["action_id"] for line in writes} >= set(keys)
    for line in writes:
        assert keys.get(line["action_id"], "") in line["message"]
        assert line["plan_id"] == plan["plan_id"]
    summary = summary_of(lines)
    assert summary["outcomes"] == result["summary"]
    assert "action_id" not in summary


def test_drift_and_undo_have_a_summary_too(drifted: Workbench) -> None:
    """With the gate's verdict; and with the plan that takes a run back."""
    drifted.plan()
    drifted.run("apply", "plan.json", "--results", "run")
    saved = summary_of(lines_of(drifted.run("drift", "--plan", "plan.json", *JSON).stderr))
    plan_id = json.loads((drifted.folder / "plan.json").read_text(encoding="utf-8"))["plan_id"]
    assert (saved["verdict"], saved["exit_status"], saved["plan_id"]) == ("drift", 3, plan_id)
    fresh = summary_of(lines_of(drifted.run("drift", "--bucket", BUCKET, *JSON).stderr))
    assert (fresh["verdict"], fresh["exit_status"], fresh["unexpected"]) == ("in-step", 0, 0)
    back = summary_of(lines_of(drifted.run("undo", "run", "--out", "back.json", *JSON).stderr))
    undone = json.loads((drifted.folder / "back.json").read_text(encoding="utf-8"))
    assert (back["plan_id"], back["actions"]) == (undone["plan_id"], undone["summary"]["actions"])


def test_a_run_that_fails_has_a_summary_after_its_error(drifted: Workbench) -> None:
    """With the status that the process exits with."""
    (drifted.folder / "plan.json").write_text("{}")
    done = drifted.run("apply", "plan.json", *JSON)
    lines = lines_of(done.stderr)
    assert done.returncode == 5
    assert summary_of(lines)["exit_status"] == done.returncode
    assert lines[-2]["level"] == "error"


def test_text_has_the_summary_with_verbose_only(drifted: Workbench) -> None:
    """People have the headline; --quiet says nothing in JSON either."""
    words = "plan ended with status 0 after"
    plan = ("plan", "--bucket", BUCKET)
    assert words not in drifted.run(*plan).stderr
    assert drifted.run(*plan, "-v").stderr.splitlines()[-1].startswith(words)
    assert drifted.run(*plan, "-q", *JSON).stderr == ""


@pytest.mark.parametrize("command", ["plan", "drift"])
def test_a_glob_that_no_asset_matches_is_said(drifted: Workbench, command: str) -> None:
    """Else a typing error would look like a bucket in step."""
    done = drifted.run(command, "--bucket", BUCKET, "--asset", "typo*")
    assert done.returncode == (1 if command == "drift" else 0)
    assert "--asset 'typo*'" in done.stderr
    assert "typo" not in drifted.run(command, "--bucket", BUCKET, "--asset", "*").stderr
