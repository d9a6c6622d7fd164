"""Schedules that once showed a fault, each as `make explore` printed it."""

from __future__ import annotations

import pytest

from explore.play import play
from explore.schedule import parse

SCHEDULES = {
    "an undo of a record that a curator changes just then": "adopted-in-our-bytes: undo@14 acts curator-edits-with-a-date; undo",
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES.keys())
def test_what_was_found_once_stays_mended(schedule: str) -> None:
    """The schedule, played again, shows nothing."""
    assert list(map(str, play(parse(schedule)).problems)) == []
