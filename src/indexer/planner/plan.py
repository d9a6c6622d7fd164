"""The whole loop on one screen: shared reads → each bucket → policy → plan."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.errors import MissingBucketError, SystemFaultError
from indexer.model.observer import Observer
from indexer.model.plan import Plan, Scope
from indexer.model.ports import Readers
from indexer.planner.assemble import Identity, assemble
from indexer.planner.asset_planner import PlanAssets
from indexer.planner.bucket import managed_bucket, results_bucket
from indexer.planner.rows import Survey, read_mounted
from indexer.planner.rules import Rules


@dataclass(frozen=True, slots=True)
class Planned:
    """A finished run of the planner."""

    plan: Plan
    fault: SystemFaultError | None = None
    """Why something could not be read at all, where nothing else is planned: the plan is kept, the run failed."""


def plan_snapshot(
    readers: Readers,
    rules: Rules,
    scope: Scope,
    results: str | None,
    identity: Identity,
    plan_assets: PlanAssets,
    observer: Observer,
) -> Planned:
    """The whole loop on one screen. Raises MissingBucketError as `plan` does."""
    survey = Survey(readers, rules, scope, identity.created_at, plan_assets, observer)
    managed = [bucket for bucket in scope.buckets if bucket != results]
    # Results link to themselves: with only their bucket in scope the search for mounts would serve nothing.
    mounted = read_mounted(survey) if managed else None
    shares = [managed_bucket(survey, bucket, mounted) for bucket in managed]
    if results in scope.buckets:
        shares.append(results_bucket(survey, results))
    finished = _told(assemble(identity, scope, shares), readers)
    # What else was planned is safe to go on, so an unread bucket beside a good one is incomplete, and no error.
    fault = survey.faults[0] if survey.faults and not finished.actions and not finished.withheld else None
    if isinstance(fault, MissingBucketError):
        raise fault
    return Planned(finished, fault)


def _told(plan: Plan, readers: Readers) -> Plan:
    """With how each system was read."""
    rows = tuple(one.model_copy(update={"via": readers.via.get(one.system)}) for one in plan.coverage)
    return plan.model_copy(update={"coverage": rows}) if readers.via else plan
