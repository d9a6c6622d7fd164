"""The time of a write is never earlier than the one it replaces, nor the same: other programs poll on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.model.stamps import next_stamp
from indexer.model.values import read_time
from shared.builders import at

NOW = at(2026, 11, 26, 11)
STAMP = "2026-11-26T11:00:00.000000Z"


@pytest.mark.parametrize(
    ("replaced", "stamp"),
    [
        (None, STAMP),
        ("", STAMP),
        ("yesterday", STAMP),
        (7, STAMP),
        ({"$date": 1}, STAMP),
        (at(2026, 11, 26, 10), STAMP),
        ("2026-11-26T10:59:59.999999999Z", STAMP),
        ("2026-11-26T12:30:00+02:00", STAMP),
        (NOW, "2026-11-26T11:00:00.000001Z"),
        ("2026-11-26T11:00:00Z", "2026-11-26T11:00:01.000000Z"),
        ("2026-11-26T11:00:00.5Z", "2026-11-26T11:00:01.000000Z"),
        ("2026-11-26T11:00:00.500000Z", "2026-11-26T11:00:00.500001Z"),
        ("2026-11-26T11:00:00+00:00", "2026-11-26T11:00:00.000001Z"),
        ("2026-11-26T11:00:00", "2026-11-26T11:00:00.000001Z"),
        ("2026-11-26T10:00:00-02:00", "2026-11-26T12:00:00.000001Z"),
        (datetime(2027, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), "2027-01-01T00:00:00.000001Z"),
        (datetime(2027, 1, 1), "2027-01-01T00:00:00.000001Z"),
        ("2027-01-01T00:00:00.123456999Z", "2027-01-01T00:00:00.123457Z"),
        ("9999-12-31T23:59:59.999999Z", STAMP),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000001Z"),
    ],
)
def test_a_stamp_is_later_than_the_one_it_replaces(replaced: object, stamp: str) -> None:
    """As instants; what cannot be read, or has no instant after it, is replaced by the time that it is."""
    assert next_stamp(NOW, replaced) == stamp


def test_a_stamp_of_the_same_second_is_later_as_a_text() -> None:
    """A database that is asked for what was modified since compares texts, in which "Z" is behind all fractions."""
    replaced = "2026-11-26T11:00:00Z"
    assert next_stamp(NOW + timedelta(milliseconds=300), replaced) == "2026-11-26T11:00:01.000000Z" > replaced
    assert next_stamp(NOW + timedelta(seconds=1), replaced) == "2026-11-26T11:00:01.000000Z"


def test_a_chain_of_stamps_only_grows() -> None:
    """Though the clock stands still, or goes back."""
    stamp = next_stamp(NOW, None)
    for hours in (0, 0, -5, 1, 0):
        before, stamp = stamp, next_stamp(NOW + timedelta(hours=hours), stamp)
        assert (read_time(stamp) or datetime.min.replace(tzinfo=UTC)) > (read_time(before) or NOW)


TIMES = st.datetimes(datetime(1000, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC))


@given(TIMES, st.one_of(st.none(), TIMES), st.integers(0, 999))
def test_a_run_leaves_its_mark_and_is_still_later(
    now: datetime, replaced: datetime | None, mark: int
) -> None:
    """Two runs that replace the same time, or write in the same millisecond, do not take each other's write for their own."""
    text = None if replaced is None else replaced.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    stamp = next_stamp(now, text, mark)
    written = read_time(stamp)
    assert written is not None
    if text is not None and replaced is not None and replaced >= now and stamp[:19] == text[:19]:
        assert written - replaced == timedelta(microseconds=1 + mark)
    assert written >= now
    assert text is None or replaced is None or (stamp > text and written > replaced)
