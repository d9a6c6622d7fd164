"""From a result back to the plan that it carried out: its outcomes name actions by their ids only."""

from __future__ import annotations

from pathlib import Path

from indexer.applier.journal import PLAN_FILE
from indexer.errors import IndexerError, UsageError
from indexer.model.outcome import Result
from indexer.model.plan import Plan
from indexer.runs.files import load_plan


def plan_of(result: Result, path: Path, *, needed: bool = False) -> Plan | None:
    """The plan that `apply` left beside the result in `path`; None where it is not there.

    Raises UsageError instead where it is needed.
    """
    beside = path.parent / PLAN_FILE
    try:
        plan, _ = load_plan(beside)
    except IndexerError:
        plan = None
    if plan is not None and plan.plan_id == result.plan_id:
        return plan
    if not needed:
        return None
    raise UsageError(
        "The plan of this result is not at hand, and filters need it",
        f"{beside} is not plan {result.plan_id}",
        "Show the result without --asset, --action and --reason, or restore the run's folder.",
    )
