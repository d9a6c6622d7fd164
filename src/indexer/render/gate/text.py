"""A verdict as text: what is unexpected, which rules expected what, and what is wrong with the rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from indexer.model.action import Action
from indexer.model.drift import RuleUse, Verdict
from indexer.render.safe import safe
from indexer.render.tally import incomplete_read
from indexer.render.words import counted


def obstacles(verdict: Verdict) -> Iterator[str]:
    """Why nobody can say whether there is drift; nothing where somebody can."""
    yield from (f"could not be read: {incomplete_read(row)}" for row in verdict.incomplete)
    if verdict.unmatched:
        yield f"no asset{'' if verdict.assets else ' in scope'} matches {' or '.join(verdict.unmatched)}"


def verdict_headline(verdict: Verdict) -> str:
    """The verdict in one sentence."""
    found = ", ".join(_causes(verdict))
    match verdict.status:
        case "incomplete":
            return f"CANNOT SAY: {_why_nobody_can(verdict)}.{f' So far: {found}.' if found else ''}"
        case "drift":
            return f"DRIFT: {found}."
        case "in-step":
            expected = f", {counted(verdict.totals.expected, 'action')} expected" * bool(
                verdict.totals.expected
            )
            return f"No unexpected drift: {counted(verdict.assets, 'asset')} looked at{expected}."


def _why_nobody_can(verdict: Verdict) -> str:
    if verdict.incomplete:
        return "not everything could be read"
    return "a filter matches no asset" if verdict.assets else "no asset was looked at"


def _causes(verdict: Verdict) -> Iterator[str]:
    totals = verdict.totals
    if totals.unexpected:
        assets = len({action.location for action in unexpected(verdict)})
        yield f"{counted(totals.unexpected, 'unexpected action')} on {counted(assets, 'asset')}"
    if totals.expired_rules:
        yield counted(totals.expired_rules, "expired rule")
    if verdict.strict and totals.unexpected_findings:
        yield counted(totals.unexpected_findings, "unexpected finding")


def unexpected(verdict: Verdict) -> Sequence[Action]:
    """The actions that no rule expects, in the plan's order; withheld ones last."""
    return [one.action for one in verdict.actions if one.expected_by is None]


def rule_line(use: RuleUse) -> str:
    """One rule: what it expects, until when, for whom, and why."""
    rule = use.rule
    what = " ".join(filter(None, (rule.action, rule.reason, rule.finding))) or "any action"
    return safe(f"{what} on {rule.asset!r} until {rule.until} ({rule.owner}: {rule.why})")
