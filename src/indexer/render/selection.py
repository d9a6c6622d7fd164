"""The part of a plan or a result that is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from indexer.model.action import Action
from indexer.model.location import matches_any
from indexer.model.outcome import Outcome, Result
from indexer.model.plan import Finding, Plan


@dataclass(frozen=True, slots=True)
class Selection:
    """Filters; an empty one lets everything pass."""

    assets: tuple[str, ...] = ()
    """Globs that an asset's prefix, or its whole location, must match."""
    kinds: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.assets or self.kinds or self.reasons)

    def takes(self, action: Action) -> bool:
        """Is the action asked for?"""
        return (
            (not self.kinds or action.kind in self.kinds)
            and (not self.reasons or action.reason in self.reasons)
            and self._takes_location(action.location)
        )

    def takes_finding(self, finding: Finding) -> bool:
        """Is the finding asked for? It has no kind of action and no reason."""
        return not self.kinds and not self.reasons and self._takes_location(finding.location)

    def _takes_location(self, location: str | None) -> bool:
        return not self.assets or matches_any(location, self.assets)


def select_plan(plan: Plan, selection: Selection) -> Plan:
    """The same plan with what is asked for, counted anew. It is for reading: it cannot be applied."""
    if not selection:
        return plan
    actions = tuple(filter(selection.takes, plan.actions))
    withheld = tuple(one for one in plan.withheld if selection.takes(one.action))
    findings = tuple(filter(selection.takes_finding, plan.findings))
    counts = {
        "actions": _count(action.kind for action in actions),
        "reasons": _count(action.reason for action in actions),
        "findings": _count(finding.kind for finding in findings),
        "withheld": len(withheld),
    }
    return plan.model_copy(
        update={
            "actions": actions,
            "withheld": withheld,
            "findings": findings,
            "summary": plan.summary.model_copy(update=counts),
        }
    )


def select_result(result: Result, actions: Mapping[str, Action], selection: Selection) -> Result:
    """The same result with the outcomes of the actions that are asked for, counted anew."""
    if not selection:
        return result

    def takes(outcome: Outcome) -> bool:
        action = actions.get(outcome.action_id)
        return action is not None and selection.takes(action)

    outcomes = tuple(filter(takes, result.outcomes))
    return result.model_copy(update={"outcomes": outcomes, "summary": _count(one.status for one in outcomes)})


def _count(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
