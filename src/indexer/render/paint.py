"""Colour on a terminal, and tables whose columns line up with and without it.

By hand and not with rich: output that goes to a file or through `grep` must not be wrapped, and a plan may
have a hundred thousand lines.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

WIDTH = 160
"""Columns where there is no screen."""
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
    room = None if wrap is None else max(NARROWEST, wrap - len(indent))
    for at, row in enumerate(broken(text, room, HANGING)):
        yield paint(f"{indent}{' ' * HANGING if at else ''}{row if room is None else row.rstrip()}", style)


def broken(text: str, room: int | None, hanging: int = 0) -> Iterator[str]:
    """The text in rows of at most so many columns, the later ones narrower; a word that is longer stays whole."""
    if room is None or columns_of(text) <= room:
        yield text
        return
    row, width = "", room
    for word in WORD.findall(text):
        if row.strip() and columns_of(row) + columns_of(word.rstrip()) > width:
            yield row
            row, width = "", room - hanging
        row += word
    yield row


def shortened(text: str, width: int) -> str:
    """At most `width` columns of it, wide characters counting as two."""
    used = 0
    for position, character in enumerate(text):
        used += columns_of(character)
        if used > width:
            return _cut(text[:position], width)
    return text


def _cut(text: str, width: int) -> str:
    while text and columns_of(text) >= width:
        text = text[:-1]
    return f"{text}…"


def columns_of(text: str) -> int:
    """Columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )
