"""Carry out actions on open systems, with their journal and archive: a whole plan's, or one shard's."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event

from indexer.applier.contents import Filters, Sources
from indexer.applier.evidence import Evidence
from indexer.applier.execute import Executor
from indexer.applier.journal import Journal
from indexer.applier.ledger import INTERRUPTED, Ledger
from indexer.applier.proof import Proof
from indexer.model.action import Action
from indexer.model.generation import GenerationName
from indexer.model.location import SCHEME
from indexer.model.observer import Observer
from indexer.model.outcome import Outcome
from indexer.model.place import Place
from indexer.model.ports import Archive, RunFolder
from indexer.runs.connect import Systems
from indexer.systems.archive import open_archive


@dataclass(frozen=True, slots=True)
class Work:
    """What one run of the applier works with, beside its systems; it crosses to other machines."""

    folder: RunFolder
    """Of its journal and result."""
    run_id: str
    plan_id: str
    archive: str
    """Place of the before-images: an `s3://` prefix, or a folder relative to the result's."""
    generations: tuple[GenerationName, ...]
    originals_folder: str
    kept_in_step: frozenset[str]
    """Buckets that no before-image is put into."""
    parallel: int
    clock: Callable[[], datetime]
    pause: Callable[[float], None] = time.sleep
    """Waits so many seconds."""


@dataclass(frozen=True, slots=True)
class Watching:
    """Who is told, and who may stop it."""

    observer: Observer
    stop: Event
    why_stopped: Callable[[], str] = lambda: INTERRUPTED
    """Asked once `stop` is set."""


CarryOut = Callable[[Systems, Work, Journal, Sequence[Action], Watching], Mapping[str, Outcome]]
"""Carries out actions in order; returns what came of each, by its id."""


def carry_out_here(
    systems: Systems, work: Work, journal: Journal, actions: Sequence[Action], watching: Watching
) -> Mapping[str, Outcome]:
    """In this process."""
    readers, writers = systems.readers, systems.writers

    def here_or_in_s3(place: str) -> Archive:
        return open_archive(place, lambda: (readers.objects, writers.objects), work.kept_in_step)

    open_place = systems.open_archive or here_or_in_s3
    archive = open_place(archive_place(Path(str(work.folder)), work.archive))
    ledger = Ledger(
        journal,
        archive,
        work.archive,
        work.clock,
        watching.observer,
        watching.stop,
        watching.why_stopped,
    )
    sources = Sources(readers.objects, readers.records, open_place)
    evidence = Evidence(readers, work.originals_folder, work.clock)
    executor = Executor(
        readers,
        writers,
        sources,
        evidence,
        work.generations,
        Proof(writers.objects, needed=systems.prove_conditions),
        ledger,
        work.pause,
        work.parallel,
        systems.against_going_on,
        Filters(exact=systems.whole_values),
    )
    executor.execute(actions)
    return ledger.outcomes


def archive_place(folder: Place, archive: str) -> str:
    """Where a result's archive is: an `s3://` prefix as it is, a folder relative to the result's."""
    if archive.startswith(SCHEME) or Path(archive).is_absolute():
        return archive
    return str((folder.resolve() if isinstance(folder, Path) else folder) / archive)
