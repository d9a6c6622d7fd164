"""The quick part of the explorer: each world × each point × each way to fail there; `make explore` goes further."""

from __future__ import annotations

import random

import pytest

from explore.actors import STEPS
from explore.play import play
from explore.schedule import Event, Schedule, parse
from explore.space import Blocks, draw, of_others, of_ours, pairs, points, singles
from explore.worlds import WORLDS

LEFT_FOR_LONGER = (
    "power",
    "torn",
    "full",
    "purged",
    "ignoring",
    "retried",
    "refused",
    "lags",
    "partial",
    "hides",
)


def fails_at_each_point(world: str) -> list[Schedule]:
    """Dies, fails, or loses its answer: at each point of a run, and every other time it is taken back."""
    events = of_ours(world, "again", "apply", without=LEFT_FOR_LONGER)
    return [Schedule(world, (event,), "undo" if at % 2 else "again") for at, event in enumerate(events)]


@pytest.mark.parametrize("world", WORLDS)
def test_nothing_is_lost_wherever_a_run_fails(world: str) -> None:
    """Every write is accounted for, and the world comes into step."""
    shown = [(str(one), *map(str, play(one).problems)) for one in fails_at_each_point(world)]
    assert [one for one in shown if len(one) > 1] == []


@pytest.mark.parametrize("kind", [singles, pairs])
def test_a_sample_of_all_schedules_shows_nothing(kind: Blocks) -> None:
    """Other people, power cuts, torn lines, full disks, second runs."""
    rng = random.Random(7)
    schedules = [draw(rng, kind) for _ in range(150)]
    shown = [(str(one), *map(str, play(one).problems)) for one in schedules]
    assert [one for one in shown if len(one) > 1] == []


def test_a_schedule_is_played_the_same_each_time() -> None:
    """Else no counterexample could be shown twice, nor shrunk."""
    one = Schedule("everything", (Event("apply", 9, "runs", "overlap"), Event("second", 7, "yields")), "undo")
    assert play(one).passed == play(one).passed


def test_a_schedule_is_read_as_it_is_printed() -> None:
    """So that it can be pasted into a test."""
    events = (Event("apply", 3, "acts", "curator-edits"), Event("undo", 5, "dies"))
    assert parse(str(Schedule("adopted", events, "undo"))) == Schedule("adopted", events, "undo")


def test_each_step_of_somebody_else_is_taken_somewhere() -> None:
    """A step that changes nothing in any world would test nothing."""
    taken = {event.what for world in WORLDS for event in of_others(world, "again", "apply")}
    assert set(STEPS) <= taken


def test_each_kind_of_step_of_ours_is_a_point() -> None:
    """Requests, lines of the journal, before-images and files."""
    names = {name for world in WORLDS for _, _, name in points(world, "undo")}
    assert {
        "line",
        "archive.keep",
        "file.plan.json",
        "file.result.json",
        "objects.put",
        "records.write",
    } <= names
