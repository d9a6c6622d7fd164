"""DocDB's reader and writer: plain operators, ranges on the indexed location, explicit sorts, no skip.

What is sent works on Amazon DocumentDB and on MongoDB alike. Source: DOMAIN, "The systems' habits".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pymongo
from bson import decode
from pymongo.errors import BulkWriteError

from indexer.model.generation import GENERATIONS, GenerationName
from indexer.model.location import SCHEME, Location
from indexer.model.ports import DeleteOne, InsertOne, RecordWrite, UpdateOne, WriteError
from indexer.model.snapshot import RecordRow
from indexer.systems.bson_values import (
    CODEC_OPTIONS,
    RAW_OPTIONS,
    WireRecord,
    extended_json,
    from_extended_json,
)
from indexer.systems.docdb_connection import DocDB, asked, faults

ROWS_A_PAGE = 1_000
DUPLICATE_KEY = 11000


class DocDBReader:
    """Reads rows and whole records."""

    def __init__(self, docdb: DocDB) -> None:
        self._docdb = docdb

    def rows(self, generation: GenerationName, bucket: str) -> Iterator[tuple[RecordRow, ...]]:
        """Pages of the light rows of all records located in the bucket, by ranges of the location.

        Each page starts again at the last location seen, since two records may share it.
        """
        low, high = f"{SCHEME}{bucket}/", f"{SCHEME}{bucket}0"  # "0" follows "/"
        seen: set[str] = set()
        limit = ROWS_A_PAGE
        while True:
            page = asked(
                self._docdb,
                f"read {generation} records of {bucket}",
                lambda low=low, limit=limit: list(  # type: ignore[misc]
                    self._docdb.collection(generation)
                    .find({"location": {"$gte": low, "$lt": high}}, self._projection(generation))
                    .sort("location", pymongo.ASCENDING)
                    .limit(limit)
                    .batch_size(limit)
                ),
            )
            fresh = [row for row in (self._row(generation, one) for one in page) if repr(row.id) not in seen]
            yield tuple(fresh)
            if len(page) < limit:
                return
            last = max((row["location"] for row in page if isinstance(row["location"], str)), default=low)
            if last == low:
                limit *= 2
            low = last
            seen = {repr(row["_id"]) for row in page}

    def unusable_rows(self, generation: GenerationName, bucket: str) -> tuple[RecordRow, ...]:
        """Records whose location is none, no string or no `s3://` location, or names no asset of this bucket.

        These are what stands at the two ends of the location's index, before the first bucket and after the
        last: read from each end up to the first that is usable.
        """
        what = f"read {generation} records without a usable location"
        return asked(self._docdb, what, lambda: self._unusable_rows(generation, bucket))

    def _unusable_rows(self, generation: GenerationName, bucket: str) -> tuple[RecordRow, ...]:
        found: dict[str, RecordRow] = {}
        collection = self._docdb.collection(generation)
        for direction, beyond in ((pymongo.ASCENDING, _at_or_above), (pymongo.DESCENDING, _below)):
            cursor = collection.find({}, self._projection(generation)).sort("location", direction)
            for document in cursor.batch_size(100):
                if beyond(document.get("location")):
                    break
                found[repr(document["_id"])] = self._row(generation, document)
        for document in collection.find({"location": f"{SCHEME}{bucket}"}, self._projection(generation)).sort(
            "_id", pymongo.ASCENDING
        ):
            found[repr(document["_id"])] = self._row(generation, document)
        return tuple(found[key] for key in sorted(found))

    def by_id(self, generation: GenerationName, ids: Sequence[Any]) -> tuple[Mapping[str, Any], ...]:
        """The bodies of those of the records that exist."""
        what = f"read {len(ids)} {generation} records"
        collection = self._docdb.collection(generation).with_options(codec_options=RAW_OPTIONS)

        def ask() -> tuple[Mapping[str, Any], ...]:
            return tuple(
                WireRecord(raw["_id"], partial(self._decoded, what, bytes(raw.raw)))
                for raw in collection.find({"_id": {"$in": list(ids)}})
            )

        return asked(self._docdb, what, ask)

    def _decoded(self, what: str, raw: bytes) -> dict[str, Any]:
        with faults(self._docdb, what):
            return decode(raw, CODEC_OPTIONS)

    def by_location(
        self, generation: GenerationName, locations: Sequence[Location]
    ) -> tuple[Mapping[str, Any], ...]:
        """The bodies of all records at these locations, with a trailing slash or without."""
        written = [text for location in locations for text in (str(location), f"{location}/")]
        what = f"read {generation} records of {len(locations)} locations"
        collection = self._docdb.collection(generation)
        return asked(self._docdb, what, lambda: tuple(collection.find({"location": {"$in": written}})))

    def archive_form(self, body: Mapping[str, Any]) -> bytes:
        """The record with all its types, as canonical MongoDB Extended JSON."""
        return extended_json(body)

    def from_archive(self, form: bytes) -> Mapping[str, Any]:
        """The record that `archive_form` kept. Raises ValueError for anything else."""
        return from_extended_json(form)

    @staticmethod
    def _projection(generation: GenerationName) -> dict[str, int]:
        shape = GENERATIONS[generation]
        return dict.fromkeys(("_id", "location", "name", shape.modified_field, shape.links_field), 1)

    @staticmethod
    def _row(generation: GenerationName, document: Mapping[str, Any]) -> RecordRow:
        shape = GENERATIONS[generation]
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
        """Send one batch; every write stands for itself, and a read afterwards tells what came of it."""
        with faults(self._docdb, f"write {len(writes)} {generation} records"):
            try:
                self._docdb.collection(generation).bulk_write(
                    [_request(write) for write in writes], ordered=False
                )
            except BulkWriteError as exc:
                errors = exc.details.get("writeErrors", ())
                return tuple(
                    WriteError(int(one["index"]), str(one.get("errmsg", ""))[:300])
                    for one in errors
                    if one.get("code") != DUPLICATE_KEY
                )
        return ()


def _request(write: RecordWrite) -> Any:
    match write:
        case InsertOne():
            return pymongo.InsertOne(dict(write.body))
        case UpdateOne():
            change: dict[str, Any] = {"$set": dict(write.set_fields)}
            if write.unset_fields:
                change["$unset"] = dict.fromkeys(write.unset_fields, "")
            return pymongo.UpdateOne({"_id": write.id, **write.unchanged}, change)
        case DeleteOne():
            return pymongo.DeleteOne({"_id": write.id, **write.unchanged})
