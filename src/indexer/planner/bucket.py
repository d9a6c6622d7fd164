"""One bucket's share of a plan: read its rows, judge how far they can be relied on, plan its assets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from indexer.errors import MissingBucketError, UsageError
from indexer.model.counting import counted
from indexer.model.findings import FindingKind
from indexer.model.plan import CoverageRow, Finding
from indexer.model.snapshot import RESULT_TAGS, DataAsset
from indexer.planner.assemble import BucketPlan
from indexer.planner.asset import AssetPlan, Reads, needed_reads
from indexer.planner.asset_planner import AssetPlanner
from indexer.planner.assets import Unread
from indexer.planner.collect import Read
from indexer.planner.join import Joined, Listed, join, window
from indexer.planner.links import holds_links
from indexer.planner.results import by_location, needed_result_reads
from indexer.planner.rows import (
    Survey,
    by_mount,
    count_in,
    doubt_records,
    empty_generations,
    every_row,
    row_reads,
    unread_generations,
)
from indexer.planner.rules import WholeReads
from indexer.planner.whole_records import AssetToRead


def managed_bucket(survey: Survey, bucket: str, mounted: Read[DataAsset] | None) -> BucketPlan:
    """Records ↔ files, gone assets, new derived assets, and links."""
    listing = survey.read(lambda: survey.readers.objects.prefixes(bucket), "s3", f"folders of {bucket}")
    reads = row_reads(survey, bucket)
    rows = every_row(reads)
    there = 0 if listing.rows else count_in(bucket, rows)
    # An empty answer that another system contradicts is doubted (DOMAIN, "What must never happen" 1). Each system is
    # doubted on the word of another one, S3 on DocDB's, DocDB on S3's, Code Ocean on the records' links.
    if there and not survey.may_be_empty("s3"):
        listing = listing.doubted(f"{bucket} shows no folder, and DocDB has {counted(there, 'record')} there")
    if listing.rows:
        reads = doubt_records(survey, reads, f"no record is in {bucket}, and S3 has folders there")
    if mounted is not None and any(map(holds_links, rows)) and not survey.may_be_empty("codeocean"):
        mounted = mounted.doubted("Code Ocean shows no external data asset, and records hold links")
    # A search that was cut short would take away the links that it did not get to.
    rules = replace(survey.rules, links=mounted is not None and mounted.whole)
    # Apart from the unread ones: an empty collection holds registrations back, but not deletions (decision 9).
    empty = empty_generations(survey, reads)
    whole = WholeReads(
        listing.whole, unread_generations(reads) - empty, empty, data_assets=mounted is None or mounted.whole
    )
    within = window(survey.now, survey.scope)
    joined = join(bucket, rows, listing.rows, by_mount(mounted), within, rules.links)
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
    planner = AssetPlanner(bucket, rules, whole)
    return _plan_assets(survey, bucket, joined, map(work, joined.assets()), planner, made)


def results_bucket(survey: Survey, bucket: str) -> BucketPlan:
    """Code Ocean results and their records; nothing is written to the bucket. Results know no lookback."""
    reader = survey.readers.data_assets
    if reader is None:
        raise UsageError("Code Ocean is not configured", bucket, "Add [codeocean] to indexer.toml.")
    results = survey.read(lambda: reader.results(RESULT_TAGS), "codeocean", "results")
    reads = row_reads(survey, bucket)
    rows = every_row(reads)
    there = 0 if results.rows else count_in(bucket, rows)
    if there and not survey.may_be_empty("codeocean"):
        results = results.doubted(
            f"Code Ocean shows no result, and DocDB has {counted(there, 'record')} of results"
        )
    if results.rows:
        reads = doubt_records(survey, reads, f"no record is in {bucket}, and Code Ocean has results")
    empty = empty_generations(survey, reads)
    whole = WholeReads(unread=unread_generations(reads) - empty, empty=empty, data_assets=results.whole)
    found = by_location(bucket, results.rows)
    prefixes = [location.prefix for location in found]
    joined = join(
        bucket, rows, prefixes, found, replace(window(survey.now, survey.scope), since=None), links=False
    )

    def work(found: Listed) -> AssetToRead:
        asset, _ = found
        needed = needed_result_reads(asset, whole)
        return AssetToRead(asset, needed.records, needed.folder, listed=False)

    planner = AssetPlanner(bucket, survey.rules, whole, results=True)
    made: list[Read[Any]] = [results, *reads.values()]
    return _plan_assets(survey, bucket, joined, map(work, joined.assets()), planner, made)


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
