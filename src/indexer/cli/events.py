"""`--events`: a run's events as JSON lines, beside what is said to people."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from indexer.cli.signals import Stopped
from indexer.cli.streams import writable_stdout
from indexer.cli.talk import Talk
from indexer.disk import open_own
from indexer.errors import IndexerError
from indexer.render.safe import safe_json

if TYPE_CHECKING:
    from indexer.model.action import Action
    from indexer.model.event import AnyEvent
    from indexer.model.outcome import Outcome
    from indexer.model.plan import Plan
    from indexer.render.progress import Progress

STDOUT = Path("-")
EVERY_S = 2.0

EventsFile = Annotated[
    Path | None,
    typer.Option("--events", metavar="FILE", help="Write JSON lines of what happens there; - is stdout."),
]


class EventStream:
    """Writes events, each on the disk or in the pipe before the next. Safe for threads.

    Without a stream it does nothing. When writing fails it warns once and is silent from then on: a run is never
    ended by who watches it.
    """

    def __init__(self, stream: BinaryIO | None, talk: Talk) -> None:
        self._stream, self._talk, self._lock = stream, talk, Lock()
        self.outcome: dict[str, Any] = {}
        """What the last event will say of the run."""

    def emit(self, event: type[AnyEvent], **fields: Any) -> None:
        """Write one event."""
        if self._stream is None:
            return
        line = safe_json(event(at=datetime.now(UTC), **fields).model_dump_json(exclude_none=True))
        with self._lock:
            if self._stream is None:
                return
            try:
                self._stream.write(f"{self._talk.masked(line)}\n".encode("utf-8", "backslashreplace"))
                self._stream.flush()
            except (OSError, ValueError) as exc:
                self._stream = None
                self._talk.warn(f"No more events are written: {exc}.")

    def planned(self, plan: Plan) -> None:
        """All that a finished plan holds."""
        if self._stream is None:
            return
        from indexer.model import event

        for row in plan.coverage:
            self.emit(event.ReadFinished, **row.model_dump())
        for finding in plan.findings:
            self.emit(event.FindingMade, **finding.model_dump())
        held = [(one.action, one.policy) for one in plan.withheld]
        for action, policy in [*((one, None) for one in plan.actions), *held]:
            self.emit(event.ActionPlanned, **_named(action), withheld_by=policy)

    def settled(self, action: Action, outcome: Outcome) -> None:
        """What came of one action."""
        if self._stream is None:
            return
        from indexer.model.event import ActionSettled

        kept = outcome.model_dump(include={"status", "detail", "started_at", "ended_at", "attempts"})
        self.emit(ActionSettled, **_named(action), **kept)

    def progress(self, inner: Progress) -> Progress:
        """The same progress, told to programs too."""
        return inner if self._stream is None else _EventProgress(inner, self)


def _named(action: Action) -> dict[str, str]:
    return {
        "action_id": action.id,
        "kind": action.kind,
        "location": action.location,
        "reason": action.reason,
    }


class _EventProgress:
    """Passes on what it is told. Safe for threads."""

    def __init__(self, inner: Progress, events: EventStream) -> None:
        self._inner, self._events, self._lock = inner, events, Lock()
        self._stage = ""
        self._total: int | None = None
        self._done = self._found = 0
        self._told_at = 0.0

    def stage(self, name: str, total: int | None) -> None:
        """A stage begins."""
        from indexer.model.event import StageStarted

        self._inner.stage(name, total)
        with self._lock:
            self._stage, self._total, self._done, self._found = name, total, 0, 0
            self._told_at = monotonic()
            self._events.emit(StageStarted, stage=name, total=total)

    def advance(self, steps: int = 1, found: int = 0) -> None:
        """So far it is."""
        from indexer.model.event import StageProgress

        self._inner.advance(steps, found)
        with self._lock:
            self._done, self._found = self._done + steps, self._found + found
            if monotonic() - self._told_at < EVERY_S:
                return
            self._told_at = monotonic()
            now = {"stage": self._stage, "done": self._done, "total": self._total, "found": self._found}
            self._events.emit(StageProgress, **now)


@contextlib.contextmanager
def event_stream(path: Path | None, talk: Talk, command: str, plan: str) -> Iterator[EventStream]:
    """Begin and end a stream; its last event has the exit code. Raises IndexerError where it cannot be begun.

    `plan`: where the run's plan is, or will be; events never go there.
    """
    if path is None:
        yield EventStream(None, talk)
        return
    if path.resolve() == Path(plan).resolve():
        raise typer.BadParameter("the plan and the events cannot go to one place", param_hint="--events")
    from indexer import __version__
    from indexer.model.event import RunFailed, RunFinished, RunStarted
    from indexer.runs.own_places import check_file_of_ours

    if path != STDOUT:
        check_file_of_ours(path)

    try:
        # Stdout is doubled, so that a reader who has left leaves the process's own alone.
        stream = os.fdopen(os.dup(writable_stdout()) if path == STDOUT else open_own(path, os.O_TRUNC), "wb")
    except OSError as exc:
        hint = "Name another place with --events; - is stdout."
        raise IndexerError("The events cannot be written", f"{path}: {exc.strerror}", hint) from exc
    events, code = EventStream(stream, talk), 0
    events.emit(RunStarted, command=command, tool_version=__version__)
    try:
        yield events
    except typer.Exit as exc:
        code = exc.exit_code
        raise
    except (Exception, Stopped) as exc:
        code, words = _words(exc)
        events.emit(RunFailed, **words)
        raise
    finally:
        events.emit(RunFinished, exit_code=code, **events.outcome)
        with contextlib.suppress(OSError):
            stream.close()


def _words(exc: BaseException) -> tuple[int, dict[str, str]]:
    match exc:
        case IndexerError():
            return exc.exit_code, {"summary": exc.summary, "detail": exc.detail, "hint": exc.hint}
        case typer.BadParameter():
            return exc.exit_code, {"summary": exc.format_message()}
        case Stopped():
            return exc.status, {"summary": str(exc)}
    return 1, {"summary": "Internal error", "detail": f"{type(exc).__name__}: {exc}"}
