"""Killed or interrupted at any moment, and run again: the same end state."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Any

from indexer.errors import SystemFaultError
from indexer.runs.connect import Systems
from indexer.runs.loading import load_plan
from resilience.arena import Arena, State, moments
from resilience.held import held
from resilience.inside import apply_inside
from shared.patience import PATIENCE_S

WRITES_BEFORE_A_KILL = (1, 6, 11)


def test_apply_killed_again_and_again_ends_as_if_it_had_not(drifting: Arena, little_end_state: State) -> None:
    """SIGKILL with writes in flight: no write twice, nothing doubled, and all of it can be undone."""
    before, plan = drifting.state(), drifting.plan_everything()
    since = len(drifting.sandbox.s3.log)
    for writes in WRITES_BEFORE_A_KILL:
        with held(drifting, writes, "apply", "plan.json") as run:
            run.kill()
        if writes == WRITES_BEFORE_A_KILL[1]:
            _tear_last_line(drifting, plan)
    drifting.apply()
    assert drifting.written_twice(since) == []
    drifting.assert_in_step()
    assert drifting.end_state() == little_end_state
    _assert_first_images_kept(drifting, plan)
    drifting.apply_everything(drifting.undo(plan), "undo")
    assert drifting.state() == before


def test_a_killed_plan_leaves_the_old_one_whole(drifting: Arena) -> None:
    """Whenever it is killed, `plan.json` is the old plan or the new one, never half of one."""
    old = drifting.plan_everything()["plan_id"]
    path = drifting.folder / "plan.json"
    kept = 0
    for after_s in moments(4, 0.6, seed=5):
        killed = drifting.killed(after_s, "plan", "--all")
        plan = load_plan(path).plan
        assert killed or plan.plan_id != old
        kept += killed and plan.plan_id == old
        old = plan.plan_id
    assert kept


def test_the_first_signal_finishes_what_is_in_flight(drifting: Arena, little_end_state: State) -> None:
    """The result is written, the rest is skipped, the exit status is 4; another run goes on from there."""
    plan, since = drifting.plan_everything(), len(drifting.sandbox.s3.log)
    with held(drifting, 4, "apply", "plan.json", "--parallel", "4") as run:
        run.tell(signal.SIGTERM)
        said = run.end()
    result = drifting.result(plan)
    statuses = {one["action_id"]: one["status"] for one in result["outcomes"]}
    intended = {line["action_id"] for line in drifting.journal(plan) if line["event"] == "intent"}
    assert run.process.returncode == 4, said
    assert set(statuses) == {action["id"] for action in plan["actions"]}
    assert result["summary"]["skipped"] > 0
    assert {statuses[one] for one in intended} <= {"applied", "satisfied"}
    drifting.apply_everything(plan)
    assert drifting.written_twice(since) == []
    drifting.assert_in_step()
    assert drifting.end_state() == little_end_state


def test_the_second_signal_ends_it_at_once(drifting: Arena) -> None:
    """What is in flight hangs: the first signal waits for it, the second one does not."""
    plan = drifting.plan_everything()
    with held(drifting, 4, "apply", "plan.json") as run:
        run.tell(signal.SIGINT)
        assert run.process.poll() is None
        run.process.send_signal(signal.SIGINT)
        run.process.communicate(timeout=PATIENCE_S)
    assert run.process.returncode == 128 + signal.SIGINT
    assert drifting.apply_everything(plan)["summary"].keys() <= {"applied", "satisfied"}
    drifting.assert_in_step()


def _tear_last_line(world: Arena, plan: dict[str, object]) -> None:
    path = world.folder / "plan.results" / str(plan["plan_id"])[:8] / "journal.jsonl"
    body = path.read_bytes().rstrip(b"\n")
    path.write_bytes(body[: -len(body.splitlines()[-1]) // 2])


def _assert_first_images_kept(world: Arena, plan: dict[str, object]) -> None:
    """What stood there before the first of all runs is what the result says."""
    first: dict[str, object] = {}
    for line in world.journal(plan):
        if line["event"] == "intent":
            first.setdefault(line["action_id"], line["before"])
    for outcome in world.result(plan)["outcomes"]:
        assert outcome["status"] in ("applied", "satisfied")
        assert outcome["before"] == first[outcome["action_id"]]


def test_a_run_that_is_stopped_forgets_no_before_image_of_the_run_before(drifting: Arena) -> None:
    """Applied, then applied again and stopped at once, then once more: the images are still the first run's."""
    before, plan = drifting.state(), drifting.plan_everything()
    first = drifting.apply_everything(plan)
    stopped = drifting.apply_everything(plan, stop=True)
    assert set(stopped["summary"]) == {"skipped"}
    last = drifting.apply_everything(plan)
    assert [one["before"] for one in last["outcomes"]] == [one["before"] for one in first["outcomes"]]
    drifting.apply_everything(drifting.undo(plan), "undo")
    assert drifting.state() == before


def test_a_write_that_failed_as_far_as_one_could_see_keeps_its_before_image(drifting: Arena) -> None:
    """S3 carries one write out, and falls silent: `failed`, and yet it was written."""
    before, plan = drifting.state(), drifting.plan_everything()
    with drifting.opened() as systems:
        broken = _LastWord(systems)
        apply_inside(broken.systems, drifting.folder, "plan.json", f"plan.results/{plan['plan_id'][:8]}")
    assert broken.silent
    assert drifting.result(plan)["summary"]["failed"] > 0
    last = drifting.apply_everything(plan)
    assert all(one["status"] in ("applied", "satisfied") and one["before"] for one in last["outcomes"])
    drifting.apply_everything(drifting.undo(plan), "undo")
    assert drifting.state() == before


class _LastWord:
    """S3 that carries out one more write over another file, and then neither answers that nor anything else."""

    def __init__(self, systems: Systems) -> None:
        self._reader, self._writer = systems.readers.objects, systems.writers.objects
        self.silent = False
        self.systems = replace(
            systems,
            readers=replace(systems.readers, objects=self),
            writers=replace(systems.writers, objects=self),
        )

    def put(self, bucket: str, key: str, body: bytes, etag: str | None) -> object:
        """Carried out, and its answer lost."""
        self._speak()
        answer = self._writer.put(bucket, key, body, etag)
        self.silent = etag is not None
        self._speak()
        return answer

    def _speak(self) -> None:
        if self.silent:
            raise SystemFaultError("S3 cannot be reached", "silent")

    def __getattr__(self, name: str) -> Any:
        self._speak()
        return getattr(self._reader if name in ("get", "listing", "prefixes") else self._writer, name)
