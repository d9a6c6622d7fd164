"""`--events`: a run's events as JSON lines, beside what is said to people."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import typer

from indexer import __version__
from indexer.cli.streams import writable_stdout
from indexer.cli.talk import Talk
from indexer.durable import open_own
from indexer.errors import IndexerError
from indexer.model import event as lines
from indexer.model.outcome import Result
from indexer.model.plan import Plan
from indexer.model.run_event import PlanMade, ResultMade, RunEnded, RunEvent
from indexer.render.safe import safe_json
from indexer.runs.own_places import check_file_of_ours

STDOUT = Path("-")


class EventFile:
    """Writes events, each on the disk or in the pipe before the next. The last one has the exit code.

    When writing fails it warns once and is silent from then on: a run is never ended by who watches it.
    """

    def __init__(self, stream: BinaryIO, talk: Talk) -> None:
        self._stream: BinaryIO | None = stream
        self._talk = talk
        self._outcome: dict[str, Any] = {}
        """What the last event will say of the run."""

    @classmethod
    def begun(cls, path: Path, talk: Talk, command: str, plan: str) -> EventFile:
        """One that is begun. Raises IndexerError where it cannot be, or would go over the run's own plan."""
        if path.resolve() == Path(plan).resolve():
            raise typer.BadParameter("the plan and the events cannot go to one place", param_hint="--events")
        if path != STDOUT:
            check_file_of_ours(path)
        try:
            # Stdout is doubled, so that a reader who has left leaves the process's own alone.
            opened = os.dup(writable_stdout()) if path == STDOUT else open_own(path, os.O_TRUNC)
            stream = os.fdopen(opened, "wb")
        except OSError as exc:
            hint = "Name another place with --events; - is stdout."
            raise IndexerError("The events cannot be written", f"{path}: {exc.strerror}", hint) from exc
        begun = cls(stream, talk)
        started = lines.RunStarted.model_validate(
            {"at": datetime.now(UTC), "command": command, "tool_version": __version__}
        )
        begun._write(started)
        return begun

    def __call__(self, event: RunEvent) -> None:
        """Write the lines that an event is to programs."""
        if self._stream is None:
            return
        for line in self._lines(event):
            self._write(line)
        if isinstance(event, RunEnded):
            self._close()

    def _lines(self, event: RunEvent) -> Iterator[lines.AnyEvent]:
        match event:
            case lines.StageStarted() | lines.StageProgress() | lines.ActionSettled() | lines.RunFailed():
                yield event
            case PlanMade(plan=plan, file=file):
                yield from _lines_of_plan(plan)
                self._outcome = {**_plan_in_sum(plan), "file": file}
            case ResultMade(result=result, file=file):
                self._outcome = {**_result_in_sum(result), "file": file}
            case RunEnded(exit_code=code):
                yield lines.RunFinished(at=datetime.now(UTC), exit_code=code, **self._outcome)

    def _write(self, line: lines.AnyEvent) -> None:
        if self._stream is None:
            return
        try:
            text = self._talk.masked(safe_json(line.model_dump_json(exclude_none=True)))
            self._stream.write(f"{text}\n".encode("utf-8", "backslashreplace"))
            self._stream.flush()
        except (OSError, ValueError) as exc:
            self._close()
            self._talk.warn(f"No more events are written: {exc}.")

    def _close(self) -> None:
        if self._stream is not None:
            with contextlib.suppress(OSError, ValueError):
                self._stream.close()
        self._stream = None


def _lines_of_plan(plan: Plan) -> Iterator[lines.AnyEvent]:
    """All that a finished plan holds."""
    for row in plan.coverage:
        yield lines.ReadFinished(at=datetime.now(UTC), **row.model_dump())
    for finding in plan.findings:
        yield lines.FindingMade(at=datetime.now(UTC), **finding.model_dump())
    held = [(one.action, one.policy) for one in plan.withheld]
    for action, policy in [*((one, None) for one in plan.actions), *held]:
        yield lines.ActionPlanned(at=datetime.now(UTC), **lines.fields_of_action(action), withheld_by=policy)


def _plan_in_sum(plan: Plan) -> dict[str, Any]:
    return {"plan_id": plan.plan_id, "complete": plan.summary.complete, "counts": plan.summary.actions}


def _result_in_sum(result: Result) -> dict[str, Any]:
    return {"plan_id": result.plan_id, "counts": result.summary}
