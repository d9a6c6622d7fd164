"""Values shortened for people, so that what differs stays in sight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from indexer.model.values import canonical

MAX_TEXT = 120
"""Characters of a value that are shown."""
CONTEXT = 30
"""Characters before the first difference that tell where it is."""
CUT = "…"
COMMON_KEYS = ("describedBy", "schema_version")
"""Every core field has them, at its head, and they tell nothing of an asset."""
TOO_DEEP = "(nested too deeply to be shown)"


def json_text(value: object) -> str:
    """A value as compact JSON. A lone surrogate, which no text may hold, as its escape."""
    try:
        return canonical(value).decode("utf-8", "backslashreplace")
    except RecursionError:
        return TOO_DEEP


def shortened_value(value: object) -> str:
    """A value that has no other side: its beginning, without what everybody has if there is no room for all."""
    text = json_text(value)
    if len(text) <= MAX_TEXT:
        return text
    try:
        telling = json_text(_telling(value))
    except RecursionError:
        telling = text
    if len(telling) < len(text):
        telling = f"{telling[:1]}{CUT},{telling[1:]}"  # it is seen that something is left out
    return _window(telling, 0, len(telling), len(text))


def shortened_pair(before: object, after: object) -> tuple[str, str]:
    """Two values of which one takes the other's place: in both the first difference is in sight.

    Where they are too long, what they begin and end with alike is cut down to its part next to the difference.
    """
    old, new = json_text(before), json_text(after)
    if max(len(old), len(new)) <= MAX_TEXT:
        return old, new
    most = min(len(old), len(new))
    start = _alike(old, new, most)
    end = _alike(old[::-1], new[::-1], most - start)
    begin = max(0, start - CONTEXT)
    return (
        _window(old, begin, len(old) - end, len(old)),
        _window(new, begin, len(new) - end, len(new)),
    )


def shortened_text(text: str, most: int = MAX_TEXT) -> str:
    """Somebody's text without quotes, of bounded length, in which no lone surrogate is left."""
    shown = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return shown if len(shown) <= most else f"{shown[:most]}{CUT}"


def _window(text: str, begin: int, end: int, length: int) -> str:
    """What is from `begin` on, up to `end` and a few characters more, and how long all of it is."""
    if begin == 0 and len(text) <= MAX_TEXT:
        return text if len(text) == length else f"{text} ({length} characters)"
    last = min(len(text), end + CONTEXT, begin + MAX_TEXT)
    head, tail = CUT if begin else "", CUT if last < len(text) else ""
    return f"{head}{text[begin:last]}{tail} ({length} characters)"


def _alike(one: str, other: str, most: int) -> int:
    """How many characters both begin with, `most` at most: halved again and again, since texts may be megabytes."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _telling(value: object) -> Any:
    """The value without the keys that every core field has, where anything else is left."""
    match value:
        case Mapping():
            kept = {key: _telling(item) for key, item in value.items() if key not in COMMON_KEYS}
            return kept or value
        case list():
            return [_telling(item) for item in value]
    return value
