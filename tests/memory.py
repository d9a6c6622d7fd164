"""The ports in memory, on one small world; they pass the same contract suite as the real drivers."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import RLock
from typing import Any, NoReturn

from indexer.errors import AccessDeniedError, MissingBucketError, SystemFaultError
from indexer.model.generation import GENERATIONS, GenerationName
from indexer.model.ids import id_key
from indexer.model.location import SCHEME, Location, mount_location
from indexer.model.ports import (
    DeleteOne,
    InsertOne,
    PreconditionFailed,
    Readers,
    RecordWrite,
    UpdateOne,
    WriteError,
    Writers,
)
from indexer.model.snapshot import DataAsset, Listing, ObjectBody, ObjectInfo, RecordRow
from indexer.model.values import etag_of
from indexer.systems.bson_values import archived, unarchived

START = datetime(2026, 1, 15, 12, tzinfo=UTC)


def key_of(record_id: object) -> str:
    """By which a record is kept; of text its `repr`."""
    return repr(id_key(record_id))


STRANGER = {"_id": "stranger", "name": "stranger", "location": "s3://elsewhere/stranger"}
"""Of a bucket that is nobody's, in every collection from the beginning: one that holds nothing is doubted."""


class Crash(BaseException):
    """The process died: nothing of ours runs after it."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object with the ETag and the time it was given."""

    body: bytes
    etag: str
    modified_at: datetime


@dataclass(slots=True)
class StoredDataAsset:
    """A data asset with what a search looks at."""

    id: str
    name: str
    bucket: str | None = None
    prefix: str | None = None
    external: bool = True
    archived: bool = False
    type: str = "dataset"
    tags: tuple[str, ...] = ()
    state: str = "ready"
    has_computation: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """One write that was carried out."""

    operation: str
    """Port and method: `objects.put`, `records.update`, `data_assets.archive`."""
    target: str


@dataclass(slots=True)
class _Event:
    """What happens to the n-th call of an operation from now on."""

    operation: str
    nth: int
    times: int | None
    act: Callable[[], None] | None = None
    error: SystemFaultError | None = None
    committed: bool = False
    seen: int = 0

    def strikes(self, operation: str) -> bool:
        if operation != self.operation and not operation.startswith(f"{self.operation}."):
            return False
        self.seen += 1
        return self.seen >= self.nth and (self.times is None or self.seen < self.nth + self.times)


@dataclass(slots=True, repr=False)
class World:
    """What the three systems hold. Everything that goes in or out is a copy."""

    told: datetime | None = None
    """What S3's and DocDB's clocks say; None: they do not tell."""
    page_size: int = 1_000
    """Rows in a page, in every system."""
    now: datetime = START
    """What newly written objects are dated with."""
    buckets: dict[str, dict[str, StoredObject]] = field(default_factory=dict)
    records: dict[GenerationName, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {name: {key_of(STRANGER["_id"]): dict(STRANGER)} for name in GENERATIONS}
    )
    """Bodies by `key_of(_id)`."""
    data_assets: dict[str, StoredDataAsset] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    """Every write that changed something, in order."""
    calls: Counter[str] = field(default_factory=Counter)
    crash_after: int | None = None
    """So many writes are carried out; the answer to the last one never arrives."""
    crash_before: int | None = None
    """So many writes are carried out and answered; the next one is never sent."""
    crashed: bool = False
    _events: list[_Event] = field(default_factory=list)
    _lock: Any = field(default_factory=RLock, repr=False, compare=False)

    def __repr__(self) -> str:
        return f"World({self.buckets}, {self.records}, {self.data_assets})"

    # What tests put in and look at.

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes,
        modified_at: datetime | None = None,
        etag: str | None = None,
    ) -> None:
        """Store an object, in a bucket that is made where there is none. `etag`: as multipart uploads have."""
        stored = StoredObject(body, etag or etag_of(body), modified_at or self.now)
        self.buckets.setdefault(bucket, {})[key] = stored

    def add(self, generation: GenerationName, *bodies: Mapping[str, Any]) -> None:
        """Store records."""
        for body in bodies:
            self.records[generation][key_of(body["_id"])] = copy.deepcopy(dict(body))

    def mount(self, *data_assets: StoredDataAsset) -> None:
        """Store data assets."""
        for one in data_assets:
            self.data_assets[one.id] = copy.deepcopy(one)

    def state(self) -> dict[str, Any]:
        """All that the systems hold, without times of writes: two worlds with equal states are the same."""
        return copy.deepcopy(
            {
                "objects": {
                    name: {key: one.body for key, one in held.items()} for name, held in self.buckets.items()
                },
                "records": self.records,
                "data_assets": self.data_assets,
            }
        )

    # Faults and races.

    def fail(
        self,
        operation: str,
        nth: int = 1,
        *,
        times: int | None = 1,
        error: SystemFaultError | None = None,
        committed: bool = False,
    ) -> None:
        """Fail the n-th call from now on. `committed`: it is carried out, only its answer is lost."""
        error = error or SystemFaultError("The system failed", operation)
        self._events.append(_Event(operation, nth, times, error=error, committed=committed))

    def before(self, operation: str, act: Callable[[], None], nth: int = 1) -> None:
        """Somebody else acts just before the n-th call from now on."""
        self._events.append(_Event(operation, nth, 1, act=act))

    def deny(self, system: str) -> None:
        """A whole system (`objects`, `records`, `data_assets`) says 403 from now on."""
        self.fail(system, times=None, error=AccessDeniedError("The system denies access", system))

    def heal(self) -> None:
        """No more faults, and the process runs again."""
        self._events.clear()
        self.crash_after = self.crash_before = None
        self.crashed = False

    @contextmanager
    def call(self, operation: str, *, write: bool = False) -> Iterator[None]:
        """One request to a system."""
        if self.crashed:
            raise Crash
        if write:
            self.send()
        with self._lock:
            self.calls[operation] += 1
            due = [event for event in self._events if event.strikes(operation)]
        for event in due:
            if event.act is not None:
                event.act()
        fault = next((event for event in due if event.error is not None), None)
        if fault is not None and fault.error is not None and not fault.committed:
            raise fault.error
        with self._lock:
            yield
        if fault is not None and fault.error is not None:
            raise fault.error

    def send(self) -> None:
        """The next write of a request goes out, unless the process dies before it."""
        if self.crash_before is not None and len(self.writes) >= self.crash_before:
            self.crashed = True
            raise Crash

    def wrote(self, operation: str, target: str) -> None:
        """Log a write that was carried out."""
        self.writes.append(Write(operation, target))
        if self.crash_after is not None and len(self.writes) >= self.crash_after:
            self.crashed = True
            raise Crash

    # The ports.

    def readers(self, *, data_assets: bool = True) -> Readers:
        """All readers; without Code Ocean where it is not configured."""
        return Readers(
            MemoryObjectReader(self),
            MemoryRecordReader(self),
            MemoryDataAssetReader(self) if data_assets else None,
        )

    def writers(self, *, data_assets: bool = True) -> Writers:
        """All writers."""
        return Writers(
            MemoryObjectWriter(self),
            MemoryRecordWriter(self),
            MemoryDataAssetWriter(self) if data_assets else None,
        )


def _pages(rows: Sequence[Any], size: int) -> list[tuple[Any, ...]]:
    return [tuple(rows[start : start + size]) for start in range(0, len(rows), size)] or [()]


class _Objects:
    def __init__(self, world: World) -> None:
        self._world = world

    def _bucket(self, bucket: str) -> dict[str, StoredObject]:
        if bucket not in self._world.buckets:
            raise MissingBucketError("There is no such bucket", bucket)
        return self._world.buckets[bucket]


class MemoryObjectReader(_Objects):
    """S3, read only."""

    def prefixes(self, bucket: str) -> Iterator[tuple[str, ...]]:
        """Pages of the bucket's top-level prefixes, as S3 sorts them: with their slash."""
        with self._world.call("objects.prefixes"):
            found = sorted({f"{key.split('/', 1)[0]}/" for key in self._bucket(bucket) if "/" in key})
        for number, page in enumerate(_pages(found, self._world.page_size)):
            if number:
                with self._world.call("objects.prefixes"):
                    pass
            yield tuple(name.removesuffix("/") for name in page)

    def listing(self, bucket: str, prefix: str) -> Listing:
        """What is directly under `prefix`."""
        with self._world.call("objects.listing"):
            objects: list[ObjectInfo] = []
            folders: dict[str, None] = {}
            for key, one in sorted(self._bucket(bucket).items(), key=lambda item: item[0].encode()):
                if not key.startswith(prefix):
                    continue
                head, slash, _ = key.removeprefix(prefix).partition("/")
                if slash:
                    folders[head] = None
                else:
                    objects.append(ObjectInfo(key, one.etag, len(one.body), one.modified_at))
            return Listing(tuple(objects), tuple(folders))

    def get(self, bucket: str, key: str) -> ObjectBody | None:
        """An object's bytes, or None."""
        with self._world.call("objects.get"):
            one = self._bucket(bucket).get(key)
            return None if one is None else ObjectBody(one.body, one.etag, one.modified_at)

    def server_time(self, bucket: str) -> datetime | None:
        """What the world's clock says."""
        with self._world.call("objects.server_time"):
            return self._world.told


class MemoryObjectWriter(_Objects):
    """S3's conditional writes."""

    def put(self, bucket: str, key: str, body: bytes, etag: str | None) -> str | PreconditionFailed:
        """Write where the object still has this ETag, or where there is none."""
        with self._world.call("objects.put", write=True):
            held = self._bucket(bucket)
            live = held.get(key)
            if (live.etag if live is not None else None) != etag:
                return PreconditionFailed()
            held[key] = StoredObject(bytes(body), etag_of(body), self._world.now)
            self._world.wrote("objects.put", f"{bucket}/{key}")
            return held[key].etag

    def delete(self, bucket: str, key: str, etag: str) -> PreconditionFailed | None:
        """Delete the object that still has this ETag."""
        with self._world.call("objects.delete", write=True):
            held = self._bucket(bucket)
            live = held.get(key)
            if live is None or live.etag != etag:
                return PreconditionFailed()
            del held[key]
            self._world.wrote("objects.delete", f"{bucket}/{key}")
            return None


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
        for number, page in enumerate(_pages(rows, self._world.page_size)):
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
            return tuple(
                copy.deepcopy(body) for body in self._all(generation) if key_of(body["_id"]) in wanted
            )

    def by_location(
        self, generation: GenerationName, locations: Sequence[Location]
    ) -> tuple[Mapping[str, Any], ...]:
        """The bodies of all records at these locations, with a trailing slash or without."""
        with self._world.call("records.by_location"):
            written = {text for location in locations for text in (str(location), f"{location}/")}
            return tuple(
                copy.deepcopy(body)
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


class MemoryDataAssetReader:
    """Code Ocean, read only."""

    def __init__(self, world: World) -> None:
        self._world = world

    def mounted(self, *, archived: bool = False) -> Iterator[tuple[DataAsset, ...]]:
        """Pages of all external data assets that are not archived, or of all that are."""
        yield from self._found(lambda one: one.external and one.bucket is not None, archived)

    def results(self, tags: Iterable[str]) -> Iterator[tuple[DataAsset, ...]]:
        """Pages of the unarchived internal results that carry any of the tags."""
        wanted = set(tags)
        yield from self._found(
            lambda one: (
                one.type == "result"
                and not (one.external and one.bucket is not None)
                and bool(wanted & set(one.tags))
            )
        )

    def exists(self, data_asset_id: str) -> bool:
        """Is there such a data asset, archived or not, whatever a search shows?"""
        with self._world.call("data_assets.get"):
            return data_asset_id in self._world.data_assets

    def _found(
        self, wanted: Callable[[StoredDataAsset], bool], archived: bool = False
    ) -> Iterator[tuple[DataAsset, ...]]:
        with self._world.call("data_assets.search"):
            found = [
                _shown(one)
                for one in self._world.data_assets.values()
                if one.archived == archived and wanted(one)
            ]
        for number, page in enumerate(_pages(found, self._world.page_size)):
            if number:
                with self._world.call("data_assets.search"):
                    pass
            yield page


def _shown(one: StoredDataAsset) -> DataAsset:
    return DataAsset(
        id=one.id,
        name=one.name,
        location=mount_location(one.bucket, one.prefix) if one.external else None,
        state=one.state,
        has_computation=one.has_computation,
        has_source_bucket=one.bucket is not None,
    )


class MemoryDataAssetWriter:
    """Code Ocean: external data assets only."""

    def __init__(self, world: World) -> None:
        self._world = world

    def create(self, location: Location, name: str, tags: Sequence[str]) -> DataAsset:
        """Create an external data asset that mounts the location."""
        with self._world.call("data_assets.create", write=True):
            new_id = f"created-{len(self._world.data_assets)}"
            one = StoredDataAsset(new_id, name, location.bucket, location.prefix, tags=tuple(tags))
            self._world.data_assets[new_id] = one
            self._world.wrote("data_assets.create", str(location))
            return _shown(one)

    def archive(self, data_asset_id: str, archive: bool) -> None:
        """Archive, or take that back."""
        with self._world.call("data_assets.archive", write=True):
            self._held(data_asset_id).archived = archive
            self._world.wrote("data_assets.archive", data_asset_id)

    def delete(self, data_asset_id: str) -> None:
        """Delete for good."""
        with self._world.call("data_assets.delete", write=True):
            del self._world.data_assets[self._held(data_asset_id).id]
            self._world.wrote("data_assets.delete", data_asset_id)

    def _held(self, data_asset_id: str) -> StoredDataAsset:
        if data_asset_id not in self._world.data_assets:
            raise SystemFaultError("There is no such data asset", data_asset_id)
        return self._world.data_assets[data_asset_id]


class ExplodingWriter:
    """A writer of any kind that must never be called."""

    def __getattr__(self, method: str) -> Callable[..., NoReturn]:
        def explode(*arguments: object, **_: object) -> NoReturn:
            raise AssertionError(f"{method} was called: {arguments}")

        return explode


def exploding_writers() -> Writers:
    """For what must write nothing."""
    bomb: Any = ExplodingWriter()
    return Writers(bomb, bomb, bomb)
