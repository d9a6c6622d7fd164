"""DocDB through pymongo: plain operators, ranges on the indexed location, explicit sorts, no skip.

What is sent works on Amazon DocumentDB and on MongoDB alike. Source: DOMAIN, "The systems' habits".
"""

from __future__ import annotations

import random
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import pymongo
from bson import decode
from bson.errors import BSONError, InvalidDocument, InvalidStringData
from pymongo import MongoClient, ReadPreference
from pymongo.collection import Collection as MongoCollection
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    InvalidName,
    InvalidURI,
    OperationFailure,
    PyMongoError,
)
from pymongo.uri_parser import parse_uri

from indexer.errors import AccessDeniedError, SystemFaultError, UsageError
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

SERVER_SELECTION_MS = 10_000
SOCKET_TIMEOUT_MS = 60_000
READ_DEADLINE_S = 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
"""A read is asked again until then; a page of a thousand rows or a batch of records takes far less."""
ROWS_A_PAGE = 1_000
AUTHENTICATION_CODES = frozenset({13, 18, 8000})
DUPLICATE_KEY = 11000
LONGEST_SHOWN = 4
"""Characters of a word of the URI by which an error is taken to quote it."""
UNENCODABLE = (InvalidDocument, InvalidStringData, OverflowError, UnicodeError, RecursionError)
"""What pymongo raises, before anything is sent, for a value that BSON has no form for."""
Places = Mapping[GenerationName, tuple[str, str]]
"""Generation → database and collection."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DocDB:
    """An open connection and where each generation's records are."""

    client: MongoClient[dict[str, Any]]
    address: str
    """Host and port, without credentials."""
    places: Places

    def collection(self, generation: GenerationName) -> MongoCollection[dict[str, Any]]:
        """One generation's collection, read from the primary."""
        database, name = self.places[generation]
        return self.client[database].get_collection(
            name, codec_options=CODEC_OPTIONS, read_preference=ReadPreference.PRIMARY
        )


def connect(uri: str, tls_ca_file: str | None, places: Places, parallel: int) -> DocDB:
    """Open a connection; `retryWrites` is off, since DocumentDB has it not. Raises where nobody answers."""
    address = safe_address(uri)
    options: dict[str, Any] = {
        "appname": "indexer",
        "serverSelectionTimeoutMS": SERVER_SELECTION_MS,
        "connectTimeoutMS": SERVER_SELECTION_MS,
        "socketTimeoutMS": SOCKET_TIMEOUT_MS,
        "retryWrites": False,
        "maxPoolSize": max(10, parallel),
    }
    if tls_ca_file is not None:
        options |= {"tls": True, "tlsCAFile": tls_ca_file}
    try:
        with warnings.catch_warnings():
            # An option that is none would do nothing, and be quoted; that it is DocumentDB, we know.
            warnings.simplefilter("error", UserWarning)
            warnings.filterwarnings("ignore", "You appear to be connected to", UserWarning)
            client: MongoClient[dict[str, Any]] = MongoClient(uri, **options)
    except (PyMongoError, ValueError, OSError, UserWarning) as exc:
        raise UsageError("The DocDB connection is set up wrongly", _why(exc, uri), HINT_URI) from exc
    docdb = DocDB(client, address, places)
    try:
        _read(docdb, "connect", lambda: client.admin.command("ping"))
    except SystemFaultError:
        client.close()
        raise
    return docdb


HINT_URI = (
    "Correct `docdb.uri` (or INDEXER_DOCDB__URI, or what `docdb.secret` holds) and `docdb.tls_ca_file`."
)
HINT_NETWORK = "Check the host in `docdb.uri` or `docdb.secret`, the network (VPN, security group) and TLS (`docdb.tls_ca_file`)."


def safe_address(uri: str) -> str:
    """Hosts and ports of a URI, never its credentials."""
    try:
        nodes = parse_uri(uri, validate=False)["nodelist"]
    except (PyMongoError, ValueError):
        return "the configured DocDB"
    return ",".join(f"{host}:{port}" for host, port in nodes)


def _why(exc: Exception, uri: str) -> str:
    """The driver's words, unless they may quote the URI: an unencoded password looks like a host or a database."""
    unreadable = isinstance(exc, InvalidURI | InvalidName) or not isinstance(
        exc, ConfigurationError | OSError
    )
    quoted = any(len(word) >= LONGEST_SHOWN and word in str(exc) for word in re.split(r"\W+", uri))
    if unreadable or quoted:
        return "the URI or an option in it cannot be read; user and password must be percent-encoded"
    return str(exc)[:300]


@contextmanager
def faults(docdb: DocDB, what: str) -> Iterator[None]:
    """A driver's error in our words."""
    try:
        yield
    except OperationFailure as exc:
        if exc.code in AUTHENTICATION_CODES:
            hint = "Check the user, the password and the role (see docs/permissions.md)."
            raise AccessDeniedError("DocDB denies access", f"{what} at {docdb.address}", hint) from exc
        detail = f"{what} at {docdb.address}: {_reason(exc)}"
        raise SystemFaultError("DocDB answered with an error", detail, HINT_NETWORK) from exc
    except UNENCODABLE as exc:
        detail = f"{what} at {docdb.address}: {_reason(exc)}"
        raise SystemFaultError(
            "DocDB cannot hold this", detail, "Look at the plan: such values are not ours."
        ) from exc
    except (PyMongoError, BSONError, OSError) as exc:
        detail = f"{what} at {docdb.address}: {_reason(exc)}"
        raise SystemFaultError("DocDB cannot be reached", detail, HINT_NETWORK) from exc


def _read(docdb: DocDB, what: str, ask: Callable[[], T]) -> T:
    """Ask until it is answered or the deadline is over; what broke off is asked again from its start.

    The driver itself repeats a command once, and never the later batches of a cursor. A server that cannot
    be found at all, or that is too slow, is not asked again: each of these has a timeout of its own.
    """
    deadline = time.monotonic() + READ_DEADLINE_S
    pause_s = FIRST_PAUSE_S
    with faults(docdb, what):
        while True:
            try:
                return ask()
            except AutoReconnect as exc:
                if exc.timeout or time.monotonic() + pause_s > deadline:
                    raise
                time.sleep(random.uniform(0, pause_s))  # noqa: S311 - spreads retries, hides nothing
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _reason(exc: Exception) -> str:
    """The driver's reason, without its dump of the topology."""
    text = str(exc).split(", full error:")[0].split(", Timeout:")[0]
    return text.split(" (configured timeouts:")[0][:300]


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
            page = _read(
                self._docdb,
                f"read {generation} records of {bucket}",
                lambda low=low, limit=limit: list(  # type: ignore[misc]
                    self._docdb.collection(generation)
                    .find({"location": {"$gte": low, "$lt": high}}, self._projection(generation))
                    .sort("location", pymongo.ASCENDING)
                    .limit(limit)
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
        return _read(self._docdb, what, lambda: self._unusable_rows(generation, bucket))

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

        return _read(self._docdb, what, ask)

    def _decoded(self, what: str, raw: bytes) -> dict[str, Any]:
        with faults(self._docdb, what):
            return decode(raw, CODEC_OPTIONS)

    def by_location(
        self, generation: GenerationName, locations: Sequence[Location]
    ) -> tuple[Mapping[str, Any], ...]:
        """The bodies of all records at these locations, with a trailing slash or without."""
        written = [text for location in locations for text in (str(location), f"{location}/")]
        what = f"{generation} records of {len(locations)} locations"
        return self._whole(generation, what, {"location": {"$in": written}})

    def _whole(
        self, generation: GenerationName, what: str, wanted: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], ...]:
        collection = self._docdb.collection(generation)
        return _read(self._docdb, f"read {what}", lambda: tuple(collection.find(wanted)))

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
