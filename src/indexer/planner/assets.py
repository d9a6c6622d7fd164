"""Assets, read and decided on: many threads wait for S3, and one decides.

Python lets one thread compute at a time; more of them would only wake each other up for it. Beside the one that decides,
one of the others at a time decides on an asset whose files had to be seen first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from threading import Lock
from typing import Generic, TypeVar

from indexer.errors import SystemFaultError
from indexer.model.breaker import Breaker
from indexer.model.location import Location
from indexer.model.ports import Readers
from indexer.model.snapshot import Asset, Folder, MustReadError, SystemName
from indexer.planner.folders import Listings, read_listings
from indexer.planner.memo import Recall
from indexer.planner.rules import Rules
from indexer.planner.whole_records import (
    AssetToRead,
    BatchOfRecords,
    Bodies,
    UnreadableError,
    opened_records,
    read_records,
)
from indexer.threads import pool_of

ASSETS_A_BATCH = 16
"""Records of so many assets are read in one request; each may be several MB."""
P = TypeVar("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unread:
    """An asset that could not be read; nothing is planned for it."""

    location: Location
    system: SystemName
    why: str
    hint: str = ""


def read_assets(
    readers: Readers,
    work: Iterable[AssetToRead],
    decide: Callable[[Asset], P],
    rules: Rules,
    parallel: int,
    recall: Recall[P] | None = None,
) -> Iterator[P | Unread]:
    """Read assets in parallel and decide on each; in the order of `work`.

    `decide` may raise MustReadError: what it names is fetched and it is asked again. It is not asked where `recall` knows
    what it would say. Never more than a few batches of records are held.
    """
    items = iter(work)
    batches = iter(lambda: tuple(islice(items, ASSETS_A_BATCH)), ())
    listed: deque[tuple[AssetToRead, Future[Listings | Unread | None], Future[BatchOfRecords]]] = deque()
    decided: deque[P | Unread | Future[P | Unread]] = deque()
    # One more than asked for, so that a batch of records does not take the place of a listing.
    with pool_of(parallel + 1 if parallel > 1 else 1, "read") as pool:
        one_by_one = _Decider(readers, decide, rules, pool, recall)
        try:
            for batch in batches:
                bodies = pool.submit(one_by_one.records, batch)
                listed.extend((one, pool.submit(one_by_one.listings, one), bodies) for one in batch)
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


class _Decider(Generic[P]):
    """Decides on one asset after the other; where more must be seen first, a thread of the pool goes on with it."""

    def __init__(
        self,
        readers: Readers,
        decide: Callable[[Asset], P],
        rules: Rules,
        pool: Executor,
        recall: Recall[P] | None,
    ) -> None:
        self._readers, self._decide = readers, decide
        self._rules, self._pool, self._recall = rules, pool, recall
        self._breaker, self._turn = Breaker(), Lock()

    def records(self, batch: Sequence[AssetToRead]) -> BatchOfRecords:
        """In a thread of the pool: the whole records that a batch needs."""
        # A batch that needs no record asks DocDB nothing, so an open breaker must not fail it.
        if not any(one.records for one in batch):
            return read_records(self._readers.records, batch)
        if against := self._breaker.against("docdb"):
            return SystemFaultError(against)
        try:
            found = read_records(self._readers.records, batch)
        except SystemFaultError as exc:
            self._breaker.note("docdb", exc)
            return exc
        self._breaker.note("docdb", None)
        return found

    def listings(self, work: AssetToRead) -> Listings | Unread | None:
        """In a thread of the pool: the asset's listings, where those are needed, and its records can be had."""
        if not work.folder:
            return None
        # Without its record nothing can be planned for the asset: its listing would be paid for nothing.
        if work.records and (against := self._breaker.against("docdb")):
            return Unread(work.asset.location, "docdb", against)
        return self._read(
            work, lambda: read_listings(self._readers.objects, work.asset.location, self._rules)
        )

    def decided(
        self, work: AssetToRead, listings: Future[Listings | Unread | None], batch: Future[BatchOfRecords]
    ) -> P | Unread | Future[P | Unread]:
        """The decision, or the one to come. The record is decoded last: encoded it takes a tenth of the memory."""
        location, found = work.asset.location, listings.result()
        if isinstance(found, Unread):
            return found
        held = batch.result()
        if isinstance(held, SystemFaultError):
            if work.records:
                return Unread(location, "docdb", held.what, held.hint)
            held = {}  # the others of the batch needed them
        try:
            decision = self._settled(work, found, held.pop(location, {}))
        except UnreadableError as exc:
            return Unread(location, exc.system, str(exc))
        # A listing alone proves little: files may be fetched from a part of S3 that is down.
        if work.folder and not isinstance(decision, Future | Unread):
            self._breaker.note("s3", None)
        return decision

    def _settled(
        self, work: AssetToRead, listings: Listings | None, bodies: Bodies
    ) -> P | Unread | Future[P | Unread]:
        """The decision, remembered or made, or the one to come."""
        recall, location = self._recall, work.asset.location
        mark = recall.mark(work, listings, bodies) if recall is not None else None
        if recall is not None and mark is not None and recall.settles(mark):
            return recall.in_step
        try:
            folder = None if listings is None else _opened(work, listings)
        except SystemFaultError as exc:
            self._breaker.note("s3", exc)
            return Unread(location, "s3", exc.what, exc.hint)
        asset = replace(work.asset, folder=folder, records=opened_records(bodies, location))
        decision = self._asked(asset)
        if recall is not None and mark is not None:
            recall.keep(mark, location, decision)
        if isinstance(decision, MustReadError):
            return self._pool.submit(self._decided_later, work, asset, decision)
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
        except UnreadableError as exc:
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
            raise UnreadableError("s3", f"{missing[0]} was removed while it was being read")
        folder = self._folder(work) if need.folder or missing else asset.folder
        return replace(asset, folder=folder, bodies=bodies)

    def _folder(self, work: AssetToRead) -> Folder:
        """What S3 holds of the asset now."""
        return _opened(work, read_listings(self._readers.objects, work.asset.location, self._rules))


def _opened(work: AssetToRead, listings: Listings) -> Folder:
    """What S3 holds of the asset."""
    folder = listings.opened(work.asset.location)
    # Two listings contradict each other: "gone" wants both to say so (decision 14).
    if work.listed and not folder.exists:
        raise UnreadableError("s3", "its folder was changed while it was being read")
    return folder
