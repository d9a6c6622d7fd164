"""A difference shown whole, in every format: nothing of it is cut, and nothing in it can pass for ours."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from indexer.model.whole import Whole
from indexer.render.formats import ReportFormat, pieces, rendered
from indexer.render.of_plan import plan_report
from indexer.render.paint import PLAIN, Paint, broken, columns_of
from indexer.render.reader import Reader
from indexer.render.whole_text import whole_lines
from shared.rendered import plan_of, put

LONG = " ".join(f"word{number}" for number in range(300))
WHOLE = Whole('{\n   "note": "a red mouse"\n}', '{\n   "note": "a blue mouse"\n}')
ESCAPES = re.compile("\x1b\\[[0-9;]*m")


def lines(whole: Whole, wrap: int | None = None, paint: Paint = PLAIN) -> list[str]:
    return list(whole_lines(whole, paint, "  ", wrap))


def page(whole: Whole, output: ReportFormat) -> str:
    """A plan of one action, of which all is shown."""
    plan = plan_of([put()])
    return rendered(plan_report(plan, whole=lambda _: whole), output, Reader(whole=True))


def island(html: str) -> Any:
    return json.loads(html.split('type="application/json">')[1].split("</script>")[0])


def test_the_words_that_changed_are_marked_below_their_lines() -> None:
    """With or without colour: a mark is never a character of the text."""
    expected = [
        "    {",
        '  -    "note": "a red mouse"',
        "                  ^^^",
        '  +    "note": "a blue mouse"',
        "                  ^^^^",
        "    }",
    ]
    assert lines(WHOLE) == expected
    assert [ESCAPES.sub("", line) for line in lines(WHOLE, paint=Paint(colour=True))] == expected


def test_a_line_that_is_new_or_gone_needs_no_marks() -> None:
    """All of it is."""
    assert lines(Whole(None, "a\nb")) == ["  + a", "  + b"]
    assert lines(Whole("a", None)) == ["  - a"]
    assert lines(Whole("a", "a")) == []


def test_what_is_no_longer_as_planned_comes_first() -> None:
    """So loud that nobody reads the difference as if it held."""
    shown = lines(Whole("a", "b", words=("for people",), doubts=("the file was changed",)))
    assert shown[:2] == ["  NOT AS PLANNED: the file was changed", "  for people"]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_on_a_screen_no_word_is_broken_and_rows_hang(width: int) -> None:
    """Joined again, the rows are the text; each is under the line that it belongs to."""
    text = f'      "note": "{LONG}"'
    first, *others = lines(Whole(None, text), wrap=width)
    assert all(columns_of(line) <= width for line in (first, *others))
    assert first.startswith('  +       "note": "word0')
    assert all(re.match("  [+] {9}word[0-9]+", line) for line in others)
    assert " ".join(line[4:].strip() for line in (first, *others)) == text.strip()


def test_marks_follow_their_words_to_the_next_row() -> None:
    """Also where a character takes two columns."""
    old = f"{'日本 ' * 20}red {'x ' * 10}"
    shown = lines(Whole(old, old.replace("red", "blue")), wrap=60)
    for row, marks in pairwise(shown):
        if "^" in marks:
            start, end = marks.index("^"), len(marks)
            columns = "".join(one if columns_of(one) == 1 else f"{one}\0" for one in row)
            assert columns[start:end] in ("red", "blue")
    assert sum("^" in line for line in shown) == 2


@pytest.mark.parametrize("room", [1, 5, 20])
@pytest.mark.parametrize("text", ["", "   ", "a b  c", f"   {LONG}", "x" * 50, "  leading and trailing  "])
def test_broken_rows_are_the_text(text: str, room: int) -> None:
    """Nothing is added and nothing lost."""
    assert "".join(broken(text, room, 2)) == text


HOSTILE = Whole(
    "- removed\n::error::x\n\x1b[2J \u202e\u200b\n##vso[x]\n<script>alert(1)</script>\n" + "`" * 9,
    "+ added\n::warning::x\n\x1b]0;x\x07\n#vso[x]#vso[y]\n<img src=x onerror=alert(1)>\n" + "`" * 10,
    words=("\x1b[2J",),
    doubts=("\x1b[2J::error::",),
)


@pytest.mark.parametrize("output", ["text", "markdown", "html"])
def test_nothing_in_a_value_is_obeyed_or_taken_for_ours(output: ReportFormat) -> None:
    """No escape, no hidden character, no runner's command, no tag and no end of a fence; a sign of theirs is behind ours."""
    text = page(HOSTILE, output)
    assert all(one.isprintable() or one == "\n" for one in text)
    assert not re.search(r"^\s*::(error|warning)", text, re.MULTILINE)
    assert "##vso" not in text
    if output == "markdown":
        assert text.count("`" * 8) == 2
    if output == "html":
        assert "<img" not in text
        assert "<script>alert" not in text
    if output == "text":
        assert "      - - removed" in text
        assert "      + + added" in text


def test_a_command_that_two_parts_make_together_is_broken() -> None:
    """Each part alone is harmless, and so is marked apart; then the line has no marks."""
    shown = "\n".join(lines(Whole("#a #vso[x]", "##vso[x]")))
    assert "##vso" not in shown


@pytest.mark.parametrize("output", ["text", "markdown", "html"])
def test_what_changed_is_never_cut(output: ReportFormat) -> None:
    """A comment has no room for it; a page that was asked to show all of it has."""
    text = page(Whole(f'"{LONG}"', "null"), output)
    assert LONG in text


def test_a_page_marks_what_changed_and_counts_what_did_not() -> None:
    """For a script that makes text of it and nothing else."""
    same = "\n".join(f"line {number}" for number in range(50))
    html = page(Whole(f"{same}\na red mouse", f"{same}\na blue mouse", doubts=("gone",)), "html")
    (action,) = island(html)["assets"][0]["actions"]
    assert action["whole"] == [
        ["…", "47 lines the same"],
        *([" ", f"line {number}"] for number in (47, 48, 49)),
        ["-", "a ", ["red"], " mouse"],
        ["+", "a ", ["blue"], " mouse"],
    ]
    assert action["doubts"] == ["gone"]
    assert "changes" not in action


@pytest.mark.parametrize("output", ["text", "markdown", "html"])
def test_differences_are_read_when_they_are_written_and_not_before(output: ReportFormat) -> None:
    """A plan of a hundred thousand actions: what one reads is let go before the next one is asked for."""
    plan, read, most = plan_of([put(f"asset-{number:02}") for number in range(40)]), [], 0

    def whole(action: object) -> Whole:
        read.append(action)
        return Whole(None, f"value of number {len(read):02}")

    written: list[str] = []
    for piece in pieces(plan_report(plan, whole=whole), output, Reader(whole=True)):
        written.append(piece)
        most = max(most, len(read) - _told(written))
    assert len(read) == 40
    assert most <= 2


def _told(written: Sequence[str]) -> int:
    return "".join(written).count("value of number")
