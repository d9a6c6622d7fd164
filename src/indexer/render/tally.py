"""A plan's actions counted as a reviewer asks: where, why, and what it does to what is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from indexer.model.action import Action
from indexer.model.kinds import EFFECTS, Effect, effect
from indexer.model.location import parse_location
from indexer.model.plan import CoverageRow, Plan
from indexer.render.safe import safe
from indexer.render.words import counted


@dataclass(frozen=True, slots=True)
class Tally:
    """One row of the summary table: a bucket (`reason` None), or a reason within it."""

    bucket: str
    reason: str | None
    counts: Counter[Effect]


def tallies(actions: Sequence[Action]) -> Iterator[Tally]:
    """Each bucket, followed by its reasons; both sorted."""
    by_bucket: dict[str, dict[str, Counter[Effect]]] = {}
    for action in actions:
        reasons = by_bucket.setdefault(bucket_of(action), {})
        reasons.setdefault(action.reason, Counter())[effect(action)] += 1
    for bucket, reasons in sorted(by_bucket.items()):
        yield Tally(bucket, None, sum(reasons.values(), Counter()))
        for reason, counts in sorted(reasons.items()):
            yield Tally(bucket, reason, counts)


def bucket_of(action: Action) -> str:
    """The bucket of an action's asset."""
    location = parse_location(action.location)
    return location.bucket if location else action.location


def headline(plan: Plan, part_of: int | None = None) -> str:
    """What would happen, in one sentence. `part_of`: so many actions has the plan that this one is a part of."""
    if not plan.actions:
        if part_of:
            return f"None of its {counted(part_of, 'action')} was asked for."
        if plan.withheld:
            return f"Nothing to do: {counted(len(plan.withheld), 'action')} withheld by policy."
        if not plan.summary.complete:
            return "Nothing to do in what could be read, and not everything could be read."
        return f"Nothing to do: {counted(plan.summary.assets, 'asset')} looked at, no drift."
    totals = Counter(map(effect, plan.actions))
    parts = ", ".join(f"{totals[one]:,} {one}" for one in EFFECTS if totals[one])
    where = counted(len({action.location for action in plan.actions}), "asset")
    return f"{counted(len(plan.actions), 'action')} on {where} of {plan.summary.assets:,}: {parts}."


def finding_counts(plan: Plan) -> str:
    """The kinds of finding by number, those only counted included; empty where there is none."""
    found = sorted(plan.summary.findings.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {safe(kind)}" for kind, count in found)


def only_counted(plan: Plan) -> Iterator[tuple[str, int]]:
    """The kinds of which more findings were counted than are listed, and how many more."""
    listed = Counter(str(finding.kind) for finding in plan.findings)
    for kind, count in sorted(plan.summary.findings.items()):
        if count > listed[kind]:
            yield kind, count - listed[kind]


def withheld_whys(plan: Plan) -> Iterator[tuple[int, str, str]]:
    """How many actions were withheld, under which policy, and its words; each only once."""
    counts = Counter((one.policy, one.detail) for one in plan.withheld)
    for (policy, detail), count in sorted(counts.items()):
        yield count, policy, detail


def incomplete_reads(plan: Plan) -> Iterator[str]:
    """What could not be read, and why."""
    return (incomplete_read(row) for row in plan.coverage if not row.complete)


def incomplete_read(row: CoverageRow) -> str:
    """One read that did not get to its end, and what to do about it."""
    hint = f" → {row.hint}" if row.hint else ""
    return f"{row.system}: {row.scope}: {row.why} ({row.count:,} read){hint}"
