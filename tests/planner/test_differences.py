"""What people see of a change: bounded in number and length."""

from __future__ import annotations

from typing import Any

import pytest

from indexer.model.values import to_bytes
from indexer.planner.diff import MAX_CHANGES, changes
from indexer.planner.shorten import MAX_TEXT
from shared.builders import asset_of, planned, record


def shown(before: object, after: object) -> dict[str, tuple[str | None, str | None]]:
    found, _ = changes(before, after)
    return {change.path: (change.before, change.after) for change in found}


def test_objects_are_compared_key_by_key() -> None:
    """Down to what differs; absent is not null."""
    before = {"same": 1, "a": {"b": 1, "c": 2}, "gone": None}
    after = {"same": 1, "a": {"b": 2, "c": 2}, "new": "x"}
    assert shown(before, after) == {"a.b": ("1", "2"), "gone": ("null", None), "new": (None, '"x"')}


@pytest.mark.parametrize(("one", "two"), [(1, 1.0), (1, True), (0.0, -0.0), ("1", 1), ({}, []), (None, {})])
def test_types_differ(one: object, two: object) -> None:
    """What DocDB tells apart is shown."""
    assert list(shown({"v": one}, {"v": two})) == ["v"]
    assert shown({"v": one}, {"v": one}) == {}


def test_lists_of_types_that_differ_are_shown() -> None:
    """Inside a list too."""
    for one, two in (([1], [1.0]), ([1], [True]), ([{"a": 0.0}], [{"a": -0.0}])):
        assert shown({"v": one}, {"v": two})


def test_one_item_taken_out_of_a_list_is_one_difference() -> None:
    """Not one for each that moved up."""
    items = [{"n": number} for number in range(200)]
    found, omitted = changes({"v": items}, {"v": items[1:]})
    assert (len(found), omitted) == (1, 0)


@pytest.mark.parametrize("count", [MAX_CHANGES - 1, MAX_CHANGES, MAX_CHANGES + 1, 5 * MAX_CHANGES])
def test_differences_are_bounded_in_number(count: int) -> None:
    """The first ones by path, and how many more there are."""
    found, omitted = changes({}, {f"k{number:04}": number for number in range(count)})
    assert len(found) == min(count, MAX_CHANGES)
    assert omitted == max(0, count - MAX_CHANGES)
    assert [one.path for one in found] == sorted(one.path for one in found)


@pytest.mark.parametrize("value", ["x" * 10_000, list(range(5_000)), {"k": "y" * 10_000}])
def test_differences_are_bounded_in_length(value: Any) -> None:
    """A value of any size is cut."""
    found, _ = changes({"v": 1}, {"v": value})
    assert all(len(one.after or "") <= MAX_TEXT + 40 for one in found)


def test_huge_lists_are_not_compared_item_by_item() -> None:
    """That would take minutes."""
    found, _ = changes({"v": list(range(50_000))}, {"v": list(range(1, 50_001))})
    assert [one.path for one in found] == ["v"]


def test_only_the_order_of_a_list_still_shows() -> None:
    """The bytes differ, so something is said."""
    assert list(shown({"v": [1, 2]}, {"v": [2, 1]})) == ["v"]


@pytest.mark.parametrize(
    ("before", "after"),
    [([1, 2, 3], [1, 5, 3]), (["a", "b"], ["a", "c"]), ([{"a": 1, "b": 2}, 7], [{"x": "y"}, 7])],
)
def test_a_replaced_item_of_a_list_is_one_difference(before: list[Any], after: list[Any]) -> None:
    """One pair of what was there and what takes its place."""
    ((old, new),) = shown({"v": before}, {"v": after}).values()
    assert old is not None
    assert new is not None


def test_what_every_core_field_has_gives_way_to_what_it_says() -> None:
    """A new field's address of its schema would take all the room; a short one is shown whole."""
    common = {"describedBy": f"https://raw.example.org/{'schema/' * 20}subject.py", "schema_version": "1.0.0"}
    assert shown({}, {"subject": common | {"subject_id": "731015"}})["subject"][1] == (
        '{…,"subject_id":"731015"} (239 characters)'
    )
    assert shown({}, {"v": {"schema_version": "1"}})["v"][1] == '{"schema_version":"1"}'


def test_a_change_of_what_every_core_field_has_is_shown() -> None:
    """Only where it did not change it tells nothing."""
    old, new = [{"schema_version": "1" * 200}], [{"schema_version": "1" * 200 + "2"}]
    ((before, after),) = shown({"v": old}, {"v": new}).values()
    assert before != after


def test_the_same_value_in_other_bytes_says_how_it_is_written() -> None:
    """A reviewer sees that no value changes, and why the file is written all the same."""
    body = record(subject={"name": "é", "n": 1})
    files = {
        "subject.json": b'\xef\xbb\xbf{"name": "\\u00e9", "n": 1}\n',
        "metadata.nd.json": b" " + to_bytes(body),
    }
    found = {one.reason: one.changes for one in planned(asset_of(body, files, ["subject"])).actions}
    assert [(one.path, one.before, one.after) for one in found["core-file-format"]] == [
        ("(byte order mark)", "there", None),
        ("(newline at the end)", "there", None),
        ("(order of keys)", '"name" first', '"n" first'),
        ("(escapes)", '"\\u00e9"', '"é"'),
        ("(indent)", "none, all on one line", "3 spaces"),
    ]
    assert [one.path for one in found["metadata-file-format"]] == ["(white space around it)"]
