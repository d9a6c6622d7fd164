"""DocDB in memory."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from indexer.model.generation import GENERATIONS, GenerationName
from indexer.model.location import SCHEME, Location
from indexer.model.ports import (
    DeleteOne,
    InsertOne,
    RecordWrite,
    UpdateOne,
    WriteError,
)
from indexer.model.snapshot import RecordRow
from indexer.model.values import canonical
from indexer.model.wire_record import WireRecord
from indexer.systems.bson_values import archived, unarchived
from shared.memory.stored import key_of, pages

if TYPE_CHECKING:
    from shared.memory.world import World


class _Records:
    def __init__(self, world: World) -> None:
        self._world = world

    def _all(self, generation: GenerationName) -> list[dict[str, Any]]:
        return list(self._world.records[generation].values())


class MemoryRecordReader(_Records):
    """DocDB, read only."""

    def rows(self, generation: GenerationName, bucket: str) -> Iterator[tuple[RecordRow, ...]]:
        """Pages of the light rows of all records located in the bucket, in the order of their location."""
        with self._world.call("records.rows"):
            found = [
                body
                for body in self._all(generation)
                if isinstance(body.get("location"), str) and body["location"].startswith(f"{SCHEME}{bucket}/")
            ]
            rows = [_row(generation, body) for body in sorted(found, key=lambda body: body["location"])]
        for number, page in enumerate(pages(rows, self._world.page_size)):
            if number:
                with self._world.call("records.rows"):
                    pass
            yield page

    def unusable_rows(self, generation: GenerationName, bucket: str) -> tuple[RecordRow, ...]:
        """Records whose location is no `s3://` location at all, or names the bucket and nothing in it."""
        with self._world.call("records.unusable_rows"):
            found = [
                body for body in self._all(generation) if _unusable(body.get("location"), f"{SCHEME}{bucket}")
            ]
            return tuple(
                _row(generation, body) for body in sorted(found, key=lambda body: key_of(body["_id"]))
            )

    def holds_any(self, generation: GenerationName) -> bool:
        """Is there a single record in the collection, of whatever bucket?"""
        with self._world.call("records.holds_any"):
            return bool(self._all(generation))

    def by_id(self, generation: GenerationName, ids: Sequence[Any]) -> tuple[Mapping[str, Any], ...]:
        """The bodies of those of the records that exist."""
        with self._world.call("records.by_id"):
            wanted = set(map(key_of, ids))
            return tuple(_wire(body) for body in self._all(generation) if key_of(body["_id"]) in wanted)

    def by_location(
        self, generation: GenerationName, locations: Sequence[Location]
    ) -> tuple[Mapping[str, Any], ...]:
        """The bodies of all records at these locations, with a trailing slash or without."""
        with self._world.call("records.by_location"):
            written = {text for location in locations for text in (str(location), f"{location}/")}
            return tuple(
                _wire(body)
                for body in self._all(generation)
                if isinstance(body.get("location"), str) and body["location"] in written
            )

    def server_time(self) -> datetime | None:
        """What the world's clock says."""
        with self._world.call("records.server_time"):
            return self._world.told

    def archive_form(self, body: Mapping[str, Any]) -> bytes:
        """The record with all its types."""
        return archived(body)

    def from_archive(self, form: bytes) -> Mapping[str, Any]:
        """The record that `archive_form` kept."""
        return unarchived(form)


class MemoryRecordWriter(_Records):
    """DocDB's conditional writes."""

    def write(self, generation: GenerationName, writes: Sequence[RecordWrite]) -> tuple[WriteError, ...]:
        """One batch; every write stands for itself."""
        with self._world.call("records.write", write=True):
            missed = []
            for at, one in enumerate(writes):
                self._world.send()
                if not self._write(self._world.records[generation], one) and isinstance(one, DeleteOne):
                    missed.append(WriteError(at, ""))
            return tuple(missed)

    def _write(self, held: dict[str, dict[str, Any]], write: RecordWrite) -> bool:
        """Whether anything came of it."""
        wrote = len(self._world.writes)
        match write:
            case InsertOne():
                key = key_of(write.body["_id"])
                if key not in held:
                    held[key] = copy.deepcopy(dict(write.body))
                    self._world.wrote("records.insert", key)
            case UpdateOne():
                key = key_of(write.id)
                if _still(held.get(key), write.unchanged):
                    held[key] |= copy.deepcopy(dict(write.set_fields))
                    for name in write.unset_fields:
                        held[key].pop(name, None)
                    self._world.wrote("records.update", key)
            case DeleteOne():
                key = key_of(write.id)
                if _still(held.get(key), write.unchanged):
                    del held[key]
                    self._world.wrote("records.delete", key)
        return len(self._world.writes) > wrote


def _wire(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A copy, with bytes in which types are told apart, as BSON's are."""
    held = copy.deepcopy(body)
    if not isinstance(held, dict):  # one that a test has put there as it is to come out
        return held
    return WireRecord(held["_id"], canonical(held), lambda _: held)


def _still(body: Mapping[str, Any] | None, unchanged: Mapping[str, Any]) -> bool:
    return body is not None and all(body.get(name) == value for name, value in unchanged.items())


def _unusable(location: object, bucket: str) -> bool:
    if not isinstance(location, str) or not location.startswith(SCHEME):
        return True
    return location == bucket or location < f"{SCHEME}0"  # names of buckets start with a letter or a digit


def _row(generation: GenerationName, body: Mapping[str, Any]) -> RecordRow:
    shape = GENERATIONS[generation]
    return RecordRow(
        generation=generation,
        id=copy.deepcopy(body["_id"]),
        location=copy.deepcopy(body.get("location")),
        name=copy.deepcopy(body.get("name")),
        modified=copy.deepcopy(body.get(shape.modified_field)),
        links=copy.deepcopy(body.get(shape.links_field)),
    )
