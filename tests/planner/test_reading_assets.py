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

from indexer.errors import AccessDeniedError, OutageError, SystemFaultError
from indexer.model.breaker import FAILURES_IN_A_ROW
from indexer.model.location import Location
from indexer.model.ports import Readers
from indexer.model.snapshot import Asset, Listing, MustReadError, ObjectBody, ObjectInfo, RecordRow
from indexer.planner.assets import ASSETS_A_BATCH, Unread, read_assets
from indexer.planner.rules import Rules
from indexer.planner.whole_records import AssetToRead

AT = datetime(2026, 1, 1, tzinfo=UTC)
RULES = Rules({}, originals_folder="originals")
FILES = ("a.json", "b.json")


class Watched(ObjectBody):
    """A body that can be watched."""


class Objects:
    """A bucket in which each folder holds the same files."""

    def __init__(
        self, holds: Callable[[str], bool] = lambda _: True, fault: SystemFaultError | None = None
    ) -> None:
        self.looked_at: list[str] = []
        self.asked = 0
        self._holds, self._fault = holds, fault

    def prefixes(self, bucket: str) -> Iterator[tuple[str, ...]]:
        raise NotImplementedError

    def listing(self, bucket: str, prefix: str) -> Listing:
        self.looked_at.append(prefix)
        return Listing(tuple(ObjectInfo(f"{prefix}{name}", "e", 1, AT) for name in FILES), ())

    def listed(self, bucket: str, prefix: str) -> Listing:
        return self.listing(bucket, prefix)

    def get(self, bucket: str, key: str) -> ObjectBody | None:
        self.asked += 1
        if self._fault is not None:
            raise self._fault
        return Watched(key.encode(), "e", AT) if self._holds(key) else None


class Records:
    """Records that are there, or a database that is not."""

    def __init__(self, *, failing: Callable[[int], bool] = lambda _: False) -> None:
        self.asked, self._failing = 0, failing

    def by_id(self, generation: str, ids: Sequence[Any]) -> tuple[Mapping[str, Any], ...]:
        self.asked += 1
        if self._failing(self.asked):
            raise OutageError("DocDB is down", "", "")
        return tuple({"_id": one, "location": one} for one in ids)


def work(count: int, *, folder: bool = True) -> list[AssetToRead]:
    found = []
    for number in range(count):
        location = Location("bucket", f"asset_{number:04}")
        row = RecordRow("v1", str(location), str(location), location.prefix, None, None)
        found.append(AssetToRead(Asset(location, (row,)), ("v1",), folder, folder))
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

    found = list(read_assets(readers(Objects(), Records()), work(100), some, RULES, parallel))
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
        for _ in read_assets(readers(Objects(), Records()), work(300), decide, RULES, 2):
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

    assert len(list(read_assets(readers(Objects(), Records()), work(200), decide, RULES, 8))) == 200
    assert most <= 2


def test_a_database_that_is_down_is_not_asked_for_ever() -> None:
    """Each question costs a timeout: after so many failures in a row nothing more is asked."""
    objects, records = Objects(), Records(failing=lambda _: True)
    found = list(read_assets(readers(objects, records), work(2_000), in_rounds, RULES, 2))
    assert len(found) == 2_000
    unread = [one for one in found if isinstance(one, Unread)]
    assert len(unread) == 2_000
    assert {one.system for one in unread} == {"docdb"}
    assert "not tried" in unread[-1].why
    assert records.asked <= FAILURES_IN_A_ROW["docdb"] + 3
    assert len(objects.looked_at) < ASSETS_A_BATCH * (FAILURES_IN_A_ROW["docdb"] + 3)


def test_a_batch_that_could_not_be_read_is_one_failure() -> None:
    """However many assets it is for: the next one is asked for."""
    objects, records = Objects(), Records(failing=lambda nth: nth in (1, 2, 3, 5, 6, 7))
    found = list(read_assets(readers(objects, records), work(10 * ASSETS_A_BATCH), in_rounds, RULES, 2))
    assert sum(isinstance(one, Unread) for one in found) == 6 * ASSETS_A_BATCH


def test_objects_that_are_refused_are_no_outage() -> None:
    """A system that says no answers: each of the others is asked for, however many were refused in a row."""
    objects = Objects(fault=AccessDeniedError("S3 denies access", "archived, or not for us"))
    found = list(read_assets(readers(objects, Records()), work(200), in_rounds, RULES, 2))
    assert objects.asked == 200
    assert {one.why for one in found if isinstance(one, Unread)} == {
        "S3 denies access: archived, or not for us"
    }


def test_an_outage_of_s3_leaves_alone_what_needs_no_file() -> None:
    """Each system is judged by its own answers."""
    objects = Objects(fault=OutageError("S3 cannot be reached"))
    some = [*work(200)[:100], *work(200, folder=False)[100:]]

    def decide(asset: Asset) -> str:
        return in_rounds(asset) if asset.folder is not None else asset.location.prefix

    found = list(read_assets(readers(objects, Records()), some, decide, RULES, 2))
    assert objects.asked < FAILURES_IN_A_ROW["s3"] + 4
    assert [isinstance(one, Unread) for one in found] == [True] * 100 + [False] * 100


def test_a_file_that_is_gone_is_looked_for_in_the_folder() -> None:
    """Where the folder was not listed; there, it is no missing file but one that was removed meanwhile."""
    objects = Objects(holds=lambda key: key.endswith("a.json"))
    listed: list[bool] = []

    def decide(asset: Asset) -> str:
        listed.append(asset.folder is not None)
        if asset.folder is None:
            raise MustReadError("b.json")
        return in_rounds(asset)

    (found,) = read_assets(readers(objects, Records()), work(1, folder=False), decide, RULES, 2)
    assert isinstance(found, Unread)
    assert "b.json was removed" in found.why
    assert listed == [False, True, True]
