"""A whole difference in lines of text: kept, removed and added ones, and under them what changed in each."""

from __future__ import annotations

from collections.abc import Iterator

from indexer.model.whole import Whole
from indexer.render.paint import HANGING, NARROWEST, Paint, broken, columns_of, hanging_for, laid, too_deep
from indexer.render.safe import safe
from indexer.render.word_diff import DiffLine, Gap, Sign, is_partly_changed, shown_diff
from indexer.render.words import counted

STYLES: dict[Sign, str] = {" ": "", "-": "red", "+": "green"}
MARK = "^"


def whole_lines(whole: Whole, paint: Paint, indent: str, wrap: int | None = None) -> Iterator[str]:
    """What is not as planned, then the difference. `wrap`: the columns of a screen; None: lines are as long as they are."""
    for one in whole.doubts:
        yield from laid(safe(f"NOT AS PLANNED: {one}"), "alarm", paint, indent, wrap)
    for one in whole.words:
        yield from laid(safe(one), "yellow", paint, indent, wrap)
    for line in shown_diff(whole.before, whole.after):
        if isinstance(line, Gap):
            yield paint(f"{indent}  … {counted(line.lines, 'line')} the same", "dim")
        else:
            yield from _rows(line, paint, indent, wrap)


def safe_pieces(line: DiffLine) -> tuple[tuple[bool, str], ...]:
    """The parts of a line, harmless, each with whether it changed: no mark where the parts make a command together."""
    pieces = tuple((one.changed, safe(one.text)) for one in line.pieces)
    joined = "".join(text for _, text in pieces)
    return pieces if safe(joined) == joined else ((True, safe(line.text)),)


def _rows(line: DiffLine, paint: Paint, indent: str, wrap: int | None) -> Iterator[str]:
    """A line in one row or, on a screen, several; under each what changed in it."""
    pieces, partly = safe_pieces(line), is_partly_changed(line)
    text = "".join(part for _, part in pieces)
    marks = "".join((MARK if changed else " ") * columns_of(part) for changed, part in pieces)
    room = None if wrap is None else max(NARROWEST, wrap - len(indent) - 2)
    # What goes on stands below what it belongs to, unless that is far to the right already.
    hanging = HANGING + min(len(text) - len(text.lstrip(" ")), (room or 0) // 2)
    hanging = hanging if room is None else hanging_for(text, room, hanging)
    begin = 0 if room is None else too_deep(text, room)
    sign, used, style = line.sign, begin, STYLES[line.sign]
    for row in broken(text[begin:], room, hanging):
        before = " " * hanging if used > begin else ""
        yield paint(f"{indent}{sign} {before}{row}".rstrip(), style)
        under = marks[used : used + columns_of(row)]
        if partly and MARK in under:
            yield paint(f"{indent}  {before}{under.rstrip()}", style)
        used += columns_of(row)
