"""Drift that is expected, and the verdict of the gate: which drift no rule expects."""

from __future__ import annotations

import contextlib
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from indexer.model.action import Action, ActionKind
from indexer.model.approvals import AcceptedApproval, MissingApproval, RefusedApproval
from indexer.model.content import FileModel
from indexer.model.findings import FindingKind
from indexer.model.location import matches_any
from indexer.model.plan import FORMAT_VERSION, CoverageRow, Finding
from indexer.model.reasons import Reason
from indexer.model.snapshot import SystemName, Via

ANY = "s3://\0\0\0/" + "\0" * 99
"""No asset's location, so only a glob that would match every asset matches it. It is long, for globs like `????*`."""
OneLine = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class Rule(BaseModel):
    """Drift that the gate lets pass: for whom, why, and until when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    asset: OneLine = Field(description="A glob that the asset's folder, or its whole location, must match.")
    reason: Reason | None = Field(default=None, description="Only actions for this reason.")
    action: ActionKind | None = Field(default=None, description="Only actions of this kind.")
    finding: FindingKind | None = Field(
        default=None, description="Findings of this kind, instead of actions; they count under `--strict`."
    )
    owner: OneLine = Field(description="Who answers for it.")
    why: OneLine = Field(description="Why it is expected.")
    until: date = Field(description="The last day, UTC, on which the rule holds; after it the gate fails.")

    @field_validator("until", mode="before")
    @classmethod
    def _is_a_day(cls, typed: object) -> object:
        """A day and nothing that could be made into one: a number of seconds, or a time somewhere on earth."""
        # To Python a datetime is a date, and to pydantic a number of seconds is one: either would end the rule early.
        if isinstance(typed, str) or (isinstance(typed, date) and not isinstance(typed, datetime)):
            with contextlib.suppress(ValueError):
                return date.fromisoformat(str(typed))
        raise ValueError("must be a day such as 2026-12-31, without a time")

    @model_validator(mode="after")
    def _narrow(self) -> Rule:
        if self.finding is not None and (self.reason or self.action):
            raise ValueError("a finding has neither a reason nor an action: write two rules")
        if matches_any(ANY, (self.asset,)) and not (self.finding or self.reason or self.action):
            raise ValueError(
                "the rule would expect everything: name an asset, a reason, an action or a finding"
            )
        return self

    def holds(self, today: date) -> bool:
        """Is the rule still good?"""
        return today <= self.until

    def covers(self, action: Action) -> bool:
        """Does the rule speak of this action?"""
        return (
            self.finding is None
            and self.reason in (None, action.reason)
            and self.action in (None, action.kind)
            and matches_any(action.location, (self.asset,))
        )

    def covers_finding(self, finding: Finding) -> bool:
        """Does the rule speak of this finding?"""
        return self.finding == finding.kind and matches_any(finding.location, (self.asset,))


class ExpectedDrift(BaseModel):
    """A file of rules; the first that holds and matches is the one that expects."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: tuple[Rule, ...] = Field(default=(), description="One table `[[rule]]` for each.")


class RuleUse(FileModel):
    """What a rule did for this verdict."""

    rule: Rule = Field(description="As it stands in the file.")
    line: int | None = Field(default=None, description="Where it begins in its file.")
    expired: bool = Field(description="Its last day is over: the gate fails, and it expects nothing.")
    matched: int = Field(
        description="Actions and findings that it covers, no matter which rule expects them."
    )


class DriftedAction(FileModel):
    """One action of the plan: the systems differ there."""

    action: Action = Field(description="As it stands in the plan.")
    withheld_by: str | None = Field(default=None, description="The policy that holds it back in a plan.")
    expected_by: int | None = Field(default=None, description="Index of the rule in `rules`; absent: none.")
    approved: bool = Field(
        default=False, description="Enough people approved it, where that was asked (`--approved`)."
    )

    @property
    def unexpected(self) -> bool:
        """Neither a rule nor enough people let it pass."""
        return self.expected_by is None and not self.approved


class JudgedFinding(FileModel):
    """A finding, or those of a kind that are counted and not listed."""

    finding: Finding = Field(description="As it stands in the plan.")
    count: int = Field(default=1, description="How many there are.")
    expected_by: int | None = Field(default=None, description="Index of the rule in `rules`; absent: none.")


class Totals(FileModel):
    """How much there is."""

    unexpected: int = Field(
        description="Actions, withheld ones too, that no rule expects, and, with `--approved`, that too few people approved."
    )
    expected: int = Field(description="Actions that a rule expects.")
    approved: int = Field(
        default=0, description="Actions that no rule expects, and that enough people approved."
    )
    unexpected_findings: int = Field(description="They fail the gate under `--strict` only.")
    expected_findings: int = Field(description="Findings that a rule expects.")
    expired_rules: int = Field(description="Each fails the gate.")
    unused_rules: int = Field(description="Rules that match nothing.")
    reasons: dict[str, int] = Field(description="Unexpected actions by reason.")


class Verdict(FileModel):
    """What the gate says about a plan."""

    format_version: str = Field(default=FORMAT_VERSION, description="The format's version.")
    plan_id: str = Field(description="The plan that was judged, or that was made for the gate.")
    planned_at: AwareDatetime = Field(description="When the systems were read, UTC.")
    judged_on: date = Field(description="The day, UTC, that rules were held against.")
    strict: bool = Field(description="Findings fail too.")
    approvals: tuple[AcceptedApproval, ...] = Field(
        default=(), description="With `--approved`: the approvals that counted."
    )
    refused_approvals: tuple[RefusedApproval, ...] = Field(
        default=(), description="With `--approved`: those that did not, and why."
    )
    missing_approvals: tuple[MissingApproval, ...] = Field(
        default=(), description="With `--approved`: what too few people approved."
    )
    status: Literal["in-step", "drift", "incomplete"] = Field(
        description="`incomplete`: not everything could be read, or a glob matched no asset, no matter what else was found."
    )
    exit_code: Literal[0, 1, 3] = Field(description="0 in step, 3 drift, 1 incomplete.")
    buckets: tuple[str, ...] = Field(default=(), description="What was looked at, sorted by name.")
    assets: int = Field(description="Locations that were looked at.")
    incomplete: tuple[CoverageRow, ...] = Field(description="Reads that did not get to their end.")
    via: dict[SystemName, Via] | None = Field(
        default=None,
        description="How a system was read, as in a plan's `coverage`; absent: each as `apply` reads it.",
    )
    unmatched: tuple[str, ...] = Field(
        default=(),
        description="The globs that match no asset, or all of them if no asset is in scope: nothing was judged there.",
    )
    totals: Totals = Field(description="How much there is of each.")
    rules: tuple[RuleUse, ...] = Field(default=(), description="Each rule, and what it did.")
    actions: tuple[DriftedAction, ...] = Field(
        default=(), description="All drift, expected or not; withheld actions last."
    )
    findings: tuple[JudgedFinding, ...] = Field(default=(), description="All findings, expected or not.")
