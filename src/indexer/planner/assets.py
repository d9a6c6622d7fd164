"""Assets, read and decided on: many threads wait for S3, and one decides.

Python lets one thread compute at a time; more of them would only wake each other up for it. Beside the one that decides,
one of the others at a time decides on an asset whose files had to be seen first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from threading import Lock
from typing import Generic, TypeVar

from indexer.errors import SystemFaultError
from indexer.model.breaker import Breaker
from indexer.model.generation import GenerationName
from indexer.model.ids import IdKey, id_key
from indexer.model.location import Location, parse_location
from indexer.model.ports import ObjectReader, Readers, RecordReader
from indexer.model.snapshot import Asset, Folder, MustReadError, ObjectInfo, Record, SystemName
from indexer.planner.rules import Rules, folder_of
from indexer.threads import pool_of

ASSETS_A_BATCH = 16
"""Records of so many assets are read in one request; each may be several MB."""
P = TypeVar("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AssetToRead:
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
    hint: str = ""


class _UnreadableError(Exception):
    """One asset that was changed while it was being read, or that nobody can read."""

    def __init__(self, system: SystemName, why: str) -> None:
        super().__init__(why)
        self.system = system


def read_assets(
    readers: Readers,
    work: Iterable[AssetToRead],
    decide: Callable[[Asset], P],
    rules: Rules,
    parallel: int,
) -> Iterator[P | Unread]:
    """Read assets in parallel and decide on each; in the order of `work`.

    `decide` may raise MustReadError: what it names is fetched and it is asked again. Never more than a few
    batches of records are held.
    """
    items = iter(work)
    batches = iter(lambda: tuple(islice(items, ASSETS_A_BATCH)), ())
    listed: deque[tuple[AssetToRead, Future[Folder | Unread | None], Future[BatchOfRecords]]] = deque()
    decided: deque[P | Unread | Future[P | Unread]] = deque()
    # One more than asked for, so that a batch of records does not take the place of a listing.
    with pool_of(parallel + 1 if parallel > 1 else 1, "read") as pool:
        one_by_one = _Decider(readers, decide, rules, pool)
        try:
            for batch in batches:
                bodies = pool.submit(one_by_one.records, batch)
                listed.extend((one, pool.submit(one_by_one.folder, one), bodies) for one in batch)
                # One batch ahead of the threads, so that none of them idles; more would only hold records in memory.
                while len(listed) > parallel + ASSETS_A_BATCH:
                    decided.append(one_by_one.decided(*listed.popleft()))
                    yield from _finished(decided, parallel)
            while listed:
                decided.append(one_by_one.decided(*listed.popleft()))
                yield from _finished(decided, parallel)
            yield from _finished(decided, 0)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _finished(decided: deque[P | Unread | Future[P | Unread]], waiting: int) -> Iterator[P | Unread]:
    """What comes next and is there; of what is still being read, no more than `waiting` are let wait."""
    while decided:
        first = decided[0]
        # Always the first one, even if a later one is ready: the order of a plan never varies (promise 2).
        if isinstance(first, Future):
            if len(decided) <= waiting and not first.done():
                return
            first = first.result()
        decided.popleft()
        yield first


Bodies = Mapping[GenerationName, Record | None]
BatchOfRecords = dict[Location, Bodies] | SystemFaultError
"""A fault: why the batch was not read."""


def _wanted(batch: Sequence[AssetToRead]) -> dict[GenerationName, dict[IdKey, object]]:
    """The ids of the records that a batch needs, each once."""
    wanted: dict[GenerationName, dict[IdKey, object]] = {}
    for one in batch:
        for row in one.asset.rows:
            if row.generation in one.records:
                wanted.setdefault(row.generation, {})[id_key(row.id)] = row.id
    return wanted


def _records(reader: RecordReader, batch: Sequence[AssetToRead]) -> dict[Location, Bodies]:
    """The whole records that a batch needs; None for one that is gone, or moved, since its row was read."""
    found = {
        (generation, id_key(body["_id"])): body
        for generation, ids in _wanted(batch).items()
        for body in reader.by_id(generation, tuple(ids.values()))
    }
    held: dict[Location, Bodies] = {}
    for one in batch:
        records: dict[GenerationName, Record | None] = {}
        for row in one.asset.rows:
            if row.generation in one.records:
                body = found.get((row.generation, id_key(row.id)))
                records[row.generation] = None if body is None else Record(row, body)
        held[one.asset.location] = records
    return held


class _Decider(Generic[P]):
    """Decides on one asset after the other; where more must be seen first, a thread of the pool goes on with it."""

    def __init__(
        self,
        readers: Readers,
        decide: Callable[[Asset], P],
        rules: Rules,
        pool: Executor,
    ) -> None:
        self._readers, self._decide = readers, decide
        self._rules, self._pool = rules, pool
        self._breaker, self._turn = Breaker(), Lock()

    def records(self, batch: Sequence[AssetToRead]) -> BatchOfRecords:
        """In a thread of the pool: the whole records that a batch needs."""
        # A batch that needs no record asks DocDB nothing, so an open breaker must not fail it.
        if not any(one.records for one in batch):
            return _records(self._readers.records, batch)
        if against := self._breaker.against("docdb"):
            return SystemFaultError(against)
        try:
            found = _records(self._readers.records, batch)
        except SystemFaultError as exc:
            self._breaker.note("docdb", exc)
            return exc
        self._breaker.note("docdb", None)
        return found

    def folder(self, work: AssetToRead) -> Folder | Unread | None:
        """In a thread of the pool: the asset's folder, where that is needed, and its records can be had."""
        if not work.folder:
            return None
        # Without its record nothing can be planned for the asset: its listing would be paid for nothing.
        if work.records and (against := self._breaker.against("docdb")):
            return Unread(work.asset.location, "docdb", against)
        return self._read(work, lambda: self._folder(work))

    def decided(
        self, work: AssetToRead, folder: Future[Folder | Unread | None], batch: Future[BatchOfRecords]
    ) -> P | Unread | Future[P | Unread]:
        """The decision, or the one to come. The record is decoded last: encoded it takes a tenth of the memory."""
        location, found = work.asset.location, folder.result()
        if isinstance(found, Unread):
            return found
        held = batch.result()
        if isinstance(held, SystemFaultError):
            if work.records:
                return Unread(location, "docdb", held.what, held.hint)
            held = {}  # the others of the batch needed them
        try:
            asset = replace(work.asset, folder=found, records=_opened(held.pop(location, {}), location))
        except _UnreadableError as exc:
            return Unread(location, exc.system, str(exc))
        decision = self._asked(asset)
        if isinstance(decision, MustReadError):
            return self._pool.submit(self._decided_later, work, asset, decision)
        if work.folder:  # a listing alone proves little: files may be fetched from a part of S3 that is down
            self._breaker.note("s3", None)
        return decision

    def _decided_later(self, work: AssetToRead, asset: Asset, need: MustReadError) -> P | Unread:
        """In a thread of the pool: fetch what must be seen, and ask again, until it is enough."""
        while True:
            seen = self._read(work, partial(self._seen, work, asset, need))
            if isinstance(seen, Unread):
                return seen
            asset = seen
            # One at a time: computing in more threads takes Python's lock from the one that decides (decision 18).
            with self._turn:
                decision = self._asked(asset)
            if not isinstance(decision, MustReadError):
                self._breaker.note("s3", None)
                return decision
            need = decision

    def _asked(self, asset: Asset) -> P | MustReadError:
        """The decision, or what must be seen first; without its traceback, which would keep all that was read alive."""
        try:
            return self._decide(asset)
        except MustReadError as exc:
            return exc.with_traceback(None)

    def _read(self, work: AssetToRead, read: Callable[[], T]) -> T | Unread:
        """Read something of S3, or say why not."""
        location = work.asset.location
        if against := self._breaker.against("s3"):
            return Unread(location, "s3", against)
        try:
            return read()
        except _UnreadableError as exc:
            return Unread(location, exc.system, str(exc))
        except SystemFaultError as exc:
            self._breaker.note("s3", exc)
            return Unread(location, "s3", exc.what, exc.hint)

    def _seen(self, work: AssetToRead, asset: Asset, need: MustReadError) -> Asset:
        """The asset with what the planner must see. A file that is not there is looked for in the folder's listing."""
        bodies, missing = {**asset.bodies}, []
        for name in need.names:
            body = self._readers.objects.get(asset.location.bucket, asset.location.key(name))
            if body is None:
                missing.append(name)
            else:
                bodies[name] = body
        # With a listing in hand the planner asks only for files that were there a moment ago (decision 11). Without one
        # (a folder without a record) it asks for the data description unseen, and an absence is an answer.
        if missing and asset.folder is not None:
            raise _UnreadableError("s3", f"{missing[0]} was removed while it was being read")
        folder = self._folder(work) if need.folder or missing else asset.folder
        return replace(asset, folder=folder, bodies=bodies)

    def _folder(self, work: AssetToRead) -> Folder:
        """What S3 holds of the asset."""
        folder = read_folder(self._readers.objects, work.asset.location, self._rules)
        # Two listings contradict each other: "gone" wants both to say so (decision 14).
        if work.listed and not folder.exists:
            raise _UnreadableError("s3", "its folder was changed while it was being read")
        return folder


def _opened(bodies: Bodies, location: Location) -> dict[GenerationName, Record]:
    """The records, decoded; each must be there still."""
    records = {}
    for name, record in bodies.items():
        try:
            # A record that moved since its row was read belongs to another asset now.
            if record is None or parse_location(record.body.get("location")) != location:
                raise _UnreadableError("docdb", "its record was changed while it was being read")
            records[name] = Record(record.row, dict(record.body))
        except SystemFaultError as exc:
            raise _UnreadableError("docdb", exc.what) from exc
    return records


def read_folder(objects: ObjectReader, location: Location, rules: Rules) -> Folder:
    """One asset's folder: one LIST of its root, and one of its originals where the root shows any."""
    root = objects.listing(location.bucket, location.key(""))
    originals: tuple[ObjectInfo, ...] = ()
    if rules.may_have_originals(root):
        originals = objects.listing(location.bucket, location.key(f"{rules.originals_folder}/")).objects
    return folder_of(location, root, originals)
