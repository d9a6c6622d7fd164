"""One bucket's share of a plan: read its rows, judge how far they can be relied on, plan its assets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from indexer.errors import MissingBucketError, SystemFaultError, UsageError
from indexer.model.findings import FindingKind
from indexer.model.generation import GenerationName
from indexer.model.ids import IdKey, id_key
from indexer.model.location import SCHEME, Location
from indexer.model.observer import Observer
from indexer.model.plan import CoverageRow, Finding, Scope
from indexer.model.ports import Readers
from indexer.model.snapshot import RESULT_TAGS, Asset, DataAsset, RecordRow, SystemName
from indexer.planner.assemble import BucketPlan
from indexer.planner.asset import AssetPlan, Reads, needed_reads, plan_asset
from indexer.planner.assets import AssetToRead, Unread, read_assets
from indexer.planner.collect import Read, read_all
from indexer.planner.join import Joined, Listed, Window, join, window
from indexer.planner.links import holds_links
from indexer.planner.register import plan_registration
from indexer.planner.results import by_location, needed_result_reads, plan_result
from indexer.planner.rules import Rules, WholeReads

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AssetPlanner:
    """How the assets of one bucket are planned; it crosses to other machines."""

    rules: Rules
    whole: WholeReads
    results: bool = False
    """It is the bucket of results: nothing is written to it."""

    def decide(self, asset: Asset) -> AssetPlan:
        """One asset's plan. Raises MustReadError for what it must see."""
        if self.results:
            return plan_result(asset, self.rules, self.whole)
        if asset.rows:
            return plan_asset(asset, self.rules, self.whole)
        return plan_registration(asset, self.rules, self.whole)


PlanAssets = Callable[[Iterable[AssetToRead], AssetPlanner], Iterator[AssetPlan | Unread]]
"""Reads assets and plans each; what comes out is in the order of what goes in."""


def plan_here(readers: Readers, parallel: int) -> PlanAssets:
    """In this process."""
    return lambda work, planner: read_assets(readers, work, planner.decide, planner.rules, parallel)


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


RowReads = Mapping[GenerationName, Read[RecordRow]]


def read_mounted(survey: Survey) -> Read[DataAsset] | None:
    """All external data assets; None where Code Ocean is not configured."""
    reader = survey.readers.data_assets
    if reader is None:
        return None
    return survey.read(reader.mounted, "codeocean", "external data assets", vital=False)


def managed_bucket(survey: Survey, bucket: str, mounted: Read[DataAsset] | None) -> BucketPlan:
    """Records ↔ files, gone assets, new derived assets, and links."""
    listing = survey.read(lambda: survey.readers.objects.prefixes(bucket), "s3", f"folders of {bucket}")
    reads = _row_reads(survey, bucket)
    rows = _rows(reads)
    there = _count_in(bucket, rows)
    # An empty answer that another system contradicts is doubted (DOMAIN, "What must never happen" 1). Each system is
    # doubted on the word of another one, S3 on DocDB's, DocDB on S3's, Code Ocean on the records' links.
    if there and not survey.may_be_empty("s3"):
        listing = listing.doubted(f"{bucket} shows no folder, and DocDB has {there} records there")
    if listing.rows:
        reads = _doubt_records(survey, reads, f"no record is in {bucket}, and S3 has folders there")
    if mounted is not None and any(map(holds_links, rows)) and not survey.may_be_empty("codeocean"):
        mounted = mounted.doubted("Code Ocean shows no external data asset, and records hold links")
    # A search that was cut short would take away the links that it did not get to.
    rules = replace(survey.rules, links=mounted is not None and mounted.whole)
    # Apart from the unread ones: an empty collection holds registrations back, but not deletions (decision 9).
    empty = _empty(survey, reads)
    whole = WholeReads(
        listing.whole, _unread(reads) - empty, empty, data_assets=mounted is None or mounted.whole
    )
    within = window(survey.now, survey.scope.lookback_days, survey.scope.assets)
    joined = join(bucket, rows, listing.rows, _by_mount(mounted), within, rules.links)
    # Each asset of a bucket that is not there would fail on its own: thousands of requests for one known answer.
    exists = not isinstance(listing.fault, MissingBucketError)

    def work(found: Listed) -> AssetToRead:
        asset, listed = found
        reads = needed_reads(asset, listed, rules, whole, within) if exists else Reads()
        return AssetToRead(asset, reads.records, reads.folder, listed)

    made: list[Read[Any]] = [listing, *reads.values()]
    if mounted is not None:
        scope = {"scope": f"external data assets, for {bucket}"}
        made.append(replace(mounted, coverage=mounted.coverage.model_copy(update=scope)))
    planner = AssetPlanner(rules, whole)
    return _plan_assets(survey, bucket, joined, map(work, joined.assets()), planner, made)


def results_bucket(survey: Survey, bucket: str) -> BucketPlan:
    """Code Ocean results and their records; nothing is written to the bucket. Results know no lookback."""
    reader = survey.readers.data_assets
    if reader is None:
        raise UsageError("Code Ocean is not configured", bucket, "Add [codeocean] to indexer.toml.")
    results = survey.read(lambda: reader.results(RESULT_TAGS), "codeocean", "results")
    reads = _row_reads(survey, bucket)
    rows = _rows(reads)
    there = _count_in(bucket, rows)
    if there and not survey.may_be_empty("codeocean"):
        results = results.doubted(f"Code Ocean shows no result, and DocDB has {there} records of results")
    if results.rows:
        reads = _doubt_records(survey, reads, f"no record is in {bucket}, and Code Ocean has results")
    empty = _empty(survey, reads)
    whole = WholeReads(unread=_unread(reads) - empty, empty=empty, data_assets=results.whole)
    found = by_location(bucket, results.rows)
    prefixes = [location.prefix for location in found]
    joined = join(bucket, rows, prefixes, found, Window(globs=survey.scope.assets), links=False)

    def work(found: Listed) -> AssetToRead:
        asset, _ = found
        needed = needed_result_reads(asset, whole)
        return AssetToRead(asset, needed.records, needed.folder, listed=False)

    planner = AssetPlanner(survey.rules, whole, results=True)
    made: list[Read[Any]] = [results, *reads.values()]
    return _plan_assets(survey, bucket, joined, map(work, joined.assets()), planner, made)


def _row_reads(survey: Survey, bucket: str) -> RowReads:
    """The light rows of every generation; one whose collection holds nothing at all is doubted."""
    reader = survey.readers.records

    def pages(generation: GenerationName) -> Iterator[tuple[RecordRow, ...]]:
        any_row = False
        # Ranges of the location index cannot show a record whose location is no text, so those are asked for apart.
        for page in chain(reader.rows(generation, bucket), [reader.unusable_rows(generation, bucket)]):
            any_row = any_row or bool(page)
            yield page
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


def _unread(reads: RowReads) -> frozenset[GenerationName]:
    return frozenset(name for name, read in reads.items() if not read.whole)


def _empty(survey: Survey, reads: RowReads) -> frozenset[GenerationName]:
    """The generations that are doubted since their collections hold nothing at all."""
    return frozenset(name for name in _unread(reads) if not survey.holding.get(name, True))


def _rows(reads: RowReads) -> list[RecordRow]:
    """Every record once; none of a generation whose rows could not all be read."""
    rows: list[RecordRow] = []
    for read in reads.values():
        # A record whose location changes during the read may come on two pages; twice it would look like a duplicate.
        seen: set[IdKey] = set()
        for row in read.rows if read.whole else ():
            key = id_key(row.id)
            if key not in seen:
                seen.add(key)
                rows.append(row)
    return rows


def _count_in(bucket: str, rows: Iterable[RecordRow]) -> int:
    """How many of the records are located somewhere in the bucket: those without a usable location are in none."""
    inside = f"{SCHEME}{bucket}/"
    return sum(isinstance(row.location, str) and row.location.startswith(inside) for row in rows)


def _doubt_records(survey: Survey, reads: RowReads, why: str) -> RowReads:
    """DocDB is doubted where no generation has anything at all."""
    if survey.may_be_empty("docdb") or any(read.rows for read in reads.values()):
        return reads
    return {name: read.doubted(why) for name, read in reads.items()}


def _by_mount(mounted: Read[DataAsset] | None) -> dict[Location, tuple[DataAsset, ...]]:
    found: dict[Location, tuple[DataAsset, ...]] = {}
    for one in mounted.rows if mounted is not None else ():
        if one.location is not None:
            found[one.location] = (*found.get(one.location, ()), one)
    return found


def _plan_assets(
    survey: Survey,
    bucket: str,
    joined: Joined,
    work: Iterable[AssetToRead],
    planner: AssetPlanner,
    reads: Sequence[Read[Any]],
) -> BucketPlan:
    """Read and plan the bucket's assets, in parallel; what comes out is in the order of their locations."""
    survey.observer.stage(f"planning {bucket}", joined.count)
    planned: list[AssetPlan] = []
    unread: list[Unread] = []
    for outcome in survey.plan_assets(work, planner):
        if isinstance(outcome, Unread):
            unread.append(outcome)
            survey.observer.advance()
        else:
            # An asset in step leaves nothing behind: memory grows with drift, not with assets.
            if outcome.actions or outcome.findings:
                planned.append(outcome)
            survey.observer.advance(found=len(outcome.actions))
    rows = (*(read.coverage for read in reads), *_assets_coverage(bucket, joined.count, unread))
    findings = [
        *joined.findings,
        *(finding for one in planned for finding in one.findings),
        *(Finding(kind="read-incomplete", location=str(one.location), detail=one.why) for one in unread),
        *(_read_finding(read) for read in reads if not read.whole),
    ]
    actions = tuple(action for one in planned for action in one.actions)
    return BucketPlan(bucket, joined.count, joined.measures, actions, tuple(findings), rows, joined.matched)


def _read_finding(read: Read[Any]) -> Finding:
    kind: FindingKind = "read-suspiciously-empty" if read.suspicious else "read-incomplete"
    return Finding(kind=kind, detail=f"{read.coverage.scope}: {read.coverage.why}")


def _assets_coverage(bucket: str, assets: int, unread: Sequence[Unread]) -> tuple[CoverageRow, ...]:
    """One row for all assets of the bucket that were looked at, in each system that failed for some."""
    if not unread:
        return (CoverageRow(system="s3", scope=f"assets of {bucket}", complete=True, count=assets),)
    systems = sorted({one.system for one in unread})
    found = ((system, [one for one in unread if one.system == system]) for system in systems)
    return tuple(
        CoverageRow(
            system=system,
            scope=f"assets of {bucket}",
            complete=False,
            count=assets - len(unread),
            why=_first_whys(own),
            hint=own[0].hint,
        )
        for system, own in found
    )


def _first_whys(unread: Sequence[Unread]) -> str:
    more = f", and {len(unread) - 1} more" if len(unread) > 1 else ""
    return f"{unread[0].location}: {unread[0].why}{more}"
