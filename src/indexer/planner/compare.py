"""Two plans side by side: what is new, what is gone, what is still there."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import AwareDatetime, Field

from indexer.model.action import Action
from indexer.model.content import FileModel
from indexer.model.plan import FORMAT_VERSION, Finding, Plan
from indexer.model.values import canonical


class Altered(FileModel):
    """The same write for another reason, from another state, or of another content."""

    before: Action
    after: Action


class Comparison(FileModel):
    """A plan against an older one. Withheld actions count as the others do: the systems differ there."""

    format_version: str = FORMAT_VERSION
    plan_id: str
    created_at: AwareDatetime
    older_plan_id: str
    older_created_at: AwareDatetime
    same_scope: bool = Field(description="Else what is new or gone may only have come into or out of sight.")
    complete: bool = Field(description="Both saw everything; else the same holds.")
    new: tuple[Action, ...]
    gone: tuple[Action, ...]
    altered: tuple[Altered, ...] = Field(description="Still there, and not as it was.")
    still: tuple[Action, ...] = Field(description="Still there, as it was.")
    new_findings: tuple[Finding, ...]
    gone_findings: tuple[Finding, ...]


def compare(plan: Plan, older: Plan) -> Comparison:
    """What became of an older plan's actions. One is the same where its kind and its target are."""
    now, before = _by_target(plan), _by_target(older)
    kept = [(before[key], one) for key, one in now.items() if key in before]
    found, found_before = set(plan.findings), set(older.findings)
    return Comparison(
        plan_id=plan.plan_id,
        created_at=plan.created_at,
        older_plan_id=older.plan_id,
        older_created_at=older.created_at,
        same_scope=_scope(plan) == _scope(older),
        complete=plan.summary.complete and older.summary.complete,
        new=tuple(one for key, one in now.items() if key not in before),
        gone=tuple(one for key, one in before.items() if key not in now),
        altered=tuple(Altered(before=old, after=one) for old, one in kept if old.id != one.id),
        still=tuple(one for old, one in kept if old.id == one.id),
        new_findings=tuple(one for one in plan.findings if one not in found_before),
        gone_findings=tuple(one for one in older.findings if one not in found),
    )


def _by_target(plan: Plan) -> Mapping[bytes, Action]:
    """Every action by what it writes, in the plan's order; withheld ones last."""
    everything = (*plan.actions, *(one.action for one in plan.withheld))
    # Not by id: that is a hash of the whole action, so it changes with the ETag that the action was planned on.
    return {canonical([one.kind, one.target.model_dump(mode="json")]): one for one in everything}


def _scope(plan: Plan) -> tuple[object, ...]:
    """What was looked at; limits and policy only move actions between the plan and what is withheld."""
    return (plan.scope.buckets, plan.scope.lookback_days, plan.scope.assets, plan.scope.exclude)
