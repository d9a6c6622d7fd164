"""One run of the applier: check the plan, carry it out, and record what came of it."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from threading import Event

from indexer import __version__
from indexer.applier.bounds import Bounds, check_bounds
from indexer.applier.history import ARCHIVE_FOLDER, PLAN_FILE, RESULT_FILE, merged, read_history
from indexer.applier.journal import Journal
from indexer.applier.permitted import check_own_limits, check_permitted, warnings
from indexer.config import Config
from indexer.disk import DiskFolder, UnsafeFileError
from indexer.errors import IndexerError, RefusedError
from indexer.model.counting import counted
from indexer.model.location import parse_location
from indexer.model.observer import NOBODY, Observer
from indexer.model.outcome import Result
from indexer.model.place import Place, S3Place, check_apart, parse_place
from indexer.model.plan import Plan
from indexer.model.ports import RunFolder
from indexer.model.settings import PolicyMode
from indexer.runs.allowed import bounds_of, permissions_of
from indexer.runs.at_rest import NO_LOCKS, held_alone
from indexer.runs.carry_out import CarryOut, Watching, Work, carry_out_here
from indexer.runs.clock import check_clock, now
from indexer.runs.connect import Systems, open_systems
from indexer.runs.files import document_bytes, document_of
from indexer.runs.loading import PlanFile, as_file
from indexer.runs.mirror import working_folder
from indexer.runs.part import WHOLE, Part, asked_part, part_told, unasked_words
from indexer.runs.read_only import check_may_write
from indexer.runs.run_folder import result_file, results_folder
from indexer.runs.sanction import NOBODY_ASKED, Sanction, sanctioned
from indexer.runs.undone import check_images, kept_at_rest
from indexer.runs.workforce import Workforce
from indexer.systems.leases import HeldLeases, owner_name
from indexer.systems.pace import at_most

LEASE_LOST = "another run has taken over the lease"
TAKEN_OVER = (
    "run {} of this plan has not ended: it was killed, or it is still going on elsewhere and stops when it finds that this "
    "one has taken over its journal"
)
UNREADABLE = "of the journal of earlier runs cannot be read: of what they tell, undo knows only what the result says, too"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a plan is carried out, and who watches."""

    parallel: int
    """How many requests at a time, at most."""
    observer: Observer = NOBODY
    stop: Event = field(default_factory=Event)
    """Once it is set, what is in flight is finished, and nothing more is tried."""
    archive: str = ARCHIVE_FOLDER
    """Place of the before-images; a folder is relative to the result's."""
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    carry_out: CarryOut = carry_out_here
    clock: Callable[[], datetime] = now
    pause: Callable[[float], None] = time.sleep
    """Waits so many seconds."""
    part: Part = WHOLE
    """What of the plan is carried out."""
    claim: Callable[[], None] = lambda: None
    """Called once the journal says that the run has started, and before its first write; raises where another is quicker."""
    sanction: Sanction = NOBODY_ASKED
    """By whose word it writes."""


def apply(
    plan: Plan | PlanFile,
    config: Config,
    *,
    only: Sequence[str] | str = (),
    except_: Sequence[str] | str = (),
    results: Place | str | None = None,
    archive: Place | str | None = None,
    steal_lease: bool = False,
    policy: PolicyMode | None = None,
    max_deletes: int | None = None,
    max_delete_percent: float | None = None,
    parallel: int | None = None,
    observer: Observer = NOBODY,
    stop: Event | None = None,
    workers: int | None = None,
    dask: str | None = None,
    dask_cleartext: bool = False,
    run_id: str | None = None,
    undoes: Place | str | None = None,
    approvals: Place | str | None = None,
) -> Result:
    """Carry out a plan, and nothing that somebody else has changed since.

    - `only`, `except_`: a part of the plan, as in `only="reason=links-stale"` and `except_=["effect=delete"]`, with all that it
      rests on. What is left can be carried out later, into the same `results`. Bounds and limits are the whole plan's.
    - `results`: the folder of journal, result and before-images, here or an `s3://` prefix; by default `plan.results/ID`
      here. `archive`: a folder or an `s3://` prefix for the before-images, instead of the one in it.
    - `policy`, `max_deletes`, `max_delete_percent`: override the configuration; what they forbid is refused.
    - `stop`: once it is set, what is in flight is finished, and nothing more is tried.
    - `observer` is told of each outcome, how far the run is, and what a person should know.
    - `workers`: processes of this machine that carry out actions; None: this one alone.
    - `dask`: the address of a scheduler on whose workers actions are carried out; they must see the folder. `dask_cleartext`
      permits an address that is not `tls://`.
    - `undoes`: for the plan of an undo, the run that it takes back; needed if the before-images are not in its own folder.
    - `approvals`: the folder of the plan's approvals, or one of them; by default the folder beside the plan's file.
    - `run_id`: by default a new one.

    Raises before the first write: UsageError for a configuration that only reads, RefusedError, IndexerError if this
    machine's clock is wrong, SystemFaultError if DocDB is down.
    """
    check_may_write(config, "apply")
    workforce = Workforce(parallel, workers, dask, dask_cleartext)
    reviewed = plan if isinstance(plan, PlanFile) else as_file(plan)
    plan = reviewed.plan
    part = asked_part(plan, _each(only), _each(except_))
    folder = results_folder(Path(PLAN_FILE), plan, None if results is None else parse_place(results))
    bounds = bounds_of(config)
    # All that can refuse the plan comes before anything is opened: a refusal must not have left even a lease behind.
    check_bounds(plan, bounds)
    permissions = permissions_of(config, policy, max_deletes, max_delete_percent)
    check_permitted(plan, permissions)
    check_own_limits(plan)
    undone = None if undoes is None else result_file(parse_place(undoes)).parent
    check_images(plan, undone)
    sanction = sanctioned(
        reviewed,
        part.of(plan.actions).actions,
        None if approvals is None else parse_place(approvals),
        undone,
        config.approvals,
        now(),
    )
    kept_in_step = frozenset(config.every_bucket)
    check_apart(folder, kept_in_step, "--results")
    place = str(folder / ARCHIVE_FOLDER) if isinstance(folder, S3Place) else ARCHIVE_FOLDER
    if archive is not None:
        named = parse_place(archive)
        check_apart(named, kept_in_step, "--archive")
        place = str(named.resolve() if isinstance(named, Path) else named)
    for words in (*warnings(plan, permissions), *unasked_words(part.of(plan.actions), plan.actions)):
        observer.warn(words)
    stop = stop or Event()
    with (
        kept_at_rest(plan, undone),
        open_systems(config, parallel, observer) as systems,
        _owned(systems, plan, steal_lease) as lease,
        working_folder(folder, reviewed, stop, kept_in_step) as working,
        # Last: workers of this machine end before their folder does.
        _carrying_out(config, workforce, observer) as carry_out,
    ):
        check_clock(systems.readers, plan.scope.buckets)  # a record's last-modified would be wrong
        options = RunOptions(
            parallel=at_most(parallel),
            observer=observer,
            stop=stop,
            archive=place,
            run_id=run_id or uuid.uuid4().hex,
            part=part,
            carry_out=carry_out,
            claim=working.claim,
            sanction=sanction,
        )
        if isinstance(folder, S3Place) and (
            others := read_history(DiskFolder(working.path), plan.plan_id).unended
        ):
            observer.warn(TAKEN_OVER.format(others[-1]))
        ours = replace(
            systems, against_going_on=lambda: "" if lease is None or lease.still_held() else LEASE_LOST
        )
        return apply_plan(reviewed, ours, bounds, DiskFolder(working.path), options)


@contextmanager
def _carrying_out(config: Config, workforce: Workforce, observer: Observer) -> Iterator[CarryOut]:
    """Who carries out actions: this process, others of this machine, or a cluster's; most runs need not import these."""
    if workforce.dask is not None:
        from indexer.runs.cluster import open_cluster
        from indexer.runs.shards import Sender
        from indexer.runs.shards_of_actions import carry_out_there
        from indexer.runs.worker_config import WorkerConfig

        with open_cluster(workforce.dask, cleartext=workforce.dask_cleartext, observer=observer) as cluster:
            yield carry_out_there(cluster, Sender(WorkerConfig.like(config), workforce.parallel))
    elif workforce.workers in (None, 1):
        yield carry_out_here
    else:
        from indexer.runs.shards import Sender
        from indexer.runs.shards_of_actions import carry_out_there
        from indexer.runs.workers import APPLYING, open_workers

        with open_workers(workforce.workers, APPLYING) as crew:
            yield carry_out_there(crew, Sender(config, workforce.share_of(workforce.workers)))


def _owned(systems: Systems, plan: Plan, steal: bool) -> AbstractContextManager[HeldLeases | None]:
    """The leases on the plan's buckets, where any are taken."""
    if systems.leases is None:
        return nullcontext()
    buckets = {location.bucket for one in plan.actions if (location := parse_location(one.location))}
    return systems.leases.held(sorted(buckets), owner_name(plan.plan_id), steal=steal)


def apply_plan(
    reviewed: PlanFile, systems: Systems, bounds: Bounds, folder: RunFolder, options: RunOptions
) -> Result:
    """Carry out a plan on open systems."""
    plan, observer, clock = reviewed.plan, options.observer, options.clock
    # Once more, next to the writes: no caller of this function can leave it out.
    check_bounds(plan, bounds)
    check_own_limits(plan)
    started_at, run_id = clock(), options.run_id
    chosen = options.part.of(plan.actions)
    work = Work(
        folder=folder,
        run_id=run_id,
        plan_id=plan.plan_id,
        archive=options.archive,
        generations=tuple(bounds.collections),
        originals_folder=bounds.originals_folder,
        kept_in_step=bounds.kept_in_step,
        parallel=options.parallel,
        clock=clock,
        pause=options.pause,
    )
    with held_alone(folder, run_id, started_at) as locks, Journal(folder, run_id, plan.plan_id) as journal:
        if not locks:
            observer.warn(NO_LOCKS)
        if journal.earlier.damaged:
            observer.warn(f"{counted(journal.earlier.damaged, 'line')} {UNREADABLE}")
        told = options.sanction.told()
        journal.started(started_at, reviewed.digest, options.part.words if options.part else None, told)
        # The file as it was read, not the plan typed again: fields of a later version count in its digest.
        _write(folder, PLAN_FILE, reviewed.file)
        options.claim()
        observer.stage("applying", len(chosen.actions))
        watching = Watching(observer, options.stop)
        found = options.carry_out(systems, work, journal, chosen.actions, watching)
        outcomes = tuple(found[action.id] for action in chosen.actions)
        # What is satisfied may be an earlier run's work: its images must not be lost with that run's result.
        if any(outcome.before is None for outcome in outcomes):
            outcomes = merged(outcomes, journal.history())
        result = Result(
            run_id=run_id,
            plan_id=plan.plan_id,
            plan_digest=reviewed.digest,
            tool_version=__version__,
            started_at=started_at,
            ended_at=clock(),
            summary=dict(sorted(Counter(outcome.status for outcome in outcomes).items())),
            archive=options.archive,
            selection=part_told(options.part, chosen, plan, folder),
            applied_by=options.sanction.applied_by,
            approvals=options.sanction.approvals,
            approvals_waived=options.sanction.waived,
            outcomes=outcomes,
        )
        _write(folder, RESULT_FILE, document_bytes(document_of(result, "outcomes")))
        journal.finished(result.ended_at)
    return result


def _each(words: Sequence[str] | str) -> Sequence[str]:
    """One word alone is a word, not its letters."""
    return (words,) if isinstance(words, str) else words


def _write(folder: RunFolder, name: str, body: Iterable[bytes]) -> None:
    try:
        folder.write(name, body)
    except OSError as exc:
        hint = "Make room there and see that you may write to it, then apply again: the journal knows what was written."
        detail = f"{folder}: {name}: {exc.strerror}"
        kind = RefusedError if isinstance(exc, UnsafeFileError) else IndexerError
        raise kind("The run's folder cannot be written to", detail, hint) from exc
