"""A verdict as text: what is unexpected, which rules expected what, and what is wrong with the rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from indexer.model.action import Action
from indexer.model.drift import RuleUse, Verdict
from indexer.render.paint import Paint
from indexer.render.plan_text import finding_line, first_differences, summary_table
from indexer.render.safe import safe
from indexer.render.tally import incomplete_read
from indexer.render.words import counted

LISTED = 20
"""So many findings are shown one by one."""
STYLES = {"in-step": "bold", "drift": "alarm", "incomplete": "alarm"}


def verdict_text(verdict: Verdict, paint: Paint, width: int) -> Iterator[str]:
    """The lines of a verdict, most important first: it is read from the top of a CI job's log."""
    yield paint(verdict_headline(verdict), STYLES[verdict.status])
    for line in obstacles(verdict):
        yield paint(f"  {safe(line)}", "alarm")
    actions = unexpected(verdict)
    if actions:
        yield ""
        yield from first_differences(actions, paint, width)
        yield ""
        yield from summary_table(actions, paint)
    yield from _findings(verdict, paint)
    yield from _rules(verdict, paint)


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


def _findings(verdict: Verdict, paint: Paint) -> Iterator[str]:
    found = [one for one in verdict.findings if one.expected_by is None]
    if not found:
        return
    yield ""
    total = counted(verdict.totals.unexpected_findings, "unexpected finding")
    yield f"{paint(total, 'bold')}{'' if verdict.strict else ': they fail the gate with --strict only'}"
    for one in found[:LISTED]:
        yield f"  {paint(safe(one.finding.kind), 'yellow')} {finding_line(one.finding)}"
    if len(found) > LISTED:
        yield f"  and {len(found) - LISTED:,} more"


def _rules(verdict: Verdict, paint: Paint) -> Iterator[str]:
    expired = [one for one in verdict.rules if one.expired]
    unused = [one for one in verdict.rules if not one.expired and not one.matched]
    used = [one for one in verdict.rules if not one.expired and one.matched]
    for title, style, uses in (
        ("Expired rules: each fails the gate until it is renewed or taken out", "alarm", expired),
        ("Expected", "bold", used),
        ("Rules that match nothing: take them out", "yellow", unused),
    ):
        if uses:
            yield ""
            yield paint(title, style)
        for one in uses:
            where = f"line {one.line}: " if one.line else ""
            yield f"  {where}{rule_line(one)}: {one.matched:,} matched"
