"""Random worlds, whose plan is applied in parts: whatever the parts and their order, it ends as the whole."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from indexer.disk import DiskFolder
from indexer.model.action import Action
from indexer.model.choosing import Facet, Term, closed, side_of
from indexer.model.outcome import SUCCEEDED, Outcome
from indexer.model.plan import Plan
from indexer.runs.apply import RunOptions, apply_plan
from indexer.runs.connect import Systems
from indexer.runs.loading import as_file
from indexer.runs.part import Part
from indexer.runs.undo import undo
from property.test_convergence import plan_all, quick, settings_of_a_run, twin, worlds
from shared.builders import BUCKET, NOW, apply_to, bounds, plan_of, record, world_of
from shared.memory.exploding import exploding_writers
from shared.memory.world import World

SIDES: tuple[Facet, ...] = ("asset", "system", "action", "effect", "reason")


def same(one: World, other: World) -> bool:
    return repr(_sorted(one)) == repr(_sorted(other))


def _sorted(world: World) -> Any:
    state = world.state()
    return (
        [(name, sorted(held.items())) for name, held in sorted(state["objects"].items())],
        [
            (name, sorted((key, sorted(body.items())) for key, body in held.items()))
            for name, held in sorted(state["records"].items())
        ],
        sorted((key, repr(one)) for key, one in state["data_assets"].items()),
    )


@st.composite
def partitions(draw: st.DrawFn, plan: Plan) -> list[Part]:
    """Parts that do not overlap and are all of the plan, in any order: by one side of actions, or by two."""
    sides = draw(st.lists(st.sampled_from(SIDES), min_size=1, max_size=2, unique=True))
    values = {tuple(side_of(action, side) for side in sides) for action in plan.actions}
    ordered = draw(st.permutations(sorted(values)))
    return [Part(tuple(map(Term, sides, one))) for one in ordered]


def any_parts(plan: Plan) -> st.SearchStrategy[list[Part]]:
    """Parts as somebody may type them: they overlap, and leave some out."""
    words = [Term(side, side_of(action, side)) for action in plan.actions for side in SIDES]
    terms = st.lists(st.sampled_from(words), max_size=3).map(tuple)
    return st.lists(st.builds(Part, terms, terms), max_size=4)


@quick(60)
@given(worlds(), settings_of_a_run(), st.data())
def test_any_partition_in_any_order_ends_as_the_whole(
    world: World, run: dict[str, Any], data: st.DataObject
) -> None:
    """The same end state by as many writes, and a plan afterwards that is empty."""
    plan = plan_all(world, run)
    whole = twin(world)
    with tempfile.TemporaryDirectory() as folder:
        apply_to(whole, plan, Path(folder) / "whole")
        if not plan.actions:
            return
        for part in data.draw(partitions(plan)):
            result = apply_to(world, plan, Path(folder), part=part)
            assert result.complete
        assert result.to_do == 0
        assert {one.action_id for one in result.told} == {action.id for action in plan.actions}
    assert same(world, whole)
    assert len(world.writes) == len(plan.actions)
    after = plan_all(world, run)
    assert (after.actions, after.withheld) == ((), ())


@quick(40)
@given(worlds(), settings_of_a_run(), st.data())
def test_after_any_parts_the_rest_can_be_applied(
    world: World, run: dict[str, Any], data: st.DataObject
) -> None:
    """By the same command without a part. How many are still to do is always told right."""
    plan = plan_all(world, run)
    whole = twin(world)
    with tempfile.TemporaryDirectory() as folder:
        apply_to(whole, plan, Path(folder) / "whole")
        done: set[str] = set()
        for part in data.draw(any_parts(plan)) if plan.actions else []:
            result = apply_to(world, plan, Path(folder), part=part)
            assert result.complete
            done |= {one.action_id for one in result.outcomes}
            assert len(world.writes) == len(done)
            if part:
                assert result.to_do == len(plan.actions) - len(done)
                assert {one.action_id for one in result.told if one.status in SUCCEEDED} == done
        result = apply_to(world, plan, Path(folder))
        assert result.complete
        assert result.selection is None
        assert {one.action_id for one in result.outcomes if one.before} == {one.id for one in plan.actions}
    assert same(world, whole)
    assert len(world.writes) == len(plan.actions)


@quick(40)
@given(worlds(), settings_of_a_run(), st.data())
def test_an_undo_takes_back_just_the_parts_that_were_applied(
    world: World, run: dict[str, Any], data: st.DataObject
) -> None:
    """As whole as an undo of the same actions in a plan of their own; it can be applied in parts, too."""
    run["with_rules"] = replace(run["with_rules"], on_missing="archive")  # a deletion there is for good
    plan = plan_all(world, run)
    if not plan.actions:
        return
    before = twin(world)
    with tempfile.TemporaryDirectory() as folder:
        for part in data.draw(any_parts(plan)):
            apply_to(world, plan, Path(folder), part=part)
        if not world.writes:
            return
        undone = undo(Path(folder))
        assert not undone.notes
        if undone.impossible:
            return
        assert len(undone.plan.actions) == len(world.writes)
        for part in data.draw(partitions(undone.plan)):
            assert apply_to(world, undone.plan, Path(folder) / "undo", part=part).complete
    assert [sorted(held) for held in world.state()["objects"].values()] == [
        sorted(held) for held in before.state()["objects"].values()
    ]


@quick(40)
@given(st.data())
def test_a_part_holds_all_that_it_rests_on(data: st.DataObject) -> None:
    """Whatever is named and excepted: nothing excepted is in it, and nothing that it rests on is missing."""
    world, run = data.draw(worlds()), data.draw(settings_of_a_run())
    plan = plan_all(world, run)
    ids = [action.id for action in plan.actions]
    some = st.sets(st.sampled_from(ids)) if ids else st.just(set[str]())
    named, excepted = data.draw(some), data.draw(some)
    chosen = closed(plan.actions, named, excepted)
    taken = {action.id for action in chosen.actions}
    assert not taken & excepted
    assert all(set(action.after) <= taken for action in chosen.actions)
    assert set(chosen.brought) == taken - named
    assert set(chosen.dropped) == named - taken - excepted
    # No more than that: each that came along is needed by one that was named.
    needed = {one for action in chosen.actions for one in action.after}
    assert set(chosen.brought) <= needed


def test_whoever_carries_a_part_out_is_given_that_part_alone(tmp_path: Path) -> None:
    """On this machine or on a cluster's."""
    world = world_of(record("a", subject={"n": 1}), record("b", subject={"n": 2}))
    for prefix in ("a", "b"):
        world.put(BUCKET, f"{prefix}/subject.json", b"{}")
    plan, given_out = plan_of(world), list[str]()

    def carry_out(
        _: object, __: object, ___: object, actions: Sequence[Action], ____: object
    ) -> dict[str, Outcome]:
        given_out.extend(action.location for action in actions)
        return {
            one.id: Outcome(action_id=one.id, status="applied", started_at=NOW, ended_at=NOW)
            for one in actions
        }

    options = RunOptions(1, carry_out=carry_out, part=Part((Term("asset", "b"),)))
    systems = Systems(world.readers(), exploding_writers(), whole_values=True)
    result = apply_plan(as_file(plan), systems, bounds(), DiskFolder(tmp_path), options)
    assert set(given_out) == {f"s3://{BUCKET}/b"}
    assert len(result.outcomes) == len(given_out) < len(plan.actions)
