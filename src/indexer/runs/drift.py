"""The gate on one plan: rules as they stand in a file, and the day they are held against."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from indexer.model.approvals import Approvals
from indexer.model.drift import ExpectedDrift, Verdict
from indexer.model.plan import Plan
from indexer.planner.gate import judge
from indexer.runs.expected import ExpectedFile, load_expected


def drift(
    plan: Plan,
    expected: ExpectedFile | Path | str | None = None,
    *,
    strict: bool = False,
    approvals: Approvals | None = None,
) -> Verdict:
    """Judge a plan by the rules of a file; without one all drift is unexpected. `strict`: findings fail too.

    `approvals`: what enough people approved is expected.

    Raises UsageError for rules that cannot be used.
    """
    if expected is None:
        expected = ExpectedFile(ExpectedDrift())
    rules = expected if isinstance(expected, ExpectedFile) else load_expected(Path(expected))
    today = datetime.now(UTC).date()
    return judge(plan, rules.expected, today, strict=strict, lines=rules.lines, approvals=approvals)
