"""One run of the applier: check the plan, carry it out, and record what came of it."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from indexer import __version__
from indexer.applier.bounds import Bounds, check_bounds
from indexer.applier.journal import ARCHIVE_FOLDER, PLAN_FILE, RESULT_FILE, Journal, earlier_plan_id
from indexer.applier.ledger import Watch, nobody
from indexer.config import Config
from indexer.errors import UsageError
from indexer.model.location import parse_location
from indexer.model.outcome import Result
from indexer.model.plan import Plan
from indexer.model.ports import Progress
from indexer.runs.carry_out import CarryOut, Watching, Work, carry_out_here
from indexer.runs.cluster import Cluster, carry_out_there
from indexer.runs.connect import Systems, open_systems, rules_of
from indexer.runs.files import plan_text, write_whole
from indexer.systems.archive import s3_place
from indexer.systems.leases import owner_name
from indexer.systems.pace import at_most


@dataclass(frozen=True, slots=True)
class Applied:
    """A finished run, and where its result is."""

    result: Result
    path: Path


def now() -> datetime:
    """The present."""
    return datetime.now(UTC)


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


def results_folder(plan_path: Path, plan: Plan, results: Path | None) -> Path:
    """Where a run's journal, result and archive go: beside the plan, a folder for each plan.

    Raises UsageError where `results` holds those of another plan.
    """
    if results is None:
        return plan_path.parent / f"{plan_path.stem}.results" / plan.plan_id[:8]
    other = earlier_plan_id(results)
    if other not in (None, plan.plan_id):
        detail = f"{results} holds the journal of plan {other}"
        raise UsageError("The results folder is taken", detail, "Name another one with --results.")
    return results


def apply(
    config: Config,
    plan: Plan,
    digest: str,
    folder: Path,
    parallel: int | None,
    progress: Progress,
    stop: Event,
    *,
    archive: str | None = None,
    steal_lease: bool = False,
    watch: Watch = nobody,
    cluster: Cluster | None = None,
) -> Applied:
    """Carry out a plan. Raises RefusedError before the first write, SystemFaultError where DocDB is down.

    `archive`: a folder or an `s3://` prefix for the before-images, instead of the one beside the result.
    `cluster`: the actions are carried out there, in shards; its workers must see `folder`.
    """
    bounds = bounds_of(config)
    check_bounds(plan, bounds)
    if archive is not None and s3_place(archive)[0] in {*config.buckets, config.results_bucket}:
        hint = "Name a bucket of its own with --archive."
        raise UsageError("The archive lies in a bucket that is kept in step", archive, hint)
    systems = open_systems(config, parallel)
    owned: AbstractContextManager[None] = nullcontext()
    if systems.leases is not None:
        buckets = {location.bucket for one in plan.actions if (location := parse_location(one.location))}
        owned = systems.leases.held(sorted(buckets), owner_name(plan.plan_id), steal=steal_lease)
    place = ARCHIVE_FOLDER
    if archive is not None:
        place = archive if archive.startswith("s3://") else str(Path(archive).resolve())
    with owned:
        return apply_plan(
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
            carry_out=carry_out_here if cluster is None else carry_out_there(cluster, config, parallel),
        )


def apply_plan(
    plan: Plan,
    digest: str,
    systems: Systems,
    bounds: Bounds,
    folder: Path,
    parallel: int,
    progress: Progress,
    stop: Event,
    clock: Callable[[], datetime] = now,
    *,
    archive: str = ARCHIVE_FOLDER,
    watch: Watch = nobody,
    carry_out: CarryOut = carry_out_here,
) -> Applied:
    """Carry out a plan on open systems. `archive`: its place, a folder being relative to the result's."""
    check_bounds(plan, bounds)
    started_at, run_id = clock(), uuid.uuid4().hex
    with Journal(folder, run_id, plan.plan_id) as journal:
        journal.started(started_at, digest)
        write_whole(folder / PLAN_FILE, plan_text(plan))
        progress.stage("applying", len(plan.actions))
        work = Work(folder, run_id, plan.plan_id, archive, tuple(bounds.collections), parallel, clock)
        found = carry_out(systems, work, journal, plan.actions, Watching(progress, stop, watch))
        outcomes = tuple(found[action.id] for action in plan.actions)
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
