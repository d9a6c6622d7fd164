"""A world that drifts in every way that a plan mends, and what somebody else does to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from indexer.model.generation import V2, record_id
from indexer.model.location import Location
from indexer.model.plan import Plan
from shared.builders import (
    BUCKET,
    by_kind,
    plan_of,
    record,
    rules,
    stored_mount,
    world_of,
)
from shared.memory.world import World

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
    """Its plan, and the world."""
    world = drifting_world()
    return plan_of(world, with_rules=REGISTER), world


def find(plan: Plan, kind: str, name: str = "") -> Any:
    """The one action of a kind whose key or location ends so."""
    (action,) = [
        one for one in by_kind(plan.actions, kind) if getattr(one.target, "key", one.location).endswith(name)
    ]
    return action


Act = Callable[[World], object]
"""What somebody else does."""


def change(world: World, record_key: str, **fields: object) -> None:
    """Somebody else sets fields of a record."""
    world.records["v1"][record_key] |= fields


def new_id() -> str:
    """Of the record that is inserted for the folder `new`."""
    return record_id(Location(BUCKET, "new"))


def sorted_state(world: World) -> Any:
    """All that the systems hold; the order in which it came there is none."""
    state = world.state()
    return [
        {name: sorted(held.items()) for name, held in state["objects"].items()},
        {
            name: sorted((key, sorted(body.items())) for key, body in held.items())
            for name, held in state["records"].items()
        },
        sorted((key, repr(one)) for key, one in state["data_assets"].items()),
    ]
