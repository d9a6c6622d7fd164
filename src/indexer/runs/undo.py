"""Turn a finished run into the plan that takes it back. Reads the run's folder and archive, no system."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from indexer import __version__
from indexer.applier.journal import JOURNAL_FILE, RESULT_FILE
from indexer.errors import IndexerError, RefusedError, UsageError
from indexer.model.outcome import Result
from indexer.model.place import Place, S3Place, parse_place
from indexer.model.plan import Plan, Summary
from indexer.model.ports import ObjectReader, ObjectWriter
from indexer.planner.policy import scope_of_undo
from indexer.planner.undo import Kept, plan_undo
from indexer.runs.carry_out import archive_place
from indexer.runs.files import load_result, read_bytes
from indexer.runs.reviewed import needed_plan_of
from indexer.systems.archive import open_archive
from indexer.systems.bson_values import unarchived


@dataclass(frozen=True, slots=True)
class Undone:
    """The plan of an undo, and what it cannot take back."""

    plan: Plan
    impossible: tuple[str, ...]


def undo(result: Place | str, *, plan_id: str | None = None) -> Undone:
    """Plan the way back from a result (the file, or its folder); reads no system. `plan_id`: default a new one.

    Raises RefusedError, IndexerError.
    """
    place_of_result = result_file(parse_place(result))
    run = _finished(place_of_result)
    plan = needed_plan_of(run, place_of_result)
    place = archive_place(place_of_result.parent, run.archive)
    archive = open_archive(place, _connect)

    def record(name: str) -> Mapping[str, Any] | None:
        body = archive.read(name)
        try:
            return None if body is None else unarchived(body)
        except ValueError:
            return None

    outcomes = {outcome.action_id: outcome for outcome in run.outcomes}
    way_back = plan_undo(plan.actions, outcomes, Kept(place, archive.read, record))
    return Undone(
        plan.model_copy(
            update={
                "plan_id": plan_id or uuid.uuid4().hex,
                "created_at": datetime.now(UTC),
                "tool_version": __version__,
                "undoes": run.run_id,
                "scope": scope_of_undo(plan.scope, way_back.actions),
                "coverage": (),
                "actions": way_back.actions,
                "withheld": (),
                "findings": (),
                "summary": Summary(
                    assets=len({action.location for action in way_back.actions}),
                    records=0,
                    actions=dict(sorted(Counter(action.kind for action in way_back.actions).items())),
                    reasons={"undo": len(way_back.actions)} if way_back.actions else {},
                    complete=True,
                ),
            }
        ),
        way_back.impossible,
    )


def result_file(place: Place) -> Place:
    """The result in a run's folder, or the file that was named itself; in S3 a folder has no suffix."""
    folder = not place.name.endswith(".json") if isinstance(place, S3Place) else place.is_dir()
    return place / RESULT_FILE if folder else place


def _finished(place: Place) -> Result:
    """The result; where there is only a journal, words that say so."""
    try:
        return load_result(place)
    except RefusedError:
        raise
    except IndexerError as exc:
        journal = place.parent / JOURNAL_FILE
        try:
            read_bytes(journal)
        except OSError:
            raise exc from None
        detail = f"{journal} is there, and {place.name} is not"
        hint = "Apply its plan again with the same --results: that goes on, and writes the result."
        raise UsageError("The run did not get to its end", detail, hint) from exc


def _connect() -> tuple[ObjectReader, ObjectWriter]:
    from indexer.systems.s3 import S3Reader, S3Writer, open_s3

    client = open_s3(parallel=1)
    return S3Reader(client), S3Writer(client)
