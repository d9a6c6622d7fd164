"""`indexer undo`: the way back from a run, from the command line."""

from __future__ import annotations

import json
from typing import Any

from workbench import BUCKET, Workbench

from indexer.model.values import sha256


def drifted(bench: Workbench) -> dict[str, Any]:
    """A stale file and a new one."""
    record = bench.insert_in_step("asset", subject={"subject_id": "1"})
    bench.put("asset/subject.json", b"{}")
    bench.put("asset/rig.json", b'{"rig_id":"r"}')
    return record


def state(bench: Workbench) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """S3 byte for byte, and DocDB but for the last-modified stamps."""
    records = [{**one, "last_modified": ""} for one in bench.records().find()]
    return bench.sandbox.s3.objects(BUCKET), records


def test_undo_gives_back_the_state_before(workbench: Workbench) -> None:
    """plan → apply → undo → apply: every byte and every field is as it was."""
    drifted(workbench)
    before = state(workbench)
    workbench.plan()
    done = workbench.run("apply", "plan.json", "--results", "run")
    assert done.returncode == 0, done.stderr
    assert state(workbench) != before
    done = workbench.run("undo", "run/result.json", "--out", "undo.json")
    assert done.returncode == 0, done.stderr
    workbench.apply("undo.json")
    assert state(workbench) == before


def test_what_was_changed_since_is_left_alone(workbench: Workbench) -> None:
    """A file that a curator edited after the run keeps the edit, and the undo says so."""
    drifted(workbench)
    workbench.plan()
    workbench.run("apply", "plan.json", "--results", "run")
    workbench.put("asset/subject.json", b'"edited"')
    workbench.run("undo", "run", "--out", "undo.json")
    done = workbench.run("apply", "undo.json")
    assert done.returncode == 4
    assert workbench.sandbox.s3.objects(BUCKET)["asset/subject.json"] == b'"edited"'


def test_the_archive_may_lie_in_s3(workbench: Workbench) -> None:
    """Before-images at an s3:// prefix of a bucket of their own bring the state back as well."""
    drifted(workbench)
    workbench.sandbox.s3.create_bucket("before-images")
    before = state(workbench)
    workbench.plan()
    done = workbench.run("apply", "plan.json", "--results", "run", "--archive", "s3://before-images/runs")
    assert done.returncode == 0, done.stderr
    assert b"{}" in workbench.sandbox.s3.objects("before-images").values()
    assert not (workbench.folder / "run" / "archive").exists()
    done = workbench.run("undo", "run", "--out", "undo.json", **workbench.sandbox.environment())
    assert done.returncode == 0, done.stderr
    done = workbench.run("apply", "undo.json")
    assert done.returncode == 5, done.stderr
    assert "--undoes" in done.stderr
    workbench.run("apply", "undo.json", "--undoes", "run")
    assert state(workbench) == before


def test_an_archive_in_a_managed_bucket_is_refused(workbench: Workbench) -> None:
    """Before-images are no part of any asset."""
    drifted(workbench)
    workbench.plan()
    done = workbench.run("apply", "plan.json", "--archive", f"s3://{BUCKET}/archive")
    assert done.returncode == 2
    assert state(workbench)[0]["asset/subject.json"] == b"{}"


def test_an_undo_of_a_run_that_wrote_nothing_is_empty(workbench: Workbench) -> None:
    """Stale actions wrote nothing, so there is nothing to take back."""
    drifted(workbench)
    workbench.plan()
    workbench.put("asset/subject.json", b"[]")
    workbench.records().update_one({"name": "asset"}, {"$set": {"last_modified": "2026-01-01T00:00:00Z"}})
    done = workbench.run("apply", "plan.json", "--results", "run")
    assert done.returncode == 4
    workbench.run("undo", "run", "--out", "undo.json")
    plan = json.loads((workbench.folder / "undo.json").read_text())
    assert plan["actions"] == []


def test_a_result_without_its_plan_cannot_be_undone(workbench: Workbench) -> None:
    """The error says what is missing and how to get it back."""
    drifted(workbench)
    workbench.plan()
    workbench.run("apply", "plan.json", "--results", "run")
    (workbench.folder / "run" / "plan.json").unlink()
    done = workbench.run("undo", "run", "--out", "undo.json")
    assert done.returncode == 2
    assert "Restore the run's folder" in done.stderr


def test_an_undo_that_leaves_something_out_exits_with_4(workbench: Workbench) -> None:
    """It is planned all the same, and says what it leaves out."""
    drifted(workbench)
    workbench.plan()
    workbench.run("apply", "plan.json", "--results", "run")
    (workbench.folder / "run" / "archive" / sha256(b"{}")).unlink()
    done = workbench.run("undo", "run", "--out", "undo.json")
    assert done.returncode == 4, done.stderr
    assert "Cannot be taken back: s3://" in done.stderr
    assert "take the run back, but for" in done.stderr
    assert json.loads((workbench.folder / "undo.json").read_text())["actions"]


def test_a_run_that_was_killed_is_taken_back_and_said_to_be_one(workbench: Workbench) -> None:
    """From its journal: there is no result."""
    drifted(workbench)
    before = state(workbench)
    workbench.plan()
    workbench.run("apply", "plan.json", "--results", "run")
    (workbench.folder / "run" / "result.json").unlink()
    done = workbench.run("undo", "run", "--out", "undo.json")
    assert done.returncode == 0, done.stderr
    assert "did not get to its end" in done.stderr
    workbench.apply("undo.json")
    assert state(workbench) == before
