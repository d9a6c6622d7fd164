"""`--events`: one JSON line for each thing that happens, of types that programs can rely on."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from workbench import BUCKET, INDEXER, Workbench

from indexer.model.event import Event

EVENT: TypeAdapter[Any] = TypeAdapter(Event)
PLAN = ("plan", "--bucket", BUCKET)


@pytest.fixture
def drifted(workbench: Workbench) -> Workbench:
    """A bucket in which two core files are missing."""
    for prefix in ("asset", "other"):
        workbench.insert_in_step(prefix, subject={"subject_id": "1"})
        workbench.remove(f"{prefix}/subject.json")
    return workbench


def events_in(text: str) -> list[Any]:
    """Every line is an event, and says its time."""
    return [EVENT.validate_json(line) for line in text.splitlines()]


def types(events: list[Any]) -> list[str]:
    return [one.type for one in events]


def test_a_plan_tells_its_reads_and_its_actions(drifted: Workbench) -> None:
    """In the plan's own order; the last line has the exit code and the file."""
    done = drifted.run(*PLAN, "--events", "events.jsonl", "--detailed-exitcode")
    assert done.returncode == 3, done.stderr
    events = events_in((drifted.folder / "events.jsonl").read_text(encoding="utf-8"))
    plan = json.loads((drifted.folder / "plan.json").read_text(encoding="utf-8"))
    assert types(events)[0] == "run-started"
    assert [one.action_id for one in events if one.type == "action-planned"] == [
        one["id"] for one in plan["actions"]
    ]
    assert len([one for one in events if one.type == "read-finished"]) == len(plan["coverage"])
    last = events[-1]
    assert (last.type, last.exit_code, last.file, last.complete) == ("run-finished", 3, "plan.json", True)
    assert (last.plan_id, last.counts) == (plan["plan_id"], plan["summary"]["actions"])
    assert sorted(one.at for one in events) == [one.at for one in events]


def test_an_apply_tells_every_outcome(drifted: Workbench) -> None:
    """On stdout: it is data. Outcomes are those of the result."""
    drifted.plan()
    done = drifted.run("apply", "plan.json", "--events", "-")
    assert done.returncode == 0, done.stderr
    events = events_in(done.stdout)
    settled = [one for one in events if one.type == "action-settled"]
    result = json.loads((drifted.folder / events[-1].file).read_text(encoding="utf-8"))
    assert {(one.action_id, one.status) for one in settled} == {
        (one["action_id"], one["status"]) for one in result["outcomes"]
    }
    assert events[-1].counts == result["summary"] == {"applied": 2}
    assert "Done: 2 actions" in done.stderr


def test_an_error_is_told_before_the_end(drifted: Workbench) -> None:
    """What, which, what to do; and the exit code. No secret is in it."""
    uri = "mongodb://user:hunter2secret@127.0.0.1:9/?serverSelectionTimeoutMS=300"
    done = drifted.run(*PLAN, "--events", "-", INDEXER_DOCDB__URI=uri)
    failed, finished = events_in(done.stdout)[-2:]
    assert (failed.type, finished.type, finished.exit_code) == ("run-failed", "run-finished", done.returncode)
    assert failed.summary
    assert "hunter2secret" not in done.stdout


def test_wrong_usage_is_told_too(drifted: Workbench) -> None:
    done = drifted.run(*PLAN, "--allow-empty", "s4", "--events", "-")
    assert (done.returncode, events_in(done.stdout)[-1].exit_code) == (2, 2)
    assert drifted.run(*PLAN, "--out", "-", "--events", "-").returncode == 2


def test_events_that_cannot_be_begun_stop_the_run(drifted: Workbench) -> None:
    """Before anything is read."""
    done = drifted.run(*PLAN, "--events", "no/such/folder.jsonl")
    assert done.returncode == 1
    assert "--events" in done.stderr
    assert not (drifted.folder / "plan.json").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_the_events_ends_no_run(drifted: Workbench) -> None:
    """It is said once, and the plan is carried out to its end."""
    drifted.plan()
    done = drifted.run("apply", "plan.json", "--events", "/dev/full")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("No more events are written") == 1


@pytest.mark.parametrize("events", ["plan.json", "./plan.json", "link.json"])
def test_events_never_go_over_the_plan(drifted: Workbench, events: str) -> None:
    """A plan that was reviewed is not lost to a slip of the hand."""
    reviewed = drifted.plan()
    (drifted.folder / "link.json").symlink_to("plan.json")
    for typed in (("apply", "plan.json"), PLAN):
        done = drifted.run(*typed, "--events", events)
        assert (done.returncode, "--events" in done.stderr) == (2, True)
    assert json.loads((drifted.folder / "plan.json").read_text(encoding="utf-8")) == reviewed


def test_a_reader_who_leaves_ends_no_run(drifted: Workbench) -> None:
    drifted.plan()
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [INDEXER, "apply", "plan.json", "--events", "-"],
        cwd=drifted.folder,
        env=drifted.env,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_no_stream_changes_nothing(drifted: Workbench) -> None:
    """The actions are the same with it and without."""
    plain = drifted.plan()
    drifted.run(*PLAN, "--events", "events.jsonl", "--out", "other.json")
    other = json.loads((drifted.folder / "other.json").read_text(encoding="utf-8"))
    assert plain["actions"] == other["actions"]
