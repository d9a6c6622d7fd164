"""One run of the applier: check the plan, carry it out, and record what came of it."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from indexer import __version__
from indexer.applier.archive import FolderArchive
from indexer.applier.bounds import Bounds, check_bounds
from indexer.applier.contents import Sources
from indexer.applier.evidence import Evidence
from indexer.applier.execute import Executor
from indexer.applier.journal import ARCHIVE_FOLDER, PLAN_FILE, RESULT_FILE, Journal, earlier_plan_id
from indexer.applier.ledger import Ledger
from indexer.config import Config
from indexer.errors import UsageError
from indexer.model.outcome import Result
from indexer.model.plan import Plan
from indexer.model.ports import Progress
from indexer.runs.connect import Systems, open_systems, rules_of
from indexer.runs.files import plan_text, write_whole


@dataclass(frozen=True, slots=True)
class Applied:
    """A finished run, and where its result is."""

    result: Result
    path: Path


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
    parallel: int,
    progress: Progress,
    stop: Event,
) -> Applied:
    """Carry out a plan. Raises RefusedError before the first write, SystemFaultError where DocDB is down."""
    check_bounds(plan, bounds_of(config))
    systems = open_systems(config, parallel)
    return apply_plan(plan, digest, systems, bounds_of(config), folder, parallel, progress, stop)


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
) -> Applied:
    """Carry out a plan on open systems."""
    check_bounds(plan, bounds)
    started_at, run_id = clock(), uuid.uuid4().hex
    with Journal(folder, run_id, plan.plan_id) as journal:
        journal.started(started_at, digest)
        write_whole(folder / PLAN_FILE, plan_text(plan))
        progress.stage("applying", len(plan.actions))
        ledger = Ledger(journal, FolderArchive(folder / ARCHIVE_FOLDER), clock, progress, stop)
        readers = systems.readers
        sources = Sources(readers.objects, readers.records, lambda archive: FolderArchive(Path(archive)))
        evidence = Evidence(readers.objects, readers.data_assets)
        executor = Executor(
            readers, systems.writers, sources, evidence, tuple(bounds.collections), ledger, parallel
        )
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
            outcomes=outcomes,
        )
        path = folder / RESULT_FILE
        document = result.model_dump(mode="json", exclude_none=True)
        write_whole(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        journal.finished(result.ended_at)
    return Applied(result, path)
