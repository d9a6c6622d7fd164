"""Past runs, from what they left: how each ended, what was wrong, whether it was taken back, and what is damaged."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from indexer.applier.history import LOCK_FILE
from indexer.disk import DiskFolder
from indexer.errors import IndexerError
from indexer.model.choosing import Term
from indexer.model.outcome import Result
from indexer.model.past_run import PastRun
from indexer.model.plan import Plan
from indexer.render.paint import Paint
from indexer.render.past_runs import run_lines, runs_headline
from indexer.runs.files import plan_text
from indexer.runs.part import Part
from indexer.runs.past_runs import past_runs
from indexer.runs.undo import undo
from shared.builders import BUCKET, NOW, apply_to, plan_of, record, world_of
from shared.memory.stored import Crash
from shared.memory.world import World


@pytest.fixture
def world() -> World:
    """Two assets whose metadata and subject files are stale."""
    world = world_of(record("a", subject={"n": 1}), record("b", subject={"n": 2}))
    for prefix in ("a", "b"):
        world.put(BUCKET, f"{prefix}/subject.json", b"{}")
    return world


def apply(world: World, plan: Plan, folder: Path, minutes: int = 0, part: str = "") -> Result:
    asked = Part((Term("asset", part),)) if part else Part()
    return apply_to(world, plan, folder, at=NOW + timedelta(minutes=minutes), part=asked)


def only_run(place: Path) -> PastRun:
    (run,) = past_runs(place)
    return run


def told(run: PastRun) -> str:
    return "\n".join(run_lines(run, Paint(False)))


def test_a_run_that_is_done_and_how_to_take_it_back(world: World, tmp_path: Path) -> None:
    plan = plan_of(world)
    result = apply(world, plan, tmp_path / "plan.results" / "one")
    run = only_run(tmp_path)
    assert (run.state, run.runs, run.taken_back, run.damaged) == ("done", 1, "no", ())
    assert (run.plan_id, run.run_id, run.started_at) == (plan.plan_id, result.run_id, NOW)
    assert (run.summary, run.actions, run.to_do) == ({"applied": len(plan.actions)}, len(plan.actions), 0)
    assert run.undo == f"indexer undo {tmp_path}/plan.results/one --out undo.json"
    assert told(run).splitlines()[0] == f"2026-01-15 12:00  {tmp_path}/plan.results/one  done"
    assert told(run).endswith(f"→ {run.undo}")


def test_newest_first_wherever_they_lie(world: World, tmp_path: Path) -> None:
    """Beside plans here, beside plans in `plans`, in folders of their own; nothing else is looked into."""
    places = ["plan.results/b", "plans/nightly.results/c", "own", "plans/own", "elsewhere/x.results/d"]
    for minutes, name in enumerate(places):
        apply(world, plan_of(world, plan_id=f"plan-{minutes}"), tmp_path / name, minutes)
    apply(world, plan_of(world, plan_id="deep"), tmp_path / "elsewhere" / "deep" / "x.results" / "e", 9)
    (tmp_path / "link").symlink_to(tmp_path / "own")
    found = [run.place.removeprefix(f"{tmp_path}/") for run in past_runs(tmp_path)]
    assert found == [name for name in reversed(places) if name != "plans/own"]
    assert [run.place for run in past_runs(tmp_path / "plans" / "own")] == [str(tmp_path / "plans" / "own")]


def test_a_plan_stands_for_its_runs(world: World, tmp_path: Path) -> None:
    plan = plan_of(world)
    (tmp_path / "some.json").write_text(plan_text(plan), encoding="utf-8")
    apply(world, plan, tmp_path / "some.results" / "one")
    apply(world, plan, tmp_path / "other.results" / "two")
    for typed in (
        tmp_path / "some.json",
        tmp_path / "some.results",
        tmp_path / "some.results" / "one" / "result.json",
    ):
        assert only_run(typed).place == str(tmp_path / "some.results" / "one")


def test_what_is_stale_is_named(world: World, tmp_path: Path) -> None:
    """With why, and where; the rest is counted."""
    plan = plan_of(world)
    world.put(BUCKET, "a/subject.json", b'"edited"')
    apply(world, plan, tmp_path)
    run = only_run(tmp_path)
    assert run.state == "in-part"
    stale = [one for one in run.trouble if one.status == "stale"]
    assert [one.location for one in stale] == [f"s3://{BUCKET}/a"] * len(stale)
    assert f"stale {stale[0].action} of s3://{BUCKET}/a: " in told(run)
    assert "DONE IN PART" in told(run)


def test_a_part_says_how_much_is_still_to_do(world: World, tmp_path: Path) -> None:
    plan = plan_of(world)
    result = apply(world, plan, tmp_path, part="a")
    run = only_run(tmp_path)
    assert (run.state, run.to_do) == ("done", len(plan.actions) - len(result.outcomes))
    assert "of the plan not carried out yet" in told(run)


@pytest.mark.parametrize("dies", [0, 1])
def test_a_run_that_died(world: World, tmp_path: Path, dies: int) -> None:
    """Before or after a write; there is a way back where it may have written something."""
    plan = plan_of(world)
    world.crash_before = dies
    with pytest.raises(Crash):
        apply(world, plan, tmp_path)
    run = only_run(tmp_path)
    assert (run.state, run.runs, run.taken_back) == ("died", 1, "no")
    assert run.undo is not None
    assert "DIED" in told(run)
    world.heal()
    apply(world, plan, tmp_path, 1)
    run = only_run(tmp_path)
    assert (run.state, run.runs) == ("done", 2)
    assert "the last of 2 runs" in told(run)


def test_a_run_that_goes_on(world: World, tmp_path: Path) -> None:
    """It holds its folder's lock. It is not taken back while it runs."""
    world.crash_before = 1
    with pytest.raises(Crash):
        apply(world, plan_of(world), tmp_path)
    with DiskFolder(tmp_path).locked(LOCK_FILE, b"{}"):
        run = only_run(tmp_path)
    assert (run.state, run.undo) == ("running", None)
    assert "still running" in told(run)


def test_an_interrupted_run_is_done_in_part(world: World, tmp_path: Path) -> None:
    stop = Event()
    stop.set()
    apply_to(world, plan_of(world), tmp_path, stop=stop)
    run = only_run(tmp_path)
    assert (run.state, run.undo, set(run.summary)) == ("in-part", None, {"skipped"})


def test_a_run_that_was_taken_back_and_then_not(world: World, tmp_path: Path) -> None:
    """By an undo that was applied; in part by a part of it; no longer where that was taken back, or it was applied again."""
    plan = plan_of(world)
    one, two, three = (tmp_path / f"{name}.results" / "x" for name in ("plan", "undo", "redo"))
    apply(world, plan, one)
    back = undo(one, plan_id="back").plan
    apply(world, back, two, 1, part="a")
    first = past_runs(tmp_path)[-1]
    assert (first.taken_back, first.taken_back_by) == ("in-part", str(two))
    assert first.undo is not None
    apply(world, back, two, 2)
    undone, first = past_runs(tmp_path)
    assert (first.taken_back, first.undo) == ("yes", None)
    assert undone.undoes == first.run_id
    assert f"taken back by {two}" in told(first)
    apply(world, undo(two, plan_id="redo").plan, three, 3)
    _, undone, first = past_runs(tmp_path)
    assert (undone.taken_back, first.taken_back) == ("yes", "no")


def test_a_plan_that_is_applied_again_after_its_undo_stands(world: World, tmp_path: Path) -> None:
    plan = plan_of(world)
    apply(world, plan, tmp_path / "one")
    apply(world, undo(tmp_path / "one", plan_id="back").plan, tmp_path / "two", 1)
    apply(world, plan, tmp_path / "one", 2)
    assert [(run.place, run.taken_back) for run in past_runs(tmp_path)] == [
        (str(tmp_path / "one"), "no"),
        (str(tmp_path / "two"), "no"),
    ]


@pytest.mark.parametrize("harm", ["result", "plan", "journal", "all"])
def test_what_is_damaged_is_named_and_the_others_are_told(world: World, tmp_path: Path, harm: str) -> None:
    plan = plan_of(world)
    apply(world, plan, tmp_path / "bad")
    apply(world, plan, tmp_path / "good", 1)
    held = {"result": "result.json", "plan": "plan.json", "journal": "journal.jsonl"}
    for what, name in held.items():
        if harm in (what, "all"):
            text = (tmp_path / "bad" / name).read_text(encoding="utf-8")
            (tmp_path / "bad" / name).write_text(text.replace('"', "", 9), encoding="utf-8")
    good, bad = past_runs(tmp_path)
    assert (good.place, good.damaged) == (str(tmp_path / "good"), ())
    assert bad.place == str(tmp_path / "bad")
    assert bad.damaged
    assert "damaged " in told(bad)
    assert runs_headline((good, bad), "x").endswith("1 damaged.")
    json.loads(bad.model_dump_json())


def test_a_folder_that_nobody_may_read_is_named(world: World, tmp_path: Path) -> None:
    """Its files are another user's, or are links: they are not followed."""
    apply(world, plan_of(world), tmp_path / "p.results" / "bad")
    journal = tmp_path / "p.results" / "bad" / "journal.jsonl"
    shutil.move(journal, tmp_path / "journal")
    journal.symlink_to(tmp_path / "journal")
    run = only_run(tmp_path)
    assert (run.state, run.runs) == ("done", 1)
    assert any("journal" in one for one in run.damaged)


def test_no_runs_and_no_place(tmp_path: Path) -> None:
    assert past_runs(tmp_path) == ()
    assert runs_headline((), "here") == "No run of apply is kept in here."
    with pytest.raises(IndexerError, match="cannot be looked into"):
        past_runs(tmp_path / "nowhere")
