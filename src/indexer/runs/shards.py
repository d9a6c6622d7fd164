"""Assets planned in shards by location, by workers; each opens systems of its own, once."""

from __future__ import annotations

import atexit
import pickle
from collections import deque
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
from indexer.runs.connect import Systems, open_readers, open_systems
from indexer.runs.crew import Crew
from indexer.runs.worker_config import WorkerConfig
from indexer.systems.pace import at_most

ASSETS_A_SHARD = 256
"""Enough that a shard's own cost does not show, few enough that one that is lost costs seconds."""
UNTIL_THE_END = ExitStack()
"""What a worker has open."""
atexit.register(UNTIL_THE_END.close)
IN_STEP = AssetPlan()
"""One for all: of the same object a pickle holds two bytes, and nearly every asset is in step."""


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
            raise UsageError(
                "The workers are another indexer", detail, "Install the same everywhere, and begin anew."
            )

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


def plan_there(crew: Crew, sender: Sender, assets_a_shard: int = ASSETS_A_SHARD) -> PlanAssets:
    """Assets are read and planned by workers. Raises IndexerError where they cannot."""
    crew.check(sender.check_all)

    def plan_assets(work: Iterable[AssetToRead], planner: AssetPlanner) -> Iterator[AssetPlan | Unread]:
        items = iter(work)
        shards = iter(lambda: tuple(islice(items, assets_a_shard)), ())
        for _, planned in crew.spread(partial(plan_shards, sender, planner), shards):
            if isinstance(planned, IndexerError):
                raise planned
            yield from planned

    return plan_assets


def plan_shards(
    sender: Sender, planner: AssetPlanner, shards: Iterable[Sequence[AssetToRead]]
) -> Iterator[list[AssetPlan | Unread]]:
    """On a worker: the plans of each shard, in order. The next one is being read before one is through."""
    sender.check()
    sizes: deque[int] = deque()

    def work() -> Iterator[AssetToRead]:
        for shard in shards:
            sizes.append(len(shard))
            yield from shard

    planned: list[AssetPlan | Unread] = []
    for one in plan_here(sender.readers(), at_most(sender.parallel))(work(), planner):
        planned.append(IN_STEP if one == IN_STEP else one)
        if len(planned) == sizes[0]:
            yield planned
            planned = []
            sizes.popleft()
