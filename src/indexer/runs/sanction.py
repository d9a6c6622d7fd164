"""May this plan be carried out now? Asked before anything is opened: who said so is recorded with what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from indexer.applier.history import RESULT_FILE, read_history
from indexer.config_approvals import ApprovalSettings
from indexer.disk import DiskFolder
from indexer.errors import RefusedError
from indexer.model.action import Action
from indexer.model.approvals import AcceptedApproval
from indexer.model.place import Place
from indexer.model.plan import Plan
from indexer.runs.approvals import approvals_of, approvals_place, not_approved
from indexer.runs.loading import PlanFile, load_result
from indexer.runs.run_folder import finished_run
from indexer.runs.undo import undo

OWN_UNDO = "an undo of the applier's own last run"


@dataclass(frozen=True, slots=True)
class Sanction:
    """By whose word a run writes: it goes into journal and result."""

    approvals: tuple[AcceptedApproval, ...] = ()
    applied_by: str | None = None
    """Who applies, by the word of their own configuration."""
    waived: str | None = None
    """Why it needed no approval, where the configuration demands some."""

    def told(self) -> Mapping[str, Any]:
        """As a journal has it: nothing where nobody was asked."""
        told = {
            "applied_by": self.applied_by,
            "approvals": [one.model_dump(mode="json", exclude_none=True) for one in self.approvals],
            "approvals_waived": self.waived,
        }
        return {name: value for name, value in told.items() if value}


NOBODY_ASKED = Sanction()


def sanctioned(
    reviewed: PlanFile,
    actions: Sequence[Action],
    place: Place | None,
    undone: Place | None,
    settings: ApprovalSettings | None,
    now: datetime,
) -> Sanction:
    """By whose word these actions are carried out. Raises RefusedError where too few people approve them.

    `place`: of the approvals, where it is not beside the plan. `undone`: the folder of the run that an undo takes back, by the
    word of who applies.
    """
    if settings is None:
        return NOBODY_ASKED
    place = place or approvals_place(reviewed.place)
    found = approvals_of(reviewed, actions, place, settings, now)
    waived = None
    if settings.required and not found.enough:
        if not _is_own_undo(reviewed.plan, undone, settings):
            raise not_approved(found, place, str(reviewed.place or "PLAN"))
        waived = OWN_UNDO
    return Sanction(found.accepted, settings.applier, waived)


def _is_own_undo(plan: Plan, undone: Place | None, settings: ApprovalSettings) -> bool:
    """Does it take back the last run in a folder, whose applier is the one here, and is it exactly what undo plans?

    It rests on that folder, which nobody has signed: whoever applies must name it, and it must be theirs. A folder that the
    plan alone names may have come with it. Raises IndexerError where it cannot be read.
    """
    if not settings.undo_by_applier or settings.applier is None or undone is None or plan.undoes is None:
        return False
    _check_ours(undone)
    planned = undo(undone, plan_id=plan.plan_id).plan
    result = load_result(undone / RESULT_FILE)
    runs = read_history(finished_run(undone), result.plan_id, result).runs
    return (
        result.applied_by == settings.applier
        and (result.run_id, runs[-1:]) == (plan.undoes, (plan.undoes,))
        # Not by its word that it is one: a plan of deletions can call itself an undo.
        and planned.actions == plan.actions
    )


def _check_ours(place: Place) -> None:
    if isinstance(place, Path):
        try:
            DiskFolder(place.resolve()).check_ours()
        except OSError as exc:
            hint = "Have the undo approved: `indexer approve`."
            raise RefusedError("The run's folder is not ours", f"{place}: {exc.strerror}", hint) from exc
