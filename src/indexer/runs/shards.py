"""Assets planned in shards by location over a cluster.

A shard that is lost with its worker is carried out again. Each worker process opens systems of its own, once.
"""

from __future__ import annotations

import atexit
import pickle
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice

from indexer import __version__
from indexer.config import Config
from indexer.errors import IndexerError, UsageError
from indexer.model.ports import Readers
from indexer.planner.asset import AssetPlan
from indexer.planner.asset_planner import AssetPlanner, PlanAssets, plan_here
from indexer.planner.assets import Unread
from indexer.planner.whole_records import AssetToRead
from indexer.runs.cluster import Cluster
from indexer.runs.connect import Systems, open_readers, open_systems
from indexer.runs.worker_config import WorkerConfig
from indexer.systems.pace import at_most

ASSETS_A_SHARD = 256
"""Enough that a shard's own cost does not show, few enough that one that is lost costs seconds."""
UNTIL_THE_END = ExitStack()
"""What a worker has open."""
atexit.register(UNTIL_THE_END.close)


@dataclass(frozen=True, slots=True)
class Sender:
    """What every shard takes along."""

    config: Config | WorkerConfig
    """Itself, secrets included, only to workers that the command has started; any other reads its own."""
    parallel: int | None
    version: str = __version__

    def check(self) -> None:
        """Raise UsageError on a worker that is another indexer than the one that sent the shard."""
        if self.version != __version__:
            detail = f"{self.version} here, {__version__} on a worker"
            raise UsageError("The cluster has another indexer", detail, "Install the same on every worker.")

    def check_all(self) -> None:
        """The same before the first shard, and that it has the command's configuration. Raises UsageError."""
        self.check()
        _configured(self.config)

    def readers(self) -> Readers:
        """On a worker: systems to read from, opened once in each process."""
        return _open_readers(pickle.dumps((self.config, self.parallel)))

    def systems(self) -> Systems:
        """On a worker: systems to write to, opened once in each process."""
        return _open_systems(pickle.dumps((self.config, self.parallel)))


@lru_cache(maxsize=1)
def _open_readers(setup: bytes) -> Readers:
    # Keyed by its pickle: a configuration cannot be hashed, and each shard brings a copy of it.
    config, parallel = pickle.loads(setup)  # noqa: S301 - made in this process
    return UNTIL_THE_END.enter_context(open_readers(_configured(config), parallel))


@lru_cache(maxsize=1)
def _open_systems(setup: bytes) -> Systems:
    config, parallel = pickle.loads(setup)  # noqa: S301 - made in this process
    return UNTIL_THE_END.enter_context(open_systems(_configured(config), parallel))


def _configured(config: Config | WorkerConfig) -> Config:
    return config if isinstance(config, Config) else config.load()


def sender_to(cluster: Cluster, config: Config, parallel: int | None) -> Sender:
    return Sender(config if cluster.ours else WorkerConfig.like(config), parallel)


def plan_there(cluster: Cluster, config: Config, parallel: int | None) -> PlanAssets:
    """Assets are read and planned by the cluster's workers. Raises IndexerError where they cannot."""
    sender = sender_to(cluster, config, parallel)
    cluster.check(sender.check_all)

    def plan_assets(work: Iterable[AssetToRead], planner: AssetPlanner) -> Iterator[AssetPlan | Unread]:
        items = iter(work)
        shards = iter(lambda: tuple(islice(items, ASSETS_A_SHARD)), ())
        for _, planned in cluster.spread(partial(plan_shard, sender, planner), shards):
            if isinstance(planned, IndexerError):
                raise planned
            yield from planned

    return plan_assets


def plan_shard(
    sender: Sender, planner: AssetPlanner, shard: Sequence[AssetToRead]
) -> list[AssetPlan | Unread]:
    """On a worker: one shard's plans, in order."""
    sender.check()
    return list(plan_here(sender.readers(), at_most(sender.parallel))(shard, planner))
