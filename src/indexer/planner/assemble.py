"""The last step: actions, findings and coverage become a plan, in an order that never varies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from indexer.model.action import Action
from indexer.model.limits import Limits
from indexer.model.plan import CoverageRow, Finding, Measures, Plan, Scope, Summary
from indexer.planner.policy import apply_policy

COUNTED_ONLY = frozenset({"raw-unregistered"})
"""Findings that are not listed one by one: nobody has to act on them, and a bucket may have thousands."""


@dataclass(frozen=True, slots=True)
class BucketPlan:
    """One bucket's share of a plan, before policy."""

    bucket: str
    assets: int
    measures: Measures
    """Of what was there before the plan."""
    actions: tuple[Action, ...]
    findings: tuple[Finding, ...]
    coverage: tuple[CoverageRow, ...]
    matched: frozenset[str] = frozenset()
    """The scope's globs that match something here."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What only this run knows of its plan."""

    plan_id: str
    created_at: datetime
    tool_version: str


def assemble(identity: Identity, scope: Scope, buckets: Sequence[BucketPlan]) -> Plan:
    """Put the buckets' shares together, under the scope's policy."""
    ordered = sorted(buckets, key=lambda one: one.bucket)
    measures = {one.bucket: _with_new(one) for one in ordered}
    # Over all buckets at once: `max_deletes` stands for what a reviewer can take in (decision 8).
    ruled = apply_policy([action for one in ordered for action in one.actions], measures, Limits.of(scope))
    # A set, since a fault in what buckets share (Code Ocean's search) is found by each of them.
    findings = sorted(
        {finding for one in ordered for finding in one.findings},
        key=lambda finding: (finding.kind, finding.location or "", finding.detail),
    )
    rows = [row for one in ordered for row in one.coverage]
    found = Counter(finding.kind for finding in findings)
    return Plan(
        plan_id=identity.plan_id,
        created_at=identity.created_at,
        tool_version=identity.tool_version,
        scope=scope,
        coverage=tuple(rows),
        summary=Summary(
            assets=sum(one.assets for one in ordered),
            records=sum(one.records for one in measures.values()),
            by_bucket=measures,
            actions=dict(sorted(Counter(action.kind for action in ruled.actions).items())),
            reasons=dict(sorted(Counter(action.reason for action in ruled.actions).items())),
            findings=dict(sorted(found.items())),
            withheld=len(ruled.withheld),
            complete=all(row.complete for row in rows),
            unmatched=_unmatched(scope, ordered) or None,
        ),
        actions=ruled.actions,
        withheld=ruled.withheld,
        findings=tuple(finding for finding in findings if finding.kind not in COUNTED_ONLY),
    )


def _unmatched(scope: Scope, shares: Sequence[BucketPlan]) -> tuple[str, ...]:
    """As they were typed, in that order, each once."""
    matched = frozenset().union(*(one.matched for one in shares))
    return tuple(glob for glob in scope.globs if glob not in matched)


def _with_new(share: BucketPlan) -> Measures:
    """With the assets that this plan registers: their files are ruled by it too."""
    new = {action.location for action in share.actions if action.kind == "insert-record"}
    return share.measures.model_copy(update={"assets": share.measures.assets + len(new)})
