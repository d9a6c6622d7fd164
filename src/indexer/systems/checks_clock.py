"""Does a system's clock say what this machine's says?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from indexer.errors import SystemFaultError
from indexer.model.check import Check, unknown
from indexer.model.clock import CLOCK_HINT, CLOCK_WRONG, clock_off


def clock_check(system: str, told: Callable[[], datetime | None]) -> Check:
    """One look at one system's clock."""
    try:
        at = told()
    except SystemFaultError as exc:
        return unknown("clock", system, exc)
    if at is None:
        return Check(
            name="clock", about=system, status="warning", detail="unknown: the server does not tell it"
        )
    words = clock_off(datetime.now(UTC), {system: at})
    if words:
        return Check(
            name="clock", about=system, status="error", detail=f"{CLOCK_WRONG}: {words}", hint=CLOCK_HINT
        )
    return Check(
        name="clock", about=system, status="ok", detail="this machine's and the system's are together"
    )
