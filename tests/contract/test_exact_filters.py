"""A change to an object that leaves the last-modified field alone, between look and write, on servers of either kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from contract_handles import Records
from test_odd_ids import Backed

from indexer.model.action import Action
from indexer.model.ports import DeleteOne, UpdateOne
from indexer.model.values import Foreign, Oid
from shared.builders import BUCKET, apply_to, at, by_kind, outcome_of, plan_of, record, statuses

DECIMAL = Foreign("Decimal128", '{"$numberDecimal": "1.10"}')
# fmt: off
RICH: dict[str, Any] = {
    "subject": {"b": 1, "a": [1, {"c": 2.5, "d": None}], "at": at(2024, 1, 1)}, "rig": {}, "tags": ["x", 2], "n": 2**40, "f": 1.5,
    "yes": True, "oid": Oid("65a000000000000000000001"), "odd": {"$ref": "c", "a.b": {"$set": 1}}, "empty": [], "dotted.name": {"x": 1},
}
# fmt: on


@pytest.fixture
def records(typed_records: Records) -> Records:
    """Without the gateway, which hides types."""
    return typed_records


def world_on(records: Records, **fields: Any) -> Backed:
    """A record whose links are to change, one whose folder is gone, and one that is in step."""
    world = Backed(records)
    records.add("v1", record("a", **fields), record("gone", **fields), record("z"))
    for name in ("a", "z"):
        world.put(BUCKET, f"{name}/data.bin", b"")
    return world


def changed_meanwhile(world: Backed, action: Action, **fields: Any) -> None:
    """Somebody writes past the port, just before our next write of records."""
    name = action.target.record_id  # type: ignore[union-attr]
    port = world.port.writer

    class Between:
        """Lets them go first, once."""

        def write(self, generation: Any, writes: Any) -> Any:
            world.port.writer.write("v1", [UpdateOne(name, {}, fields)]) if not done else None
            done.append(True)
            return port.write(generation, writes)

    done: list[bool] = []
    world.writer = Between()


@pytest.mark.parametrize("kind", ["update-record", "delete-record"])
def test_a_record_with_values_of_every_kind_is_written(records: Records, kind: str, tmp_path: Path) -> None:
    """The exact filter matches where the server can compare; where it cannot, the narrow one does."""
    fields = {"subject": {"b": 1, "a": [1]}} if records.server == "nx-27017" else RICH | {"price": DECIMAL}
    world = world_on(records, **fields)
    world.put(BUCKET, "a/session.json", b'{"s": 1}')
    plan = plan_of(world)
    assert by_kind(plan.actions, kind)
    assert set(statuses(apply_to(world, plan, tmp_path))) == {"applied"}
    assert plan_of(world).actions == ()


@pytest.mark.parametrize("value", [{"theirs": 1}, {"b": 1, "a": [1, {"c": 2.5, "d": 0}]}, None, "theirs"])
def test_a_change_that_leaves_the_last_modified_field_alone_is_seen(records: Records, value: object) -> None:
    """By the database itself, in what it compares."""
    if records.server == "nx-27017":
        pytest.skip("nx-27017 cannot compare objects")
    body = record("a", **RICH)
    records.add("v1", body)
    unchanged = {name: one for name, one in body.items() if name != "_id" and "." not in name}
    records.writer.write("v1", [UpdateOne("id-a", {}, {"subject": value})])
    records.writer.write("v1", [UpdateOne("id-a", unchanged, {"rig": "ours"})])
    records.writer.write("v1", [DeleteOne("id-a", unchanged)])
    live = records.body("id-a")
    assert live is not None
    assert (live["subject"], live["rig"]) == (value, {})
    records.writer.write("v1", [DeleteOne("id-a", unchanged | {"subject": value})])
    assert records.body("id-a") is None


def test_nothing_that_was_not_seen_is_deleted(records: Records, tmp_path: Path) -> None:
    """A curator changes an object, and not the time, between the applier's last look and its write."""
    if records.server == "nx-27017":
        pytest.skip("nx-27017 cannot compare objects")
    world = world_on(records, **RICH)
    plan = plan_of(world)
    (action,) = by_kind(plan.actions, "delete-record")
    changed_meanwhile(world, action, subject={"theirs": 1})
    result = apply_to(world, plan, tmp_path)
    assert outcome_of(result, action).status == "stale"
    assert (records.body("id-gone") or {})["subject"] == {"theirs": 1}
