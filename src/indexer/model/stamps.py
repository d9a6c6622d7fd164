"""The time that a write leaves in a record."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from indexer.model.values import read_time, time_stamp


def next_stamp(now: datetime, replaced: object, mark: int = 0) -> str:
    """The time of a write, as records hold it: later than the one it replaces, however wrong this machine's clock is.

    Later as a text too, where that one ends in "Z": who polls asks the database, which compares texts.
    `replaced`: text, a BSON datetime, or what is no time and so cannot be replaced by an earlier one. `mark`: so many microseconds
    more where the clock says nothing new: a write is known by its time, and two runs must not come to the same one.
    """
    at, before = now, read_time(replaced)
    with suppress(OverflowError):  # the last instant that there is has none after it
        if before is not None and before >= now:
            at = before + timedelta(microseconds=1 + mark)
        if before is not None and str(replaced).endswith("Z") and time_stamp(at) <= str(replaced):
            at = at.replace(microsecond=mark) + timedelta(seconds=1)  # "00Z" sorts behind "00.5Z"
    return time_stamp(at)
