"""A plan as text: the whole of it for `show`, its outline for the end of `plan`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from indexer.model.action import Action
from indexer.model.content import Change
from indexer.model.kinds import EFFECTS, Effect, effect
from indexer.model.plan import Finding, Plan
from indexer.render.paint import Cell, Paint, shortened, table
from indexer.render.safe import safe
from indexer.render.tally import (
    finding_counts,
    headline,
    incomplete_reads,
    tallies,
    withheld_whys,
)
from indexer.render.words import COLOURS, SIGNS, counted, details, target

PREVIEWED = 5
DELETIONS_PREVIEWED = 2
NONE = "·"
WAYS_OUT = {
    "max_deletes": "a higher --max-deletes",
    "max_delete_percent": "a higher --max-delete-percent",
    "upsert-only": "--policy sync",
    "create-only": "--policy sync",
}


def plan_text(plan: Plan, paint: Paint, part_of: int | None = None) -> Iterator[str]:
    """The lines of a plan, all of it: what, where and why; every action; findings; what was withheld.

    `part_of`: so many actions has the plan that this one is a part of.
    """
    yield from _head(plan, paint, part_of)
    if part_of is not None:
        yield paint(
            f"Only what was asked for: {len(plan.actions):,} of {counted(part_of, 'action')}.", "yellow"
        )
    yield from warning(plan, paint)
    if plan.actions:
        yield ""
        yield from summary_table(plan.actions, paint)
    yield from _actions(plan.actions, paint)
    yield from _findings(plan, paint)
    yield from _withheld(plan, paint)


def outline(plan: Plan, paint: Paint, width: int) -> Iterator[str]:
    """A plan in about a screen: the first differences, then the counts, then what a person must look at."""
    if plan.actions:
        yield from first_differences(plan.actions, paint, width)
        yield ""
        yield from summary_table(plan.actions, paint)
        yield ""
    if plan.summary.findings:
        total = counted(sum(plan.summary.findings.values()), "finding")
        yield f"{paint(total, 'bold')} for a person to look at: {finding_counts(plan)}"
    for line in withheld_lines(plan):
        yield paint(line, "yellow")
    ways_out = sorted({WAYS_OUT[one.policy] for one in plan.withheld if one.policy in WAYS_OUT})
    if ways_out:
        yield f"  If that is right, plan again with {' and '.join(ways_out)}."


def first_differences(actions: Sequence[Action], paint: Paint, width: int) -> Iterator[str]:
    """An action of each of the most telling reasons, with its first difference."""
    yield paint("First differences", "bold")
    for action in _previewed(actions):
        yield from _preview(action, paint, width)


def warning(plan: Plan, paint: Paint) -> Iterator[str]:
    """What could not be read, so loud that nobody takes the plan for the whole truth."""
    if plan.summary.complete:
        return
    yield paint("WARNING: NOT EVERYTHING COULD BE READ. What rests on these reads was not planned:", "alarm")
    for line in incomplete_reads(plan):
        yield paint(f"  {safe(line)}", "alarm")


def summary_table(actions: Sequence[Action], paint: Paint) -> Iterator[str]:
    """Actions by bucket and reason, and by what they do to what is there."""
    if not actions:
        return
    rows = [[Cell("actions", "dim"), *(Cell(one, "dim") for one in EFFECTS)]]
    for row in tallies(actions):
        name = Cell(safe(row.bucket), "bold") if row.reason is None else Cell(f"  {row.reason}")
        rows.append([name, *_counts(row.counts)])
    rows.append([Cell("total", "bold"), *_counts(Counter(map(effect, actions)))])
    yield from table(rows, paint, frozenset({1, 2, 3}))


def _counts(counts: Counter[Effect]) -> Iterator[Cell]:
    for one in EFFECTS:
        yield Cell(f"{counts[one]:,}", COLOURS[one]) if counts[one] else Cell(NONE, "dim")


def withheld_lines(plan: Plan) -> Iterator[str]:
    """How much policy held back, and its words."""
    for count, policy, detail in withheld_whys(plan):
        yield safe(f"{counted(count, 'action')} withheld by {policy}: {detail}")


def _head(plan: Plan, paint: Paint, part_of: int | None) -> Iterator[str]:
    scope = plan.scope
    yield paint(f"Plan {safe(plan.plan_id[:8])}: {headline(plan, part_of)}", "bold")
    words = [
        f"made {plan.created_at:%Y-%m-%d %H:%M} UTC by indexer {safe(plan.tool_version)}",
        f"buckets {safe(', '.join(scope.buckets))}",
        *([f"assets {safe(', '.join(scope.assets))}"] if scope.assets else []),
        "records of any age" if scope.lookback_days is None else f"records of {scope.lookback_days} days",
        f"policy {scope.policy}",
        *([f"takes back run {safe(plan.undoes[:8])}"] if plan.undoes else []),
    ]
    yield paint(" · ".join(words), "dim")


def _actions(actions: Iterable[Action], paint: Paint) -> Iterator[str]:
    for location, group in groupby(actions, key=lambda action: action.location):
        yield ""
        yield paint(safe(location), "bold")
        for action in group:
            yield from action_lines(action, paint)


def action_lines(action: Action, paint: Paint) -> Iterator[str]:
    """One action: what and on what, the small print, and its differences."""
    kind = effect(action)
    yield f"  {paint(f'{SIGNS[kind]} {action.kind}', COLOURS[kind])} {target(action)}"
    yield paint(f"      {details(action)}", "dim")
    for change in action.changes:
        yield from _change(change, paint)
    if action.changes_omitted:
        yield paint(f"      and {counted(action.changes_omitted, 'more difference')}", "dim")


def _change(change: Change, paint: Paint) -> Iterator[str]:
    yield f"      {safe(change.path)}"
    if change.before is not None:
        yield paint(f"        - {safe(change.before)}", "red")
    if change.after is not None:
        yield paint(f"        + {safe(change.after)}", "green")


def _findings(plan: Plan, paint: Paint) -> Iterator[str]:
    """By kind; those that are only counted by their number."""
    if plan.summary.findings:
        yield ""
        yield paint("Findings: for a person to look at, nothing is written for them", "bold")
    listed: dict[str, list[Finding]] = {}
    for finding in plan.findings:
        listed.setdefault(finding.kind, []).append(finding)
    for kind, count in sorted(plan.summary.findings.items()):
        yield f"  {paint(safe(kind), 'yellow')} {count:,}"
        for finding in listed.get(kind, ()):
            yield f"    {finding_line(finding)}"


def finding_line(finding: Finding) -> str:
    """Where, and what is wrong there."""
    return safe(": ".join(part for part in (finding.location, finding.detail) if part))


def _withheld(plan: Plan, paint: Paint) -> Iterator[str]:
    """Why, and then each action with the differences it would make."""
    if not plan.withheld:
        return
    yield ""
    yield paint("Withheld by policy: `apply` leaves these alone", "bold")
    for line in withheld_lines(plan):
        yield paint(f"  {line}", "yellow")
    yield from _actions((one.action for one in plan.withheld), paint)


def _previewed(actions: Sequence[Action]) -> Iterator[Action]:
    """The first of each reason: at most two deletions, since they weigh most, then what has differences."""
    firsts = list({action.reason: action for action in reversed(actions)}.values())[::-1]
    deletions = [one for one in firsts if effect(one) == "delete"][:DELETIONS_PREVIEWED]
    others = [one for one in firsts if effect(one) != "delete"]
    telling = sorted(others, key=lambda one: not one.changes)
    yield from [*deletions, *telling][:PREVIEWED]


def _preview(action: Action, paint: Paint, width: int) -> Iterator[str]:
    """Two or three lines, cut to the screen: what, where, and the first difference."""
    kind = effect(action)
    what = f"{SIGNS[kind]} {action.kind}"
    yield f"  {paint(what, COLOURS[kind])} {shortened(target(action), width - len(what) - 3)}"
    yield paint(f"      {shortened(f'{action.reason} · {safe(action.location)}', width - 6)}", "dim")
    if action.changes:
        first = action.changes[0]
        more = len(action.changes) - 1 + action.changes_omitted
        before, after = (safe(one) if one is not None else "nothing" for one in (first.before, first.after))
        tail = f" (and {counted(more, 'more difference')})" if more else ""
        text = f"{safe(first.path)}: {before} → {after}"
        yield f"      {shortened(text, width - 6 - len(tail))}{tail}"
