"""Documents as large as a plan, piece by piece: the items of their lists are made when they are asked for.

All of a plan of 100,000 actions at once, as dictionaries or as text, takes more than the plan itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from indexer.model.values import canonical, to_text


@dataclass(frozen=True, slots=True)
class Items:
    """A list in a document, whose items are made each time they are asked for."""

    each: Callable[[], Iterator[Any]]

    def __iter__(self) -> Iterator[Any]:
        return self.each()


def canonical_pieces(document: Mapping[str, Any]) -> Iterator[bytes]:
    """`canonical(document)`, the items of its lists one by one."""
    yield b"{"
    for nth, (key, value) in enumerate(sorted(document.items())):
        yield (b"," if nth else b"") + canonical(key) + b":"
        if isinstance(value, list | Items):
            yield b"["
            for at, item in enumerate(value):
                yield (b"," if at else b"") + canonical(item)
            yield b"]"
        else:
            yield canonical(value)
    yield b"}"


def text_pieces(document: Mapping[str, Any]) -> Iterator[str]:
    """`to_text(document, indent=1)`, the items of its lists one by one. Raises as that does.

    Within a document every line of an item is indented more. No text holds a raw line break: JSON escapes it.
    """
    nth = 0
    for nth, (key, value) in enumerate(document.items(), 1):
        yield f"{',' if nth > 1 else '{'}\n {to_text(key, indent=1)}: "
        if isinstance(value, list | Items):
            yield from _items(value)
        else:
            yield to_text(value, indent=1).replace("\n", "\n ")
    yield "\n}" if nth else "{}"


def _items(items: list[Any] | Items) -> Iterator[str]:
    nth = 0
    for nth, item in enumerate(items, 1):
        yield f"{',' if nth > 1 else '['}\n  " + to_text(item, indent=1).replace("\n", "\n  ")
    yield "\n ]" if nth else "[]"
