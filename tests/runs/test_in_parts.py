"""A plan's file that is read action by action is the file that `json.loads` reads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.model.content import Change
from indexer.model.pieces import Items, text_pieces
from indexer.runs.files import plan_text
from indexer.runs.in_parts import read_document
from shared import rendered
from shared.depth import examples

PUTS = [rendered.put(f"a{number}", Change(path="n.x", before='"é"', after="{}")) for number in range(4)]
PLAN = plan_text(rendered.plan_of(PUTS)).encode()
TOKENS = [
    *(b"\n  },\n  {\n", b'\n "actions": [\n', b"\n  }\n ]", b"\n  {\n", b"\n  }", b"\n ]", b'"actions": [],'),
    *(b"[", b"]", b"{", b"}", b",", b'"', b":", b"\n", b" ", b"\\", b"null", b"1,", b'"x": 1,', b'"id": 2,'),
    *(b"NaN", b"-Infinity", b"1e999", b"9" * 5_000, b"0.10", b"-0", b"01", b"[" * 2_000, b"\x00", b"\t"),
    *(b"\xef\xbb\xbf", b"\xff", b"\xc3", b"\xed\xa0\x80", b'"\\ud800"', b'"\\ud83d\\ude00"', "é🐭".encode()),
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(["id", "actions", "n\n", "é"]), VALUES, max_size=3)
NAMES = st.sampled_from(["actions", "withheld", "coverage", "later", "digest"])


def read(body: bytes) -> object:
    """What comes out, its types told apart, or what is said against it."""
    return _judged(lambda: read_document(body))


def read_whole(body: bytes) -> object:
    """The same by `json` alone."""
    return _judged(lambda: json.loads(body.decode("utf-8-sig")))


def _judged(document: Any) -> object:
    try:
        value = document()
    except (ValueError, RecursionError) as exc:
        return type(exc), str(exc)
    if isinstance(value, dict):
        value = {key: list(one) if isinstance(one, Items) else one for key, one in value.items()}
    return repr(value)


def test_a_plan_as_we_write_it_is_read_in_parts() -> None:
    """Of its actions there is only one at a time."""
    document = read_document(PLAN)
    assert isinstance(document["actions"], Items)
    assert [action["id"] for action in document["actions"]] == [one.id for one in PUTS]
    assert read(PLAN) == read_whole(PLAN)


@settings(max_examples=examples(1_000), deadline=None)
@given(st.data())
def test_a_file_that_was_changed_is_read_or_refused_as_whole(data: st.DataObject) -> None:
    """Cut, or with something put in or in the place of something: the same value, or the same words."""
    body = PLAN
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body)))
        if data.draw(st.booleans()):  # where it hurts
            edge = data.draw(st.sampled_from([b"\n  },\n  {\n", b'\n "actions": [\n', b"\n  }\n ]"]))
            at = max(0, body.find(edge, at)) + data.draw(st.integers(0, len(edge)))
        gone = data.draw(st.sampled_from([0, 0, 1, 3, 200, len(body)]))
        body = body[:at] + data.draw(st.sampled_from([b"", *TOKENS])) + body[at + gone :]
    assert read(body) == read_whole(body)


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.tuples(NAMES, st.lists(OBJECTS | VALUES, max_size=4) | VALUES), max_size=4))
def test_any_document_in_our_layout_is_read_as_whole(fields: list[tuple[str, Any]]) -> None:
    """Whatever its actions are, and also where a name comes twice."""
    pieces = ["".join(text_pieces({name: value}))[1:-2] for name, value in fields]
    body = ("{" + ",".join(pieces) + "\n}\n").encode("utf-8", "backslashreplace")
    assert read(body) == read_whole(body)


@pytest.mark.parametrize("inner", [b"{}", b'{"actions": []}', b"[]", b"7", b""])
def test_indents_prove_nothing(inner: bytes) -> None:
    """What looks like the actions from its line breaks may be something else."""
    lied = b'{"x":\n {\n "actions": [\n  {\n "a": [\n  {\n  },\n  {\n "b": %b\n  }\n ]\n  }\n ]}}' % inner
    assert read(lied) == read_whole(lied)
