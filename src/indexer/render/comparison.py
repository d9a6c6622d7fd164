"""Two plans side by side, as text and as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from indexer.model.action import Action
from indexer.model.plan import Finding
from indexer.planner.compare import Comparison
from indexer.render.comment import (
    BRIEF,
    HEAD,
    MAX_CHARACTERS,
    Section,
    bounded,
    by_asset,
    code,
    length,
    section_text,
)
from indexer.render.paint import Cell, Paint, table
from indexer.render.plan_text import action_lines, finding_line
from indexer.render.safe import safe
from indexer.render.words import counted, details

TITLES = ("new", "altered", "gone", "still there")
STYLES = {"new": "red", "altered": "yellow", "gone": "green", "still there": "dim"}


def comparison_text(found: Comparison, paint: Paint) -> Iterator[str]:
    """What is new first, what is gone last; what is still there as it was is only counted."""
    yield paint(_headline(found), "bold")
    yield paint(
        f"plan {safe(found.plan_id[:8])} of {found.created_at:%Y-%m-%d %H:%M} UTC against "
        f"{safe(found.older_plan_id[:8])} of {found.older_created_at:%Y-%m-%d %H:%M} UTC",
        "dim",
    )
    for line in _doubts(found):
        yield paint(f"WARNING: {line}", "alarm")
    groups, was = _groups(found), {one.after.id: one.before for one in found.altered}
    if any(groups.values()):
        yield ""
        yield from _table(groups, paint)
    for title in TITLES[:3]:
        if groups[title]:
            yield ""
            yield paint(title.capitalize(), STYLES[title])
        for location, asset in groupby(groups[title], key=lambda action: action.location):
            yield f"  {paint(safe(location), 'bold')}"
            for action in asset:
                yield from (f"  {line}" for line in action_lines(action, paint))
                if action.id in was and title == "altered":
                    yield paint(f"        was: {details(was[action.id])}", "dim")
    yield from _finding_lines("New findings", found.new_findings, paint)
    yield from _finding_lines("Findings that are gone", found.gone_findings, paint)


def comparison_markdown(found: Comparison, limit: int = MAX_CHARACTERS) -> str:
    """The same for a comment, within what GitHub takes."""
    groups = _groups(found)
    head = [
        f"### indexer plan `{code(found.plan_id[:8])}` against `{code(found.older_plan_id[:8])}`: {_headline(found)}"
    ]
    for line in _doubts(found):
        head += ["", f"> [!WARNING]\n> {line}"]
    if any(groups.values()):
        head += ["", f"| reason | {' | '.join(TITLES)} |", f"|---|{'--:|' * len(TITLES)}"]
        head += [f"| {reason} | {' | '.join(map(_number, numbers))} |" for reason, numbers in _counts(groups)]
    text = bounded(head, min(HEAD, limit // 2))
    findings = [("new", one) for one in found.new_findings] + [("gone", one) for one in found.gone_findings]
    lines = [[f"{word}: {one.kind}: {finding_line(one)}"] for word, one in findings]
    brief = section_text(Section(counted(len(lines), "finding"), "finding", lines), min(BRIEF, limit // 8))
    parts, room = [text, brief], limit - length(text) - length(brief) - 8
    for title in ("gone", "altered", "new"):  # new ones may take all that the others leave
        share = room if title == "new" else room // 4
        section = Section(
            f"{len(groups[title]):,} {title}", "asset", by_asset(groups[title]), "diff", title == "new"
        )
        parts.insert(1, section_text(section, share))
        room -= length(parts[1]) + 2
    return "\n\n".join(filter(None, parts)) + "\n"


def _headline(found: Comparison) -> str:
    still = len(found.still) + len(found.altered)
    altered = f" ({len(found.altered):,} altered)" if found.altered else ""
    return (
        f"{counted(len(found.new), 'new action')}, {len(found.gone):,} gone, {still:,} still there{altered}."
    )


def _doubts(found: Comparison) -> Iterator[str]:
    if not found.same_scope:
        yield "The plans did not look at the same buckets, assets or days: what is new or gone may only be out of sight."
    if not found.complete:
        yield "Not everything could be read for both plans: what is new or gone may only have been unreadable."


def _groups(found: Comparison) -> dict[str, Sequence[Action]]:
    groups = (found.new, [one.after for one in found.altered], found.gone, found.still)
    return dict(zip(TITLES, groups, strict=True))


def _counts(groups: dict[str, Sequence[Action]]) -> Iterator[tuple[str, list[int]]]:
    """How many of each group has a reason."""
    by_title = {title: Counter(action.reason for action in actions) for title, actions in groups.items()}
    for reason in sorted({one for counts in by_title.values() for one in counts}):
        yield reason, [by_title[title][reason] for title in TITLES]


def _table(groups: dict[str, Sequence[Action]], paint: Paint) -> Iterator[str]:
    rows = [[Cell("actions", "dim"), *(Cell(title, "dim") for title in TITLES)]]
    for reason, numbers in _counts(groups):
        cells = (
            Cell(f"{number:,}", STYLES[title]) if number else Cell("·", "dim")
            for title, number in zip(TITLES, numbers, strict=True)
        )
        rows.append([Cell(reason), *cells])
    yield from table(rows, paint, frozenset(range(1, len(TITLES) + 1)))


def _number(number: int) -> str:
    return f"{number:,}" if number else ""


def _finding_lines(title: str, findings: Sequence[Finding], paint: Paint) -> Iterator[str]:
    if findings:
        yield ""
        yield paint(title, "bold")
    for one in findings:
        yield f"  {paint(one.kind, 'yellow')} {finding_line(one)}"
