"""Beside others who write: night after night, what is in step stays in step. The page: docs/neighbours.md."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from indexer.model.generation import V2
from indexer.model.links import read_links
from indexer.model.plan import Plan
from indexer.model.values import to_bytes
from shared.builders import (
    BUCKET,
    COLLECTIONS,
    NOW,
    apply_to,
    by_kind,
    plan_of,
    record,
    rules,
    statuses,
    world_of,
)
from shared.memory.world import World
from shared.neighbours import (
    LINKS,
    NEVER_UPGRADED,
    Cache,
    Curator,
    Registrar,
    Upgrader,
    links_world,
    records_at,
)

NIGHTS = 5


def nights(
    world: World, folder: Path, neighbour: Callable[[], object], *, first: bool, ruling: str
) -> list[Plan]:
    """A plan and its apply each night, the neighbour before or after it."""
    collections = {
        name: one.model_copy(update={"sync_to_s3": name == ruling}) for name, one in COLLECTIONS.items()
    }
    plans = []
    for night in range(NIGHTS):
        now = NOW + timedelta(days=night)
        world.now = now
        if first:
            neighbour()
        plan = plan_of(world, plan_id=f"night-{night}", at=now, with_rules=rules(collections=collections))
        result = apply_to(world, plan, folder / str(night), at=now)
        assert set(statuses(result)) <= {"applied"}
        plans.append(plan)
        if not first:
            neighbour()
    return plans


@pytest.mark.parametrize(("ruling", "restless"), [("v1", 1), ("v2", 2)])
@pytest.mark.parametrize("first", [True, False])
def test_the_upgrader_and_this_tool_come_to_rest(
    tmp_path: Path, first: bool, ruling: str, restless: int
) -> None:
    """After one night, whichever goes first. Where files follow v2, they follow the stamp that it gives v2 after our write."""
    world, upgrader = links_world(BUCKET)
    plans = nights(world, tmp_path, upgrader.run, first=first, ruling=ruling)
    assert plans[0].actions
    assert [len(plan.actions) for plan in plans[restless:]] == [0] * (NIGHTS - restless)
    for name in LINKS:
        (body,) = records_at(world, "v2", f"s3://{BUCKET}/{name}")
        assert read_links(body[V2.links_field]) == {f"da-{name}"}
        assert body["quality_control"] == {"by": "hand"}


def test_an_upgrader_that_begins_anew_finds_links_that_it_can_copy(tmp_path: Path) -> None:
    """It copies all of v1 once more, and takes nothing away but for links that nobody can read, which are found each night."""
    world, _ = links_world(BUCKET)
    apply_to(world, plan_of(world), tmp_path)
    Upgrader(world, fails={NEVER_UPGRADED}).run()
    plan = plan_of(world)
    assert [one.location for one in plan.actions] == [f"s3://{BUCKET}/unreadable"]
    assert "links-invalid" in plan.summary.findings


def test_a_list_of_links_is_emptied_every_night_without_the_fold(tmp_path: Path) -> None:
    """What the rule is for: the upgrader, alone, empties v2's links."""
    world, _ = links_world(BUCKET)
    assert {one["name"] for one in world.records["v2"].values() if one.get(V2.links_field) == {}} >= {
        "list",
        "stale-list",
    }
    plan = plan_of(world)
    assert {
        (one.location.rpartition("/")[2], one.reason) for one in by_kind(plan.actions, "update-record")
    } >= {
        ("list", "links-format"),
        ("list", "links-stale"),
        ("stale-list", "links-stale"),
    }


def test_a_registration_service_that_was_first_is_believed(tmp_path: Path) -> None:
    """Its record has another id: it is at the location, so nothing is registered."""
    world = world_of(record("a"))
    world.put(BUCKET, "new/data_description.json", to_bytes({"data_level": "derived"}))
    own = Registrar(world).register("new")
    plan = plan_of(world)
    assert not by_kind(plan.actions, "insert-record")
    apply_to(world, plan, tmp_path)
    assert [one["_id"] for one in records_at(world, "v1", f"s3://{BUCKET}/new")] == [own]


def test_a_registration_service_in_between_makes_ours_stale(tmp_path: Path) -> None:
    """Between plan and apply: no second record is made, and the next plan goes on with its one."""
    world = world_of(record("a"))
    world.put(BUCKET, "new/data_description.json", to_bytes({"data_level": "derived"}))
    plan = plan_of(world)
    own = Registrar(world).register("new")
    assert "applied" not in statuses(apply_to(world, plan, tmp_path / "1"))
    assert [one["_id"] for one in records_at(world, "v1", f"s3://{BUCKET}/new")] == [own]
    apply_to(world, plan_of(world, plan_id="plan-0002"), tmp_path / "2")
    assert plan_of(world).actions == ()


def test_a_registration_service_behind_our_back_is_found(tmp_path: Path) -> None:
    """Two records of one location: a person decides, nothing is planned there."""
    world = world_of(record("a"))
    world.put(BUCKET, "new/data_description.json", to_bytes({"data_level": "derived"}))
    apply_to(world, plan_of(world), tmp_path)
    Registrar(world).register("new")
    plan = plan_of(world)
    assert plan.actions == ()
    assert plan.summary.findings == {"location-duplicate": 1}


@pytest.mark.parametrize("changed", [{"subject": {"n": 3}}, {"subject": None}])
def test_a_curator_in_between_is_never_overwritten(tmp_path: Path, changed: dict[str, Any]) -> None:
    """What was planned on the old value is stale; the next plan follows the curator, whose value or null stays."""
    world = world_of(record("a", subject={"n": 1}))
    world.put(BUCKET, "a/subject.json", b'{"n": 2}')
    plan = plan_of(world)
    Curator(world).set("'id-a'", **changed)
    assert "applied" not in statuses(apply_to(world, plan, tmp_path / "1"))
    apply_to(world, plan_of(world, plan_id="plan-0002"), tmp_path / "2")
    assert world.records["v1"]["'id-a'"]["subject"] == changed["subject"]
    assert plan_of(world).actions == ()


def test_a_cache_sees_every_write_of_ours_and_no_other(tmp_path: Path) -> None:
    """It polls on the last-modified field: set by each write to a record, and touched by nothing else."""
    world = world_of(record("a"), record("b", subject={"n": 1}))
    world.put(BUCKET, "a/session.json", b'{"n": 1}')
    world.put(BUCKET, "b/subject.json", b"{}")
    cache = Cache(world)
    cache.poll()
    apply_to(world, plan_of(world), tmp_path)
    assert cache.poll() == 1  # b's file was written, its record was not
    assert cache.held["'id-a'"]["session"] == {"n": 1}
    apply_to(world, plan_of(world, plan_id="plan-0002"), tmp_path / "2")
    assert cache.poll() == 0


@pytest.mark.parametrize(
    "modified", ["2031-01-01T00:00:00.123456Z", "2031-01-01T00:00:00Z", "2031-01-01T00:00:00.5Z"]
)
def test_a_cache_sees_a_write_to_a_record_from_the_future(tmp_path: Path, modified: str) -> None:
    """Somebody's clock was wrong. An earlier stamp would hide our write from all who poll; ours is later, each time."""
    world = world_of(record("a", modified=modified))
    cache = Cache(world)
    cache.poll()
    for number, name in enumerate(("session", "rig")):
        world.put(BUCKET, f"a/{name}.json", b'{"n": 1}')
        apply_to(world, plan_of(world, plan_id=f"plan-{number}"), tmp_path / name)
        assert cache.poll() == 1
        assert cache.held["'id-a'"][name] == {"n": 1}
    assert plan_of(world).actions == ()
