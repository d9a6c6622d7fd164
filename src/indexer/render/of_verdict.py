"""What is to be told of the gate's verdict: what is unexpected, which rules expected what, what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from indexer.model.action import Action
from indexer.model.approvals import Approvals
from indexer.model.drift import RuleUse, Verdict
from indexer.render.entries import (
    action_entry,
    by_asset,
    effects_table,
    finding_entry,
    read_by,
    reads,
    telling,
)
from indexer.render.of_approvals import approval_notes
from indexer.render.report import Alarm, Entry, Fact, Group, Level, ReadRow, Report, Section, State
from indexer.render.words import counted, rule_line

STATES: dict[str, tuple[State, str]] = {
    "in-step": ("calm", "✅"),
    "drift": ("todo", "❌"),
    "incomplete": ("loud", "⚠️"),
}
LISTED = 20
"""So many findings are shown one by one in a log."""


def verdict_report(verdict: Verdict, tool_version: str = "") -> Report:
    """The report, the most important first: it is read from the top of a CI job's log."""
    unexpected = [one.action for one in verdict.actions if one.unexpected]
    read = tuple(_reads(verdict))
    blind = tuple(
        f"could not be read: {one.told}" if one.system else one.told for one in read if not one.complete
    )
    title, words = "Not everything could be seen", ", so nobody can say that there is no drift:"
    state, mark = STATES[verdict.status]
    return Report(
        title=(("indexer drift", ""),),
        mark=mark,
        headline=_headline(verdict, unexpected),
        state=state,
        at=verdict.planned_at,
        style="bold" if state == "calm" else "alarm",
        alarms=(Alarm(title, words, blind),) if blind else (),
        notes=(*_approvals(verdict), *read_by(verdict.via or {})),
        table=effects_table(unexpected),
        foot=" ".join(_foot(verdict)),
        facts=tuple(_facts(verdict)),
        groups=(*_actions(verdict, unexpected), *_findings(verdict), *_rules(verdict)),
        reads=read,
        tool_version=tool_version,
        exit_code=verdict.exit_code,
    )


def _headline(verdict: Verdict, unexpected: Sequence[Action]) -> str:
    """The verdict in one sentence."""
    found = ", ".join(_causes(verdict, unexpected))
    match verdict.status:
        case "incomplete":
            return f"CANNOT SAY: {_why_nobody_can(verdict)}.{f' So far: {found}.' if found else ''}"
        case "drift":
            return f"DRIFT: {found}."
        case "in-step":
            expected, approved = verdict.totals.expected, verdict.totals.approved
            words = f", {counted(expected, 'action')} expected" if expected else ""
            if approved:
                people = sorted({one.person for one in verdict.approvals})
                words += f", {counted(approved, 'action')} approved by {', '.join(people)}"
            return f"No unexpected drift: {counted(verdict.assets, 'asset')} looked at{words}."


def _facts(verdict: Verdict) -> Iterator[Fact]:
    """What was looked at, and how much of it is in step: the figure of a report that is made for everybody."""
    buckets = ", ".join(verdict.buckets)
    if buckets:
        yield Fact("Buckets", buckets, f"buckets {buckets}")
    drifted = len({one.action.location for one in verdict.actions})
    # Rounded down: nobody is told that all is in step where one asset is not.
    if verdict.assets and not verdict.incomplete:
        in_step = max(0, verdict.assets - drifted)
        words = (
            f"{in_step:,} of {counted(verdict.assets, 'asset')}, {in_step * 1000 // verdict.assets / 10:g} %"
        )
        yield Fact("In step", words, f"in step: {words}" if drifted else "")


def _foot(verdict: Verdict) -> Iterator[str]:
    totals = verdict.totals
    if totals.expected:
        yield f"{counted(totals.expected, 'action')} expected by rules."
    if totals.approved:
        yield f"{counted(totals.approved, 'action')} approved."


def _approvals(verdict: Verdict) -> tuple[str, ...]:
    """Who approved what, and who is missing, where that was asked."""
    return approval_notes(Approvals(verdict.approvals, verdict.refused_approvals, verdict.missing_approvals))


def _why_nobody_can(verdict: Verdict) -> str:
    if verdict.incomplete:
        return "not everything could be read"
    return "a filter matches no asset" if verdict.assets else "no asset was looked at"


def _causes(verdict: Verdict, unexpected: Sequence[Action]) -> Iterator[str]:
    totals = verdict.totals
    if totals.unexpected:
        assets = counted(len({action.location for action in unexpected}), "asset")
        yield f"{counted(totals.unexpected, 'unexpected action')} on {assets}"
    if totals.expired_rules:
        yield counted(totals.expired_rules, "expired rule")
    if verdict.strict and totals.unexpected_findings:
        yield counted(totals.unexpected_findings, "unexpected finding")


def _reads(verdict: Verdict) -> Iterator[ReadRow]:
    """What stands in the way of saying anything, or else how much was seen."""
    yield from reads(verdict.incomplete)
    if verdict.unmatched:
        globs = " or ".join(verdict.unmatched)
        told = f"no asset{'' if verdict.assets else ' in scope'} matches {globs}"
        yield ReadRow("", f"assets that match {globs}", False, 0, "no asset matches", told)
    if not verdict.incomplete:
        yield ReadRow("", f"{counted(verdict.assets, 'asset')} looked at", True, verdict.assets)


def _actions(verdict: Verdict, unexpected: Sequence[Action]) -> Iterator[Group]:
    """In the plan's order; withheld ones last."""

    def sections(*, expected: bool) -> Iterator[Section]:
        drifted = (one for one in verdict.actions if one.unexpected != expected)
        return by_asset(
            action_entry(one.action, withheld=one.withheld_by or "", expected=_rule(one.expected_by, verdict))
            for one in drifted
        )

    yield Group(
        "action",
        verdict.totals.unexpected,
        partial(sections, expected=False),
        first=telling(unexpected),
        only_first=True,
        noun="unexpected action",
        opened=True,
        level="error",
    )
    yield Group(
        "action",
        verdict.totals.expected + verdict.totals.approved,
        partial(sections, expected=True),
        quiet=True,
    )


def _findings(verdict: Verdict) -> Iterator[Group]:
    totals = verdict.totals
    level: Level = "error" if verdict.strict else "warning"

    def sections(*, expected: bool) -> list[Section]:
        found = (one for one in verdict.findings if (one.expected_by is not None) == expected)
        return [
            Section(finding_entry(one.finding, expected=_rule(one.expected_by, verdict)) for one in found)
        ]

    yield Group(
        "finding",
        totals.unexpected_findings,
        partial(sections, expected=False),
        title=counted(totals.unexpected_findings, "unexpected finding"),
        words="" if verdict.strict else "they fail the gate with --strict only",
        noun="unexpected finding",
        most=LISTED,
        level=level,
    )
    yield Group(
        "finding", totals.expected_findings, partial(sections, expected=True), quiet=True, level=level
    )


def _rule(index: int | None, verdict: Verdict) -> str:
    """The rule that expects it, if any does."""
    return "" if index is None else rule_line(verdict.rules[index])


def _rules(verdict: Verdict) -> Iterator[Group]:
    expired = [one for one in verdict.rules if one.expired]
    used = [one for one in verdict.rules if not one.expired and one.matched]
    unused = [one for one in verdict.rules if not one.expired and not one.matched]
    until = "each fails the gate until it is renewed or taken out"
    yield _rule_group("expired rule", expired, "Expired rules", until, "alarm", "error")
    yield _rule_group("expected", used, "Expected", "", "bold", None)
    title = "Rules that match nothing"
    yield _rule_group("rule that matches nothing", unused, title, "take them out", "yellow", "warning")


def _rule_group(
    word: str, uses: Sequence[RuleUse], title: str, words: str, style: str, level: Level | None
) -> Group:
    return Group(
        "rule",
        len(uses),
        lambda: [Section(map(_rule_entry, uses))],
        title=title,
        words=words,
        style=style,
        noun="rule",
        word=word,
        opened=level == "error",
        level=level,
    )


def _rule_entry(use: RuleUse) -> Entry:
    mark = f"line {use.line}:" if use.line else ""
    return Entry(of=use, mark=mark, text=f"{rule_line(use)}: {use.matched:,} matched")
