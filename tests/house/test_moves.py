"""What `tests/house/moves.py` says of two states of the code."""

from __future__ import annotations

from moves import Moves, compare, definitions

BEFORE = '''
"""A module."""
import json

LIMIT = 3

class Reader:
    """It reads."""

    size: int
    """How much."""

    def read(self) -> str:
        """What is there."""
        return json.dumps(LIMIT)
'''


def compared(before: dict[str, str], after: dict[str, str]) -> Moves:
    return compare(
        *([one for name in side for one in definitions(name, side[name])] for side in (before, after))
    )


def names(pairs: object) -> set[tuple[str, str, str]]:
    return {(one.module, other.module, one.name) for one, other in pairs}  # type: ignore[attr-defined]


def test_a_moved_module_has_only_moved() -> None:
    moves = compared({"old": BEFORE}, {"new": BEFORE})
    assert names(moves.moved) == {("old", "new", name) for name in ("LIMIT", "Reader", "Reader.read")}
    assert not moves.changed + moves.added + moves.removed


def test_imports_docstrings_comments_and_layout_do_not_count() -> None:
    after = BEFORE.replace("import json", "from elsewhere import json  # why").replace("It reads", "Reads it")
    assert compared({"one": BEFORE}, {"one": after.replace("How much", "Its size")}) == Moves((), (), (), ())


def test_a_method_that_changed_on_its_way_is_named_and_the_rest_has_moved() -> None:
    moves = compared(
        {"old": BEFORE, "bystander": "def read(): ..."}, {"new": BEFORE.replace("dumps", "loads")}
    )
    assert names(moves.changed) == {("old", "new", "Reader.read")}
    assert names(moves.moved) == {("old", "new", "LIMIT"), ("old", "new", "Reader")}
    assert [one.name for one in moves.removed] == ["read"]


def test_a_default_that_changed_where_it_stands_is_a_change_even_if_a_namesake_went() -> None:
    moves = compared({"a": "def f(x=1): ...", "b": "def f(x=2): ..."}, {"b": "def f(x=3): ..."})
    assert names(moves.changed) == {("b", "b", "f")}
    assert [(one.module, one.name) for one in moves.removed] == [("a", "f")]


def test_a_statement_that_is_no_definition_counts_too() -> None:
    assert [one.name for one in compared({"one": ""}, {"one": "print(1)"}).added] == ["(rest)"]
