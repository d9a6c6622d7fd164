"""The differences that an action shows are a tuple in all but memory."""

from __future__ import annotations

import pickle
import random
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from indexer.model.changes import Changes, ShownChanges
from indexer.model.content import Change
from indexer.planner.diff import MAX_CHANGES
from shared.depth import examples

PACKED: TypeAdapter[Any] = TypeAdapter(ShownChanges)
AS_TUPLE: TypeAdapter[Any] = TypeAdapter(tuple[Change, ...])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
ANY_TEXT = st.text(max_size=60)
"""Halves of surrogates' pairs, too: a plan that was made up may show some."""
CHANGE = st.builds(Change, path=TEXT, before=st.none() | TEXT, after=st.none() | TEXT)
CHANGES = st.lists(CHANGE, max_size=MAX_CHANGES).map(tuple)
JUNK = st.recursive(st.none() | st.integers() | TEXT, lambda one: st.lists(one, max_size=3), max_leaves=6)
NEARLY = st.lists(
    st.dictionaries(st.sampled_from(["path", "before", "after", "later"]), JUNK) | CHANGE | JUNK, max_size=4
)


@settings(deadline=None)
@given(
    st.lists(st.builds(Change, path=ANY_TEXT, before=st.none() | ANY_TEXT), max_size=MAX_CHANGES).map(tuple)
)
def test_whatever_a_text_holds_is_packed(changes: Any) -> None:
    """Half of a surrogate's pair has no form in UTF-8."""
    assert tuple(PACKED.validate_python(changes)) == changes


@settings(deadline=None)
@given(CHANGES, CHANGES)
def test_packed_differences_are_equal_where_their_tuples_are(one: Any, two: Any) -> None:
    """Their hashes, too; and they are equal to their tuples."""
    assert (Changes(one) == Changes(two)) == (one == two)
    assert Changes(one) == one == tuple(Changes(one))
    assert Changes(one) != list(one)
    assert hash(Changes(one)) == hash(one)
    assert repr(Changes(one)) == repr(one)


@settings(deadline=None)
@given(CHANGES)
def test_packed_differences_are_looked_at_as_a_tuple_is(changes: Any) -> None:
    """Their number, whether there are any, one of them, and the first few; here, and in another process."""
    for packed in (Changes(changes), pickle.loads(pickle.dumps(Changes(changes)))):
        assert (len(packed), bool(packed), packed[:3]) == (len(changes), bool(changes), changes[:3])
        assert all(packed[at] == one for at, one in enumerate(changes))
        with pytest.raises(IndexError):
            packed[len(changes)]


@settings(deadline=None)
@given(CHANGES)
def test_packed_differences_are_written_as_a_tuple_is(changes: Any) -> None:
    """In each way in which an action is dumped."""
    packed = PACKED.validate_python(changes)
    for mode in ("json", "python"):
        for none in (False, True):
            assert PACKED.dump_python(packed, mode=mode, exclude_none=none) == AS_TUPLE.dump_python(
                changes, mode=mode, exclude_none=none
            )
    assert PACKED.dump_json(packed) == AS_TUPLE.dump_json(changes)
    assert PACKED.json_schema() == AS_TUPLE.json_schema()


def judged(typed: TypeAdapter[Any], value: object) -> object:
    """What is read, or what is said against it."""
    try:
        return typed.validate_python(value)
    except ValidationError as exc:
        return exc.errors(include_url=False)


@settings(deadline=None, max_examples=examples(300))
@given(NEARLY | JUNK | CHANGES)
def test_packed_differences_are_refused_where_a_tuple_is(value: object) -> None:
    """In the same words, at the same place."""
    assert judged(PACKED, value) == judged(AS_TUPLE, value)


def test_what_is_packed_is_taken_as_it_is() -> None:
    """An action that is typed again, as part of a plan, is not unpacked for it."""
    packed = Changes([Change(path="a")])
    assert PACKED.validate_python(packed) is packed


def test_twenty_differences_take_less_memory_than_their_action() -> None:
    """Texts of which no two are alike: 100 bytes each, a seventh of what they take as objects."""
    chance = random.Random(1)

    def shown(number: int) -> Changes:
        values = (f'"{chance.randbytes(16).hex()}"' for _ in range(2 * MAX_CHANGES))
        return Changes(
            Change(path=f"acquisition.note_{number}_{at}", before=next(values), after=next(values))
            for at in range(MAX_CHANGES)
        )

    shown(0)
    count = 500
    tracemalloc.start()
    try:
        held = [shown(number) for number in range(count)]
        taken_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(held) == count
    assert taken_bytes / (count * MAX_CHANGES) < 100
