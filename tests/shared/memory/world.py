"""Three systems in memory, with faults and other writers; their ports pass the same contract suite as the real drivers."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import Any

from indexer.errors import AccessDeniedError, SystemFaultError
from indexer.model.generation import GENERATIONS, GenerationName
from indexer.model.ports import (
    Readers,
    Writers,
)
from indexer.model.values import etag_of
from shared.memory.data_assets import MemoryDataAssetReader, MemoryDataAssetWriter
from shared.memory.objects import MemoryObjectReader, MemoryObjectWriter
from shared.memory.records import MemoryRecordReader, MemoryRecordWriter
from shared.memory.stored import START, STRANGER, Crash, StoredDataAsset, StoredObject, Write, key_of


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
