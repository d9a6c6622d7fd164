"""One value in other bytes: every way in which they differ from ours is told, and no other."""

from __future__ import annotations

import codecs
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.model.spelling import BOUND, spellings
from indexer.model.values import from_bytes, to_bytes

KEYS = st.sampled_from(["a", "b", "é", "c d", '"', "\\"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "x", "é 日本 😀", "a\nb", '{"a": 1}', "\\u00e9"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
).filter(lambda value: value is not None)


def told(body: bytes) -> set[str]:
    return {one.what for one in spellings(body)}


@given(VALUES)
def test_our_bytes_are_ours(value: Any) -> None:
    """Nothing is said of them."""
    assert spellings(to_bytes(value)) == ()


@given(
    VALUES,
    st.sampled_from([None, 0, 1, 2, 3, 4, "\t"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_what_was_written_otherwise_is_told(
    value: Any, indent: Any, escaped: bool, as_made: bool, marked: bool, ended: bool
) -> None:
    """Another program's settings, one by one; the value stays what it is."""
    text = json.dumps(value, indent=indent, ensure_ascii=escaped, sort_keys=not as_made)
    body = (codecs.BOM_UTF8 if marked else b"") + text.encode() + (b"\n" if ended else b"")
    assert to_bytes(from_bytes(body)) == to_bytes(value)
    ours = to_bytes(value).decode()
    plain = json.dumps(value, indent=3, ensure_ascii=False, sort_keys=True)
    expected = {
        "byte order mark": marked,
        "newline at the end": ended,
        "escapes": escaped and not ours.isascii(),
        "order of keys": json.dumps(value, sort_keys=not as_made) != json.dumps(value, sort_keys=True),
        "indent": indent != 3
        and json.dumps(value, indent=indent, ensure_ascii=False, sort_keys=True) != plain,
    }
    assert told(body) == {what for what, is_so in expected.items() if is_so}


@pytest.mark.parametrize(
    ("body", "what", "theirs", "ours"),
    [
        (b'{\n   "a": 1.50\n}', "number spelling", "1.50", "1.5"),
        (b'{\n   "a": 1E2\n}', "number spelling", "1E2", "100.0"),
        (b'{\n   "a": "\\/"\n}', "escapes", '"\\/"', '"/"'),
        (b'{\n   "a": "\\u00e9"\n}', "escapes", '"\\u00e9"', '"\xc3\xa9"'.encode("latin-1").decode()),
        (b'{\n   "a": 1,\n   "a": 2\n}', "duplicate keys", '"a" more than once', "the last of them"),
        (b'{\n   "b": 1,\n   "a": 2\n}', "order of keys", '"b" first', '"a" first'),
        (b'{"a":1}', "indent", "none, all on one line", "3 spaces"),
        (b'{\n\t"a": 1\n}', "indent", "a tab", "3 spaces"),
        (b'{\n "a": 1\n}', "indent", "1 space", "3 spaces"),
        (b'{\n"a": 1\n}', "indent", "none", "3 spaces"),
        (b'{\n   "a" : 1\n}', "white space between values", "other", "ours"),
        (b'{\r\n   "a": 1\r\n}', "line ends", "CR LF", "LF"),
        (b'{\n   "a": 1\n}\r\n', "line ends", "CR LF", "LF"),
        (b' {\n   "a": 1\n}', "white space around it", "there", ""),
    ],
)
def test_each_way_is_shown_by_an_example(body: bytes, what: str, theirs: str, ours: str) -> None:
    """What is there, and what will be."""
    assert (what, theirs, ours) in [(one.what, one.theirs, one.ours) for one in spellings(body)]


def test_long_examples_are_cut_and_huge_files_not_walked() -> None:
    """A plan holds it, and a plan stays small."""
    (one,) = spellings(b'"' + b"\\u00e9" * 5_000 + b'"')
    assert len(one.theirs) <= 41
    assert len(one.ours) <= 41
    assert [one.what for one in spellings(b'"' + b"x" * BOUND + b'"')] == ["bytes"]
