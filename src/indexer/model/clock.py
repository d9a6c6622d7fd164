"""Is this machine's clock right? Compared with those of the systems: a lookback and the times of writes rest on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

CLOCK_LIMIT = timedelta(minutes=5)
"""By so much a clock may be off: answers take seconds, and no lookback is as short as this."""
CLOCK_WRONG = "This machine's clock is wrong"
CLOCK_HINT = "Set the machine's clock (NTP)."


def clock_off(now: datetime, told: Mapping[str, datetime | None]) -> str:
    """Words for how far `now` is from what each system tells; empty where it is right, or nobody tells."""
    return ", ".join(
        f"{_shown(abs(now - at))} {'ahead of' if now > at else 'behind'} {system}'s"
        for system, at in told.items()
        if at is not None and abs(now - at) > CLOCK_LIMIT
    )


def _shown(off: timedelta) -> str:
    """The two largest units: nobody needs a day's seconds."""
    minutes, seconds = divmod(int(off.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = (("d", days), ("h", hours), ("min", minutes), ("s", seconds))
    first = next(at for at, (_, amount) in enumerate(units) if amount)
    return " ".join(f"{amount} {unit}" for unit, amount in units[first : first + 2])
