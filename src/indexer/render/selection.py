"""The part of a plan or a result that is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from indexer.model.action import Action
from indexer.model.choosing import Facet, Term, bucket_at, takes_all
from indexer.model.kinds import effect, system_of
from indexer.model.location import matches_any
from indexer.model.outcome import Outcome, Result
from indexer.model.plan import Finding, Plan, Withheld
from indexer.render.words import details, loss_words, target

PLANNED, WITHHELD = "planned", "withheld"
IN_PLANS = (PLANNED, WITHHELD)
"""What there is to ask for as the status of a plan's action."""
OF_FINDINGS: frozenset[Facet] = frozenset({"asset", "bucket"})
"""A finding has neither a reason nor a kind."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Filters; an empty one lets everything pass."""

    terms: tuple[Term, ...] = ()
    """Words on one thing are alternatives, those on several narrow each other."""
    statuses: tuple[str, ...] = ()
    """Of outcomes, or one of `IN_PLANS`."""
    grep: tuple[str, ...] = ()
    """Words, all of which must be somewhere in what is shown of it; case does not count."""
    findings: bool = False
    """Nothing but findings."""

    def __bool__(self) -> bool:
        return bool(self.terms or self.statuses or self.grep or self.findings)

    def takes(self, action: Action, status: str = PLANNED, said: str = "") -> bool:
        """Is the action asked for? `status`: what came, or comes, of it. `said`: what is said of that."""
        return (
            not self.findings
            and (not self.statuses or status in self.statuses)
            and takes_all(self.terms, action)
            and (not self.grep or self._holds(_shown(action, status, said)))
        )

    def takes_finding(self, finding: Finding) -> bool:
        """Is the finding asked for? It has no kind of action, no reason and no status."""
        if self.statuses or any(term.facet not in OF_FINDINGS for term in self.terms):
            return False
        location = finding.location
        for facet, fits in (
            ("asset", lambda value: matches_any(location, (value,))),
            ("bucket", lambda value: bucket_at(location) == value),
        ):
            wanted = [term.value for term in self.terms if term.facet == facet]
            if wanted and not any(map(fits, wanted)):
                return False
        return self._holds("\n".join((finding.kind, location or "", finding.detail)))

    def _holds(self, text: str) -> bool:
        lowered = text.lower()
        return all(word.lower() in lowered for word in self.grep)

    def each(self) -> Iterator[tuple[str, Selection]]:
        """Each of its words alone, as it is typed."""
        for term in self.terms:
            yield f"--{term.facet} {term.value}", Selection(terms=(term,))
        for status in self.statuses:
            yield f"--status {status}", Selection(statuses=(status,))
        for word in self.grep:
            yield f"--grep {word}", Selection(grep=(word,))
        if self.findings:
            yield "--findings", Selection(findings=True)


def _shown(action: Action, status: str, said: str) -> str:
    """What the search of the HTML report looks at."""
    changes = chain.from_iterable((one.path, one.before, one.after) for one in action.changes)
    words = (
        *(action.location, action.id, target(action), details(action), action.kind, effect(action)),
        loss_words(action),
        *(system_of(action), status, said, *changes),
    )
    return "\n".join(filter(None, words))


def select_plan(plan: Plan, selection: Selection) -> Plan:
    """The same plan with what is asked for, counted anew. It is for reading: it cannot be applied."""
    if not selection:
        return plan
    actions = tuple(filter(selection.takes, plan.actions))
    withheld = tuple(one for one in plan.withheld if _takes_withheld(selection, one))
    findings = tuple(filter(selection.takes_finding, plan.findings))
    # Where each finding passes, those that are only counted do, too.
    counted = plan.summary.findings if selection == Selection(findings=True) else None
    counts = {
        "actions": _count(action.kind for action in actions),
        "reasons": _count(action.reason for action in actions),
        "findings": _count(finding.kind for finding in findings) if counted is None else counted,
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


def _takes_withheld(selection: Selection, one: Withheld) -> bool:
    return selection.takes(one.action, WITHHELD, f"{one.policy}: {one.detail}")


def select_result(result: Result, actions: Mapping[str, Action], selection: Selection) -> Result:
    """The same result with the outcomes of the actions that are asked for, counted anew."""
    if not selection:
        return result
    outcomes = tuple(one for one in result.outcomes if _takes_outcome(selection, one, actions))
    return result.model_copy(update={"outcomes": outcomes, "summary": _count(one.status for one in outcomes)})


def _takes_outcome(selection: Selection, outcome: Outcome, actions: Mapping[str, Action]) -> bool:
    action = actions.get(outcome.action_id)
    if action is not None:
        return selection.takes(action, outcome.status, outcome.detail)
    # Without its plan a result still tells what came of each.
    return selection == Selection(statuses=selection.statuses) and outcome.status in selection.statuses


def in_vain(selection: Selection, finds: Callable[[Selection], bool]) -> tuple[str, ...]:
    """Which of the words nothing passes, each by itself. `finds`: does anything pass a selection?"""
    return tuple(typed for typed, alone in selection.each() if not finds(alone))


def _count(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
