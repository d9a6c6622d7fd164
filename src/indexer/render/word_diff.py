"""Two texts side by side: their lines, and in lines that were changed the words that were.

Nothing is lost: the lines that are kept or added make the new text, those that are kept or removed the old one. The
rest is for readers: lines far from any difference are counted, and long parts that did not change are cut.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Sign = Literal[" ", "-", "+"]
CONTEXT = 3
"""Lines around a difference that tell where it is."""
KEPT = 60
"""Characters of an unchanged part next to what changed in its line."""
WORD = re.compile(r"\w+|\s+|[^\w\s]")
COMPARED_LINES, COMPARED_WORDS = 4_000_000, 1_000_000
"""Pairs that are compared one by one: beyond that it would take seconds, and the whole is shown as replaced."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a line."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of the old text (`-`), of the new one (`+`), or of both."""

    sign: Sign
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(one.text for one in self.pieces)


@dataclass(frozen=True, slots=True)
class Gap:
    """So many lines that are the same in both texts."""

    lines: int


def diff_lines(old: str | None, new: str | None) -> Iterator[DiffLine]:
    """Every line of both texts, those that are the same once. None: there is no such text."""
    before, after = ([] if one is None else one.split("\n") for one in (old, new))
    start, end = _ends(before, after)
    yield from (DiffLine(" ", (Piece(line),)) for line in before[:start])
    yield from _middle(before[start : len(before) - end], after[start : len(after) - end])
    yield from (DiffLine(" ", (Piece(line),)) for line in before[len(before) - end :])


def _ends(before: Sequence[str], after: Sequence[str]) -> tuple[int, int]:
    """How many items both begin with, and how many of the rest both end with."""
    most = min(len(before), len(after))
    start = next((at for at in range(most) if before[at] != after[at]), most)
    rest = most - start
    end = next((at for at in range(rest) if before[-1 - at] != after[-1 - at]), rest)
    return start, end


def _middle(before: list[str], after: list[str]) -> Iterator[DiffLine]:
    if len(before) * len(after) > COMPARED_LINES:
        yield from _whole("-", before)
        yield from _whole("+", after)
        return
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for what, i, j, k, m in matcher.get_opcodes():
        if what == "equal":
            yield from (DiffLine(" ", (Piece(line),)) for line in before[i:j])
        elif j - i == m - k:
            for old, new in zip(before[i:j], after[k:m], strict=True):
                yield from changed_line(old, new)
        else:
            yield from _whole("-", before[i:j])
            yield from _whole("+", after[k:m])


def _whole(sign: Sign, lines: Iterable[str]) -> Iterator[DiffLine]:
    return (DiffLine(sign, (Piece(line, changed=True),)) for line in lines)


def changed_line(old: str, new: str) -> tuple[DiffLine, DiffLine]:
    """A line that takes another's place: both, with the words marked that the other one does not have."""
    before, after = WORD.findall(old), WORD.findall(new)
    start, end = _ends(before, after)
    ours, theirs = before[start : len(before) - end], after[start : len(after) - end]
    removed, added = [(False, before[:start])], [(False, after[:start])]
    if len(ours) * len(theirs) > COMPARED_WORDS:
        removed.append((True, ours))
        added.append((True, theirs))
    else:
        for what, i, j, k, m in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
            removed.append((what != "equal", ours[i:j]))
            added.append((what != "equal", theirs[k:m]))
    removed.append((False, before[len(before) - end :]))
    added.append((False, after[len(after) - end :]))
    return DiffLine("-", _pieces(removed)), DiffLine("+", _pieces(added))


def _pieces(runs: Iterable[tuple[bool, Sequence[str]]]) -> tuple[Piece, ...]:
    return tuple(Piece("".join(words), changed) for changed, words in runs if words)


def with_context(lines: Iterable[DiffLine], context: int = CONTEXT) -> Iterator[DiffLine | Gap]:
    """The lines that differ, with a few around them; in place of the others how many they are."""
    before: deque[DiffLine] = deque(maxlen=context)
    skipped = after = 0
    for line in lines:
        if line.sign != " ":
            if skipped:
                yield Gap(skipped)
            yield from before
            before.clear()
            yield line
            skipped, after = 0, context
        elif after:
            after -= 1
            yield line
        else:
            if len(before) == context:
                skipped += 1
            before.append(line)
    if rest := skipped + len(before):
        yield Gap(rest)


def brief(line: DiffLine) -> DiffLine:
    """The line with long unchanged parts cut: what changed stays whole."""
    last = len(line.pieces) - 1
    pieces = (
        one
        if one.changed
        else Piece(_cut(one.text, head=at > 0 or last == 0, tail=at < last, alone=last == 0))
        for at, one in enumerate(line.pieces)
    )
    return DiffLine(line.sign, tuple(pieces))


def _cut(text: str, *, head: bool, tail: bool, alone: bool) -> str:
    """Its parts next to what changed."""
    room = 2 * KEPT if alone else KEPT * (head + tail)
    if len(text) <= room + KEPT:
        return text
    first = text[:room] if alone else text[:KEPT] if head else ""
    return f"{first} … {text[-KEPT:] if tail else ''}"


def shown_diff(old: str | None, new: str | None) -> Iterator[DiffLine | Gap]:
    """What a reader needs of two texts; nothing where they are the same."""
    if old == new:
        return
    for one in with_context(diff_lines(old, new)):
        yield one if isinstance(one, Gap) else brief(one)


def is_partly_changed(line: DiffLine) -> bool:
    """Do marks tell anything? Not where all of the line was added or removed."""
    return len({one.changed for one in line.pieces if one.text.strip()}) == 2
