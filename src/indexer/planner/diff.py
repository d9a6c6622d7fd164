"""Field-level differences for people: bounded in number, length and work; nothing is written from them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from indexer.model.content import Change
from indexer.model.values import canonical, fingerprint

MAX_CHANGES = 20
"""Of an action: a reviewer sees that it is more, and a plan of 100,000 actions must fit into memory."""
MAX_TEXT = 120
"""Characters of a value that are shown."""
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
    shown = path.encode("utf-8", "backslashreplace").decode("utf-8")
    shown = shown if len(shown) <= MAX_PATH else f"{shown[:MAX_PATH]}…"
    return Change(path=shown or "(whole)", before=_shown(before), after=_shown(after))


def _comparable(before: list[Any], after: list[Any]) -> bool:
    return len(canonical(before)) + len(canonical(after)) <= MAX_COMPARED_BYTES


def _list_differences(before: list[Any], after: list[Any], path: str) -> Iterator[Change]:
    """`ignore_order`: one removed item is one difference, not thousands."""
    try:
        levels = list(_levels(before, after))
    except FAULTS_OF_DEEPDIFF:
        levels = []
    for where, old, new in levels:
        yield _change(path + where, old, new)
    if not levels:
        yield _change(path, before, after)


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


def _shown(value: object) -> str | None:
    if isinstance(value, Nothing):
        return None
    try:
        text = canonical(value).decode("utf-8", "backslashreplace")
    except RecursionError:
        return "(nested too deeply to be shown)"
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text)} characters)"
