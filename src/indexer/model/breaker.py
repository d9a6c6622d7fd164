"""When to stop asking a system that no longer answers: each failure has cost its timeouts and retries already."""

from __future__ import annotations

from collections import Counter
from threading import Lock

from indexer.errors import OutageError, SystemFaultError
from indexer.model.snapshot import SystemName

FAILURES_IN_A_ROW: dict[SystemName, int] = {"s3": 32, "docdb": 8, "codeocean": 8}
"""So many requests may fail one after the other. S3 is asked many things at a time, and one bad minute fails all that are
in flight; a request to DocDB is for a whole batch, and is given up only after a minute of trying."""


class Breaker:
    """Counts each system's outages in a row. Safe for threads.

    Only an outage counts: what a system refuses (403, an archived object) is about that one thing, and shows that the
    system answers. A request counts once, however many assets it was for.
    """

    def __init__(self) -> None:
        self._in_a_row: Counter[SystemName] = Counter()
        self._lock = Lock()

    def note(self, system: SystemName, fault: SystemFaultError | None) -> None:
        """One more request has come to its end; `fault`: how it failed."""
        # Any other fault starts the count anew: a refusal is an answer, so the system is there (decision 30).
        with self._lock:
            self._in_a_row[system] = self._in_a_row[system] + 1 if isinstance(fault, OutageError) else 0

    def against(self, system: SystemName) -> str:
        """Why the system is not worth another request; empty where it is."""
        limit = FAILURES_IN_A_ROW[system]
        return f"not tried, after {limit} failed requests in a row" if self._in_a_row[system] >= limit else ""
