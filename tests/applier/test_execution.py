"""Carrying a plan out: stale in every precondition, races, lost answers, crashes, and doing it twice."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from builders import (
    BUCKET,
    RESULTS,
    apply_to,
    by_kind,
    outcome_of,
    plan_of,
    record,
    rules,
    statuses,
    stored_mount,
    stored_result,
    world_of,
)
from indexer.errors import AccessDeniedError
from indexer.model.action import Action
from indexer.model.generation import V2, GenerationName, record_id
from indexer.model.location import Location
from indexer.model.plan import Plan
from indexer.model.ports import RecordWrite, WriteError
from memory import Crash, MemoryRecordWriter, World, exploding_writers

REGISTER = rules(register_data_assets=True)


def drifting_world() -> World:
    """Every kind of action, on six assets."""
    world = world_of(
        record("a", subject={"n": 1}, rig={"r": 1}), record("b", links={"Code Ocean": ["old"]}), record("c")
    )
    world.put(BUCKET, "a/subject.json", b"{}")
    del world.buckets[BUCKET]["a/rig.json"]
    del world.buckets[BUCKET]["a/original_metadata/rig.20200101.json"]
    world.put(BUCKET, "b/session.json", b'{"s": 1}')
    world.put(BUCKET, "b/procedures.json", b"broken")
    world.put(BUCKET, "new/data_description.json", b'{"data_level": "derived"}')
    world.put(BUCKET, "b/original_metadata/procedures.20200101.json", b"first")
    world.add("v1", record("gone"), record("lost"))
    world.add("v2", record("c", V2))
    world.mount(stored_mount("da-b", "b"), stored_mount("da-c", "c"), stored_mount("da-gone", "gone"))
    return world


def plan_and_world() -> tuple[Plan, World]:
    world = drifting_world()
    return plan_of(world, with_rules=REGISTER), world


def find(plan: Plan, kind: str, name: str = "") -> Any:
    """The one action of a kind whose key or location ends so."""
    (action,) = [
        one for one in by_kind(plan.actions, kind) if getattr(one.target, "key", one.location).endswith(name)
    ]
    return action


def test_everything_is_applied_and_then_in_step(tmp_path: Path) -> None:
    """One write for each action."""
    plan, world = plan_and_world()
    result = apply_to(world, plan, tmp_path)
    assert set(statuses(result)) == {"applied"}
    assert len(world.writes) == len(plan.actions)
    assert plan_of(world, with_rules=REGISTER).actions == ()


def test_a_second_run_writes_nothing(tmp_path: Path) -> None:
    """With writers that explode."""
    plan, world = plan_and_world()
    apply_to(world, plan, tmp_path)
    result = apply_to(world, plan, tmp_path, writers=exploding_writers())
    assert set(statuses(result)) == {"satisfied"}


def test_a_second_run_elsewhere_changes_nothing(tmp_path: Path) -> None:
    """Without the first run's journal, conditions alone see to it."""
    plan, world = plan_and_world()
    apply_to(world, plan, tmp_path / "one")
    before = repr(world)
    result = apply_to(world, plan, tmp_path / "two")
    assert set(statuses(result)) == {"satisfied"}
    assert repr(world) == before


def test_an_empty_plan_writes_nothing(tmp_path: Path) -> None:
    """A no-op never writes."""
    world = world_of(record("a"))
    plan = plan_of(world)
    assert plan.actions == ()
    apply_to(world, plan, tmp_path, writers=exploding_writers())


# stale


def _change(world: World, record_key: str, **fields: object) -> None:
    world.records["v1"][record_key] |= fields


Act = Callable[[World], object]
STALE: list[tuple[str, str, str, Act]] = [
    ("file changed", "put-object", "a/subject.json", lambda w: w.put(BUCKET, "a/subject.json", b"theirs")),
    ("file gone", "put-object", "a/subject.json", lambda w: w.buckets[BUCKET].pop("a/subject.json")),
    ("file new", "put-object", "a/rig.json", lambda w: w.put(BUCKET, "a/rig.json", b"theirs")),
    (
        "record's field changed",
        "put-object",
        "a/subject.json",
        lambda w: _change(w, "'id-a'", subject={"n": 9}),
    ),
    ("record's field gone", "put-object", "a/subject.json", lambda w: _change(w, "'id-a'", subject=None)),
    ("record gone", "put-object", "a/subject.json", lambda w: w.records["v1"].pop("'id-a'")),
    ("record moved", "put-object", "a/subject.json", lambda w: _change(w, "'id-a'", location="s3://x/y")),
    (
        "record doubled",
        "put-object",
        "a/subject.json",
        lambda w: w.add("v1", record("a", _id="twin", subject={"n": 1})),
    ),
    (
        "source of a copy changed",
        "copy-object",
        "session.20260115.json",
        lambda w: w.before("records.write", lambda: w.put(BUCKET, "b/session.json", b"theirs")),
    ),
    (
        "target of a copy taken",
        "copy-object",
        "session.20260115.json",
        lambda w: w.put(BUCKET, "b/original_metadata/session.20260115.json", b"theirs"),
    ),
    ("file to delete changed", "delete-object", "", lambda w: w.put(BUCKET, "b/procedures.json", b"theirs")),
    (
        "its original gone",
        "delete-object",
        "",
        lambda w: w.buckets[BUCKET].pop("b/original_metadata/procedures.20200101.json"),
    ),
    ("record has the field", "delete-object", "", lambda w: _change(w, "'id-b'", procedures={"theirs": 1})),
    (
        "links changed",
        "update-record",
        "/b",
        lambda w: _change(w, "'id-b'", external_links={"Code Ocean": []}),
    ),
    ("modified", "update-record", "/b", lambda w: _change(w, "'id-b'", last_modified="later")),
    ("record moved", "update-record", "/b", lambda w: _change(w, "'id-b'", location="s3://bucket/z")),
    ("record gone", "update-record", "/b", lambda w: w.records["v1"].pop("'id-b'")),
    ("adopted field set", "update-record", "/b", lambda w: _change(w, "'id-b'", session={"theirs": 1})),
    ("adopted file changed", "update-record", "/b", lambda w: w.put(BUCKET, "b/session.json", b'{"s": 2}')),
    ("adopted file broken", "update-record", "/b", lambda w: w.put(BUCKET, "b/session.json", b"{")),
    ("adopted file gone", "update-record", "/b", lambda w: w.buckets[BUCKET].pop("b/session.json")),
    ("mounts changed", "update-record", "/b", lambda w: w.mount(stored_mount("da-late", "b"))),
    ("anything in it changed", "delete-record", "/gone", lambda w: _change(w, "'id-gone'", extra=1)),
    ("folder came back", "delete-record", "/lost", lambda w: w.put(BUCKET, "lost/x", b"")),
    ("folder came back", "archive-data-asset", "", lambda w: w.put(BUCKET, "gone/x", b"")),
    ("mounts elsewhere", "archive-data-asset", "", lambda w: w.mount(stored_mount("da-gone", "elsewhere"))),
    ("registered by another", "insert-record", "", lambda w: w.add("v1", record("new", _id="theirs"))),
    ("registered in v2", "insert-record", "", lambda w: w.add("v2", record("new", V2, _id="theirs"))),
    (
        "id taken",
        "insert-record",
        "",
        lambda w: w.add("v1", record("x", _id=record_id(Location(BUCKET, "new")))),
    ),
    (
        "data description changed",
        "create-data-asset",
        "",
        lambda w: w.put(BUCKET, "new/data_description.json", b'{"data_level": "raw"}'),
    ),
]


@pytest.mark.parametrize(
    ("kind", "name", "act"), [row[1:] for row in STALE], ids=[f"{row[1]}: {row[0]}" for row in STALE]
)
def test_somebody_elses_change_makes_it_stale(tmp_path: Path, kind: str, name: str, act: Act) -> None:
    """Recorded, not repaired: theirs stays as it is, and the other assets go on."""
    plan, world = plan_and_world()
    action = find(plan, kind, name)
    act(world)
    result = apply_to(world, plan, tmp_path)
    assert outcome_of(result, action).status == "stale"
    assert outcome_of(result, action).detail
    rest = [one for one in plan.actions if one.location != action.location]
    assert {outcome_of(result, one).status for one in rest} == {"applied"}
    theirs = {one.body for one in world.buckets[BUCKET].values()}
    if b"theirs" in {one.body for one in drifting_and(act).buckets[BUCKET].values()}:
        assert b"theirs" in theirs


def drifting_and(act: Act) -> World:
    """The world, and only their change."""
    world = drifting_world()
    act(world)
    return world


@pytest.mark.parametrize(
    ("kind", "name", "act"), [row[1:] for row in STALE], ids=[f"{row[1]}: {row[0]}" for row in STALE]
)
def test_what_rests_on_a_stale_action_is_skipped(tmp_path: Path, kind: str, name: str, act: Act) -> None:
    """Each step only when the ones before it succeeded."""
    plan, world = plan_and_world()
    act(world)
    result = apply_to(world, plan, tmp_path)
    status = {one.action_id: one.status for one in result.outcomes}
    for one in plan.actions:
        if any(status[before] not in ("applied", "satisfied") for before in one.after):
            assert status[one.id] == "skipped"


# races between the guard and the write


RACES: list[tuple[str, str, str, int, Act]] = [
    # kind and name of the action, the call that carries it out and which one of them, what they do before it
    ("put-object", "a/subject.json", "objects.put", 1, lambda w: w.put(BUCKET, "a/subject.json", b"theirs")),
    ("put-object", "a/rig.json", "objects.put", 2, lambda w: w.put(BUCKET, "a/rig.json", b"theirs")),
    (
        "delete-object",
        "b/procedures.json",
        "objects.delete",
        1,
        lambda w: w.put(BUCKET, "b/procedures.json", b"theirs"),
    ),
    ("update-record", "/b", "records.write", 1, lambda w: _change(w, "'id-b'", last_modified="theirs")),
    (
        "update-record",
        "/b",
        "records.write",
        1,
        lambda w: _change(w, "'id-b'", location="s3://bucket/theirs"),
    ),
    ("delete-record", "/gone", "records.write", 1, lambda w: _change(w, "'id-gone'", name="theirs")),
    (
        "insert-record",
        "/new",
        "records.write",
        1,
        lambda w: w.add("v1", record("x", _id=_new_id(), name="theirs")),
    ),
]


def _new_id() -> str:
    return record_id(Location(BUCKET, "new"))


@pytest.mark.parametrize(
    ("kind", "name", "call", "nth", "act"), RACES, ids=[f"{row[0]} {row[1]}" for row in RACES]
)
def test_a_race_is_lost_not_won(tmp_path: Path, kind: str, name: str, call: str, nth: int, act: Act) -> None:
    """Between the last look and the write: the system itself refuses, and theirs stays as they left it."""
    plan, world = plan_and_world()
    action = find(plan, kind, name)
    left: list[object] = []

    def theirs() -> object:
        if kind.endswith("-object"):
            return world.buckets[BUCKET].get(action.target.key)
        return copy.deepcopy(world.records["v1"].get(repr(action.target.record_id)))

    world.before(call, lambda: (act(world), left.append(theirs()))[1], nth)
    result = apply_to(world, plan, tmp_path)
    assert outcome_of(result, action).status == "stale"
    assert left == [theirs()]


@pytest.mark.parametrize("name", ["b", "gone"])
def test_a_race_is_lost_where_the_last_modified_field_is_a_date(tmp_path: Path, name: str) -> None:
    """Somebody changes the record, and its date, between the last look and the write."""
    from builders import at

    world = drifting_world()
    for body in world.records["v1"].values():
        body["last_modified"] = at(2026, 1, 1)
    plan = plan_of(world)
    action = find(plan, "update-record" if name == "b" else "delete-record", f"/{name}")
    theirs = {"subject": {"theirs": 1}, "last_modified": at(2026, 1, 2)}
    world.before("records.write", lambda: _change(world, f"'id-{name}'", **theirs))
    result = apply_to(world, plan, tmp_path)
    assert outcome_of(result, action).status == "stale"
    assert world.records["v1"][f"'id-{name}'"].items() >= theirs.items()


def test_only_what_was_seen_becomes_an_original(tmp_path: Path) -> None:
    """The file was replaced by the same bytes under another ETag: it is not what was read for the plan."""
    plan, world = plan_and_world()
    copied = find(plan, "copy-object", "session.20260115.json")
    world.before("records.write", lambda: world.put(BUCKET, "b/session.json", b'{"s": 1}', etag="other"))
    result = apply_to(world, plan, tmp_path)
    assert outcome_of(result, copied).status == "stale"
    assert copied.target.key not in world.buckets[BUCKET]


def test_an_original_that_somebody_else_makes_at_that_moment_stays(tmp_path: Path) -> None:
    """It is written by a put that demands that nothing is there."""
    plan, world = plan_and_world()
    copied = find(plan, "copy-object", "session.20260115.json")
    world.before("objects.put", lambda: world.put(BUCKET, copied.target.key, b"theirs"))
    result = apply_to(world, plan, tmp_path)
    assert outcome_of(result, copied).status == "stale"
    assert world.buckets[BUCKET][copied.target.key].body == b"theirs"


@pytest.mark.parametrize("kind", ["put-object", "delete-object"])
def test_a_file_that_becomes_as_wanted_meanwhile_is_satisfied(tmp_path: Path, kind: str) -> None:
    """Somebody else did the same."""
    plan, world = plan_and_world()
    if kind == "put-object":
        action = find(plan, kind, "a/subject.json")
        world.before("objects.put", lambda: world.put(BUCKET, "a/subject.json", b'{\n   "n": 1\n}'))
    else:
        action = find(plan, kind)
        world.before("objects.delete", lambda: world.buckets[BUCKET].pop("b/procedures.json"))
    assert outcome_of(apply_to(world, plan, tmp_path), action).status == "satisfied"


# lost answers and refusals


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


# crashes


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


def sorted_state(world: World) -> Any:
    state = world.state()
    return [
        {name: sorted(held.items()) for name, held in state["objects"].items()},
        {
            name: sorted((key, sorted(body.items())) for key, body in held.items())
            for name, held in state["records"].items()
        },
        sorted((key, repr(one)) for key, one in state["data_assets"].items()),
    ]


def test_an_interrupted_run_skips_the_rest(tmp_path: Path) -> None:
    """What was begun is settled; what was not is skipped, and can be run later."""
    plan, world = plan_and_world()
    stop = Event()
    world.before("objects.put", stop.set)
    result = apply_to(world, plan, tmp_path, stop=stop)
    assert {"applied", "skipped"} == set(statuses(result))
    apply_to(world, plan, tmp_path)
    assert plan_of(world, with_rules=REGISTER).actions == ()


def test_assets_in_parallel_end_the_same(tmp_path: Path) -> None:
    """Sixteen threads, one journal."""
    plan, world = plan_and_world()
    alone = drifting_world()
    apply_to(alone, plan, tmp_path / "one")
    result = apply_to(world, plan, tmp_path / "sixteen", parallel=16)
    assert set(statuses(result)) == {"applied"}
    assert repr(sorted_state(world)) == repr(sorted_state(alone))


# particular actions


def test_an_update_is_stamped_with_the_time_of_the_write(tmp_path: Path) -> None:
    """Other programs poll on it; the metadata file holds it too."""
    from builders import at

    plan, world = plan_and_world()
    apply_to(world, plan, tmp_path, at=at(2027, 1, 2, 3))
    stamp = "2027-01-02T03:00:00.000000Z"
    assert world.records["v1"]["'id-b'"]["last_modified"] == stamp
    assert world.records["v2"]["'id-c'"]["_last_modified"] == stamp
    assert stamp.encode() in world.buckets[BUCKET]["b/metadata.nd.json"].body
    assert world.records["v1"][repr(_new_id())]["created"] == stamp


def test_a_created_data_asset_is_the_new_records_link(tmp_path: Path) -> None:
    """Its id is known after apply."""
    plan, world = plan_and_world()
    apply_to(world, plan, tmp_path)
    (created,) = [one.id for one in world.data_assets.values() if one.prefix == "new"]
    assert world.records["v1"][repr(_new_id())]["external_links"] == {"Code Ocean": [created]}


def test_a_mount_that_somebody_made_meanwhile_is_as_good(tmp_path: Path) -> None:
    """Never are there two."""
    plan, world = plan_and_world()
    world.mount(stored_mount("da-theirs", "new/"))
    result = apply_to(world, plan, tmp_path)
    assert outcome_of(result, find(plan, "create-data-asset")).status == "satisfied"
    assert world.records["v1"][repr(_new_id())]["external_links"] == {"Code Ocean": ["da-theirs"]}


def test_a_copy_of_a_new_file_is_dated_with_its_write(tmp_path: Path) -> None:
    """The day is known after apply."""
    from builders import at

    plan, world = plan_and_world()
    world.now = at(2031, 12, 31, 23)
    result = apply_to(world, plan, tmp_path)
    copied = find(plan, "copy-object", "rig.<date>.json")
    after = outcome_of(result, copied).after
    assert after is not None
    assert after.key == "a/original_metadata/rig.20311231.json"
    assert after.key in world.buckets[BUCKET]


def test_a_result_that_came_back_keeps_its_record(tmp_path: Path) -> None:
    """What a deletion rests on is looked at again."""
    world = World()
    world.buckets |= {BUCKET: {}, RESULTS: {}}
    world.mount(stored_result("r-other"))
    world.add("v1", record("r-1", bucket=RESULTS), record("r-other", bucket=RESULTS))
    plan = plan_of(world, RESULTS)
    (delete,) = plan.actions
    world.mount(stored_result("r-1"))
    assert outcome_of(apply_to(world, plan, tmp_path), delete).status == "stale"
    assert "'r-1'" not in world.records["v1"]
    assert "'id-r-1'" in world.records["v1"]


def test_a_result_that_is_gone_by_now_is_not_registered(tmp_path: Path) -> None:
    """What a registration rests on is looked at again: another plan would only delete the record."""
    world = World()
    world.buckets |= {BUCKET: {}, RESULTS: {}}
    world.mount(stored_result("r-1"), stored_result("r-other"))
    world.add("v1", record("r-other", bucket=RESULTS))
    plan = plan_of(world, RESULTS)
    (insert,) = plan.actions
    world.data_assets["r-1"].archived = True
    assert outcome_of(apply_to(world, plan, tmp_path), insert).status == "stale"
    assert set(world.records["v1"]) == {"'stranger'", "'id-r-other'"}


def test_a_new_record_is_not_linked_to_what_no_longer_mounts_it(tmp_path: Path) -> None:
    """The next plan registers it with what is there then."""
    world = world_of(record("other"))
    world.put(BUCKET, "new/data_description.json", b'{"data_level": "derived"}')
    world.mount(stored_mount("da-1", "new"))
    plan = plan_of(world)
    insert = find(plan, "insert-record")
    world.data_assets["da-1"].archived = True
    assert outcome_of(apply_to(world, plan, tmp_path), insert).status == "stale"
    assert set(world.records["v1"]) == {"'stranger'", "'id-other'"}


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


def test_every_action_has_one_outcome_in_the_plans_order(tmp_path: Path) -> None:
    """Whatever becomes of it."""
    plan, world = plan_and_world()
    world.fail("objects", times=None)
    result = apply_to(world, plan, tmp_path)
    assert [one.action_id for one in result.outcomes] == [one.id for one in plan.actions]


def test_actions_of_one_asset_never_overtake_each_other(tmp_path: Path) -> None:
    """The record, then copies, then root files, then the metadata file."""
    plan, world = plan_and_world()
    apply_to(world, plan, tmp_path, parallel=8)
    order = [write.target for write in world.writes]
    of_b: list[Action] = [one for one in plan.actions if one.location == "s3://bucket/b"]
    names = [
        f"{one.target.bucket}/{one.target.key}" if hasattr(one.target, "key") else "'id-b'"  # type: ignore[union-attr]
        for one in of_b
    ]
    assert [one for one in order if one in names] == names


def test_a_run_that_may_not_go_on_stops_before_the_next_batch(tmp_path: Path) -> None:
    """Its lease was taken over: the rest is skipped, says why, and is done by another run."""
    bodies = [record(f"asset-{number:03}", subject={"n": number}) for number in range(40)]
    world = world_of(*bodies)
    for body in bodies:
        world.put(BUCKET, f"{body['name']}/subject.json", b"{}")
    plan, asked = plan_of(world), iter(["", "another run has taken over the lease"])
    result = apply_to(world, plan, tmp_path, against_going_on=lambda: next(asked))
    assert result.summary == {"applied": 32, "skipped": 8}
    assert {one.detail for one in result.outcomes if one.status == "skipped"} == {
        "another run has taken over the lease"
    }
    assert apply_to(world, plan, tmp_path).summary == {"applied": 8, "satisfied": 32}
