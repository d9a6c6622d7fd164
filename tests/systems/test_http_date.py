"""A header's date is read, or is none: whatever stands there, it is no fault of ours."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from indexer.systems.http_date import http_date

NONE = (
    "",
    "lately",
    "Wed, 01 May 99999 12:00:00 GMT",
    "Wed, 01 May 2024 12:00:00 +9999",
    "Wed, 01 May 2024 12:00:00 +99999999999999999999",
    "Wed, 01 May 2024 99999999999999999999:00:00 GMT",
)


@pytest.mark.parametrize("zone", ["GMT", "-0000", "+0000", ""])
def test_a_date_is_a_time(zone: str) -> None:
    """One whose zone is not told is Greenwich's, as HTTP wants it."""
    assert http_date(f"Wed, 01 May 2024 12:00:00 {zone}") == datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_date_is_none(text: str) -> None:
    assert http_date(text) is None
