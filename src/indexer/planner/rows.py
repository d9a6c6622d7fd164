"""The rows of one bucket from all three systems, and how far they can be relied on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain
from typing import TypeVar

from indexer.errors import SystemFaultError
from indexer.model.generation import GenerationName
from indexer.model.location import SCHEME, Location
from indexer.model.observer import Observer
from indexer.model.plan import Scope
from indexer.model.ports import Readers
from indexer.model.snapshot import DataAsset, RecordRow, SystemName
from indexer.planner.asset_planner import PlanAssets
from indexer.planner.collect import Read, read_all
from indexer.planner.light_rows import HeldRow, LightRows, each_once, held_row
from indexer.planner.rules import Rules

T = TypeVar("T")


@dataclass(slots=True)
class Survey:
    """What every bucket of a run is planned with. It holds readers only."""

    readers: Readers
    rules: Rules
    scope: Scope
    now: datetime
    plan_assets: PlanAssets
    observer: Observer
    faults: list[SystemFaultError] = field(default_factory=list)
    """Of what could not be read at all and everything rests on, in order."""
    holding: dict[GenerationName, bool] = field(default_factory=dict)
    """Whether a generation's collection holds any record, where that was asked."""

    def read(
        self,
        pages: Callable[[], Iterable[Sequence[T]]],
        system: SystemName,
        scope: str,
        *,
        vital: bool = True,
    ) -> Read[T]:
        """Read all pages of something, as a stage of its own; `vital`: nothing can be planned without it."""
        self.observer.stage(f"reading {scope}", None)
        read = read_all(pages, system, scope, self.observer.advance)
        # With some rows the system did answer: the plan is incomplete, and the run is not a failure.
        if read.fault is not None and vital and not read.rows:
            self.faults.append(read.fault)
        return read

    def may_be_empty(self, system: SystemName) -> bool:
        """Was it said on the command line that an empty answer is right?"""
        return system in self.scope.allow_empty


RowReads = Mapping[GenerationName, Read[HeldRow]]


def read_mounted(survey: Survey) -> Read[DataAsset] | None:
    """All external data assets; None where Code Ocean is not configured."""
    reader = survey.readers.data_assets
    if reader is None:
        return None
    return survey.read(reader.mounted, "codeocean", "external data assets", vital=False)


def row_reads(survey: Survey, bucket: str) -> RowReads:
    """The light rows of every generation; one whose collection holds nothing at all is doubted."""
    reader = survey.readers.records

    def pages(generation: GenerationName) -> Iterator[tuple[HeldRow, ...]]:
        any_row = False
        # Ranges of the location index cannot show a record whose location is no text, so those are asked for apart.
        for page in chain(reader.rows(generation, bucket), [reader.unusable_rows(generation, bucket)]):
            any_row = any_row or bool(page)
            yield tuple(map(held_row, page))
        # Once in a run, and only where it can matter: it is one more request for each bucket and generation.
        if not any_row and generation not in survey.holding:
            survey.holding[generation] = reader.holds_any(generation)

    reads = {}
    for generation, place in survey.rules.collections.items():
        read = survey.read(partial(pages, generation), "docdb", f"{generation} records of {bucket}")
        if not survey.may_be_empty("docdb") and not survey.holding.get(generation, True):
            read = read.doubted(f"{place.database}.{place.collection} holds no record at all, of any bucket")
        reads[generation] = read
    return reads


def unread_generations(reads: RowReads) -> frozenset[GenerationName]:
    return frozenset(name for name, read in reads.items() if not read.whole)


def empty_generations(survey: Survey, reads: RowReads) -> frozenset[GenerationName]:
    """The generations that are doubted since their collections hold nothing at all."""
    return frozenset(name for name in unread_generations(reads) if not survey.holding.get(name, True))


def every_row(reads: RowReads) -> LightRows:
    """Every record once; none of a generation whose rows could not all be read."""
    # A record whose location changes during the read may come on two pages; twice it would look like a duplicate.
    return LightRows([one for read in reads.values() if read.whole for one in each_once(read.rows)])


def count_in(bucket: str, rows: Iterable[RecordRow]) -> int:
    """How many of the records are located somewhere in the bucket: those without a usable location are in none."""
    inside = f"{SCHEME}{bucket}/"
    return sum(isinstance(row.location, str) and row.location.startswith(inside) for row in rows)


def doubt_records(survey: Survey, reads: RowReads, why: str) -> RowReads:
    """DocDB is doubted where no generation has anything at all."""
    if survey.may_be_empty("docdb") or any(read.rows for read in reads.values()):
        return reads
    return {name: read.doubted(why) for name, read in reads.items()}


def by_mount(mounted: Read[DataAsset] | None) -> dict[Location, tuple[DataAsset, ...]]:
    found: dict[Location, tuple[DataAsset, ...]] = {}
    for one in mounted.rows if mounted is not None else ():
        if one.location is not None:
            found[one.location] = (*found.get(one.location, ()), one)
    return found
