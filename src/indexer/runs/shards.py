"""Assets to plan and actions to carry out, in shards by location over a cluster.

A shard that is lost with its worker is carried out again. Each worker process opens systems of its own, once.
"""

from __future__ import annotations

import atexit
import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import chain, groupby, islice
from pathlib import Path
from threading import Event
from typing import TypeVar

from indexer import __version__
from indexer.applier.history import journal_plan_id
from indexer.applier.journal import Journal
from indexer.applier.ledger import nobody
from indexer.config import Config
from indexer.disk import DiskFolder
from indexer.errors import IndexerError, UsageError
from indexer.model.action import Action
from indexer.model.outcome import Outcome, Status
from indexer.model.ports import Readers
from indexer.planner.asset import AssetPlan
from indexer.render.progress import SilentProgress
from indexer.runs.bucket import AssetPlanner, PlanAssets, plan_here
from indexer.runs.carry_out import CarryOut, Watching, Work, carry_out_here
from indexer.runs.cluster import Cluster
from indexer.runs.connect import Systems, open_readers, open_systems
from indexer.systems.assets import Unread
from indexer.systems.assets import Work as AssetWork
from indexer.systems.pace import at_most

ASSETS_A_SHARD = 256
"""Enough that a shard's own cost does not show, few enough that one that is lost costs seconds."""
UNTIL_THE_END = ExitStack()
"""What a worker has open."""
atexit.register(UNTIL_THE_END.close)
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Sender:
    """What every shard takes along. The configuration has its secrets with it: the cluster must be trusted."""

    config: Config
    parallel: int | None
    version: str = __version__

    def check(self) -> None:
        """Raise UsageError on a worker that is another indexer than the one that sent the shard."""
        if self.version != __version__:
            detail = f"{self.version} here, {__version__} on a worker"
            raise UsageError("The cluster has another indexer", detail, "Install the same on every worker.")

    def readers(self) -> Readers:
        """On a worker: systems to read from, opened once in each process."""
        return _open_readers(pickle.dumps((self.config, self.parallel)))

    def systems(self) -> Systems:
        """On a worker: systems to write to, opened once in each process."""
        return _open_systems(pickle.dumps((self.config, self.parallel)))


@lru_cache(maxsize=1)
def _open_readers(setup: bytes) -> Readers:
    return UNTIL_THE_END.enter_context(open_readers(*pickle.loads(setup)))  # noqa: S301 - made in this process


@lru_cache(maxsize=1)
def _open_systems(setup: bytes) -> Systems:
    return UNTIL_THE_END.enter_context(open_systems(*pickle.loads(setup)))  # noqa: S301 - made in this process


def plan_there(cluster: Cluster, config: Config, parallel: int | None) -> PlanAssets:
    """Assets are read and planned by the cluster's workers. Raises IndexerError where they cannot."""
    sender = Sender(config.alone(), parallel)
    cluster.check(sender.check)

    def plan_assets(work: Iterable[AssetWork], planner: AssetPlanner) -> Iterator[AssetPlan | Unread]:
        items = iter(work)
        shards = iter(lambda: tuple(islice(items, ASSETS_A_SHARD)), ())
        for _, planned in cluster.spread(partial(plan_shard, sender, planner), shards):
            if isinstance(planned, IndexerError):
                raise planned
            yield from planned

    return plan_assets


def plan_shard(sender: Sender, planner: AssetPlanner, shard: Sequence[AssetWork]) -> list[AssetPlan | Unread]:
    """On a worker: one shard's plans, in order."""
    sender.check()
    return list(plan_here(sender.readers(), at_most(sender.parallel))(shard, planner))


def carry_out_there(cluster: Cluster, config: Config, parallel: int | None) -> CarryOut:
    """Actions are carried out by the cluster's workers; those of a shard that they cannot do have failed."""
    sender = Sender(config.alone(), parallel)

    def carry_out(
        _: Systems, work: Work, __: Journal, actions: Sequence[Action], watching: Watching
    ) -> Mapping[str, Outcome]:
        work = replace(work, folder=DiskFolder(Path(str(work.folder)).resolve()))
        cluster.check(partial(_check_worker, sender, work))
        found: dict[str, Outcome] = {}

        def note(action: Action, outcome: Outcome) -> None:
            found[action.id] = outcome
            watching.watch(action, outcome)
            watching.progress.advance(found=1 if outcome.status == "applied" else 0)

        shards = _until(watching.stop, enumerate(_by_assets(actions)))
        for (___, shard), outcomes in cluster.spread(partial(carry_out_shard, sender, work), shards):
            if isinstance(outcomes, IndexerError):
                why = str(outcomes)
                outcomes = tuple(_without_trial(work, action, "failed", why) for action in shard)
            for action, outcome in zip(shard, outcomes, strict=True):
                note(action, outcome)
        for action in actions:
            if action.id not in found:
                note(action, _without_trial(work, action, "skipped", "the run was interrupted"))
        return found

    return carry_out


def carry_out_shard(sender: Sender, work: Work, shard: tuple[int, Sequence[Action]]) -> tuple[Outcome, ...]:
    """On a worker: one shard's outcomes, in order, journalled beside the run's own."""
    number, actions = shard
    _check_worker(sender, work)
    with Journal(work.folder, work.run_id, work.plan_id, shard=number) as journal:
        alone = Watching(SilentProgress(), Event(), nobody)
        found = carry_out_here(sender.systems(), work, journal, actions, alone)
    return tuple(found[action.id] for action in actions)


def _check_worker(sender: Sender, work: Work) -> None:
    """Raise UsageError on a worker that is another indexer, or does not see the run's folder."""
    sender.check()
    if journal_plan_id(work.folder) != work.plan_id:
        detail = f"a worker does not see {work.folder}, where the run's journal is"
        raise UsageError("The results folder is not shared", detail, "Name one that is, with --results.")


def _by_assets(actions: Sequence[Action]) -> Iterator[tuple[Action, ...]]:
    """Shards of whole assets: what rests on each other stays together."""
    assets = (tuple(group) for _, group in groupby(actions, key=lambda action: action.location))
    for shard in iter(lambda: tuple(islice(assets, ASSETS_A_SHARD)), ()):
        yield tuple(chain.from_iterable(shard))


def _until(stop: Event, shards: Iterable[S]) -> Iterator[S]:
    """No further shard once the run is to stop; those in flight are finished."""
    for shard in shards:
        if stop.is_set():
            return
        yield shard


def _without_trial(work: Work, action: Action, status: Status, why: str) -> Outcome:
    at = work.clock()
    return Outcome(action_id=action.id, status=status, detail=why, started_at=at, ended_at=at, attempts=1)
