"""Assets are read by many threads and decided on by one: in order, within bounds, and no longer than it is worth."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import pytest

from indexer.errors import SystemFaultError
from indexer.model.location import Location
from indexer.model.ports import Readers
from indexer.model.snapshot import Asset, Listing, MustReadError, ObjectBody, ObjectInfo, RecordRow
from indexer.systems.assets import ASSETS_A_BATCH, FAILURES_IN_A_ROW, NOT_TRIED, Unread, Work, read_assets

AT = datetime(2026, 1, 1, tzinfo=UTC)
FILES = ("a.json", "b.json")


class Watched(ObjectBody):
    """A body that can be watched."""


class Objects:
    """A bucket in which each folder holds the same files."""

    def __init__(self, holds: Callable[[str], bool] = lambda _: True) -> None:
        self.listed: list[str] = []
        self._holds = holds

    def prefixes(self, bucket: str) -> Iterator[tuple[str, ...]]:
        raise NotImplementedError

    def listing(self, bucket: str, prefix: str) -> Listing:
        self.listed.append(prefix)
        return Listing(tuple(ObjectInfo(f"{prefix}{name}", "e", 1, AT) for name in FILES), ())

    def get(self, bucket: str, key: str) -> ObjectBody | None:
        return Watched(key.encode(), "e", AT) if self._holds(key) else None


class Records:
    """Records that are there, or a database that is not."""

    def __init__(self, *, down: bool = False) -> None:
        self.asked, self._down = 0, down

    def by_id(self, generation: str, ids: Sequence[Any]) -> tuple[Mapping[str, Any], ...]:
        self.asked += 1
        if self._down:
            raise SystemFaultError("DocDB is down", "", "")
        return tuple({"_id": one, "location": one} for one in ids)


def work(count: int, *, folder: bool = True) -> list[Work]:
    found = []
    for number in range(count):
        location = Location("bucket", f"asset_{number:04}")
        row = RecordRow("v1", str(location), str(location), location.prefix, None, None)
        found.append(Work(Asset(location, (row,)), ("v1",), folder, folder))
    return found


def readers(objects: Any, records: Any) -> Readers:
    return Readers(objects, records)


def in_rounds(asset: Asset) -> str:
    """Decides once both files were seen, one after the other."""
    for name in FILES:
        if name not in asset.bodies:
            raise MustReadError(name)
    return asset.location.prefix


@pytest.mark.parametrize("parallel", [1, 3, 16])
def test_decisions_come_in_the_order_of_the_work(parallel: int) -> None:
    """Whichever had to wait for more."""

    def some(asset: Asset) -> str:
        return in_rounds(asset) if int(asset.location.prefix[-1]) % 3 else asset.location.prefix

    found = list(read_assets(readers(Objects(), Records()), work(100), some, "originals", parallel))
    assert found == [one.asset.location.prefix for one in work(100)]


@contextmanager
def no_collector() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_what_was_read_is_let_go_of() -> None:
    """At once, not when a collector comes by: memory grows with what is in flight, not with drift."""
    alive: weakref.WeakSet[Watched] = weakref.WeakSet()
    most = 0

    def decide(asset: Asset) -> str:
        nonlocal most
        alive.update(body for body in asset.bodies.values() if isinstance(body, Watched))
        most = max(most, len(alive))
        return in_rounds(asset)

    with no_collector():
        for _ in read_assets(readers(Objects(), Records()), work(300), decide, "originals", 2):
            pass
        assert len(alive) <= len(FILES)
    assert most < 100


def test_beside_the_one_that_decides_only_one_thread_does() -> None:
    """The others read: Python would let none of them compute at the same time."""
    lock, deciding, most = Lock(), 0, 0

    def decide(asset: Asset) -> str:
        nonlocal deciding, most
        with lock:
            deciding += 1
            most = max(most, deciding)
        time.sleep(0.001)
        with lock:
            deciding -= 1
        return in_rounds(asset)

    assert len(list(read_assets(readers(Objects(), Records()), work(200), decide, "originals", 8))) == 200
    assert most <= 2


def test_a_database_that_is_down_is_not_asked_for_ever() -> None:
    """Each question costs a timeout: after so many failures in a row nothing more is asked."""
    objects, records = Objects(), Records(down=True)
    found = list(read_assets(readers(objects, records), work(2_000), in_rounds, "originals", 2))
    assert len(found) == 2_000
    assert all(isinstance(one, Unread) for one in found)
    assert found[-1].why == NOT_TRIED  # type: ignore[union-attr]
    assert records.asked <= FAILURES_IN_A_ROW // ASSETS_A_BATCH + 3
    assert len(objects.listed) < 200


def test_a_file_that_is_gone_is_looked_for_in_the_folder() -> None:
    """Where the folder was not listed; there, it is no missing file but one that was removed meanwhile."""
    objects = Objects(holds=lambda key: key.endswith("a.json"))
    listed: list[bool] = []

    def decide(asset: Asset) -> str:
        listed.append(asset.folder is not None)
        if asset.folder is None:
            raise MustReadError("b.json")
        return in_rounds(asset)

    (found,) = read_assets(readers(objects, Records()), work(1, folder=False), decide, "originals", 2)
    assert isinstance(found, Unread)
    assert "b.json was removed" in found.why
    assert listed == [False, True, True]
