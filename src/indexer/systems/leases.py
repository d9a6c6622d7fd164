"""Advisory leases in DocDB: two scheduled runs on one bucket do not collide by accident.

Safety never rests on them: every write carries its own condition. When a lease ends, the database's clock says, not that of
the machine that took it nor that of the one that wants it.
"""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from pymongo import ReadPreference
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from indexer.errors import IndexerError, SystemFaultError
from indexer.systems.docdb_connection import DocDB, asked, docdb_faults, server_time

LEASE_S = 120
"""Seconds after which a lease that nobody renews is free: three renewals may fail before that."""
RENEWAL_S = 30
LOOK_S = 5.0
"""What was seen so many seconds ago still holds: a run asks before each of its batches."""


def owner_name(run_id: str) -> str:
    """Who holds a lease: host, process and run for people, and what nobody else has: containers are all process 1."""
    return f"{socket.gethostname()}:{os.getpid()}:{run_id[:8]}:{uuid.uuid4().hex}"


class HeldLeases:
    """Leases that a run has, as long as nobody takes them over. Safe for threads."""

    def __init__(self, docdb: DocDB, collection: Collection[dict[str, Any]], owner: str) -> None:
        self._docdb, self._collection, self._owner = docdb, collection, owner
        self.buckets: list[str] = []
        self._lost = False
        self._seen_at = self._renewed_at = monotonic()

    @property
    def ours(self) -> dict[str, Any]:
        """The filter of these leases, for as long as they are this run's."""
        return {"_id": {"$in": self.buckets}, "owner": self._owner}

    def still_held(self) -> bool:
        """Are all of them this run's? Where DocDB does not answer: until they would have ended."""
        if self._lost or monotonic() - self._seen_at < LOOK_S:
            return not self._lost
        try:
            with docdb_faults(self._docdb, "look at the lease"):
                self._note(len(list(self._collection.find(self.ours, {"_id": 1}))))
        except SystemFaultError:
            return monotonic() - self._renewed_at < LEASE_S
        return not self._lost

    def renew(self) -> None:
        """They end later. Raises SystemFaultError."""
        with docdb_faults(self._docdb, "renew the lease"):
            started_at = monotonic()  # before the request: its answer may take as long as a lease
            change = {"$set": {"expires_at": _expiry(_now(self._docdb))}}
            self._note(self._collection.update_many(self.ours, change).matched_count)
            self._renewed_at = started_at

    def _note(self, ours: int) -> None:
        self._lost = self._lost or ours < len(self.buckets)
        self._seen_at = monotonic()


class Leases:
    """One document for each bucket: `_id` bucket, `owner`, `since`, `expires_at` (ISO-8601, UTC)."""

    def __init__(self, docdb: DocDB, database: str, collection: str) -> None:
        self._docdb = docdb
        self._collection: Collection[dict[str, Any]] = docdb.client[database].get_collection(
            collection, read_preference=ReadPreference.PRIMARY
        )

    @contextmanager
    def held(self, buckets: Sequence[str], owner: str, *, steal: bool) -> Iterator[HeldLeases]:
        """Hold the leases of these buckets, renewed in the background, and give them back at the end.

        Raises IndexerError where somebody else holds one; `steal` takes it all the same.
        """
        held = HeldLeases(self._docdb, self._collection, owner)
        done = threading.Event()
        renewal = threading.Thread(target=_renew, args=(held, done), name="lease", daemon=True)
        try:
            # In one order, so that two runs on the same buckets cannot each hold what the other one waits for.
            for bucket in sorted(buckets):
                self._take(bucket, owner, steal=steal)
                held.buckets.append(bucket)
            renewal.start()
            yield held
        finally:
            done.set()
            if renewal.is_alive():
                renewal.join()
            # A lease ends on its own; that DocDB is away now takes nothing from the run's result.
            with suppress(SystemFaultError), docdb_faults(self._docdb, "give back the lease"):
                self._collection.delete_many(held.ours)

    def _take(self, bucket: str, owner: str, *, steal: bool) -> None:
        def ask() -> Mapping[str, Any] | None:
            """Who holds it instead, or None. Asked again after a lost answer, it finds the lease its own."""
            now = _now(self._docdb)
            lease = {"owner": owner, "since": now.isoformat(), "expires_at": _expiry(now)}
            free = {} if steal else {"expires_at": {"$lt": now.isoformat()}}
            if self._collection.find_one_and_update({"_id": bucket, **free}, {"$set": lease}) is not None:
                return None
            try:
                self._collection.insert_one({"_id": bucket, **lease})
            except DuplicateKeyError:
                holder = self._collection.find_one({"_id": bucket}) or {}
                return None if holder.get("owner") == owner else holder
            return None

        other = asked(self._docdb, f"take the lease of {bucket}", ask)
        if other is not None:
            raise IndexerError(
                "Another run holds the bucket",
                f"{bucket}: {other.get('owner')} since {other.get('since')}, until {other.get('expires_at')}",
                "Wait for it, or take it over with --steal-lease if that run is dead.",
            )


def _renew(held: HeldLeases, done: threading.Event) -> None:
    while not done.wait(RENEWAL_S):
        with suppress(SystemFaultError):  # advisory: the next renewal may get through
            held.renew()


def _now(docdb: DocDB) -> datetime:
    """By the database's clock, or this machine's where the server does not tell it."""
    return server_time(docdb) or datetime.now(UTC)


def _expiry(now: datetime) -> str:
    return (now + timedelta(seconds=LEASE_S)).isoformat()
