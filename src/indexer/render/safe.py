"""Other people's text as it may be shown: all of it seen, none of it obeyed.

What cannot be seen goes by Unicode's properties, not by a list: two names that differ must look different. Sources:
DerivedCoreProperties.txt (Default_Ignorable_Code_Point), and the parsers of GitHub's runner (ActionCommand.cs), Azure's
agent (Command.cs), TeamCity's service messages and GitLab's sections, which read whatever a job prints.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

IGNORABLE = (
    *(range(0x034F, 0x0350), range(0x115F, 0x1161), range(0x17B4, 0x17B6), range(0x180B, 0x1810)),
    *(range(0x3164, 0x3165), range(0xFE00, 0xFE10), range(0xFFA0, 0xFFA1), range(0xFFF0, 0xFFF9)),
    *(range(0x1BCA0, 0x1BCA4), range(0x1D173, 0x1D17B), range(0xE0000, 0xE1000)),
)
"""What Unicode lets a screen leave out. Those among them that are formats or unassigned go by that, too."""
BLANK = (0x2800, 0x16FE4, 0x1D159)
"""Symbols without ink: Braille without a dot, a filler, a note without its head. No property tells of them."""
MARKS_IN_A_ROW = 4
"""No script stacks more on a letter; more of them paint over the lines above and below."""
COMMAND = re.compile(r"^( *):(?=:)|#(?=#\w*\[)|s(?=ection_(?:start|end):)")
"""Where a runner takes a line for a command: `::name::` at its start, the others anywhere in it."""
IN_JSON = re.compile(r"#(?=#)|s(?=ection_(?:start|end):)")
"""The same in JSON, where no line begins with other people's text."""

OURS = re.compile("[ -~·…→]*")
"""What our own words join other people's with: nearly every line, and nothing in it needs a second look."""
NOT_ASCII = re.compile(r"[^\x00-\x7e]")


class _Shown(dict[int, str]):
    """What stands for a character: itself, or an escape where nobody would see it. Worked out when it is met."""

    def __init__(self, *, json: bool) -> None:
        super().__init__()
        self._json = json

    def __missing__(self, code: int) -> str:
        character = chr(code)
        seen = character.isprintable() and not _without_ink(code)
        escape = _json_escape if self._json else _escape
        self[code] = shown = character if seen else escape(character)
        return shown


def _without_ink(code: int) -> bool:
    return code in BLANK or any(code in among for among in IGNORABLE)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode()


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


_TEXT, _JSON = _Shown(json=False), _Shown(json=True)


def safe(text: str) -> str:
    """The text, on one line: what could move a cursor, hide, or command a runner stands there as an escape."""
    plain = text.isprintable() if text.isascii() else OURS.fullmatch(text)
    shown = text if plain else "".join(_marked(text.translate(_TEXT)))
    if ":" in shown or "#" in shown:
        shown = COMMAND.sub(_broken, shown)
    return shown


def as_row(row: str) -> str:
    """What goes on of a safe line, in a row of its own: that it begins there must not make a command of it."""
    return COMMAND.sub(_broken, row) if row.lstrip(" ").startswith("::") else row


def _broken(match: re.Match[str]) -> str:
    """A command whose first character is an escape is none."""
    return f"{match[1] or ''}\\x{ord(match[0][-1]):02x}"


def _marked(text: str) -> Iterable[str]:
    """Marks that stand on nothing, or in a heap, as escapes: they would change what stands before them."""
    if text.isascii():
        return (text,)
    row, shown = MARKS_IN_A_ROW, []
    for character in text:
        mark = unicodedata.category(character) in ("Mn", "Me")
        hidden = mark and row >= MARKS_IN_A_ROW
        shown.append(_escape(character) if hidden else character)
        row = row + 1 if mark else MARKS_IN_A_ROW if character == " " else 0
    return shown


def safe_json(text: str) -> str:
    """JSON of the same value, in ASCII where a character would not be seen, and in which no runner finds a command."""
    text = NOT_ASCII.sub(lambda match: _JSON[ord(match[0])], text)
    if "##" in text or "section_" in text:
        text = IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return text
