"""However long two values are: what tells them apart stays in sight."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from indexer.planner.shorten import MAX_TEXT, json_text, shortened_pair, shortened_value

ROOM = MAX_TEXT + 40
PIECES = st.text(st.sampled_from('ab"\\é… 😀'), max_size=400)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | PIECES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PIECES, inner, max_size=4),
    max_leaves=10,
)


@st.composite
def neighbours(draw: Any) -> tuple[Any, Any]:
    """Two values; often two long texts of which one is the other with a piece replaced."""
    head, tail = draw(PIECES), draw(PIECES)
    texts = st.builds(lambda piece: head + piece + tail, PIECES)
    return draw(st.tuples(texts, texts) | st.tuples(VALUES, VALUES))


@given(neighbours())
def test_what_differs_is_always_visible(pair: tuple[Any, Any]) -> None:
    """Both sides hold their first differing character, in as many columns as there is room for."""
    before, after = pair
    old, new = shortened_pair(before, after)
    whole_old, whole_new = json_text(before), json_text(after)
    assert (old == new) == (whole_old == whole_new)
    assert len(old) <= ROOM
    assert len(new) <= ROOM
    at = next((n for n, (a, b) in enumerate(zip(whole_old, whole_new, strict=False)) if a != b), None)
    if at is not None:
        # With the characters before it, since one alone is anywhere.
        for shown, whole in ((old, whole_old), (new, whole_new)):
            assert whole[max(0, at - 20) : at + 1] in shown


@given(VALUES)
def test_a_value_alone_begins_as_it_is_or_says_that_it_does_not(value: Any) -> None:
    """What fits is shown whole."""
    text, shown = json_text(value), shortened_value(value)
    assert len(shown) <= ROOM
    if len(text) <= MAX_TEXT:
        assert shown == text
    else:
        assert "…" in shown
        assert f"({len(text)} characters)" in shown
