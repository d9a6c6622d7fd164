"""Carry out a plan's actions: one asset in order, assets in parallel, a few batches of them at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor as Pool
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from typing import Any

from indexer.applier.contents import Filters, LiveRecords, Sources
from indexer.applier.data_assets import DataAssetApplier
from indexer.applier.evidence import Evidence
from indexer.applier.ledger import Ledger
from indexer.applier.objects import FROM_RECORD, ObjectApplier
from indexer.applier.proof import Proof
from indexer.applier.records import RecordApplier
from indexer.errors import SystemFaultError
from indexer.model.action import Action, DataAssetAction, ObjectAction, PutObject, RecordAction
from indexer.model.generation import GenerationName
from indexer.model.kinds import runs_backwards
from indexer.model.location import parse_location
from indexer.model.ports import Readers, Writers
from indexer.threads import pool_of

ASSETS_A_BATCH = 32
"""So many assets share one read and one write of their records: a round trip for each would set the pace (decision 3)."""
AHEAD = 2
"""So many assets are on their way for each request that may be in flight: while records are written, files are too."""
Batch = Sequence[Sequence[Action]]
"""Actions by asset, in order."""


@dataclass(frozen=True, slots=True)
class Executor:
    """Carries out actions on open systems."""

    readers: Readers
    writers: Writers
    sources: Sources
    evidence: Evidence
    generations: Sequence[GenerationName]
    proof: Proof
    ledger: Ledger
    pause: Callable[[float], None]
    parallel: int
    against_going_on: Callable[[], str]
    """Asked before each step of a batch: why the run must not go on; empty where it may. Safe for threads."""
    filters: Filters

    def execute(self, actions: Sequence[Action]) -> None:
        """Settle every action in the ledger.

        Several batches are on their way, so that files are written while the next records are. No two of them have an
        asset in common.
        """
        by_asset: dict[str, list[Action]] = {}
        for action in actions:
            by_asset.setdefault(action.location, []).append(action)
        left, backwards = iter(by_asset.values()), runs_backwards(actions)
        at_a_time = 1 if self.parallel == 1 else 1 + -(-AHEAD * self.parallel // ASSETS_A_BATCH)
        going: deque[Future[None]] = deque()
        with pool_of(self.parallel, "apply") as pool, pool_of(at_a_time, "batch") as batches:
            for batch in iter(lambda: tuple(islice(left, ASSETS_A_BATCH)), ()):
                if len(going) == at_a_time:
                    going.popleft().result()
                going.append(batches.submit(self._carry_out, batch, pool, backwards))
            for one in going:
                one.result()

    def _carry_out(self, batch: Batch, pool: Pool, backwards: bool) -> None:
        """Three steps, as each asset must: data assets, then records, then objects; where that is undone, the other way round."""
        steps = (self._data_assets, self._records, self._objects)
        for step in reversed(steps) if backwards else steps:
            # Halted, not left: the rest must still be settled as skipped, so that the result names every action.
            if why := self.against_going_on():
                self.ledger.halt(why)
            step(batch, pool)
        self.ledger.sync()

    def _data_assets(self, batch: Batch, _: Pool) -> None:
        mounts = [one for asset in batch for one in asset if isinstance(one, DataAssetAction)]
        reader, writer = self.readers.data_assets, self.writers.data_assets
        if mounts and reader is not None and writer is not None:
            DataAssetApplier(reader, writer, self.evidence, self.ledger, self.pause).apply(mounts)

    def _records(self, batch: Batch, _: Pool) -> None:
        applier = RecordApplier(
            self.readers.records,
            self.writers.records,
            self.sources,
            self.evidence,
            self.generations,
            self.ledger,
            self.filters,
        )
        applier.apply([one for asset in batch for one in asset if isinstance(one, RecordAction)])

    def _objects(self, batch: Batch, pool: Pool) -> None:
        applier = ObjectApplier(
            self.readers.objects, self.writers.objects, self.sources, self.evidence, self.proof, self.ledger
        )
        # Read only now: the step before this one may have written the records that files come from.
        work = list(_object_work(batch, self.readers, self.ledger))
        list(pool.map(lambda one: applier.apply(*one), work))


def _object_work(
    batch: Batch, readers: Readers, ledger: Ledger
) -> Iterator[tuple[Sequence[ObjectAction], LiveRecords | SystemFaultError]]:
    """Each asset's object actions, and the live records that their contents come from, or why these could not be read."""
    per_asset = [[one for one in asset if isinstance(one, ObjectAction)] for asset in batch]
    per_asset = [actions for actions in per_asset if actions]
    try:
        records = _live_records(per_asset, readers)
    except SystemFaultError as exc:
        ledger.noted("docdb", exc)  # once, for however many files
        yield from ((actions, exc) for actions in per_asset)
        return
    for actions in per_asset:
        yield actions, records.get(actions[0].location, {})


def _live_records(
    per_asset: Sequence[Sequence[ObjectAction]], readers: Readers
) -> dict[str, dict[GenerationName, Mapping[str, Any]]]:
    """The records that files are written from; where two share a location, neither is trusted."""
    wanted: dict[GenerationName, set[str]] = {}
    for actions in per_asset:
        for one in actions:
            if isinstance(one, PutObject) and isinstance(one.content.source, FROM_RECORD):
                wanted.setdefault(one.content.source.generation, set()).add(one.location)
    found: dict[str, dict[GenerationName, Mapping[str, Any]]] = {}
    for generation, names in wanted.items():
        locations = [location for name in sorted(names) if (location := parse_location(name)) is not None]
        seen: dict[str, list[Mapping[str, Any]]] = {}
        for body in readers.records.by_location(generation, locations):
            seen.setdefault(str(parse_location(body["location"])), []).append(body)
        for name, bodies in seen.items():
            if len(bodies) == 1:
                found.setdefault(name, {})[generation] = bodies[0]
    return found
