"""Readers → snapshot, with coverage: what could not be read is said, and never looks empty."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from threading import Semaphore
from typing import Generic, TypeVar

from indexer.errors import SystemFaultError
from indexer.model.generation import (
    CORE_FIELDS,
    METADATA_FILE,
    GenerationName,
    core_file,
    original_field,
)
from indexer.model.location import Location, parse_location
from indexer.model.ports import ObjectReader, Readers, RecordReader
from indexer.model.snapshot import (
    Asset,
    Coverage,
    Folder,
    MustReadError,
    ObjectBody,
    Record,
    SystemName,
)

ROOT_FILES = frozenset({METADATA_FILE, *map(core_file, CORE_FIELDS)})
ASSETS_A_BATCH = 16
"""Records of so many assets are read in one request; each may be several MB."""
FAILURES_IN_A_ROW = 32
"""After so many failed reads, the rest of the assets are not tried."""
DECIDING = 2
"""Threads that compute at a time. Python lets one, and digests another; more would only wake each other up for it."""
T = TypeVar("T")
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What came of reading all pages of something."""

    rows: tuple[T, ...]
    coverage: Coverage
    fault: SystemFaultError | None = None
    """Why it is not whole."""

    @property
    def whole(self) -> bool:
        """May anything rest on what it does not show?"""
        return self.coverage.complete

    def doubted(self, why: str) -> Read[T]:
        """The same read, no longer believed to be whole where it answered "nothing"."""
        if self.rows or not self.whole:
            return self
        return replace(self, coverage=replace(self.coverage, complete=False, why=why, suspicious=True))


def read_all(
    pages: Callable[[], Iterable[Sequence[T]]], system: SystemName, scope: str, seen: Callable[[int], None]
) -> Read[T]:
    """Read every page; after a fault, what was read so far, marked incomplete. `seen` is told the count."""
    rows: list[T] = []
    try:
        for page in pages():
            rows.extend(page)
            seen(len(page))
    except SystemFaultError as exc:
        coverage = Coverage(system, scope, len(rows), complete=False, why=exc.what)
        return Read(tuple(rows), coverage, exc)
    return Read(tuple(rows), Coverage(system, scope, len(rows)))


@dataclass(frozen=True, slots=True)
class Work:
    """One asset and what must be read of it first."""

    asset: Asset
    records: tuple[GenerationName, ...]
    folder: bool
    listed: bool
    """The bucket's listing showed it."""


@dataclass(frozen=True, slots=True)
class Unread:
    """An asset that could not be read; nothing is planned for it."""

    location: Location
    system: SystemName
    why: str


class _Breaker:
    """Stops asking a system that has failed so often in a row: each failure has cost retries already."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def open_for(self) -> bool:
        """Is it still worth asking?"""
        return self._in_a_row < FAILURES_IN_A_ROW

    def note(self, failed: bool) -> None:
        """One more answer, or none."""
        self._in_a_row = self._in_a_row + 1 if failed else 0


class _UnreadableError(Exception):
    """One asset that was changed while it was being read, or that nobody can read."""

    def __init__(self, system: SystemName, why: str) -> None:
        super().__init__(why)
        self.system = system


def read_assets(
    readers: Readers,
    work: Iterable[Work],
    decide: Callable[[Asset], P],
    originals_folder: str,
    parallel: int,
) -> Iterator[P | Unread]:
    """Read assets in parallel and decide on each; in the order of `work`.

    `decide` may raise MustReadError: the files that it names are fetched and it is asked again. Never more
    than a few batches of records are held.
    """
    items = iter(work)
    batches = iter(lambda: tuple(islice(items, ASSETS_A_BATCH)), ())
    turn = Semaphore(DECIDING)
    pending: deque[Future[P | Unread]] = deque()
    breaker = _Breaker()
    with ThreadPoolExecutor(parallel + 1, thread_name_prefix="read") as pool:
        try:
            for batch in batches:
                # Tasks start in the order in which they come: an asset never waits for records not asked for yet.
                bodies = pool.submit(_records, readers.records, batch)
                for one in batch:
                    pending.append(
                        pool.submit(_plan_one, readers, one, bodies, decide, originals_folder, breaker, turn)
                    )
                while len(pending) > parallel + ASSETS_A_BATCH:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


Bodies = Mapping[GenerationName, Record | None]


def _records(reader: RecordReader, batch: Sequence[Work]) -> dict[Location, Bodies] | SystemFaultError:
    """The whole records that a batch needs; None for one that is gone, or moved, since its row was read."""
    wanted: dict[GenerationName, dict[str, object]] = {}
    for one in batch:
        for row in one.asset.rows:
            if row.generation in one.records:
                wanted.setdefault(row.generation, {})[repr(row.id)] = row.id
    try:
        found = {
            (generation, repr(body["_id"])): body
            for generation, ids in wanted.items()
            for body in reader.by_id(generation, tuple(ids.values()))
        }
    except SystemFaultError as exc:
        return exc
    held: dict[Location, Bodies] = {}
    for one in batch:
        records: dict[GenerationName, Record | None] = {}
        for row in one.asset.rows:
            if row.generation in one.records:
                body = found.get((row.generation, repr(row.id)))
                records[row.generation] = None if body is None else Record(row, body)
        held[one.asset.location] = records
    return held


def _plan_one(
    readers: Readers,
    work: Work,
    batch: Future[dict[Location, Bodies] | SystemFaultError],
    decide: Callable[[Asset], P],
    originals_folder: str,
    breaker: _Breaker,
    turn: Semaphore,
) -> P | Unread:
    """Read what one asset needs, and decide on it."""
    needs = work.folder or bool(work.records)
    if needs and not breaker.open_for():
        return Unread(
            work.asset.location, "s3", f"not tried, after {FAILURES_IN_A_ROW} failed reads in a row"
        )
    held = batch.result()
    if isinstance(held, SystemFaultError):
        breaker.note(failed=True)
        return Unread(work.asset.location, "docdb", held.what)
    bodies = held.pop(work.asset.location)
    try:
        asset = _with_folder(readers.objects, work, originals_folder)
        decided = _decided(readers.objects, asset, bodies, decide, turn)
        if needs:
            breaker.note(failed=False)
        return decided
    except _UnreadableError as exc:
        return Unread(work.asset.location, exc.system, str(exc))
    except SystemFaultError as exc:
        breaker.note(failed=True)
        return Unread(work.asset.location, "s3", exc.what)


def _with_folder(objects: ObjectReader, work: Work, originals_folder: str) -> Asset:
    """The asset with its folder, where that is needed."""
    if not work.folder:
        return work.asset
    folder = read_folder(objects, work.asset.location, originals_folder)
    if work.listed and not folder.exists:
        raise _UnreadableError("s3", "its folder was changed while it was being read")
    return replace(work.asset, folder=folder)


def _opened(bodies: Bodies, location: Location) -> dict[GenerationName, Record]:
    """The records, decoded; each must be there still."""
    records = {}
    for name, record in bodies.items():
        try:
            if record is None or parse_location(record.body.get("location")) != location:
                raise _UnreadableError("docdb", "its record was changed while it was being read")
            records[name] = replace(record, body=dict(record.body))
        except SystemFaultError as exc:
            raise _UnreadableError("docdb", exc.what) from exc
    return records


def _decided(
    objects: ObjectReader, asset: Asset, bodies: Bodies, decide: Callable[[Asset], P], turn: Semaphore
) -> P:
    """The record is decoded last: many assets wait for S3 at a time, and decoded they are ten times as large."""
    while True:
        try:
            with turn:
                asset = replace(asset, records=asset.records or _opened(bodies, asset.location))
                return decide(asset)
        except MustReadError as need:
            asset = replace(asset, bodies={**asset.bodies, **_bodies(objects, asset.location, need.names)})


def _bodies(objects: ObjectReader, location: Location, names: Iterable[str]) -> dict[str, ObjectBody]:
    read: dict[str, ObjectBody] = {}
    for name in names:
        body = objects.get(location.bucket, location.key(name))
        if body is None:
            raise _UnreadableError("s3", f"{name} was removed while it was being read")
        read[name] = body
    return read


def read_folder(objects: ObjectReader, location: Location, originals_folder: str) -> Folder:
    """One asset's folder: one LIST of its root, and one of its originals where it has any."""
    root = objects.listing(location.bucket, location.key(""))
    originals = {}
    if originals_folder in root.folders:
        prefix = location.key(f"{originals_folder}/")
        for info in objects.listing(location.bucket, prefix).objects:
            field = original_field(info.key.removeprefix(prefix))
            if field is not None:
                originals[field] = info
    names = ((info.key.removeprefix(location.key("")), info) for info in root.objects)
    return Folder(
        exists=not root.empty,
        files={name: info for name, info in names if name in ROOT_FILES},
        originals=originals,
    )
