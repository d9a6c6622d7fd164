"""A difference word by word is one: from it both texts can be made again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from indexer.render.word_diff import (
    DiffLine,
    Gap,
    changed_line,
    diff_lines,
    is_partly_changed,
    shown_diff,
    with_context,
)

WORDS = st.lists(
    st.sampled_from(["a", "bb", " ", "é", "日本", '"', "\\", "\n", "\n  ", ",", "a_b"]), max_size=60
)
TEXTS = WORDS.map("".join)


@st.composite
def neighbours(draw: st.DrawFn) -> tuple[str, str]:
    """Two texts of which one is often the other with a piece replaced."""
    head, tail = draw(TEXTS), draw(TEXTS)
    return head + draw(TEXTS) + tail, head + draw(TEXTS) + tail


def side(lines: list[DiffLine], sign: str) -> str:
    return "\n".join(line.text for line in lines if line.sign in (" ", sign))


@given(neighbours())
def test_what_is_kept_and_added_is_the_new_text(pair: tuple[str, str]) -> None:
    """And what is kept and removed the old one."""
    old, new = pair
    lines = list(diff_lines(old, new))
    assert side(lines, "-") == old
    assert side(lines, "+") == new
    assert (old == new) == all(line.sign == " " for line in lines)


@given(TEXTS.map(lambda text: text.replace("\n", "")), TEXTS.map(lambda text: text.replace("\n", "")))
def test_words_that_are_not_marked_are_in_both_lines(old: str, new: str) -> None:
    """In the same order; what is marked is in one alone."""
    removed, added = changed_line(old, new)
    assert (removed.text, added.text) == (old, new)
    kept = ["".join(one.text for one in line.pieces if not one.changed) for line in (removed, added)]
    assert kept[0] == kept[1]


@given(neighbours(), st.integers(0, 4))
def test_lines_that_are_left_out_are_the_same_and_counted(pair: tuple[str, str], context: int) -> None:
    """No line that differs is among them."""
    lines = list(diff_lines(*pair))
    shown = list(with_context(lines, context))
    assert [one for one in shown if isinstance(one, DiffLine) and one.sign != " "] == [
        one for one in lines if one.sign != " "
    ]
    assert sum(one.lines if isinstance(one, Gap) else 1 for one in shown) == len(lines)


@given(neighbours())
def test_every_changed_word_is_shown_whole(pair: tuple[str, str]) -> None:
    """Only what did not change is cut."""

    def changed(lines: list[DiffLine | Gap] | list[DiffLine]) -> list[str]:
        held = (one for one in lines if isinstance(one, DiffLine))
        return [piece.text for one in held for piece in one.pieces if piece.changed]

    assert changed(list(shown_diff(*pair))) == changed(list(diff_lines(*pair)))


def test_a_long_line_is_cut_around_its_changed_word() -> None:
    """A note of thousands of characters in which one word is new."""
    old = "x " * 2_000 + "red" + " y" * 2_000
    lines = [one for one in shown_diff(old, old.replace("red", "blue")) if isinstance(one, DiffLine)]
    assert [[piece.text for piece in line.pieces if piece.changed] for line in lines] == [["red"], ["blue"]]
    assert all(len(line.text) < 150 for line in lines)
    assert all(map(is_partly_changed, lines))


def test_texts_beyond_the_bounds_are_replaced_whole() -> None:
    """Comparing every line with every other would take minutes."""
    old, new = ("\n".join(f"{word}{number}" for number in range(5_000)) for word in ("a", "b"))
    lines = list(diff_lines(old, new))
    assert side(lines, "-") == old
    assert side(lines, "+") == new


def test_one_text_alone_is_all_of_the_difference() -> None:
    """Nothing was there, or nothing will be; an empty text is something."""
    assert [line.sign for line in diff_lines(None, "a\nb")] == ["+", "+"]
    assert [line.sign for line in diff_lines("a", None)] == ["-"]
    assert [line.sign for line in diff_lines("", None)] == ["-"]
    assert list(diff_lines(None, None)) == []
