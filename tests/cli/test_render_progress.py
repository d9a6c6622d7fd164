"""How far it is, where nobody looks at a moving bar."""

from __future__ import annotations

from typing import Any

from indexer.render.progress import LineProgress


def test_a_line_for_each_stage_and_one_every_two_seconds() -> None:
    """Never more, however many steps there are."""
    now, told = 0.0, []

    def tell(line: str, _: dict[str, Any]) -> None:
        told.append(line)

    progress = LineProgress(tell, "actions", clock=lambda: now)
    progress.stage("planning bucket", 1000)
    for step in range(1000):
        now = step / 200
        progress.advance(found=2)
    assert told == [
        "planning bucket: 1,000",
        "planning bucket: 401 of 1,000, 802 actions",
        "planning bucket: 801 of 1,000, 1,602 actions",
    ]


def test_a_stage_of_unknown_length() -> None:
    """It tells what was read so far."""
    now, told = 0.0, []
    progress = LineProgress(lambda line, _: told.append(line), "actions", clock=lambda: now)
    progress.stage("reading records", None)
    now = 3.0
    progress.advance(500)
    assert told == ["reading records", "reading records: 500"]
