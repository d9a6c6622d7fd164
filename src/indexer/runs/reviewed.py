"""From a result back to the plan that it carried out: its outcomes name actions by their ids only."""

from __future__ import annotations

from indexer.applier.history import PLAN_FILE
from indexer.errors import IndexerError, SystemFaultError, UsageError
from indexer.model.outcome import Result
from indexer.model.place import Place
from indexer.model.plan import Plan
from indexer.runs.loading import load_plan


def plan_beside(path: Place) -> Plan:
    """The plan that `apply` left in the folder of `path`. Raises IndexerError."""
    return load_plan(path.parent / PLAN_FILE).plan


def plan_of(result: Result, path: Place) -> Plan | None:
    """The plan that `apply` left beside the result in `path`; None where it is not there."""
    try:
        plan = plan_beside(path)
    except SystemFaultError:  # in S3, and unread is not absent
        raise
    except IndexerError:
        return None
    return plan if plan.plan_id == result.plan_id else None


def needed_plan_of(result: Result, path: Place) -> Plan:
    """The plan that `apply` left beside the result. Raises UsageError where it is not there."""
    plan = plan_of(result, path)
    if plan is None:
        raise UsageError(
            "The plan of this result is not at hand",
            f"{path.parent / PLAN_FILE} is not plan {result.plan_id}",
            "Restore the run's folder as `apply` left it.",
        )
    return plan
