"""A checkup as text: each check on one line, with what to do, and the whole in one sentence."""

from __future__ import annotations

from indexer.model.check import CHECK_NAMES, CHECK_STATUSES, Check, CheckStatus, Checkup
from indexer.render.paint import Paint
from indexer.render.safe import safe
from indexer.render.words import counted

STYLES: dict[CheckStatus, str] = {"ok": "green", "warning": "yellow", "error": "alarm", "not-tried": "dim"}
STATUS_WIDTH = max(map(len, CHECK_STATUSES))
NAME_WIDTH = max(map(len, CHECK_NAMES))
"""Fixed, since each line is printed as soon as its check is made."""
FOUND_AT = STATUS_WIDTH + NAME_WIDTH + 4
"""What is found begins there."""


def check_line(check: Check, paint: Paint) -> str:
    """One check: how it is, what was looked at, what was found, and what to do."""
    status = paint(check.status, STYLES[check.status]) + " " * (STATUS_WIDTH - len(check.status))
    found = ": ".join(safe(part) for part in (check.about, check.detail) if part)
    to_do = f" → {safe(check.hint)}" if check.hint else ""
    return f"{status}  {check.name:<{NAME_WIDTH}}  {found}{to_do}"


def checkup_headline(checkup: Checkup) -> str:
    """How it is, in one sentence."""
    counts = checkup.counts
    parts = [counted(counts["error"], "error"), counted(counts["warning"], "warning"), f"{counts['ok']:,} ok"]
    if counts["not-tried"]:
        parts.append(f"{counts['not-tried']:,} not tried")
    verdict = "A run would fail" if counts["error"] else "A run has what it needs"
    return f"{verdict}: {', '.join(parts)}."
