"""DocDB's reader and writer: plain operators, ranges on the indexed location, explicit sorts, no skip.

What is sent works on Amazon DocumentDB and on MongoDB alike. Source: DOMAIN, "The systems' habits".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

import pymongo
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError
from pymongo.errors import WriteError as WriteFailure

from indexer.errors import SystemFaultError
from indexer.masking import said
from indexer.model.counting import counted
from indexer.model.generation import GENERATIONS, GenerationName
from indexer.model.ids import IdKey, id_key
from indexer.model.location import SCHEME, Location
from indexer.model.ports import DeleteOne, InsertOne, RecordWrite, UpdateOne, WriteError
from indexer.model.snapshot import RecordRow
from indexer.model.wire_record import WireRecord
from indexer.systems.bson_values import RAW_OPTIONS, FieldByField, archived, decoded, id_of, unarchived
from indexer.systems.docdb_connection import DocDB, asked, docdb_faults, server_time

ROWS_A_PAGE = 1_000
"""Light rows are small: one answer holds them, so a page rests on no cursor, which DocumentDB caps and lets time out."""
DUPLICATE_KEY = 11000
REFUSED_KEY = frozenset({52, 57})
"""A key with a leading dollar, and one with a dot: MongoDB's codes."""
REFUSES_KEYS = re.compile(r"field name|prefix|must not (contain|start)", re.IGNORECASE)
"""Other engines' words for the same."""
MAX_SAID = 300
"""Characters of a key or of the database's words in an error."""


class DocDBReader:
    """Reads rows and whole records."""

    def __init__(self, docdb: DocDB) -> None:
        self._docdb = docdb

    def rows(self, generation: GenerationName, bucket: str) -> Iterator[tuple[RecordRow, ...]]:
        """Pages of the light rows of all records located in the bucket, by ranges of the location.

        Each page starts again at the last location seen, since two records may share it.
        """
        low, high = f"{SCHEME}{bucket}/", f"{SCHEME}{bucket}0"  # "0" follows "/"
        seen: set[IdKey] = set()
        limit = ROWS_A_PAGE
        # Pages by ranges of the indexed key: skip would read all before it again, and miss what moves meanwhile.
        while True:
            page = asked(
                self._docdb,
                f"read {generation} records of {bucket}",
                lambda low=low, limit=limit: [  # type: ignore[misc]
                    self._row(generation, one)
                    for one in self._collection(generation)
                    .find({"location": {"$gte": low, "$lt": high}}, self._projection(generation))
                    .sort("location", pymongo.ASCENDING)
                    .limit(limit)
                    .batch_size(limit)
                ],
            )
            yield tuple(row for row in page if id_key(row.id) not in seen)
            if len(page) < limit:
                return
            last = max((row.location for row in page if isinstance(row.location, str)), default=low)
            # A whole page of one location: the next would be the same, so it must hold more than that.
            if last == low:
                limit *= 2
            low = last
            seen = {id_key(row.id) for row in page}

    def unusable_rows(self, generation: GenerationName, bucket: str) -> tuple[RecordRow, ...]:
        """Records whose location is missing, not text or not `s3://`, or names no asset of this bucket.

        They stand at the two ends of the location's index, before the first bucket and after the last. Each end is read
        up to the first location that is usable.
        """
        what = f"read {generation} records without a usable location"
        return asked(self._docdb, what, lambda: self._unusable_rows(generation, bucket))

    def _unusable_rows(self, generation: GenerationName, bucket: str) -> tuple[RecordRow, ...]:
        found: dict[str, RecordRow] = {}
        collection = self._collection(generation)
        # Nulls and numbers sort before all text in BSON, other types behind it: no scan, and no `$not`, which has no index.
        for direction, beyond in ((pymongo.ASCENDING, _at_or_above), (pymongo.DESCENDING, _below)):
            cursor = collection.find({}, self._projection(generation)).sort("location", direction)
            for row in (self._row(generation, document) for document in cursor.batch_size(100)):
                if beyond(row.location):
                    break
                found[repr(id_key(row.id))] = row
        named = collection.find({"location": f"{SCHEME}{bucket}"}, self._projection(generation))
        for document in named.sort("_id", pymongo.ASCENDING):
            row = self._row(generation, document)
            found[repr(id_key(row.id))] = row
        return tuple(found[key] for key in sorted(found))

    def holds_any(self, generation: GenerationName) -> bool:
        """Is there a single record in the collection, of any bucket?"""
        collection = self._docdb.collection(generation)
        return asked(
            self._docdb,
            f"look for any {generation} record",
            lambda: next(collection.find({}, {"_id": 1}).limit(1), None) is not None,
        )

    def by_id(self, generation: GenerationName, ids: Sequence[Any]) -> tuple[Mapping[str, Any], ...]:
        """The bodies of those of the records that exist."""
        what = f"read {counted(len(ids), f'{generation} record')}"
        collection = self._collection(generation)

        def ask() -> tuple[Mapping[str, Any], ...]:
            return tuple(
                WireRecord(id_of(raw), bytes(raw.raw), partial(self._decoded, what))
                for raw in collection.find({"_id": {"$in": list(ids)}})
            )

        return asked(self._docdb, what, ask)

    def _decoded(self, what: str, raw: bytes) -> dict[str, Any]:
        with docdb_faults(self._docdb, what):
            return decoded(raw)

    def by_location(
        self, generation: GenerationName, locations: Sequence[Location]
    ) -> tuple[Mapping[str, Any], ...]:
        """The bodies of all records at these locations, with a trailing slash or without."""
        # Both spellings are in use, and a pattern for the slash would leave the index.
        written = [text for location in locations for text in (str(location), f"{location}/")]
        what = f"read {generation} records of {counted(len(locations), 'location')}"
        collection = self._collection(generation)

        faults = partial(docdb_faults, self._docdb, what)

        def ask() -> tuple[Mapping[str, Any], ...]:
            return tuple(FieldByField(one, faults) for one in collection.find({"location": {"$in": written}}))

        return asked(self._docdb, what, ask)

    def server_time(self) -> datetime | None:
        """The primary's clock, or None where the server does not tell."""
        return asked(self._docdb, "ask for the time", lambda: server_time(self._docdb))

    def archive_form(self, body: Mapping[str, Any]) -> bytes:
        """The record with all its types, in the bytes of BSON."""
        return archived(body)

    def from_archive(self, form: bytes) -> Mapping[str, Any]:
        """The record that `archive_form` kept. Raises ValueError for anything else."""
        return unarchived(form)

    def _collection(self, generation: GenerationName) -> Collection[RawBSONDocument]:
        return self._docdb.collection(generation).with_options(codec_options=RAW_OPTIONS)

    @staticmethod
    def _projection(generation: GenerationName) -> dict[str, int]:
        shape = GENERATIONS[generation]
        return dict.fromkeys(("_id", "location", "name", shape.modified_field, shape.links_field), 1)

    @staticmethod
    def _row(generation: GenerationName, raw: RawBSONDocument) -> RecordRow:
        shape, document = GENERATIONS[generation], decoded(raw.raw)
        return RecordRow(
            generation=generation,
            id=document["_id"],
            location=document.get("location"),
            name=document.get("name"),
            modified=document.get(shape.modified_field),
            links=document.get(shape.links_field),
        )


def _at_or_above(location: object) -> bool:
    """Past `s3://`, and past those without a bucket: names of buckets start with a letter or a digit."""
    return isinstance(location, str) and location >= f"{SCHEME}0"


def _below(location: object) -> bool:
    """Not above all of `s3://`."""
    return isinstance(location, str) and location < "s3:/0"


class DocDBWriter:
    """Conditional writes only, in batches."""

    def __init__(self, docdb: DocDB) -> None:
        self._docdb = docdb

    def write(self, generation: GenerationName, writes: Sequence[RecordWrite]) -> tuple[WriteError, ...]:
        """Send one batch, and deletions one by one: of a batch only their sum would be told."""
        deletions = [(at, one) for at, one in enumerate(writes) if isinstance(one, DeleteOne)]
        others = [(at, one) for at, one in enumerate(writes) if not isinstance(one, DeleteOne)]
        with docdb_faults(self._docdb, f"write {counted(len(writes), f'{generation} record')}"):
            return (*self._written(generation, others), *self._deleted(generation, deletions))

    def _written(
        self, generation: GenerationName, writes: Sequence[tuple[int, InsertOne | UpdateOne]]
    ) -> Iterator[WriteError]:
        if not writes:
            return
        requests = [_request(write) for _, write in writes]
        try:
            # Unordered: in order, the first that is refused would stop those behind it, which have nothing to do with it.
            self._docdb.collection(generation).bulk_write(requests, ordered=False)
        except BulkWriteError as exc:
            for one in exc.details.get("writeErrors", ()):
                # A taken `_id` is an answer: the read that follows tells whose record it is.
                if one.get("code") != DUPLICATE_KEY:
                    at, write = writes[int(one["index"])]
                    yield WriteError(at, self._words(write, one) or "refused")

    def _deleted(
        self, generation: GenerationName, deletions: Sequence[tuple[int, DeleteOne]]
    ) -> Iterator[WriteError]:
        for at, one in deletions:
            try:
                answer = self._docdb.collection(generation).delete_one(_filter(one))
            except WriteFailure as exc:
                yield WriteError(at, said(exc, 300) or "refused")
            else:
                if not answer.deleted_count:
                    yield WriteError(at, "")

    def _words(self, write: InsertOne | UpdateOne, error: Mapping[str, Any]) -> str:
        """The database's own, after the key that it refuses where it is one."""
        words = said(error.get("errmsg", ""), MAX_SAID)
        key = _odd_key(write)
        if key is None or not (error.get("code") in REFUSED_KEY or REFUSES_KEYS.search(words)):
            return words
        version = "unknown"
        with suppress(SystemFaultError), docdb_faults(self._docdb, "ask for the server's version"):
            version = self._docdb.client.admin.command("buildInfo").get("version", version)
        at_least = "DocumentDB 5.0 from engine patch 3.0.11051 on and MongoDB 5 take it"
        return (
            f"the key {key[:MAX_SAID]!r} is refused by this server, version {version} ({at_least}): {words}"
        )


def _request(write: InsertOne | UpdateOne) -> Any:
    match write:
        case InsertOne():
            return pymongo.InsertOne(dict(write.body))
        case UpdateOne():
            change: dict[str, Any] = {"$set": dict(write.set_fields)}
            if write.unset_fields:
                change["$unset"] = dict.fromkeys(write.unset_fields, "")
            return pymongo.UpdateOne(_filter(write), change)


def _filter(write: UpdateOne | DeleteOne) -> dict[str, Any]:
    """The filter of a write. `$eq`, since a bare object would be read for operators, and a pattern would match others."""
    return {
        "_id": write.id,
        **{
            field: value if value is None or isinstance(value, str | datetime) else {"$eq": value}
            for field, value in write.unchanged.items()
        },
    }


def _odd_key(write: InsertOne | UpdateOne) -> str | None:
    """The first key with a dot or a leading dollar in what is written: not every engine stores one."""
    match write:
        case InsertOne(body=values) | UpdateOne(set_fields=values):
            return next(_odd_keys(values), None)


def _odd_keys(value: object) -> Iterator[str]:
    match value:
        case Mapping():
            for key, item in value.items():
                if key.startswith("$") or "." in key:
                    yield key
                yield from _odd_keys(item)
        case list():
            for item in value:
                yield from _odd_keys(item)
