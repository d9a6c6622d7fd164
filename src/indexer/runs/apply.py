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
from indexer.render.progress import SilentProgress
from indexer.runs.carry_out import CarryOut, Watching, Work, carry_out_here
from indexer.runs.cluster import carry_out_there, open_cluster
from indexer.runs.connect import Systems, open_systems, rules_of
from indexer.runs.files import PlanFile, as_file, plan_text, write_whole
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
    plan: Plan | PlanFile,
    config: Config,
    *,
    results: Path | str | None = None,
    archive: Path | str | None = None,
    steal_lease: bool = False,
    parallel: int | None = None,
    progress: Progress | None = None,
    stop: Event | None = None,
    watch: Watch = nobody,
    dask: str | None = None,
    run_id: str | None = None,
) -> Result:
    """Carry out a plan, and nothing that somebody else has changed since.

    `results`: the folder of journal, result and before-images; default `plan.results/ID` here. `archive`: a folder or
    an `s3://` prefix for the before-images, instead of the one in it. Once `stop` is set, what is in flight is finished.
    `watch` is told of each outcome. `dask`: a scheduler's address, or "local": the actions are carried out on that cluster,
    whose workers must see the folder. `run_id`: default a new one.
    Raises RefusedError before the first write, SystemFaultError where DocDB is down.
    """
    plan, digest = plan if isinstance(plan, PlanFile) else as_file(plan)
    folder = results_folder(Path(PLAN_FILE), plan, None if results is None else Path(results))
    bounds = bounds_of(config)
    check_bounds(plan, bounds)
    archive = None if archive is None else str(archive)
    if archive is not None and s3_place(archive)[0] in {*config.buckets, config.results_bucket}:
        hint = "Name a bucket of its own with --archive."
        raise UsageError("The archive lies in a bucket that is kept in step", archive, hint)
    place = ARCHIVE_FOLDER
    if archive is not None:
        place = archive if archive.startswith("s3://") else str(Path(archive).resolve())
    with (
        open_cluster(dask) as cluster,
        open_systems(config, parallel) as systems,
        _owned(systems, plan, steal_lease),
    ):
        return apply_plan(
            plan,
            digest,
            systems,
            bounds,
            folder,
            at_most(parallel),
            progress or SilentProgress(),
            stop or Event(),
            archive=place,
            watch=watch,
            run_id=run_id,
            carry_out=carry_out_here if cluster is None else carry_out_there(cluster, config, parallel),
        ).result


def _owned(systems: Systems, plan: Plan, steal: bool) -> AbstractContextManager[None]:
    """The leases on the plan's buckets, where any are taken."""
    if systems.leases is None:
        return nullcontext()
    buckets = {location.bucket for one in plan.actions if (location := parse_location(one.location))}
    return systems.leases.held(sorted(buckets), owner_name(plan.plan_id), steal=steal)


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
    run_id: str | None = None,
    carry_out: CarryOut = carry_out_here,
) -> Applied:
    """Carry out a plan on open systems. `archive`: its place, a folder being relative to the result's."""
    check_bounds(plan, bounds)
    started_at, run_id = clock(), run_id or uuid.uuid4().hex
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
