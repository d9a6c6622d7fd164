"""Who else writes: a plan says what it wants again, though a run of ours has written it and nobody of ours has undone it."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from indexer.model.choosing import Term
from indexer.model.generation import V2
from indexer.model.plan import Finding, Plan
from indexer.planner.fights import note_fights
from indexer.runs.files import plan_text
from indexer.runs.part import Part
from indexer.runs.undo import undo
from indexer.runs.written import past_writes
from shared.builders import BUCKET, NOW, Warned, apply_to, plan_of, record, world_of
from shared.memory.world import World
from shared.neighbours import Curator, links_world

NIGHTS = 5
KEY = "a/subject.json"


def planned(world: World, folder: Path, night: int = 0, **scoped: Any) -> Plan:
    """A plan that knows all runs that are kept in the folder."""
    at = NOW + timedelta(days=night)
    return with_history(plan_of(world, plan_id=f"night-{night}", at=at, **scoped), folder)


def with_history(plan: Plan, folder: Path) -> Plan:
    return note_fights(plan, past_writes([folder], Warned([])))


def apply(world: World, plan: Plan, folder: Path, night: int = 0, but: str = "") -> None:
    world.now = NOW + timedelta(days=night)
    part = Part(but=(Term("reason", but),)) if but else Part()
    apply_to(world, plan, folder / plan.plan_id, at=world.now, part=part)


def fights(plan: Plan) -> list[Finding]:
    found = [one for one in plan.findings if one.kind == "fought-over"]
    assert plan.summary.findings.get("fought-over", 0) == len(found)
    return found


@pytest.fixture
def world() -> World:
    """An asset whose core file is stale."""
    world = world_of(record("a", subject={"n": 1}))
    world.put(BUCKET, KEY, b"{}")
    return world


def test_what_somebody_undoes_is_found_with_the_times(world: World, tmp_path: Path) -> None:
    """How often we have written it, and when; the action is planned all the same."""
    for night in range(3):
        plan = planned(world, tmp_path, night)
        assert [action.target.key for action in plan.actions] == [KEY]  # type: ignore[union-attr]
        assert len(fights(plan)) == (night > 0)
        apply(world, plan, tmp_path, night)
        world.put(BUCKET, KEY, b"{}")
    (found,) = fights(planned(world, tmp_path, 3))
    assert found.location == f"s3://{BUCKET}/a"
    assert found.detail == (
        f"put-object {KEY}: written 3 times (2026-01-15 12:00 UTC, 2026-01-16 12:00 UTC, 2026-01-17 12:00 UTC), "
        "and undone by somebody since"
    )


def test_of_many_times_the_last_are_listed(world: World, tmp_path: Path) -> None:
    for night in range(7):
        apply(world, planned(world, tmp_path, night), tmp_path, night)
        world.put(BUCKET, KEY, b"{}")
    (found,) = fights(planned(world, tmp_path, 7))
    assert "written 7 times (last on 2026-01-17 12:00 UTC, " in found.detail
    assert "2026-01-21 12:00 UTC)" in found.detail


def test_a_record_that_changes_is_no_fight(world: World, tmp_path: Path) -> None:
    """Its file is wanted anew, even where it comes back to an older value: what we wrote last there was another."""
    apply(world, planned(world, tmp_path), tmp_path)
    for night, value in ((1, 2), (2, 1)):
        Curator(world).set("'id-a'", subject={"n": value})
        plan = planned(world, tmp_path, night)
        assert plan.actions
        assert fights(plan) == []
        apply(world, plan, tmp_path, night)


def test_an_undo_of_ours_is_no_fight(world: World, tmp_path: Path) -> None:
    """Neither is the same plan after it; somebody's change after that is one again, counted from there."""
    first = planned(world, tmp_path)
    apply(world, first, tmp_path)
    apply(world, undo(tmp_path / first.plan_id, plan_id="back").plan, tmp_path, 1)
    again = planned(world, tmp_path, 2)
    assert again.actions
    assert fights(again) == []
    apply(world, again, tmp_path, 2)
    world.put(BUCKET, KEY, b"{}")
    (found,) = fights(planned(world, tmp_path, 3))
    assert "written once (2026-01-17 12:00 UTC)" in found.detail


def test_a_write_that_was_not_carried_out_is_no_write_of_ours(world: World, tmp_path: Path) -> None:
    """It was stale."""
    plan = planned(world, tmp_path)
    world.put(BUCKET, KEY, b'"edited"')
    apply(world, plan, tmp_path)
    assert fights(planned(world, tmp_path, 1)) == []


@pytest.mark.parametrize("scoped", [{"max_deletes": 0}, {}], ids=["withheld", "planned"])
def test_a_record_that_somebody_brings_back(tmp_path: Path, scoped: dict[str, Any]) -> None:
    """What is withheld is wanted, too."""
    world = world_of(record("a"), record("gone"))
    for key in [one for one in world.buckets[BUCKET] if one.startswith("gone/")]:
        del world.buckets[BUCKET][key]
    body = dict(next(one for one in world.records["v1"].values() if one["name"] == "gone"))
    apply(world, planned(world, tmp_path), tmp_path)
    world.add("v1", body)
    plan = planned(world, tmp_path, 1, **scoped)
    assert len(plan.withheld) == (1 if scoped else 0)
    (found,) = fights(plan)
    assert "delete-record v1 record " in found.detail


def test_the_same_history_gives_the_same_bytes_in_whatever_order_it_is_read(
    world: World, tmp_path: Path
) -> None:
    for night in range(4):
        apply(world, planned(world, tmp_path, night), tmp_path, night)
        world.put(BUCKET, KEY, b"{}")
    plan = plan_of(world)
    writes = list(past_writes([tmp_path], Warned([])))
    texts = set()
    for seed in range(5):
        random.Random(seed).shuffle(writes)
        texts.add(plan_text(note_fights(plan, writes)))
    assert len(texts) == 1
    twice = past_writes([tmp_path, tmp_path], Warned([]))
    assert plan_text(note_fights(plan, twice)) == texts.pop()
    assert note_fights(plan, ()) is plan


def test_what_cannot_be_read_is_told_and_nothing_else_is_lost(world: World, tmp_path: Path) -> None:
    """History is advice: a place that is not there yet, or a damaged run, is no end of a plan."""
    plan = planned(world, tmp_path)
    apply(world, plan, tmp_path)
    world.put(BUCKET, KEY, b"{}")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "result.json").write_text("{", encoding="utf-8")
    said = Warned([])
    found = note_fights(plan_of(world), past_writes([tmp_path / "nowhere", tmp_path], said))
    assert len(fights(found)) == 1
    assert len(said.said) == 2
    assert "nowhere: No such file or directory" in said.said[0]
    assert "bad/plan.json" in said.said[1]


def test_the_upgrader_against_links_that_are_not_folded_is_found_on_the_second_night(tmp_path: Path) -> None:
    """It empties v2's links whenever somebody edits v1, whose links are a list; folding them ends it."""
    world, upgrader = links_world(BUCKET)
    fought = f"s3://{BUCKET}/list"
    found = []
    for night in range(NIGHTS):
        plan = planned(world, tmp_path, night)
        found.append({one.location for one in fights(plan)})
        apply(world, plan, tmp_path, night, but="links-format")
        world.now = NOW + timedelta(days=night, hours=1)
        Curator(world).set("'id-list'", subject={"n": night})
        upgrader.run()
    assert [fought in one for one in found] == [False, *[True] * (NIGHTS - 1)]
    (last,) = [one for one in fights(planned(world, tmp_path, NIGHTS)) if one.location == fought]
    assert last.detail.startswith("update-record v2 record ")
    assert f"({V2.links_field}): written 5 times (" in last.detail
