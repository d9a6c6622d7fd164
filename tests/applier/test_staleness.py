"""Carrying a plan out while somebody else writes: stale in every precondition, and races."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from drifting import Act, change, drifting_world, find, new_id, plan_and_world

from indexer.model.generation import V2, record_id
from indexer.model.location import Location
from shared.builders import (
    BUCKET,
    apply_to,
    at,
    outcome_of,
    plan_of,
    record,
    stored_mount,
)
from shared.memory.world import World

STALE: list[tuple[str, str, str, Act]] = [
    ("file changed", "put-object", "a/subject.json", lambda w: w.put(BUCKET, "a/subject.json", b"theirs")),
    ("file gone", "put-object", "a/subject.json", lambda w: w.buckets[BUCKET].pop("a/subject.json")),
    ("file new", "put-object", "a/rig.json", lambda w: w.put(BUCKET, "a/rig.json", b"theirs")),
    (
        "record's field changed",
        "put-object",
        "a/subject.json",
        lambda w: change(w, "'id-a'", subject={"n": 9}),
    ),
    ("record's field gone", "put-object", "a/subject.json", lambda w: change(w, "'id-a'", subject=None)),
    ("record gone", "put-object", "a/subject.json", lambda w: w.records["v1"].pop("'id-a'")),
    ("record moved", "put-object", "a/subject.json", lambda w: change(w, "'id-a'", location="s3://x/y")),
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
    ("record has the field", "delete-object", "", lambda w: change(w, "'id-b'", procedures={"theirs": 1})),
    (
        "links changed",
        "update-record",
        "/b",
        lambda w: change(w, "'id-b'", external_links={"Code Ocean": []}),
    ),
    ("modified", "update-record", "/b", lambda w: change(w, "'id-b'", last_modified="later")),
    ("record moved", "update-record", "/b", lambda w: change(w, "'id-b'", location="s3://bucket/z")),
    ("record gone", "update-record", "/b", lambda w: w.records["v1"].pop("'id-b'")),
    ("adopted field set", "update-record", "/b", lambda w: change(w, "'id-b'", session={"theirs": 1})),
    ("adopted file changed", "update-record", "/b", lambda w: w.put(BUCKET, "b/session.json", b'{"s": 2}')),
    ("adopted file broken", "update-record", "/b", lambda w: w.put(BUCKET, "b/session.json", b"{")),
    ("adopted file gone", "update-record", "/b", lambda w: w.buckets[BUCKET].pop("b/session.json")),
    ("mounts changed", "update-record", "/b", lambda w: w.mount(stored_mount("da-late", "b"))),
    ("anything in it changed", "delete-record", "/gone", lambda w: change(w, "'id-gone'", extra=1)),
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
    ("update-record", "/b", "records.write", 1, lambda w: change(w, "'id-b'", last_modified="theirs")),
    (
        "update-record",
        "/b",
        "records.write",
        1,
        lambda w: change(w, "'id-b'", location="s3://bucket/theirs"),
    ),
    ("delete-record", "/gone", "records.write", 1, lambda w: change(w, "'id-gone'", name="theirs")),
    (
        "insert-record",
        "/new",
        "records.write",
        1,
        lambda w: w.add("v1", record("x", _id=new_id(), name="theirs")),
    ),
]


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
    world = drifting_world()
    for body in world.records["v1"].values():
        body["last_modified"] = at(2026, 1, 1)
    plan = plan_of(world)
    action = find(plan, "update-record" if name == "b" else "delete-record", f"/{name}")
    theirs = {"subject": {"theirs": 1}, "last_modified": at(2026, 1, 2)}
    world.before("records.write", lambda: change(world, f"'id-{name}'", **theirs))
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
