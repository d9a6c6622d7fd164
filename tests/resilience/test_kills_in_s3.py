"""A run whose results are in S3, killed, cut off or disturbed: what is there is enough to go on and to go back."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from indexer_sandbox.faults import Fault
from resilience.arena import Arena, Shares, State
from resilience.held import Held, held
from shared.patience import PATIENCE_S

RUNS = "indexer-runs"
RUN = f"s3://{RUNS}/run"
JOURNAL = "run/journal.jsonl"
SLOW = Shares(delay=1.0)
FINISHED = 'event": "finished"'


@pytest.fixture
def drifting(drifting: Arena, tmp_path: Path) -> Arena:
    """A little world with drift in it, a bucket for runs, and a folder for temporary files that is looked at."""
    drifting.sandbox.s3.create_bucket(RUNS)
    (tmp_path / "tmp").mkdir()
    drifting.env["TMPDIR"] = str(tmp_path / "tmp")
    return drifting


def uploads(world: Arena, since: int) -> int:
    """How often a journal got to S3."""
    return sum(one.key == JOURNAL and one.status == 200 for one in world.sandbox.s3.log.writes(since))


def kept(world: Arena, name: str) -> str:
    """A file of the run, in S3."""
    return world.sandbox.s3.objects(RUNS)[f"run/{name}"].decode()


def lines(world: Arena) -> list[dict[str, Any]]:
    """The whole lines of the journal in S3."""
    found = []
    for line in kept(world, "journal.jsonl").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def left_here(world: Arena) -> list[Path]:
    """Folders that runs left on this machine."""
    return list(Path(world.env["TMPDIR"]).iterdir())


def apply_up_to(writes: int) -> tuple[int, str, str, str, str]:
    """What `held` takes: apply with its results in S3, up to that many writes."""
    return (writes, "apply", "plan.json", "--results", RUN)


def told_of(world: Arena) -> int:
    """How many outcomes the journal in S3 has; those of records come before any file is written."""
    there = JOURNAL in world.sandbox.s3.objects(RUNS)
    return sum(line["event"] == "outcome" for line in lines(world)) if there else 0


def until(holds: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def cannot_follow(world: Arena, since: int, run: Held) -> None:
    """Let it write more, and wait until its journal has been refused; then it may go on, but not be through at once."""
    run.gate.let(2)
    until(lambda: any(one.key == JOURNAL and one.status != 200 for one in world.sandbox.s3.log.writes(since)))
    run.proxies.s3.shares = SLOW


def go_on(world: Arena, since: int, end_state: State) -> dict[str, Any]:
    """Apply again, to the end; nothing was written twice. The result."""
    done = world.run("apply", "plan.json", "--results", RUN)
    assert done.returncode == 0, done.stderr
    assert [one for one in world.written_twice(since) if one[0] != RUNS] == []
    world.assert_in_step()
    assert world.end_state() == end_state
    result: dict[str, Any] = json.loads(kept(world, "result.json"))
    return result


def go_back(world: Arena, lost: Collection[str] = ()) -> None:
    """Take the run back, from what is in S3.

    An original stays where the deletion of its root file is among what is `lost`: the file cannot
    come back, so the original is the last copy. Nothing else may be left.
    """
    done = world.run("undo", RUN, "--out", "undo.json")
    assert done.returncode == 0, done.stderr
    done = world.run("apply", "undo.json", "--results", "undone")
    assert done.returncode in ((0, 4) if lost else (0,)), done.stderr
    undone = json.loads((world.folder / "undone" / "result.json").read_text())
    planned = json.loads((world.folder / "undo.json").read_text())["actions"]
    location = {one["id"]: one["location"] for one in planned}
    left = {location[one["action_id"]] for one in undone["outcomes"] if one["status"] in ("stale", "skipped")}
    assert left <= set(lost)


def test_killed_again_and_again_it_loses_the_last_moments_of_the_journal_at_most(
    drifting: Arena, little_end_state: State
) -> None:
    """The disk is gone each time. What was written before an upload began can be taken back, the rest is known."""
    before, plan = drifting.state(), drifting.plan_everything()
    since, safe = len(drifting.sandbox.s3.log), set()
    for uploaded, lost in ((5, 3), (4, 0)):
        run = len(drifting.sandbox.s3.log)
        with held(drifting, *apply_up_to(uploaded)) as held_back:
            _let_until_one_is_known(drifting, held_back, run)
            held_back.gate.let(lost)
            held_back.gate.reached(held_back.process)
            held_back.kill()
        safe |= _written_before_the_last_upload(drifting, run)
        for folder in left_here(drifting):
            _forget(folder)
    assert safe
    first = {}
    for line in lines(drifting):
        if line["event"] == "intent":
            first.setdefault(line["action_id"], line["before"])
    outcomes = go_on(drifting, since, little_end_state)["outcomes"]
    lost = {one["action_id"] for one in outcomes if "before" not in one}
    targets = {one["id"]: _object(one) for one in plan["actions"]}
    assert not safe & {targets[one] for one in lost}
    assert all(
        one["before"] == first.get(one["action_id"], one["before"]) for one in outcomes if "before" in one
    )
    unknown = {one["location"] for one in plan["actions"] if one["id"] in lost}
    go_back(drifting, unknown)
    _assert_same_but_at(before, drifting.state(), unknown)


def test_a_signal_brings_everything_to_s3(drifting: Arena, little_end_state: State) -> None:
    """As a task that is told to stop: what is in flight is finished, and journal and result are whole."""
    before, _ = drifting.state(), drifting.plan_everything()
    since = len(drifting.sandbox.s3.log)
    with held(drifting, *apply_up_to(5)) as run:
        until(lambda: told_of(drifting) > 0)
        run.tell(signal.SIGTERM)
        said = run.end()
    assert run.process.returncode == 4, said
    assert json.loads(kept(drifting, "result.json"))["summary"]["skipped"] > 0
    assert lines(drifting)[-1]["event"] == "finished"
    assert left_here(drifting) == []
    go_on(drifting, since, little_end_state)
    go_back(drifting)
    assert drifting.state() == before


def test_a_run_whose_journal_cannot_follow_stops(drifting: Arena, little_end_state: State) -> None:
    """What is not recorded is not written; what was written is recorded at the end, and all of it comes back."""
    before, _ = drifting.state(), drifting.plan_everything()
    since = len(drifting.sandbox.s3.log)
    with held(drifting, *apply_up_to(5)) as run:
        until(lambda: told_of(drifting) > 0)
        drifting.sandbox.s3.faults.add(Fault("PutObject", 403, count=2, contains=JOURNAL))
        cannot_follow(drifting, since, run)
        said = run.end()
    assert run.process.returncode == 1
    assert "The run stopped, since its journal did not get to S3: S3 denies access" in said
    assert json.loads(kept(drifting, "result.json"))["summary"]["skipped"] > 0
    go_on(drifting, since, little_end_state)
    go_back(drifting)
    assert drifting.state() == before


def test_two_runs_do_not_overwrite_each_others_journal(drifting: Arena) -> None:
    """The one that finds another's journal in the place of its own stops, and keeps what it has on disk."""
    drifting.plan_everything()
    since = len(drifting.sandbox.s3.log)
    with held(drifting, *apply_up_to(5)) as run:
        until(lambda: told_of(drifting) > 0)
        drifting.sandbox.s3.put(RUNS, JOURNAL, b'{"event": "started", "run_id": "another"}\n')
        cannot_follow(drifting, since, run)
        said = run.end()
    assert run.process.returncode == 1
    assert "Somebody else writes to the same file" in said
    assert [line["run_id"] for line in lines(drifting)] == ["another"]
    (folder,) = left_here(drifting)
    assert str(folder) in said
    assert FINISHED in (folder / "journal.jsonl").read_text()
    assert json.loads((folder / "result.json").read_text())["summary"]["skipped"] > 0


def test_a_run_that_lives_stops_where_another_takes_over(drifting: Arena) -> None:
    """S3 has no locks: the second says so, and is first to put its start on the journal that it has read."""
    drifting.plan_everything()
    since = len(drifting.sandbox.s3.log)
    with held(drifting, *apply_up_to(5)) as run:
        until(lambda: told_of(drifting) > 0)
        (run_id,) = {line["run_id"] for line in lines(drifting)}
        undone = drifting.run("undo", RUN, "--out", "undo.json")
        assert "is still going on (no lock tells)" in undone.stderr
        second = drifting.run("apply", "plan.json", "--results", RUN)
        assert second.returncode == 0, second.stderr
        assert f"run {run_id} of this plan has not ended" in second.stderr
        said = run.end()
    assert run.process.returncode == 1
    assert "Somebody else writes to the same file" in said
    assert [line["event"] for line in lines(drifting)].count("finished") == 1
    assert [one for one in drifting.written_twice(since) if one[0] != RUNS] == []
    drifting.assert_in_step()


def _let_until_one_is_known(world: Arena, run: Held, since: int) -> None:
    """Let writes through until the journal in S3 must know of one. It grows, and follows, with each that comes next."""
    while not _written_before_the_last_upload(world, since):
        often = uploads(world, since)
        run.gate.let(1)
        until(partial(_more_uploads, world, since, often))


def _more_uploads(world: Arena, since: int, often: int) -> bool:
    return uploads(world, since) > often


def _object(action: Mapping[str, Any]) -> tuple[str, str] | None:
    """The object that an action writes, where its name is known."""
    target = action["target"]
    return (target["bucket"], target["key"]) if "key" in target else None


def _written_before_the_last_upload(world: Arena, since: int) -> set[tuple[str, str]]:
    """Objects whose intents the journal in S3 must have: an upload reads it after the answer of the one before."""
    written = [one for one in world.sandbox.s3.log.writes(since) if one.status in (200, 204)]
    journals = [index for index, one in enumerate(written) if one.key == JOURNAL]
    known = written[: journals[-2]] if len(journals) > 1 else []
    return {(one.bucket, one.key) for one in known if one.bucket != RUNS}


def _forget(folder: Path) -> None:
    """The machine is gone, and its disk with it."""
    for one in folder.iterdir():
        one.unlink()
    folder.rmdir()


def _assert_same_but_at(before: State, after: State, lost: set[str]) -> None:
    """The same to the byte, but for locations whose before-images nobody knows any more."""
    for key in before.keys() | after.keys():
        if before.get(key) != after.get(key):
            text = f"s3://{key} ".encode() + before.get(key, b"") + after.get(key, b"")
            assert any(location.encode() in text for location in lost), key
