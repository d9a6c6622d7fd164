"""Colour on a terminal, lines that fit it, and tables whose columns line up.

By hand and not with rich: output that goes to a file or through `grep` must not be wrapped, and a plan may
have a hundred thousand lines.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from indexer.render.safe import as_row

WIDTH = 160
"""Columns of what is cut short."""
HANGING = 2
"""Columns by which what goes on in the next row is moved."""
NARROWEST = 20
"""Columns for a text, however deep it is indented."""
STYLES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
    "alarm": "1;31",
}


WORD = re.compile(r"^ +(?=[^ ])|[^ ]+ *|^ +$")
"""A word with the spaces behind it; those before the first one."""
COMMAND_WORD = re.compile(r"(?:'[^']*'|[^ ])+ *|^ +")
"""The same of a command: what is quoted is a word, or part of one."""
TYPED = "→ indexer "
SEQUENCE = re.compile("(\x1b\\[[0-9;]*m)")
RESET = "\x1b[0m"
SEAMS = "/,_-.=&"
"""Behind these, a word that is longer than a row is broken."""


@dataclass(frozen=True, slots=True)
class Paint:
    """Puts colour around a text, or leaves it as it is."""

    colour: bool

    def __call__(self, text: str, style: str) -> str:
        """The text in one of `STYLES`; nothing is added to an empty one."""
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if self.colour and text and style else text


PLAIN = Paint(colour=False)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table."""

    text: str
    style: str = ""


def table(rows: Iterable[Sequence[Cell]], paint: Paint, numbers: frozenset[int]) -> Iterator[str]:
    """Lines whose columns line up; those in `numbers` to the right. Nothing is cut."""
    held = [tuple(row) for row in rows]
    widths = [max(columns_of(cell.text) for cell in column) for column in zip(*held, strict=True)]
    for row in held:
        parts = []
        for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
            gap = " " * (width - columns_of(cell.text))
            text = paint(cell.text, cell.style)
            parts.append(gap + text if index in numbers else text + gap)
        yield "  ".join(parts).rstrip()


def laid(text: str, style: str, paint: Paint, indent: str = "", wrap: int | None = None) -> Iterator[str]:
    """A line, or on a screen of `wrap` columns rows of it that hang from the first."""
    return fitted(paint(f"{indent}{text}", style), wrap)


def fitted(line: str, columns: int | None, hanging: int | None = None) -> Iterator[str]:
    """A line in its colours, in rows of at most so many columns that hang from its indent; None: as it is."""
    text = plain(line)
    if columns is None or columns_of(text) <= columns:
        yield line
        return
    indent = len(text) - len(text.lstrip(" "))
    if hanging is None or hanging > columns // 3:  # a column of its own, where that leaves room enough
        hanging = indent + HANGING
    hanging = hanging_for(text, columns, hanging)
    used = begin = too_deep(text, columns)
    for row in broken(text[begin:], columns, hanging):
        shown = "".join(_coloured(line, used, used + len(row.rstrip())))
        yield as_row(f"{' ' * hanging}{shown}") if used > begin else shown
        used += len(row)


def too_deep(text: str, room: int) -> int:
    """So many columns of its indent must go for its first word to have room: it moves to the left, and is not broken."""
    word = text.lstrip(" ")
    indent = len(text) - len(word)
    return min(indent, max(0, indent + columns_of(word.partition(" ")[0]) - room))


def hanging_for(text: str, room: int, wanted: int) -> int:
    """So far to the right what goes on may stand: no further than its longest word has room, where it has any."""
    longest = max((columns_of(one) for one in text.split(" ")), default=0)
    return max(0, min(wanted, room - NARROWEST, room - longest if longest <= room else room))


def plain(line: str) -> str:
    """The line without its colours."""
    return SEQUENCE.sub("", line) if "\x1b" in line else line


def fitting(lines: Iterable[str], columns: int | None) -> Iterator[str]:
    """Each of the lines, in rows that fit."""
    return (row for line in lines for row in fitted(line, columns))


def step_rows(step: str, columns: int | None) -> Iterator[str]:
    """A command to type and what it is for; on several rows it still is a command for a shell, and the rest is below."""
    command, why = re.split(" {2,}|$", step, maxsplit=1)
    if columns is None or columns_of(step) <= columns or not command.startswith(TYPED):
        yield from fitted(step, columns)
        return
    hanging = 2 * HANGING
    *rows, last = broken(command, columns - HANGING, hanging, COMMAND_WORD)
    for at, row in enumerate([*(f"{row.rstrip()} \\" for row in rows), last]):
        yield f"{' ' * hanging if at else ''}{row}"
    if why:
        comment = why.removeprefix("# ")
        yield from fitted(f"{' ' * hanging}# {comment}", columns)


def _coloured(line: str, start: int, end: int) -> Iterator[str]:
    """What of a line stands there, not counting colours, in its colours."""
    style, at = "", 0
    for place, one in enumerate(SEQUENCE.split(line)):
        if place % 2:
            style = "" if one == RESET else one
            continue
        if text := one[max(0, start - at) : max(0, end - at)]:
            yield f"{style}{text}{RESET}" if style else text
        at += len(one)


def broken(text: str, room: int | None, hanging: int = 0, words: re.Pattern[str] = WORD) -> Iterator[str]:
    """The text in rows of at most so many columns, the later ones narrower. Only a word longer than a row is broken."""
    if room is None or columns_of(text) <= room:
        yield text
        return
    row, width = "", room
    for word in words.findall(text):
        if row.strip() and columns_of(row) + columns_of(word.rstrip()) > width:
            yield row
            row, width = "", max(1, room - hanging)
        row += word
        while columns_of(row.rstrip()) > width and (cut := _seam(row, width)):
            yield row[:cut]
            row, width = row[cut:], max(1, room - hanging)
    yield row


def _seam(row: str, width: int) -> int:
    """So many characters of it fit: up to a seam, where there is one far enough along. 0: nothing can be cut off."""
    fits = len(row)
    while fits and columns_of(row[:fits]) > width:
        fits -= 1
    seam = 1 + max(row.rfind(one, 0, fits) for one in SEAMS)
    return seam if seam > fits // 2 else fits


def shortened(text: str, width: int) -> str:
    """At most `width` columns of it, wide characters counting as two; cut between words, where they are not too long."""
    used = 0
    for position, character in enumerate(text):
        used += columns_of(character)
        if used > width:
            return _cut(text[:position], width)
    return text


def _cut(text: str, width: int) -> str:
    while text and columns_of(text) >= width:
        text = text[:-1]
    space = text.rfind(" ")
    return f"{text[: space + 1] if space > len(text) // 2 else text}…"


def columns_of(text: str) -> int:
    """Columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )
