"""Light rows of records, held in a third of the memory that they take as objects: there may be a million of them."""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Hashable, Iterable, Iterator
from itertools import pairwise
from typing import Any

from indexer.model.ids import id_key
from indexer.model.snapshot import RecordRow

PARTS = 8
HeldRow = bytes | RecordRow
"""A row in bytes; itself where its values are of types that plain bytes do not keep apart (an ObjectId, a time)."""


def held_row(row: RecordRow) -> HeldRow:
    """The row, to be held."""
    location, name = row.location, row.name
    values: list[Any] = [row.generation, row.id, location, row.modified, row.links]
    # Nearly always the last part of the location: it is not held twice.
    if not (type(location) is str and type(name) is str and location.rpartition("/")[2] == name):
        values.append(name)
    try:
        return marshal.dumps(values)
    except ValueError:  # of any other type, subclasses too; or nested too deeply
        return row


def shown_row(held: HeldRow) -> RecordRow:
    """The row that is held."""
    if isinstance(held, RecordRow):
        return held
    generation, record_id, location, modified, links, *name = marshal.loads(held)  # noqa: S302 - made in this process
    return RecordRow(
        generation, record_id, location, name[0] if name else location.rpartition("/")[2], modified, links
    )


class LightRows:
    """Rows in their order, each made anew where it is looked at."""

    def __init__(self, held: list[HeldRow]) -> None:
        self.held = held

    def __iter__(self) -> Iterator[RecordRow]:
        return map(shown_row, self.held)

    def __len__(self) -> int:
        return len(self.held)


def light_rows(rows: Iterable[RecordRow]) -> LightRows:
    """The same rows; as they are where they are held so already."""
    return rows if isinstance(rows, LightRows) else LightRows(list(map(held_row, rows)))


def each_once(held: Iterable[HeldRow]) -> Iterator[HeldRow]:
    """Every record once: the first row of each."""
    rows = list(held)
    # A set of all ids would take as much as the rows; hashes in an array tell where to look.
    hashes = array("q", (hash(_key(one)) for one in rows))
    twice: set[int] = set()
    for part in range(PARTS):  # numbers take five times as much as in the array
        ordered = sorted(number for number in hashes if number % PARTS == part)
        twice.update(one for one, other in pairwise(ordered) if one == other)
    seen: set[Hashable] = set()
    for one, number in zip(rows, hashes, strict=True):
        if number in twice:
            if (key := _key(one)) in seen:
                continue
            seen.add(key)
        yield one


def _key(held: HeldRow) -> Hashable:
    return id_key(shown_row(held).id)
