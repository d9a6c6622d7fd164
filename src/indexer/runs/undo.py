"""Turn a finished run into the plan that takes it back. Reads the run's folder and archive, no system."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from indexer import __version__
from indexer.applier.journal import RESULT_FILE
from indexer.model.plan import Plan, Summary
from indexer.model.ports import ObjectReader, ObjectWriter
from indexer.planner.undo import Kept, plan_undo
from indexer.runs.carry_out import archive_place
from indexer.runs.files import load_result
from indexer.runs.reviewed import needed_plan_of
from indexer.systems.archive import open_archive
from indexer.systems.bson_values import from_extended_json


@dataclass(frozen=True, slots=True)
class Undone:
    """The plan of an undo, and what it cannot take back."""

    plan: Plan
    impossible: tuple[str, ...]


def undo(result: Path | str, *, plan_id: str | None = None) -> Undone:
    """Plan the way back from a result (the file, or its folder); reads no system. `plan_id`: default a new one.

    Raises RefusedError, IndexerError.
    """
    result_path = Path(result)
    if result_path.is_dir():
        result_path = result_path / RESULT_FILE
    run = load_result(result_path)
    plan = needed_plan_of(run, result_path)
    place = archive_place(result_path.parent, run.archive)
    archive = open_archive(place, _connect)

    def record(name: str) -> Mapping[str, Any] | None:
        body = archive.read(name)
        try:
            return None if body is None else from_extended_json(body)
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


def _connect() -> tuple[ObjectReader, ObjectWriter]:
    from indexer.systems.s3 import S3Reader, S3Writer, open_s3

    client = open_s3(parallel=1)
    return S3Reader(client), S3Writer(client)
