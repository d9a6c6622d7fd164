"""What past runs have written: read from where they left it, for a plan to say what it wants again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from indexer.applier.history import RESULT_FILE, read_history
from indexer.errors import IndexerError, SystemFaultError
from indexer.model.observer import Observer
from indexer.model.place import Place
from indexer.planner.fights import PastWrite
from indexer.runs.reviewed import plan_beside
from indexer.runs.run_folder import finished_run
from indexer.runs.run_places import run_places


def past_writes(places: Sequence[Place], observer: Observer) -> Iterator[PastWrite]:
    """Every write that is sure, of every run that can be read; of the others people are told.

    Nothing rests on it but findings, so what cannot be read is never an error.
    """
    seen: set[str] = set()
    for place in places:
        try:
            found = list(run_places(place))
        except IndexerError as exc:
            observer.warn(f"No past runs are looked at: {exc.what}.")
            continue
        for one in found:
            if str(one) in seen:
                continue
            seen.add(str(one))
            try:
                yield from _of_run(one)
            except IndexerError as exc:
                observer.warn(f"A past run is not looked at: {exc.what}.")
                if isinstance(exc, SystemFaultError):
                    break  # and so would all others there


def _of_run(place: Place) -> Iterator[PastWrite]:
    plan = plan_beside(place / RESULT_FILE)
    writes = read_history(finished_run(place), plan.plan_id).writes
    for action in plan.actions:
        for write in writes.get(action.id, ())[-1:]:
            if write.sure and write.at is not None:
                yield PastWrite(action, write.at)
