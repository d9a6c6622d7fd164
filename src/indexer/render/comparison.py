"""Two plans side by side, as text and as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from indexer.model.action import Action
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
from indexer.render.plan_text import finding_line
from indexer.render.words import counted

TITLES = ("new", "altered", "gone", "still there")


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


def _number(number: int) -> str:
    return f"{number:,}" if number else ""
