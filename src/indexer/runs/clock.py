"""A look at the systems' clocks, before anything rests on this machine's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from indexer.errors import IndexerError, SystemFaultError
from indexer.model.clock import CLOCK_HINT, CLOCK_WRONG, clock_off
from indexer.model.ports import Readers


def now() -> datetime:
    """The present, by this machine's clock."""
    return datetime.now(UTC)


def check_clock(
    readers: Readers,
    buckets: Sequence[str],
    hint: str = "",
    clock: Callable[[], datetime] = now,
) -> None:
    """Raise IndexerError where this machine's clock is not the systems'. One that does not answer tells nothing here."""
    told = {
        "DocDB": _told(readers.records.server_time),
        "S3": _told(lambda: readers.objects.server_time(buckets[0])) if buckets else None,
    }
    words = clock_off(clock(), told)
    if words:
        raise IndexerError(CLOCK_WRONG, words, f"{CLOCK_HINT} {hint}".strip())


def _told(ask: Callable[[], datetime | None]) -> datetime | None:
    with suppress(SystemFaultError):
        return ask()
    return None
