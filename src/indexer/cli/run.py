"""One run of a command: what happens in it becomes an event once, and every listener is told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING

import typer

from indexer.cli.events import EventFile
from indexer.cli.run_log import RunLog
from indexer.cli.signals import Stopped
from indexer.cli.talk import Talk
from indexer.errors import IndexerError
from indexer.model.action import Action
from indexer.model.event import ActionSettled, RunFailed, StageProgress, StageStarted, fields_of_action
from indexer.model.observer import Observer
from indexer.model.outcome import Outcome, Result
from indexer.model.plan import Plan
from indexer.model.run_event import (
    ConfigurationRead,
    DriftJudged,
    Listener,
    PlanMade,
    PlanNamed,
    ResultMade,
    RunEnded,
    RunEvent,
    StageAdvanced,
    StageEnded,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.config import Config
    from indexer.model.drift import Verdict

EVERY_S = 2.0
"""Between two lines on how far a stage is: often enough for who waits, seldom enough for a log of hours."""


@dataclass(frozen=True, slots=True)
class _Stage:
    """The stage that is at work."""

    name: str
    total: int | None
    began_s: float
    told_s: float
    done: int = 0
    found: int = 0


class Run(Observer):
    """Makes every event of a run, and is alone in counting and locking: listeners hear one after the other.

    Within it, an error that ends the run is told, and passed on.
    """

    def __init__(self, talk: Talk, command: str, clock: Callable[[], float] = monotonic) -> None:
        self._talk, self._command, self._clock = talk, command, clock
        self._began_s = clock()
        self._lock = Lock()
        self._stage: _Stage | None = None
        self._listeners: list[Listener] = [*_telemetry(talk, command), RunLog(talk, command)]
        talk.at_end = self._end

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(exc, Exception | Stopped) and not isinstance(exc, typer.Exit):
            self._tell(_failure(exc))

    @property
    def run_id(self) -> str:
        """The run's; a plan that it makes has the same."""
        return self._talk.run_id

    def listen(self, listener: Listener) -> None:
        """From now on this one is told, too."""
        with self._lock:
            self._listeners.append(listener)

    def write_events(self, path: Path | None, plan: str) -> None:
        """From now on write events there, where a place is named. Raises IndexerError where that cannot be begun.

        `plan`: where the run's plan is, or will be; events never go there.
        """
        if path is not None:
            # First: it ends at once, and telemetry may have to be waited for.
            self._listeners.insert(0, EventFile.begun(path, self._talk, self._command, plan))

    def configured(self, config: Config) -> Config:
        """The configuration, as it was read."""
        self._tell(ConfigurationRead(frozenset(config.every_bucket)))
        return config

    def of_plan(self, plan_id: str) -> None:
        """The run is about this plan."""
        self._tell(PlanNamed(plan_id))

    def planned(self, plan: Plan, file: str | None = None) -> None:
        """The plan that was made, or judged."""
        self._tell(PlanNamed(plan.plan_id), PlanMade(plan, file))

    def judged(self, verdict: Verdict) -> None:
        """What the gate says."""
        self._tell(DriftJudged(verdict))

    def carried_out(self, result: Result, file: str) -> None:
        """What came of the plan."""
        self._tell(ResultMade(result, file))

    @contextmanager
    def work(self, found_noun: str) -> Iterator[Observer]:
        """Work in stages, of which people are shown how far they are; the last one ends with it."""
        with self._talk.progress(found_noun) as shown:
            if shown is not None:
                self.listen(shown)
            try:
                yield self
            finally:
                with self._lock:
                    self._end_stage()

    def stage(self, name: str, total: int | None) -> None:
        """A stage begins, and the one before is over."""
        with self._lock:
            self._end_stage()
            now = self._clock()
            self._stage = _Stage(name, total, began_s=now, told_s=now)
            self._told(StageStarted(at=_now(), stage=name, total=total))

    def advance(self, steps: int = 1, found: int = 0) -> None:
        """Count, and tell how far it is."""
        with self._lock:
            if self._stage is None:
                return
            at = replace(self._stage, done=self._stage.done + steps, found=self._stage.found + found)
            self._told(StageAdvanced(at.done, at.total, at.found))
            if (now := self._clock()) - at.told_s >= EVERY_S:
                at = replace(at, told_s=now)
                self._told(
                    StageProgress(at=_now(), stage=at.name, done=at.done, total=at.total, found=at.found)
                )
            self._stage = at

    def settled(self, action: Action, outcome: Outcome) -> None:
        """What came of one action."""
        kept = outcome.model_dump(include={"status", "detail", "started_at", "ended_at", "attempts"})
        with self._lock:
            self._told(ActionSettled(at=_now(), **fields_of_action(action), **kept))

    def warn(self, words: str) -> None:
        """Said at once, and to people."""
        self._talk.warn(words)

    def _end_stage(self) -> None:
        at, self._stage = self._stage, None
        if at is not None:
            took_s = self._clock() - at.began_s
            self._told(StageEnded(at.name, at.done, at.total, at.found, took_s))

    def _end(self, status: int) -> None:
        self._tell(RunEnded(status, round(self._clock() - self._began_s, 3)))

    def _tell(self, *events: RunEvent) -> None:
        with self._lock:
            for event in events:
                self._told(event)

    def _told(self, event: RunEvent) -> None:
        """Under the lock: in which order things happened is the same for every listener."""
        for listener in self._listeners:
            listener(event)


def _telemetry(talk: Talk, command: str) -> list[Listener]:
    """None, and quickly, where no variable asks for any."""
    if not any(name.startswith("OTEL_") for name in os.environ):
        return []
    from indexer.cli.telemetry import begin

    begun = begin(talk, command)
    return [] if begun is None else [begun]


def _now() -> datetime:
    return datetime.now(UTC)


def _failure(exc: BaseException) -> RunFailed:
    match exc:
        case IndexerError():
            return RunFailed(at=_now(), summary=exc.summary, detail=exc.detail, hint=exc.hint)
        case typer.BadParameter():
            return RunFailed(at=_now(), summary=exc.format_message())
        case Stopped():
            return RunFailed(at=_now(), summary=str(exc))
    return RunFailed(at=_now(), summary="Internal error", detail=f"{type(exc).__name__}: {exc}")
