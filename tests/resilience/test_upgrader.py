"""The upgrader beside plan and apply on real servers, night after night. In memory, with all that it may do: tests/runs."""

from __future__ import annotations

import copy
from datetime import UTC, datetime

import pytest

from indexer.model.generation import V2
from indexer.model.links import read_links
from resilience.arena import BUCKET, Arena
from shared.memory.stored import key_of
from shared.memory.world import World
from shared.neighbours import LINKS, Upgrader, links_world, records_at

NIGHTS = 5


def fill(arena: Arena, small: World) -> None:
    """Put a world in memory into the servers."""
    for key, held in small.buckets[BUCKET].items():
        arena.put(key, held.body)
    for generation, bodies in small.records.items():
        arena.records(generation).delete_many({})
        arena.records(generation).insert_many(copy.deepcopy(list(bodies.values())))
    for one in small.data_assets.values():
        mount = {"origin": "aws", "bucket": one.bucket, "prefix": one.prefix, "external": True}
        told = {"id": one.id, "name": one.name, "mount": one.name, "type": one.type, "state": one.state}
        more = {"created": 1, "last_used": 0, "owner": "o", "tags": [], "source_bucket": mount}
        arena.sandbox.codeocean.put(told | more)


def upgrade(arena: Arena, upgrader: Upgrader) -> None:
    """One pass of the upgrader over what the database holds by now; it writes what it changes."""
    world = upgrader.world
    world.now = datetime.now(UTC)
    for generation in ("v1", "v2"):
        world.records[generation] = {key_of(one["_id"]): one for one in arena.records(generation).find()}
    before = copy.deepcopy(world.records["v2"])
    upgrader.run()
    after = world.records["v2"]
    for key in before.keys() | after.keys():
        if before.get(key) != after.get(key):
            arena.records("v2").delete_one({"_id": before.get(key, after.get(key))["_id"]})
            if key in after:
                arena.records("v2").insert_one(after[key])


@pytest.mark.parametrize("first", [True, False], ids=["upgrader-first", "tool-first"])
def test_after_the_first_night_nothing_is_left_to_do(world: Arena, first: bool) -> None:
    """Five nights of plan and apply, and it runs before or after them."""
    small, upgrader = links_world(BUCKET)
    fill(world, small)
    found = []
    for night in range(NIGHTS):
        if first:
            upgrade(world, upgrader)
        plan = world.plan_everything(f"night-{night}.json")
        found.append(len(plan["actions"]))
        assert plan["summary"]["complete"]
        if plan["actions"]:
            assert set(world.apply_everything(plan, f"night-{night}")["summary"]) == {"applied"}
        if not first:
            upgrade(world, upgrader)
    assert found[0] > 0
    assert found[1:] == [0] * (NIGHTS - 1)
    for name in LINKS:
        (body,) = records_at(small, "v2", f"s3://{BUCKET}/{name}")
        assert read_links(body[V2.links_field]) == {f"da-{name}"}
        assert body["quality_control"] == {"by": "hand"}


def test_against_links_that_are_not_folded_it_is_found_on_the_second_night(world: Arena) -> None:
    """Somebody edits v1 each day, so it empties v2's links each night; the plan says who undoes what we write."""
    small, upgrader = links_world(BUCKET)
    fill(world, small)
    upgrade(world, upgrader)
    found = []
    for night in range(NIGHTS):
        name = f"night-{night}.json"
        history = [word for one in range(night) for word in ("--history", f"night-{one}.results")]
        done = world.run("plan", "--all", "--out", name, *history)
        assert done.returncode == 0, done.stderr
        fought = [one for one in world.load(name)["findings"] if one["kind"] == "fought-over"]
        found.append([one["location"] for one in fought])
        done = world.run("apply", name, "--except", "links-format")
        assert done.returncode == 0, done.stderr
        edited = {"subject.n": night, "last_modified": datetime.now(UTC).isoformat()}
        world.records("v1").update_one({"name": "list"}, {"$set": edited})
        upgrade(world, upgrader)
    assert found == [[], *[[f"s3://{BUCKET}/list"]] * (NIGHTS - 1)]
