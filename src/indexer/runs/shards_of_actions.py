"""Actions carried out in shards by location over workers; each opens systems of its own, once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, groupby, islice
from pathlib import Path
from time import monotonic
from typing import TypeVar

from indexer.applier.history import told_by_workers
from indexer.applier.journal import Journal
from indexer.disk import DiskFolder
from indexer.errors import IndexerError, UsageError
from indexer.model.action import Action
from indexer.model.observer import NOBODY
from indexer.model.outcome import Outcome, Status
from indexer.runs.carry_out import CarryOut, Watching, Work, carry_out_here
from indexer.runs.connect import Systems
from indexer.runs.crew import ENDING_S, Crew
from indexer.runs.pulse import Pulse, beating, pulse_name
from indexer.runs.shards import ASSETS_A_SHARD, Sender
from indexer.systems.pace import at_most

S = TypeVar("S")


def carry_out_there(crew: Crew, sender: Sender) -> CarryOut:
    """Actions are carried out by workers; what a shard that they cannot do had not come to has failed.

    Once the run is to stop, the workers hear of it, and what they have begun is waited for, but not for ever.
    """

    def carry_out(
        systems: Systems, work: Work, journal: Journal, actions: Sequence[Action], watching: Watching
    ) -> Mapping[str, Outcome]:
        against = _for_good(
            lambda: watching.why_stopped() if watching.stop.is_set() else systems.against_going_on()
        )
        # Whole: a worker has a working directory of its own.
        folder = DiskFolder(Path(str(work.folder)).resolve())
        work = replace(work, folder=folder, parallel=at_most(sender.parallel))
        found: dict[str, Outcome] = {}
        # Inside the pulse: the check that workers see the folder looks for that very file.
        with beating(work.folder, work.run_id, against):
            crew.check(sender.check_all)
            crew.check(partial(_check_worker, sender, work))
            for action, outcome in _outcomes(crew, sender, work, journal, actions, against):
                found[action.id] = outcome
                watching.observer.settled(action, outcome)
                watching.observer.advance(found=1 if outcome.status == "applied" else 0)
        return found

    return carry_out


def _outcomes(
    crew: Crew,
    sender: Sender,
    work: Work,
    journal: Journal,
    actions: Sequence[Action],
    against: Callable[[], str],
) -> Iterator[tuple[Action, Outcome]]:
    """What came of each action, in order."""
    tried = 0
    shards = _until(against, enumerate(_by_assets(actions)))
    task = partial(carry_out_shards, sender, work)
    for (_, shard), outcomes in crew.spread(task, shards, _impatience(against)):
        if isinstance(outcomes, IndexerError):
            outcomes = tuple(_left_behind(work, journal, shard, str(outcomes)))
        yield from zip(shard, outcomes, strict=True)
        tried += len(shard)
    for action in actions[tried:]:
        yield action, _without_trial(work, action, "skipped", against())


def _left_behind(work: Work, journal: Journal, shard: Sequence[Action], why: str) -> Iterator[Outcome]:
    """What came of a shard whose worker was lost: what it had journalled. The rest has failed, which the run's journal says."""
    told = told_by_workers(work.folder, work.run_id)
    for action in shard:
        if action.id not in told:
            told[action.id] = _without_trial(work, action, "failed", why)
            journal.outcome(told[action.id])
        yield told[action.id]


def _for_good(against: Callable[[], str]) -> Callable[[], str]:
    """The same, but what it says once, it says from then on."""
    said: list[str] = []

    def why() -> str:
        if not said and (words := against()):
            said.append(words)
        return said[0] if said else ""

    return why


def _impatience(against: Callable[[], str]) -> Callable[[], bool]:
    """Says when the workers were told to stop long enough ago."""
    since: list[float] = []

    def gave_up() -> bool:
        if not since and against():
            since.append(monotonic())
        return bool(since) and monotonic() - since[0] > ENDING_S

    return gave_up


def carry_out_shards(
    sender: Sender, work: Work, shards: Iterable[tuple[int, Sequence[Action]]]
) -> Iterator[tuple[Outcome, ...]]:
    """On a worker: one shard after the other."""
    return (carry_out_shard(sender, work, shard) for shard in shards)


def carry_out_shard(sender: Sender, work: Work, shard: tuple[int, Sequence[Action]]) -> tuple[Outcome, ...]:
    """On a worker: one shard's outcomes, in order, journalled beside the run's own.

    It ends before its time where the command that sent it has stopped, or is dead.
    """
    number, actions = shard
    _check_worker(sender, work)
    pulse = Pulse(work.folder, work.run_id)
    with Journal(work.folder, work.run_id, work.plan_id, shard=number) as journal, pulse.stopping() as stop:
        alone = Watching(NOBODY, stop, lambda: pulse.why)
        found = carry_out_here(sender.systems(), work, journal, actions, alone)
    return tuple(found[action.id] for action in actions)


def _check_worker(sender: Sender, work: Work) -> None:
    """Raise UsageError on a worker that is another indexer, or does not see the run's folder while the run goes on."""
    sender.check()
    if work.folder.read(pulse_name(work.run_id)) is None:
        detail = f"a worker does not see {work.folder}, where the run's journal is"
        raise UsageError("The results folder is not shared", detail, "Name one that is, with --results.")


def _by_assets(actions: Sequence[Action]) -> Iterator[tuple[Action, ...]]:
    """Shards of whole assets: what rests on each other stays together."""
    assets = (tuple(group) for _, group in groupby(actions, key=lambda action: action.location))
    for shard in iter(lambda: tuple(islice(assets, ASSETS_A_SHARD)), ()):
        yield tuple(chain.from_iterable(shard))


def _until(against: Callable[[], str], shards: Iterable[S]) -> Iterator[S]:
    """No further shard once the run is to stop; those in flight come to an end on their own."""
    for shard in shards:
        if against():
            return
        yield shard


def _without_trial(work: Work, action: Action, status: Status, why: str) -> Outcome:
    at = work.clock()
    return Outcome(action_id=action.id, status=status, detail=why, started_at=at, ended_at=at, attempts=1)
