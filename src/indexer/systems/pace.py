"""How many requests are in flight at once: more while nobody minds, fewer when latency or the server says so.

Additive increase, multiplicative decrease, as TCP does it (Chiu and Jain, 1989); latency as a signal after TCP Vegas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from time import monotonic

from indexer.errors import UsageError

START, LEAST, STEP, MOST = 16, 4, 8, 96
"""At first, at least, more with each window, and at most: two clients keep as many connections each, and some systems let a
process have 256 files open."""
BACK_OFF = 0.5
"""What is left of the limit after a SlowDown."""
EASE_OFF = 0.85
"""What is left of it where requests have become slow."""
SLOW = 2.0
"""Times the quickest window's latency."""
DRIFT = 1.02
"""By this much the quickest latency is forgotten with each window: networks change."""


def at_most(parallel: int | None) -> int:
    """How many requests may ever be in flight; None: as many as is good. Raises UsageError for less than one."""
    if parallel is not None and parallel < 1:
        raise UsageError("There must be a request at a time", f"parallel is {parallel}", "Say 1 or more.")
    return MOST if parallel is None else parallel


class Pace:
    """A limit on requests in flight that all buckets of a run share. Safe for threads."""

    def __init__(self, most: int, *, adapts: bool, clock: Callable[[], float] = monotonic) -> None:
        self.limit = min(START, most) if adapts else most
        self._most, self._adapts, self._clock = most, adapts, clock
        self._free = Condition()
        self._in_flight = self._done = 0
        self._latency_s = 0.0
        self._quickest_s = float("inf")
        self._slowed = False

    @contextmanager
    def request(self) -> Iterator[None]:
        """One request: waits for its turn, and is timed."""
        with self._free:
            while self._in_flight >= self.limit:
                self._free.wait()
            self._in_flight += 1
        started = self._clock()
        try:
            yield
        finally:
            with self._free:
                self._in_flight -= 1
                self._note(self._clock() - started)
                self._free.notify()

    def slowed(self) -> None:
        """The server asked for less: the limit is halved, once for all that are in flight."""
        with self._free:
            # Once in a window: all that are in flight hear it together, and would bring the limit down to its least.
            if self._adapts and not self._slowed:
                self._slowed = True
                self.limit = max(LEAST, int(self.limit * BACK_OFF))
                self._done, self._latency_s = 0, 0.0

    def _note(self, latency_s: float) -> None:
        """After a window of as many requests as may be in flight, a new limit."""
        if not self._adapts:
            return
        self._done += 1
        self._latency_s += latency_s
        if self._done < self.limit:
            return
        mean_s = self._latency_s / self._done
        self._quickest_s = min(self._quickest_s * DRIFT, mean_s)
        # The window in which S3 asked for less has had its change; its latencies say nothing of the new limit.
        if not self._slowed:
            slow = mean_s > SLOW * self._quickest_s
            limit = int(self.limit * EASE_OFF) if slow else self.limit + STEP
            self.limit = max(LEAST, min(self._most, limit))
            self._free.notify_all()
        self._done, self._latency_s, self._slowed = 0, 0.0, False
