"""How far it is, where nobody looks at a moving bar."""

from __future__ import annotations

from typing import Any

from indexer.model.event import StageProgress, StageStarted
from indexer.model.run_event import RunEvent, StageAdvanced, StageEnded
from indexer.render.progress import progress_lines
from shared.builders import NOW


def told_of(*events: RunEvent, timed: bool = False) -> list[tuple[str, dict[str, Any]]]:
    """The lines that these events are, and their figures."""
    told: list[tuple[str, dict[str, Any]]] = []
    listener = progress_lines(lambda line, figures: told.append((line, figures)), "actions", timed=timed)
    for event in events:
        listener(event)
    return told


def test_a_line_for_each_stage_and_some_within_it() -> None:
    """A step alone is none; figures are the same for a program."""
    told = told_of(
        StageStarted(at=NOW, stage="planning bucket", total=1000),
        StageAdvanced(400, 1000, 800),
        StageProgress(at=NOW, stage="planning bucket", done=401, total=1000, found=802),
        StageProgress(at=NOW, stage="planning bucket", done=801, total=1000, found=1602),
        StageEnded("planning bucket", 1000, 1000, 2000, 5.0),
    )
    assert [line for line, _ in told] == [
        "planning bucket: 1,000",
        "planning bucket: 401 of 1,000, 802 actions",
        "planning bucket: 801 of 1,000, 1,602 actions",
    ]
    assert told[0][1] == {"stage": "planning bucket", "done": 0, "total": 1000, "found": 0}
    assert told[2][1] == {"stage": "planning bucket", "done": 801, "total": 1000, "found": 1602}


def test_a_stage_of_unknown_length() -> None:
    """It tells what was read so far."""
    told = told_of(
        StageStarted(at=NOW, stage="reading records"),
        StageProgress(at=NOW, stage="reading records", done=500, found=0),
    )
    assert [line for line, _ in told] == ["reading records", "reading records: 500"]


def test_the_time_that_a_stage_took() -> None:
    """Only where it is asked for."""
    ended = StageEnded("reading records", 1500, None, 0, 1.23456)
    assert told_of(ended) == []
    ((line, figures),) = told_of(ended, timed=True)
    assert line == "reading records: 1,500 in 1.2 s"
    assert figures["took_s"] == 1.235
