"""Documents as large as a plan, piece by piece: the items of their lists are made when they are asked for.

All of a plan of 100,000 actions at once, as dictionaries or as text, takes more than the plan itself.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from indexer.model.values import canonical, to_text

CHUNK_BYTES = 1 << 20


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


class PackedFile:
    """The bytes of a file that somebody needs again later, in a tenth of their memory; they come in pieces."""

    __slots__ = ("_packed",)

    def __init__(self, pieces: Iterable[bytes]) -> None:
        packed = BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as packer:
            packer.writelines(pieces)
        self._packed = packed.getvalue()

    def __iter__(self) -> Iterator[bytes]:
        with gzip.GzipFile(fileobj=BytesIO(self._packed)) as packed:
            while piece := packed.read(CHUNK_BYTES):
                yield piece


def sha256_of(pieces: Iterable[bytes]) -> str:
    """The hex digest of all of them in a row."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
