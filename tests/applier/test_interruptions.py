"""Carrying a plan out while answers are lost, systems refuse, or the process dies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from threading import Event

import pytest
from drifting import REGISTER, drifting_world, plan_and_world, sorted_state

from indexer.errors import AccessDeniedError
from indexer.model.generation import GenerationName
from indexer.model.ports import RecordWrite, WriteError
from shared.builders import (
    BUCKET,
    apply_to,
    by_kind,
    outcome_of,
    plan_of,
    record,
    statuses,
    stored_mount,
    world_of,
)
from shared.memory.records import MemoryRecordWriter
from shared.memory.stored import Crash

WRITES = (
    "objects.put",
    "objects.delete",
    "records.write",
    "data_assets.create",
    "data_assets.archive",
)


@pytest.mark.parametrize("call", WRITES)
def test_a_write_whose_answer_was_lost_is_not_made_twice(tmp_path: Path, call: str) -> None:
    """It was carried out: a look tells, and the rest goes on."""
    plan, world = plan_and_world()
    world.fail(call, committed=True)
    result = apply_to(world, plan, tmp_path)
    assert set(statuses(result)) <= {"applied", "satisfied"}
    assert len(world.writes) == len(plan.actions)
    assert len([one for one in world.data_assets.values() if one.prefix == "new"]) == 1


@pytest.mark.parametrize("call", WRITES)
def test_a_lost_answer_leaves_a_run_that_can_be_undone(tmp_path: Path, call: str) -> None:
    """What was written has its before-image, whoever told of it."""
    plan, world = plan_and_world()
    world.fail(call, committed=True)
    result = apply_to(world, plan, tmp_path)
    assert [one.action_id for one in result.outcomes if one.before is None] == []


@pytest.mark.parametrize("denied", [True, False], ids=["403", "fault"])
@pytest.mark.parametrize("call", WRITES)
def test_a_write_that_is_refused_fails_and_what_rests_on_it_is_skipped(
    tmp_path: Path, call: str, denied: bool
) -> None:
    """The other assets go on; run again when the system is well, and everything is in step."""
    plan, world = plan_and_world()
    error = AccessDeniedError("The system denies access", call) if denied else None
    world.fail(call, times=None, error=error)
    result = apply_to(world, plan, tmp_path)
    status = dict(zip((one.id for one in plan.actions), statuses(result), strict=True))
    assert "failed" in status.values()
    for one in plan.actions:
        if any(status[before] not in ("applied", "satisfied") for before in one.after):
            assert status[one.id] == "skipped"
    assert len(world.writes) == sum(one == "applied" for one in status.values())
    world.heal()
    again = apply_to(world, plan, tmp_path)
    assert set(statuses(again)) <= {"applied", "satisfied"}
    assert plan_of(world, with_rules=REGISTER).actions == ()


class Refusing(MemoryRecordWriter):
    """A database that takes only one asset's writes."""

    def write(self, generation: GenerationName, writes: Sequence[RecordWrite]) -> tuple[WriteError, ...]:
        """What is refused says why."""
        held = [getattr(one, "id", None) for one in writes]
        super().write(
            generation, [one for one, held_id in zip(writes, held, strict=True) if held_id == "id-b"]
        )
        return tuple(
            WriteError(index, f"no to {held_id}") for index, held_id in enumerate(held) if held_id != "id-b"
        )


def test_each_write_of_a_batch_has_an_outcome_of_its_own(tmp_path: Path) -> None:
    """One request; what was refused is told for the record that it was said of."""
    world = world_of(*map(record, "abc"))
    world.mount(*[stored_mount(f"da-{name}", name) for name in "abc"])
    plan = plan_of(world)
    result = apply_to(world, plan, tmp_path, writers=replace(world.writers(), records=Refusing(world)))
    outcomes = [outcome_of(result, one) for one in by_kind(plan.actions, "update-record")]
    assert [(one.status, one.detail) for one in outcomes] == [
        ("failed", "no to id-a"),
        ("applied", ""),
        ("failed", "no to id-c"),
    ]


class Simple(MemoryRecordWriter):
    """A database that cannot compare objects: `says` so, or finds none that is the same."""

    says = ""
    refused = 0

    def write(self, generation: GenerationName, writes: Sequence[RecordWrite]) -> tuple[WriteError, ...]:
        """What it can compare it writes."""
        vain = {
            at
            for at, one in enumerate(writes)
            if any(isinstance(value, dict) for value in getattr(one, "unchanged", {}).values())
        }
        self.refused += len(vain)
        super().write(generation, [one for at, one in enumerate(writes) if at not in vain])
        return tuple(WriteError(at, self.says) for at in sorted(vain) if self.says)


@pytest.mark.parametrize("says", ["I cannot compare that", ""])
def test_what_a_database_cannot_compare_it_is_asked_to_once(tmp_path: Path, says: str) -> None:
    """The first batch shows it; the run goes on with what every database compares."""
    names = [f"a-{number:02}" for number in range(70)]
    world = world_of(*(record(name, links={"Code Ocean": ["old"]}) for name in names))
    world.mount(*(stored_mount(f"da-{name}", name) for name in names))
    writer = Simple(world)
    writer.says = says
    result = apply_to(world, plan_of(world), tmp_path, writers=replace(world.writers(), records=writer))
    assert set(statuses(result)) == {"applied"}
    assert 0 < writer.refused <= 32


@pytest.mark.parametrize(
    "call",
    ["objects.get", "objects.listing", "records.by_id", "records.by_location", "data_assets.search"],
)
def test_a_read_that_fails_writes_nothing_unseen(tmp_path: Path, call: str) -> None:
    """No action is applied on what could not be looked at; run again, all is well."""
    plan, world = plan_and_world()
    world.fail(call, times=None)
    result = apply_to(world, plan, tmp_path)
    assert set(statuses(result)) & {"failed", "skipped", "stale"}
    world.heal()
    assert set(statuses(apply_to(world, plan, tmp_path))) <= {"applied", "satisfied"}
    assert plan_of(world, with_rules=REGISTER).actions == ()


STEPS = len(plan_and_world()[0].actions)


@pytest.mark.parametrize("before", [False, True], ids=["answer lost", "next not sent"])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_run_that_dies_after_step_n_and_is_run_again_ends_the_same(
    tmp_path: Path, step: int, before: bool
) -> None:
    """Killed anywhere: same end state, nothing written twice, every before-image known."""
    plan, world = plan_and_world()
    undisturbed = drifting_world()
    apply_to(undisturbed, plan, tmp_path / "undisturbed")
    if before:
        world.crash_before = step - 1
    else:
        world.crash_after = step
    with pytest.raises(Crash):
        apply_to(world, plan, tmp_path / "disturbed")
    world.heal()
    result = apply_to(world, plan, tmp_path / "disturbed")
    assert set(statuses(result)) <= {"applied", "satisfied"}
    assert repr(sorted_state(world)) == repr(sorted_state(undisturbed))
    assert len(world.writes) == STEPS
    assert [one.action_id for one in result.outcomes if one.before is None] == []


def test_an_interrupted_run_skips_the_rest(tmp_path: Path) -> None:
    """What was begun is settled; what was not is skipped, and can be run later."""
    plan, world = plan_and_world()
    stop = Event()
    world.before("objects.put", stop.set)
    result = apply_to(world, plan, tmp_path, stop=stop)
    assert {"applied", "skipped"} == set(statuses(result))
    apply_to(world, plan, tmp_path)
    assert plan_of(world, with_rules=REGISTER).actions == ()


def test_a_search_that_failed_is_not_tried_for_every_record(tmp_path: Path) -> None:
    """Each try costs its retries. What rests on no search goes on; run again, the rest follows."""
    names = [f"a-{number}" for number in range(40)]
    world = world_of(*map(record, names))
    for number, name in enumerate(names):
        if number % 2:
            world.put(BUCKET, f"{name}/session.json", b'{"n": 1}')
        else:
            world.mount(stored_mount(f"da-{number}", name))
    plan = plan_of(world)
    world.calls.clear()
    world.fail("data_assets", times=None)
    result = apply_to(world, plan, tmp_path)
    assert world.calls["data_assets.search"] == 1
    assert result.summary["failed"] == 20
    sessions = [world.records["v1"][f"'id-{name}'"].get("session") for name in names]
    assert sessions == [None, {"n": 1}] * 20
    world.heal()
    assert set(apply_to(world, plan, tmp_path).summary) == {"applied", "satisfied"}


def test_a_run_that_may_not_go_on_stops_before_the_next_batch(tmp_path: Path) -> None:
    """Its lease was taken over: the rest is skipped, says why, and is done by another run."""
    bodies = [record(f"asset-{number:03}", subject={"n": number}) for number in range(40)]
    world = world_of(*bodies)
    for body in bodies:
        world.put(BUCKET, f"{body['name']}/subject.json", b"{}")
    steps = ("", "", "")  # of a batch: its data assets, its records, its files
    plan, asked = plan_of(world), chain(steps, repeat("another run has taken over the lease"))
    result = apply_to(world, plan, tmp_path, against_going_on=lambda: next(asked))
    assert result.summary == {"applied": 32, "skipped": 8}
    assert {one.detail for one in result.outcomes if one.status == "skipped"} == {
        "another run has taken over the lease"
    }
    assert apply_to(world, plan, tmp_path).summary == {"applied": 8, "satisfied": 32}
