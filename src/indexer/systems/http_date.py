"""A date in a header, which a server, or whatever is in between, may have written."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def http_date(text: str) -> datetime | None:
    """The time that it says, None where it says none."""
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):  # the last for figures that no time holds
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
