"""One run of the applier: check the plan, carry it out, and record what came of it."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from indexer import __version__
from indexer.applier.bounds import Bounds, check_bounds
from indexer.applier.contents import Sources
from indexer.applier.evidence import Evidence
from indexer.applier.execute import Executor
from indexer.applier.journal import ARCHIVE_FOLDER, PLAN_FILE, RESULT_FILE, Journal
from indexer.applier.ledger import Ledger, Watch, nobody
from indexer.config import Config
from indexer.model.location import parse_location
from indexer.model.outcome import Result
from indexer.model.place import SCHEME, Place, S3Place, parse_place
from indexer.model.plan import Plan
from indexer.model.ports import Archive, Progress
from indexer.runs.connect import Systems, open_systems, rules_of
from indexer.runs.files import plan_text, write_whole
from indexer.runs.mirror import check_free, working_folder
from indexer.runs.s3_files import check_apart
from indexer.systems.archive import open_archive
from indexer.systems.leases import owner_name
from indexer.systems.pace import at_most


@dataclass(frozen=True, slots=True)
class Applied:
    """A finished run, and where its result is."""

    result: Result
    path: Place


def bounds_of(config: Config) -> Bounds:
    """What this configuration lets a plan write."""
    return Bounds(
        buckets=frozenset(config.buckets),
        results_bucket=config.results_bucket,
        collections={
            name: (place.database, place.collection) for name, place in rules_of(config).collections.items()
        },
        originals_folder=config.s3.originals_folder,
        codeocean=config.codeocean is not None,
    )


def results_folder(plan_path: Place, plan: Plan, results: Place | None) -> Place:
    """Where a run's journal, result and archive go: beside the plan, a folder for each plan.

    Raises UsageError where `results` holds those of another plan; of a folder in S3 `working_folder` says so.
    """
    if results is None:
        return plan_path.parent / f"{plan_path.stem}.results" / plan.plan_id[:8]
    if isinstance(results, Path):
        check_free(results, plan, results)
    return results


def apply(
    config: Config,
    plan: Plan,
    digest: str,
    results: Place,
    parallel: int | None,
    progress: Progress,
    stop: Event,
    *,
    archive: str | None = None,
    steal_lease: bool = False,
    watch: Watch = nobody,
) -> Applied:
    """Carry out a plan. Raises RefusedError before the first write, SystemFaultError where DocDB is down.

    `archive`: a folder or an `s3://` prefix for the before-images, instead of the one beside the result.
    """
    bounds = bounds_of(config)
    check_bounds(plan, bounds)
    kept_in_step = (*config.buckets, config.results_bucket)
    check_apart(results, kept_in_step, "--results")
    place = str(results / ARCHIVE_FOLDER) if isinstance(results, S3Place) else ARCHIVE_FOLDER
    if archive is not None:
        named = parse_place(archive)
        check_apart(named, kept_in_step, "--archive")
        place = str(named.resolve() if isinstance(named, Path) else named)
    systems = open_systems(config, parallel)
    owned: AbstractContextManager[None] = nullcontext()
    if systems.leases is not None:
        buckets = {location.bucket for one in plan.actions if (location := parse_location(one.location))}
        owned = systems.leases.held(sorted(buckets), owner_name(plan.plan_id), steal=steal_lease)
    with owned, working_folder(results, plan, stop) as folder:
        applied = apply_plan(
            plan,
            digest,
            systems,
            bounds,
            folder,
            at_most(parallel),
            progress,
            stop,
            archive=place,
            watch=watch,
        )
    return replace(applied, path=results / RESULT_FILE)


def apply_plan(
    plan: Plan,
    digest: str,
    systems: Systems,
    bounds: Bounds,
    folder: Path,
    parallel: int,
    progress: Progress,
    stop: Event,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    *,
    archive: str = ARCHIVE_FOLDER,
    watch: Watch = nobody,
) -> Applied:
    """Carry out a plan on open systems. `archive`: its place, a folder being relative to the result's."""
    check_bounds(plan, bounds)
    started_at, run_id = clock(), uuid.uuid4().hex
    readers, writers = systems.readers, systems.writers

    def open_place(place: str) -> Archive:
        return open_archive(place, lambda: (readers.objects, writers.objects))

    with Journal(folder, run_id, plan.plan_id) as journal:
        journal.started(started_at, digest)
        write_whole(folder / PLAN_FILE, plan_text(plan))
        progress.stage("applying", len(plan.actions))
        ledger = Ledger(journal, open_place(archive_place(folder, archive)), clock, progress, stop, watch)
        sources = Sources(readers.objects, readers.records, open_place)
        evidence = Evidence(readers.objects, readers.data_assets)
        executor = Executor(readers, writers, sources, evidence, tuple(bounds.collections), ledger, parallel)
        executor.execute(plan.actions)
        outcomes = tuple(ledger.outcomes[action.id] for action in plan.actions)
        result = Result(
            run_id=run_id,
            plan_id=plan.plan_id,
            plan_digest=digest,
            tool_version=__version__,
            started_at=started_at,
            ended_at=clock(),
            summary=dict(sorted(Counter(outcome.status for outcome in outcomes).items())),
            archive=archive,
            outcomes=outcomes,
        )
        path = folder / RESULT_FILE
        document = result.model_dump(mode="json", exclude_none=True)
        write_whole(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        journal.finished(result.ended_at)
    return Applied(result, path)


def archive_place(folder: Place, archive: str) -> str:
    """Where a result's archive is: an `s3://` prefix as it is, a folder relative to the result's."""
    if archive.startswith(SCHEME) or Path(archive).is_absolute():
        return archive
    return str((folder.resolve() if isinstance(folder, Path) else folder) / archive)
