"""How many processes plan, and that it is one where more would not pay off."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator

import pytest

from indexer.config import Config
from indexer.errors import UsageError
from indexer.model.location import Location
from indexer.model.snapshot import Asset
from indexer.planner.asset import AssetPlan
from indexer.planner.asset_planner import AssetPlanner, PlanAssets
from indexer.planner.assets import Unread
from indexer.planner.rules import Rules, WholeReads
from indexer.planner.whole_records import AssetToRead
from indexer.runs.cores import ASSETS_A_WORKER, cores, plan_where_it_pays
from indexer.runs.plan import plan
from indexer.runs.workforce import Workforce

PLANNER = AssetPlanner("bucket", Rules({}), WholeReads())


class Bucket:
    """So many assets, and who planned them."""

    def __init__(self) -> None:
        self.here: list[int] = []
        self.there: list[int] = []
        self.hired: list[int] = []

    def planned(self, most: int, *buckets: int) -> None:
        """Plan buckets of so many assets."""
        plan_assets = plan_where_it_pays(_counting(self.here), most, self._hire)
        for count in buckets:
            assert len(list(plan_assets(assets(count), PLANNER))) == count

    def _hire(self, count: int) -> PlanAssets:
        self.hired.append(count)
        return _counting(self.there)


def _counting(seen: list[int]) -> PlanAssets:
    def plan_assets(work: Iterable[AssetToRead], _: AssetPlanner) -> Iterator[AssetPlan | Unread]:
        seen.append(0)
        for _one in work:
            seen[-1] += 1
            yield AssetPlan()

    return plan_assets


def assets(count: int) -> Iterator[AssetToRead]:
    one = AssetToRead(Asset(Location("bucket", "asset")), (), folder=True, listed=True)
    return (one for _ in range(count))


def test_few_assets_start_no_process() -> None:
    """It would take longer to start one."""
    bucket = Bucket()
    bucket.planned(4, 2 * ASSETS_A_WORKER - 1, 3)
    assert (bucket.here, bucket.hired) == ([2 * ASSETS_A_WORKER - 1, 3], [])


def test_as_many_workers_as_there_is_work_for() -> None:
    """No more than there are cores; what was looked at is planned, too, and so are later buckets."""
    bucket = Bucket()
    bucket.planned(4, 3, 3 * ASSETS_A_WORKER, 5)
    assert (bucket.here, bucket.there, bucket.hired) == ([3], [3 * ASSETS_A_WORKER, 5], [3])
    many = Bucket()
    many.planned(2, 9 * ASSETS_A_WORKER)
    assert many.hired == [2]


def test_on_one_core_it_is_this_process() -> None:
    """However many assets there are; they are not even looked at beforehand."""
    bucket = Bucket()
    bucket.planned(1, 3 * ASSETS_A_WORKER)
    assert (bucket.here, bucket.hired) == ([3 * ASSETS_A_WORKER], [])


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system keeps no process on a core")
def test_cores_are_those_that_this_process_may_use() -> None:
    """Not all that the machine has."""
    before = os.sched_getaffinity(0)
    assert 1 <= cores() <= len(before)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_requests_are_shared_out() -> None:
    """They are the whole run's, and each worker sends one at least; without a number each finds its own."""
    assert [Workforce(parallel).share_of(4) for parallel in (None, 1, 4, 5, 96)] == [None, 1, 1, 2, 24]


@pytest.mark.parametrize(
    "asked", [Workforce(workers=2), Workforce(dask="tls://host:1")], ids=["workers", "dask"]
)
def test_who_is_asked_for_stays(asked: Workforce) -> None:
    """Where this process would rather be alone, for a log of each request."""
    assert asked.alone() == asked
    assert Workforce(8).alone() == Workforce(8, workers=1).alone() == Workforce(8, workers=1)


def test_a_log_of_each_request_sends_no_cluster_away(caplog: pytest.LogCaptureFixture) -> None:
    """`plan --verbose --dask` gets as far as the cluster, which is not encrypted here."""
    caplog.set_level(logging.DEBUG, "indexer.s3")
    config = Config.model_validate(
        {
            "buckets": ["bucket"],
            "docdb": {"uri": "mongodb://127.0.0.1:9", "v1": {"database": "d", "collection": "c"}},
        }
    )
    with pytest.raises(UsageError, match="not encrypted"):
        plan(config, dask="tcp://127.0.0.1:9")


@pytest.mark.parametrize(
    ("workers", "dask"), [(0, None), (65, None), (-1, None), (2, "tls://host:1"), (1, "tls://host:1")]
)
def test_what_cannot_be_is_wrong_usage(workers: int, dask: str | None) -> None:
    """Said before anything is opened."""
    with pytest.raises(UsageError):
        Workforce(workers=workers, dask=dask)
    Workforce(dask=dask)
