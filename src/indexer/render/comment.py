"""A comment on a pull request, within what GitHub takes: folded sections that are cut at whole blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

from indexer.model.action import Action
from indexer.render.paint import PLAIN
from indexer.render.plan_text import action_lines
from indexer.render.safe import safe
from indexer.render.words import counted

MAX_CHARACTERS = 65_536
"""GitHub: "body is too long (maximum is 65536 characters)"."""
FENCE = "`" * 8
BRIEF = 9_000
"""Characters for findings, and for what was withheld, so that they never crowd out the actions."""
HEAD = 12_000
"""Characters for what stands above the sections."""
LINE = 1_000


@dataclass(frozen=True, slots=True)
class Section:
    """A folded part of the comment: blocks that are shown whole or counted as left out."""

    title: str
    noun: str
    blocks: Sequence[Sequence[str]]
    language: str = ""
    opened: bool = False


def bounded(lines: Iterable[str], limit: int) -> str:
    """The first lines; a note where there are more than fit."""
    held: list[str] = []
    for line in lines:
        if sum(length(one) + 1 for one in held) + length(line) > limit - 100:
            held += ["", "…and more; `indexer show` has all of it."]
            break
        held.append(line)
    return "\n".join(held)


def section_text(section: Section, limit: int) -> str:
    """The section, with as many of its blocks as fit; empty where there is nothing to show."""
    if not section.blocks:
        return ""
    state = " open" if section.opened else ""
    start = f"<details{state}><summary>{section.title}</summary>\n\n{FENCE}{section.language}\n"
    end = f"{FENCE}\n\n</details>"
    room = limit - length(start) - length(end) - 120
    shown: list[str] = []
    for block in section.blocks:
        text = "".join(f"{_fenced(line)}\n" for line in block)
        room -= length(text)
        if room < 0:
            break
        shown.append(text)
    left_out = len(section.blocks) - len(shown)
    note = ""
    if left_out:
        more = counted(left_out, f"more {section.noun}")
        note = f"{more} left out here: a comment has no more room. `indexer show` has all of it.\n\n"
    return f"{start}{''.join(shown)}{end.removesuffix('</details>')}{note}</details>"


def by_asset(actions: Iterable[Action]) -> list[list[str]]:
    """A block for each asset. In a diff the first column gives the colour."""
    return [
        [
            f"# {safe(location)}",
            *map(_diff_line, chain.from_iterable(action_lines(one, PLAIN) for one in group)),
        ]
        for location, group in groupby(actions, key=lambda action: action.location)
    ]


def _diff_line(line: str) -> str:
    """`~` is `!` in a diff; signs of values move to the first column, those of actions too."""
    text = line.lstrip()
    if text[:2] not in ("+ ", "- ", "~ "):
        return line
    sign = "!" if text[0] == "~" else text[0]
    return f"{sign}{' ' * (len(line) - len(text))}{text[2:]}"


def _fenced(line: str) -> str:
    """One line, inside a fence, where only a longer fence is dangerous."""
    line = safe(line)
    return (line if len(line) <= LINE else f"{line[:LINE]}…").replace(FENCE, "`" * 7 + "'")


def code(text: str) -> str:
    """Inside back-ticks and a table's cell."""
    return safe(text).replace("`", "'").replace("|", "\\|")


def length(text: str) -> int:
    """As GitHub's limit may count: characters outside the basic plane twice."""
    return len(text.encode("utf-16-le")) // 2
