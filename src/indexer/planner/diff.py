"""Field-level differences for people: bounded in number, length and work; nothing is written from them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from indexer.model.content import Change
from indexer.model.spelling import spellings
from indexer.model.values import NotJsonError, UnserialisableError, canonical, fingerprint, from_bytes
from indexer.planner.shorten import COMMON_KEYS, shortened_pair, shortened_text, shortened_value

MAX_CHANGES = 20
"""Of an action: a reviewer sees that it is more, and a plan of 100,000 actions must fit into memory."""
MAX_VALUES = 5
"""Of a file that is deleted: they tell a reviewer which file it is (decision 10)."""
MAX_COMPARED_BYTES = 200_000
"""Larger values are not compared item by item: that would take seconds."""
MAX_PATH = 500
FAULTS_OF_DEEPDIFF = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""It fails on nesting, on huge integers and on lone surrogates; it only serves people, so the whole is shown."""


class Nothing:
    """Absent, which is not null."""


NOT_THERE = Nothing()


def changes(before: object, after: object, root: str = "") -> tuple[tuple[Change, ...], int]:
    """The first differences, sorted by path, and how many more there are."""
    try:
        found = sorted(_differences(before, after, root), key=_order)
    except RecursionError:
        found = [_change(root, before, after)]
    return tuple(found[:MAX_CHANGES]), max(0, len(found) - MAX_CHANGES)


def first_values(body: bytes) -> tuple[tuple[Change, ...], int]:
    """The first values of a file that is deleted, and how many more it holds; of what is not JSON its beginning."""
    try:
        value = from_bytes(body)
    except (NotJsonError, UnserialisableError):
        value = shortened_text(body[:MAX_PATH].decode("utf-8", "backslashreplace"))
    if not isinstance(value, dict) or not value:
        return (_change("", value, NOT_THERE),), 0
    # Last nulls, and what every core field has: they do not tell one file from another.
    keys = sorted(value, key=lambda key: (key in COMMON_KEYS or value[key] is None, key))
    first = tuple(_change(key, value[key], NOT_THERE) for key in keys[:MAX_VALUES])
    return first, len(keys) - len(first)


def spelling_changes(body: bytes) -> tuple[Change, ...]:
    """How a file that holds the right value in other bytes is written, and how it will be."""
    return tuple(
        Change(path=f"({one.what})", before=one.theirs, after=one.ours or None) for one in spellings(body)
    )


def _differences(before: object, after: object, path: str) -> Iterator[Change]:
    """Objects key by key, down to what differs; what differs there is deepdiff's."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            old, new = before.get(key, NOT_THERE), after.get(key, NOT_THERE)
            if old is NOT_THERE or new is NOT_THERE or fingerprint(old) != fingerprint(new):
                yield from _differences(old, new, f"{path}.{key}" if path else str(key))
    elif isinstance(before, list) and isinstance(after, list) and _comparable(before, after):
        yield from _list_differences(before, after, path)
    else:
        yield _change(path, before, after)


def _order(change: Change) -> tuple[str, str, str]:
    return change.path, change.before or "", change.after or ""


def _change(path: str, before: object, after: object) -> Change:
    """A path of keys may hold what no text may: a lone surrogate; and they may be megabytes long."""
    shown = shortened_text(path, MAX_PATH) or "(whole)"
    match before, after:
        case Nothing(), _:
            return Change(path=shown, after=shortened_value(after))
        case _, Nothing():
            return Change(path=shown, before=shortened_value(before))
    old, new = shortened_pair(before, after)
    return Change(path=shown, before=old, after=new)


def _comparable(before: list[Any], after: list[Any]) -> bool:
    return len(canonical(before)) + len(canonical(after)) <= MAX_COMPARED_BYTES


def _list_differences(before: list[Any], after: list[Any], path: str) -> Iterator[Change]:
    """`ignore_order`: one removed item is one difference, not thousands."""
    try:
        levels = list(_levels(before, after))
    except FAULTS_OF_DEEPDIFF:
        levels = []
    for where, old, new in _paired(levels):
        yield _change(path + where, old, new)
    if not levels:
        yield _change(path, before, after)


def _paired(
    levels: Iterable[tuple[str, object, object]],
) -> Iterator[tuple[str, object, object]]:
    """An item that was taken out and one that was put in at its place are one difference: a replaced item."""
    held = list(levels)
    gone = {where: old for where, old, new in held if new is NOT_THERE}
    new_there = {where: new for where, old, new in held if old is NOT_THERE}
    for where, old, new in held:
        if old is NOT_THERE and where in gone:
            continue
        yield where, old, new_there.get(where, new) if new is NOT_THERE else new


def _levels(before: list[Any], after: list[Any]) -> Iterator[tuple[str, object, object]]:
    # Here, not above: its import takes longer than a whole `--help`.
    from deepdiff import DeepDiff

    tree = DeepDiff(
        _plain(before),
        _plain(after),
        ignore_order=True,
        report_repetition=True,
        # deepdiff's own bounds allow minutes for two long lists that have little in common.
        max_passes=50,
        max_diffs=20_000,
        view="tree",
    )
    for level in (level for group in tree.values() for level in group):
        old, new = (NOT_THERE if _absent(one) else one for one in (level.t1, level.t2))
        yield level.path(root="", use_t2=old is NOT_THERE).replace("'", ""), old, new


def _absent(value: object) -> bool:
    return type(value).__name__ == "NotPresent"


def _plain(value: list[Any]) -> Any:
    """As JSON has it: deepdiff would look into objects of the driver's types."""
    return json.loads(canonical(value))
