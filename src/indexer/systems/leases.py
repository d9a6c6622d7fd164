"""Advisory leases in DocDB: two scheduled runs on one bucket do not collide by accident.

Safety never rests on them: every write carries its own condition.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReadPreference
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from indexer.errors import IndexerError, SystemFaultError
from indexer.systems.docdb_connection import DocDB, asked, faults

LEASE_S = 120
"""Seconds after which a lease that nobody renews is free."""
RENEWAL_S = 30


def owner_name(run_id: str) -> str:
    """Who holds a lease: host, process and run."""
    return f"{socket.gethostname()}:{os.getpid()}:{run_id[:8]}"


class Leases:
    """One document for each bucket: `_id` bucket, `owner`, `since`, `expires_at` (ISO-8601, UTC)."""

    def __init__(self, docdb: DocDB, database: str, collection: str) -> None:
        self._docdb = docdb
        self._collection: Collection[dict[str, Any]] = docdb.client[database].get_collection(
            collection, read_preference=ReadPreference.PRIMARY
        )

    @contextmanager
    def held(self, buckets: Sequence[str], owner: str, *, steal: bool) -> Iterator[None]:
        """Hold the leases of these buckets, renewed in the background, and give them back at the end.

        Raises IndexerError where somebody else holds one; `steal` takes it all the same.
        """
        taken: list[str] = []
        done = threading.Event()
        renewal = threading.Thread(target=self._renew, args=(taken, owner, done), name="lease", daemon=True)
        try:
            for bucket in sorted(buckets):
                self._take(bucket, owner, steal=steal)
                taken.append(bucket)
            renewal.start()
            yield
        finally:
            done.set()
            if renewal.is_alive():
                renewal.join()
            # It ends by itself; that DocDB is away now takes nothing from the run's result.
            with suppress(SystemFaultError), faults(self._docdb, "give back the lease"):
                self._collection.delete_many({"_id": {"$in": taken}, "owner": owner})

    def _take(self, bucket: str, owner: str, *, steal: bool) -> None:
        now = datetime.now(UTC)
        lease = {"owner": owner, "since": now.isoformat(), "expires_at": _expiry(now)}
        free = {} if steal else {"expires_at": {"$lt": now.isoformat()}}

        def ask() -> Mapping[str, Any] | None:
            """Who holds it instead, or None. Asked again after a lost answer, it finds the lease its own."""
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

    def _renew(self, buckets: Sequence[str], owner: str, done: threading.Event) -> None:
        while not done.wait(RENEWAL_S):
            try:
                with faults(self._docdb, "renew the lease"):
                    self._collection.update_many(
                        {"_id": {"$in": list(buckets)}, "owner": owner},
                        {"$set": {"expires_at": _expiry(datetime.now(UTC))}},
                    )
            except SystemFaultError:
                continue  # advisory: the next renewal may get through


def _expiry(now: datetime) -> str:
    return (now + timedelta(seconds=LEASE_S)).isoformat()
