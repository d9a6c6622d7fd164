"""What the listeners of a run are told: events as programs get them (`model.event`), and some that stay in the process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from indexer.model.drift import Verdict
from indexer.model.event import ActionSettled, RunFailed, StageProgress, StageStarted
from indexer.model.outcome import Result
from indexer.model.plan import Plan


@dataclass(frozen=True, slots=True)
class ConfigurationRead:
    """The configuration is known."""

    buckets: frozenset[str]
    """Every bucket that it names."""


@dataclass(frozen=True, slots=True)
class PlanNamed:
    """From now on the run is about this plan, which need not be made yet."""

    plan_id: str


@dataclass(frozen=True, slots=True)
class StageAdvanced:
    """So far the stage is: told after each step, for what draws. What writes has `StageProgress`."""

    done: int
    total: int | None
    found: int


@dataclass(frozen=True, slots=True)
class StageEnded:
    """The stage is over, because the next one begins or the work has come to its end."""

    stage: str
    done: int
    total: int | None
    found: int
    took_s: float


@dataclass(frozen=True, slots=True)
class PlanMade:
    """The finished plan, and where it was written; or one that was made before and is judged now."""

    plan: Plan
    file: str | None


@dataclass(frozen=True, slots=True)
class DriftJudged:
    """What the gate says of the plan."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ResultMade:
    """What came of all actions, and where it was written."""

    result: Result
    file: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The last one: nothing else is left to say."""

    exit_code: int
    duration_s: float


RunEvent = (
    ConfigurationRead
    | PlanNamed
    | StageStarted
    | StageAdvanced
    | StageProgress
    | StageEnded
    | PlanMade
    | DriftJudged
    | ActionSettled
    | ResultMade
    | RunFailed
    | RunEnded
)
Listener = Callable[[RunEvent], None]
"""Is told one event at a time, in the thread in which it happens. What it does not care for it lets pass."""
