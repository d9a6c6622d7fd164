"""What is said of a run beside its progress: each outcome where that is asked for, and a line that sums it up."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable
from typing import Any

from indexer.cli.talk import Talk
from indexer.model.event import ActionSettled
from indexer.model.plan import Plan, Scope
from indexer.model.run_event import DriftJudged, PlanMade, PlanNamed, RunEnded, RunEvent


class RunLog:
    """Gathers what there is to tell of a run, and tells it when the exit status is known."""

    def __init__(self, talk: Talk, command: str) -> None:
        self._talk, self._command = talk, command
        self._facts: dict[str, Any] = {}
        self._outcomes: Counter[str] = Counter()

    def __call__(self, event: RunEvent) -> None:
        """Say it, or keep it for the end."""
        match event:
            case PlanNamed(plan_id=plan_id):
                self._talk.plan_id = plan_id  # every line names it
            case PlanMade(plan=plan):
                self._planned(plan)
            case DriftJudged(verdict=verdict):
                totals = verdict.totals
                self._facts |= {
                    "verdict": verdict.status,
                    "unexpected": totals.unexpected,
                    "expected": totals.expected,
                }
            case ActionSettled():
                self._settled(event)
            case RunEnded():
                self._sum_up(event)

    def _planned(self, plan: Plan) -> None:
        summary = plan.summary
        self._facts |= {
            "complete": summary.complete,
            "assets": summary.assets,
            "actions": summary.actions,
            "withheld": summary.withheld,
            "findings": summary.findings,
        }
        if plan.unmatched and summary.complete:
            self._talk.warn(_in_vain(plan))

    def _settled(self, event: ActionSettled) -> None:
        self._outcomes[event.status] += 1
        self._facts["outcomes"] = dict(sorted(self._outcomes.items()))
        why = f": {event.detail}" if event.detail else ""
        self._talk.detail(f"{event.status} {event.kind} of {event.location}{why}", status=event.status)

    def _sum_up(self, end: RunEnded) -> None:
        facts = "; ".join(f"{name}: {_words(value)}" for name, value in self._facts.items())
        after = f"{self._command} ended with status {end.exit_code} after {end.duration_s:.1f} s"
        self._talk.note(
            f"{after}{'; ' if facts else ''}{facts}",
            type="run-summary",
            command=self._command,
            exit_status=end.exit_code,
            duration_s=end.duration_s,
            **self._facts,
        )


def _words(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{count} {kind}" for kind, count in value.items()) or "none"
    return str(value)


def _in_vain(plan: Plan) -> str:
    """Which globs chose nothing, as they were typed."""
    scope = plan.scope
    if plan.summary.assets:
        return f"No asset matches {_typed(scope, plan.unmatched)}."
    wanted, but = _typed(scope, scope.assets), _typed(scope, scope.exclude)
    none = "No asset was looked at: none in scope"
    if not wanted:
        return f"{none} is left by {but}."
    return f"{none} matches {wanted}{f' and is left by {but}' if but else ''}."


def _typed(scope: Scope, globs: Iterable[str]) -> str:
    options = (("--asset" if glob in scope.assets else "--exclude", glob) for glob in globs)
    return " or ".join(f"{option} {shlex.quote(glob)}" for option, glob in options)
