"""One run of a command, for programs: a line of summary at its end, and telemetry where it is asked for."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from indexer.cli.talk import Talk
from indexer.model.observer import Observer

if TYPE_CHECKING:
    from indexer.cli.events import EventStream
    from indexer.cli.telemetry import Telemetry
    from indexer.config import Config
    from indexer.model.action import Action
    from indexer.model.drift import Verdict
    from indexer.model.outcome import Outcome
    from indexer.model.plan import Plan
    from indexer.render.progress import Progress


class Run:
    """Gathers what there is to tell of a run, and tells it when the exit status is known. Safe for threads."""

    def __init__(self, talk: Talk, command: str) -> None:
        self._talk, self._command = talk, command
        self._began = monotonic()
        self._lock = Lock()
        self._facts: dict[str, Any] = {}
        self._outcomes: Counter[str] = Counter()
        self._telemetry = _telemetry(talk, command)
        talk.at_end = self._end

    def configured(self, config: Config) -> None:
        """The buckets that there are."""
        if self._telemetry is not None:
            self._telemetry.buckets = frozenset(config.every_bucket)

    def of_plan(self, plan_id: str) -> None:
        """From now on every line names the plan."""
        self._talk.plan_id = plan_id

    def planned(self, plan: Plan) -> None:
        """The plan that was made, or judged."""
        self.of_plan(plan.plan_id)
        summary = plan.summary
        self._facts |= {
            "complete": summary.complete,
            "assets": summary.assets,
            "actions": summary.actions,
            "withheld": summary.withheld,
            "findings": summary.findings,
        }
        if plan.unmatched and summary.complete:
            globs = " or ".join(f"--asset {shlex.quote(glob)}" for glob in plan.unmatched)
            which = "No asset" if summary.assets else "No asset was looked at: none in scope"
            self._talk.warn(f"{which} matches {globs}.")
        if self._telemetry is not None:
            self._telemetry.planned(plan)

    def judged(self, verdict: Verdict) -> None:
        """What the gate says."""
        totals = verdict.totals
        self._facts |= {
            "verdict": verdict.status,
            "unexpected": totals.unexpected,
            "expected": totals.expected,
        }

    def settled(self, action: Action, outcome: Outcome) -> None:
        """What came of one action."""
        with self._lock:
            self._outcomes[outcome.status] += 1
            self._facts["outcomes"] = dict(sorted(self._outcomes.items()))
        why = f": {outcome.detail}" if outcome.detail else ""
        self._talk.detail(f"{outcome.status} {action.kind} of {action.location}{why}", status=outcome.status)
        if self._telemetry is not None:
            self._telemetry.settled(action, outcome)

    @contextmanager
    def observer(self, found_noun: str, stream: EventStream | None = None) -> Iterator[Observer]:
        """Tells people and programs; each stage is a span, too."""
        with self._talk.progress(found_noun) as shown, ExitStack() as stack:
            progress: Progress = shown
            if self._telemetry is not None:
                progress = stack.enter_context(self._telemetry.stages(progress))
            yield _Told(self, stream.progress(progress) if stream else progress, stream, self._talk)

    def _end(self, status: int) -> None:
        duration_s = round(monotonic() - self._began, 3)
        if self._telemetry is not None:
            self._telemetry.end(status, duration_s, self._talk.plan_id, self._facts.get("complete"))
        facts = "; ".join(f"{name}: {_words(value)}" for name, value in self._facts.items())
        self._talk.note(
            f"{self._command} ended with status {status} after {duration_s:.1f} s{'; ' if facts else ''}{facts}",
            type="run-summary",
            command=self._command,
            exit_status=status,
            duration_s=duration_s,
            **self._facts,
        )


class _Told(Observer):
    def __init__(self, run: Run, progress: Progress, stream: EventStream | None, talk: Talk) -> None:
        self.stage, self.advance = progress.stage, progress.advance  # type: ignore[method-assign]
        self.warn = talk.warn  # type: ignore[method-assign, assignment]
        self._run, self._stream = run, stream

    def settled(self, action: Action, outcome: Outcome) -> None:
        self._run.settled(action, outcome)
        if self._stream is not None:
            self._stream.settled(action, outcome)


def _telemetry(talk: Talk, command: str) -> Telemetry | None:
    """None, and quickly, where no variable asks for any."""
    if not any(name.startswith("OTEL_") for name in os.environ):
        return None
    from indexer.cli.telemetry import begin

    return begin(talk, command)


def _words(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{count} {kind}" for kind, count in value.items()) or "none"
    return str(value)
