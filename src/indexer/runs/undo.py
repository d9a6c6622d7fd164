"""Turn a run into the plan that takes it back, from what it left behind, however it ended. Reads no system."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from indexer import __version__
from indexer.applier.history import (
    ARCHIVE_FOLDER,
    JOURNAL_FILE,
    RESULT_FILE,
    History,
    file_names,
    read_history,
)
from indexer.model.action import Action
from indexer.model.outcome import Result
from indexer.model.place import Everywhere, Place, parse_place
from indexer.model.plan import Plan, Summary
from indexer.model.ports import Archive, ObjectReader, ObjectWriter, RunFolder
from indexer.planner.inverse import Kept
from indexer.planner.policy import scope_of_undo
from indexer.planner.undo import Undo, plan_undo
from indexer.runs.at_rest import at_rest
from indexer.runs.carry_out import archive_place
from indexer.runs.loading import load_result
from indexer.runs.reviewed import needed_plan_of, plan_beside
from indexer.runs.run_folder import finished_run, result_file
from indexer.systems.archive import open_archive
from indexer.systems.bson_values import unarchived


@dataclass(frozen=True, slots=True)
class Undone:
    """The plan of an undo, and what it cannot take back."""

    plan: Plan
    impossible: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """What a person should know of the run beside that."""


def undo(result: Place | str, *, plan_id: str | None = None) -> Undone:
    """Plan the way back from a run: its folder, or a result in it. Reads no system. `plan_id`: default a new one.

    A run may be taken back from any point: where it was killed, its journal tells. Raises RefusedError, IndexerError,
    the latter also where the run is still going on.
    """
    place = result_file(parse_place(result))
    folder = finished_run(place.parent)
    with at_rest(folder) as locks:
        return _undone(place, folder, plan_id, sure=locks)


def _undone(place: Place, folder: RunFolder, plan_id: str | None, *, sure: bool) -> Undone:
    """`sure`: none of its runs is going on."""
    run = _result(place, folder)
    plan = plan_beside(place) if run is None else needed_plan_of(run, place)
    history = read_history(folder, plan.plan_id, run)
    found = way_back(
        plan, history, run, lambda place: open_archive(place, connect_objects, Everywhere()), place.parent
    )
    return Undone(
        undo_plan(plan, found, run, history, plan_id or uuid.uuid4().hex, datetime.now(UTC), place.parent),
        (*found.impossible, *_unknown(plan.actions, run, history)),
        tuple(_notes(run, history, sure=sure)),
    )


def way_back(
    plan: Plan, history: History, run: Result | None, open_place: Callable[[str], Archive], folder: Place
) -> Undo:
    """The actions that take back what the plan's runs have written."""
    opened = cache(open_place)
    default = ARCHIVE_FOLDER if run is None else run.archive

    def record(place: str, name: str) -> Mapping[str, Any] | None:
        body = opened(place).read(name)
        try:
            return None if body is None else unarchived(body)
        except ValueError:
            return None

    kept = Kept(
        place=lambda named: archive_place(folder, named or default),
        body=lambda place, name: opened(place).read(name),
        record=record,
    )
    # Of several that may have been carried out the last: if any was, it is what is there now.
    writes = {action_id: found[-1] for action_id, found in history.writes.items()}
    return plan_undo(plan.actions, writes, kept)


def undo_plan(
    plan: Plan,
    found: Undo,
    run: Result | None,
    history: History,
    plan_id: str,
    at: datetime,
    folder: Place | None = None,
) -> Plan:
    """An ordinary plan, of what is taken back. `folder`: of the run."""
    actions = found.actions
    return plan.model_copy(
        update={
            "plan_id": plan_id,
            "created_at": at,
            "tool_version": __version__,
            "undoes": run.run_id if run is not None else next(reversed(history.runs), plan.plan_id),
            "undoes_in": str(folder.resolve() if isinstance(folder, Path) else folder) if folder else None,
            "scope": scope_of_undo(plan.scope, actions),
            "coverage": (),
            "actions": actions,
            "withheld": (),
            "findings": (),
            "summary": Summary(
                assets=len({action.location for action in actions}),
                records=0,
                actions=dict(sorted(Counter(action.kind for action in actions).items())),
                reasons={"undo": len(actions)} if actions else {},
                complete=True,
            ),
        }
    )


def _result(place: Place, folder: RunFolder) -> Result | None:
    """The result that is named; None where the run did not get so far."""
    if place.name == RESULT_FILE and RESULT_FILE not in (held := file_names(folder)) and JOURNAL_FILE in held:
        return None
    return load_result(place)


def _unknown(actions: tuple[Action, ...], run: Result | None, history: History) -> Iterator[str]:
    """What may have been written, and nobody can tell."""
    if history.damaged:
        yield f"the journal has lines that cannot be read ({history.damaged}): what they tell of is left as it is"
    if run is None or history.journal:
        return
    # Only the journal knows intents: a failure in a result alone may have been a lost answer.
    failed = {one.action_id for one in run.told if one.status == "failed" and one.before is None}
    for action in actions:
        if action.id in failed:
            yield (
                f"{action.location}: {action.kind} {action.id}: it failed, and without the run's journal nobody knows "
                "whether it was carried out"
            )


def _notes(run: Result | None, history: History, *, sure: bool) -> Iterator[str]:
    if run is None or history.unended:
        which = "The run" if run is None else f"Run {history.unended[-1]} of it"
        going = "" if sure else ", or is still going on (no lock tells)"
        yield f"{which} did not get to its end{going}: what its journal tells so far is taken back."
    if run is None:
        return
    told = {one.action_id for one in run.told if one.before is not None}
    more = [action_id for action_id in history.writes if action_id not in told]
    if more:
        yield (
            f"The journal tells of writes that the result does not know, or not for sure ({len(more)}): "
            "they are taken back, too."
        )


def connect_objects() -> tuple[ObjectReader, ObjectWriter]:
    """S3 alone, for an archive that is there."""
    from indexer.systems.s3 import S3Reader
    from indexer.systems.s3_connection import open_s3
    from indexer.systems.s3_writer import S3Writer

    client = open_s3(parallel=1)
    return S3Reader(client), S3Writer(client)
