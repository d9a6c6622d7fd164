"""What a report says in words beside its actions: facts, figures, and what to type next."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from indexer.model.action import Action
from indexer.model.kinds import EFFECTS, effect
from indexer.model.outcome import Result
from indexer.model.plan import Plan
from indexer.render.result_text import UNSUCCESSFUL
from indexer.render.tally import bucket_of
from indexer.render.words import counted


def plan_steps(plan: Plan, part_of: int | None, again: str) -> Iterator[tuple[str, str]]:
    """What to type after reading a plan: first what makes it whole."""
    scope = plan.scope
    words = scope.arguments()
    words += [] if scope.policy == "sync" else ["--policy", scope.policy]
    if not plan.summary.complete:
        yield f"indexer plan {shlex.join(words)}", "again, once everything can be read"
    if plan.actions:
        whole = "" if part_of is None else f": all {counted(part_of, 'action')}, not only these"
        yield f"indexer apply {again}", f"carries out the plan{whole}"


def result_steps(result: Result, actions: Mapping[str, Action], again: str) -> Iterator[tuple[str, str]]:
    """What to type after an apply: the words of `apply` itself."""
    held = {one.status for one in result.outcomes}
    buckets = sorted(
        {bucket_of(actions[one.action_id]) for one in result.outcomes if one.action_id in actions}
    )
    anew = f"indexer plan {shlex.join(_options('--bucket', buckets)) or '--all'}"
    if held & {"failed", "skipped"}:
        yield f"indexer apply {again}", "again: goes on with what is left"
    if "stale" in held:
        yield anew, "plans anew what was stale"
    if not held & set(UNSUCCESSFUL):
        yield anew, "see that all is in step"


def plan_facts(plan: Plan) -> Iterator[tuple[str, str]]:
    """What was asked for, and under which limits."""
    scope = plan.scope
    yield "Plan", plan.plan_id
    if plan.undoes:
        yield "Takes back", f"run {plan.undoes}"
    yield "Buckets", ", ".join(scope.buckets)
    yield "Assets", ", ".join(scope.assets) or "all"
    yield "Records", "of any age" if scope.lookback_days is None else f"of {scope.lookback_days} days"
    yield "Policy", scope.policy
    yield "Limits", f"{counted(scope.max_deletes, 'deletion')}, {scope.max_delete_percent:g} % of a bucket"
    if scope.allow_empty:
        yield "May be empty", ", ".join(scope.allow_empty)
    yield "Looked at", f"{counted(plan.summary.assets, 'asset')}, {counted(plan.summary.records, 'record')}"


def result_facts(result: Result) -> Iterator[tuple[str, str]]:
    """Which run of which plan, and where what it replaced is kept."""
    yield "Run", result.run_id
    yield "Plan", result.plan_id
    yield "Before-images", result.archive


def plan_figures(plan: Plan) -> Iterator[tuple[str, int, str, str]]:
    """The counts that matter most: class, number, words, and where it leads."""
    totals = Counter(map(effect, plan.actions))
    for one in EFFECTS:
        yield one, totals[one], one, f"effect={one}"
    yield "withheld", len(plan.withheld), "withheld", "withheld=1"
    yield "finding", sum(plan.summary.findings.values()), "findings", "findings"


def _options(option: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (option, value)]
