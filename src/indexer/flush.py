"""One flush for all who wait for one: what several threads have written gets to disk at the price of one of them."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock


class SharedFlush:
    """Lets threads wait until what they wrote is on disk. Safe for threads.

    One of them flushes for all that was written by then; those that come meanwhile have the next turn in common. Nobody
    returns before a flush that began after their own write has ended.
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._counting, self._turn = Lock(), Lock()
        self._written = self._flushed = 0
        self._lost: OSError | None = None

    def wrote(self) -> None:
        """There is something to flush."""
        with self._counting:
            self._written += 1

    def wait(self) -> None:
        """All that was written by now is on disk. Raises OSError, from then on for ever.

        After a failure the system may call the next flush good, although what it should have written is gone.
        """
        wanted = self._written
        with self._turn:
            if self._lost is not None:
                raise self._lost
            if self._flushed >= wanted:
                return
            reached = self._written  # before the flush: what is written during it may not be part of it
            try:
                self._flush()
            except OSError as exc:
                self._lost = exc
                raise
            self._flushed = reached
