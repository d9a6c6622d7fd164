"""Is this machine's clock right? Words where it is not."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from indexer.model.clock import CLOCK_LIMIT, clock_off
from shared.builders import at

NOW = at(2026, 11, 26, 11)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, ""),
        ({"S3": None, "DocDB": None}, ""),
        ({"S3": NOW, "DocDB": NOW + CLOCK_LIMIT}, ""),
        ({"S3": NOW - timedelta(minutes=5, seconds=1)}, "5 min 1 s ahead of S3's"),
        ({"S3": None, "DocDB": NOW + timedelta(days=366)}, "366 d 0 h behind DocDB's"),
        (
            {"S3": NOW - timedelta(hours=2), "DocDB": NOW - timedelta(hours=2, minutes=1, seconds=3)},
            "2 h 0 min ahead of S3's, 2 h 1 min ahead of DocDB's",
        ),
    ],
)
def test_a_clock_that_is_off_is_said(told: dict[str, datetime | None], words: str) -> None:
    assert clock_off(NOW, told) == words
