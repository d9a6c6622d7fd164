"""Past one machine: assets to plan and actions to carry out, in shards by location over a dask.distributed cluster.

dask schedules, and runs a shard again whose worker was lost. Each worker process opens systems of its own, once.
"""

from __future__ import annotations

import atexit
import logging
import os
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import chain, groupby, islice
from multiprocessing import resource_tracker
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

from indexer import __version__
from indexer.applier.history import journal_plan_id
from indexer.applier.journal import Journal
from indexer.applier.ledger import nobody
from indexer.config import Config
from indexer.disk import DiskFolder
from indexer.errors import IndexerError, SystemFaultError, UsageError
from indexer.model.action import Action
from indexer.model.outcome import Outcome, Status
from indexer.model.ports import Readers
from indexer.planner.asset import AssetPlan
from indexer.render.progress import SilentProgress
from indexer.runs.bucket import AssetPlanner, PlanAssets, plan_here
from indexer.runs.carry_out import CarryOut, Watching, Work, carry_out_here
from indexer.runs.connect import Systems, open_readers, open_systems
from indexer.systems.assets import Unread
from indexer.systems.assets import Work as AssetWork
from indexer.systems.pace import at_most

LOCAL = "local"
ASSETS_A_SHARD = 256
"""Enough that a shard's own cost does not show, few enough that one that is lost costs seconds."""
SHARDS_A_WORKER = 2
"""In flight: one at work and one waiting."""
CONNECT_TIMEOUT_S = 15
ON_THIS_MACHINE = {
    "n_workers": os.cpu_count(),
    "threads_per_worker": 1,
    "host": "127.0.0.1",
    "dashboard_address": "127.0.0.1:0",
    "memory_limit": 0,
    "silence_logs": logging.CRITICAL,
}
HINT = "Look at the cluster's own logs; its workers need the same indexer as this machine."
UNTIL_THE_END = ExitStack()
"""What a worker has open."""
atexit.register(UNTIL_THE_END.close)
S = TypeVar("S")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Cluster:
    """An open connection to a cluster's scheduler."""

    client: Any
    """A `distributed.Client`, of which little has types."""

    def spread(self, task: Callable[[S], R], shards: Iterable[S]) -> Iterator[tuple[S, R | IndexerError]]:
        """Carry out a task for each shard; in their order, few in flight. What a shard failed with is returned."""
        flying: deque[tuple[S, Any]] = deque()
        try:
            for shard in shards:
                flying.append((shard, self.client.submit(task, shard, pure=False)))
                if len(flying) >= SHARDS_A_WORKER * max(1, len(self.client.nthreads())):
                    yield _landed(*flying.popleft())
            while flying:
                yield _landed(*flying.popleft())
        finally:
            self.client.cancel([future for _, future in flying])

    def check(self, question: Callable[[], None]) -> None:
        """Ask every worker that is there. Raises what a worker raises, or SystemFaultError."""
        try:
            self.client.run(question)
        except IndexerError:
            raise
        except Exception as exc:
            raise _fault(exc) from exc


def _landed(shard: S, future: Any) -> tuple[S, R | IndexerError]:
    try:
        return shard, future.result()
    except IndexerError as exc:
        return shard, exc
    except Exception as exc:  # noqa: BLE001 - whatever a worker or the scheduler raises arrives here
        return shard, _fault(exc)


def _fault(exc: Exception) -> SystemFaultError:
    detail = f"{type(exc).__name__}: {str(exc)[:300]}"
    return SystemFaultError("The cluster could not do its work", detail, HINT)


@contextmanager
def open_cluster(address: str | None) -> Iterator[Cluster | None]:
    """Connect to a scheduler, or start workers on this machine's cores (`local`); None: no cluster is asked for.

    Raises UsageError where dask is not installed, SystemFaultError where nobody answers.
    """
    if address is None:
        yield None
        return
    try:
        import distributed as dask
    except ImportError as exc:
        raise UsageError(
            "dask is not installed", f"--dask {address}", "pip install 'data-asset-indexer[dask]'"
        ) from exc
    distributed: Any = dask
    with ExitStack() as stack:
        try:
            scheduler: Any = address
            if address == LOCAL:
                with _deaf_to_ctrl_c():
                    scheduler = stack.enter_context(distributed.LocalCluster(**ON_THIS_MACHINE))
            client = stack.enter_context(distributed.Client(scheduler, timeout=CONNECT_TIMEOUT_S))
            client.wait_for_workers(1, timeout=CONNECT_TIMEOUT_S)
        except (OSError, ValueError) as exc:
            detail = f"{address}: {str(exc)[:300]}"
            raise SystemFaultError(
                "The dask cluster cannot be used", detail, "Is its scheduler there, with workers?"
            ) from exc
        yield Cluster(client)


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """What is started within never gets the Ctrl-C of a terminal: it is the command that finishes what is in flight."""
    resource_tracker.ensure_running()  # or else its start, in between, would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
