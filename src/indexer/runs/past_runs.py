"""Past runs of apply: what came of them, whether they were taken back, and how to. Reads no system that is kept in step."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from indexer.applier.history import (
    JOURNAL_FILE,
    LOCK_FILE,
    RESULT_FILE,
    History,
    file_names,
    read_history,
    read_journal,
)
from indexer.errors import IndexerError, SystemFaultError
from indexer.model.outcome import Outcome, Result
from indexer.model.past_run import PastRun, RunState, TakenBack, Trouble
from indexer.model.place import Place
from indexer.model.plan import Plan
from indexer.model.ports import RunFolder
from indexer.runs.loading import load_result
from indexer.runs.reviewed import plan_beside
from indexer.runs.run_folder import finished_run
from indexer.runs.run_places import run_places

T = TypeVar("T")
TROUBLE = 50
"""So many of what is stale or failed are listed."""


def past_runs(place: Place) -> tuple[PastRun, ...]:
    """The runs that are kept in a place, newest first. One that is damaged is told as far as it can be read.

    Raises IndexerError where the place cannot be looked into.
    """
    # One at a time: of each only what is told of it stays, however long its journal is.
    found = [_read(one) for one in run_places(place)]
    found.sort(key=lambda one: (one.run.started_at is not None, _time(one), one.run.place), reverse=True)
    told: list[_Found] = []
    for one in found:
        told.append(_Found(_judged(one, told), one.ids, one.wrote))
    return tuple(one.run for one in told)


@dataclass(frozen=True, slots=True)
class _Found:
    """One folder of runs."""

    run: PastRun
    ids: frozenset[str] = frozenset()
    """Of all runs in it."""
    wrote: bool = False


def _time(one: _Found) -> float:
    return one.run.started_at.timestamp() if one.run.started_at else 0.0


def _judged(found: _Found, newer: Sequence[_Found]) -> PastRun:
    """The run, with whether it was taken back: by one that came after it, and that stands itself."""
    run = found.run
    taken_back: TakenBack = "no"
    by = None
    for one in newer:
        undo = one.run
        stands = undo.taken_back == "no" and one.wrote
        if (
            undo.undoes in found.ids
            and stands
            and undo.started_at
            and _is_after(undo.started_at, run.ended_at)
        ):
            taken_back = "yes" if undo.state == "done" and not undo.to_do else "in-part"
            by = undo.place
            break  # the newest of them
    can_undo = found.wrote and taken_back != "yes" and run.state != "running"
    command = f"indexer undo {shlex.quote(run.place)} --out undo.json" if can_undo else None
    return run.model_copy(update={"taken_back": taken_back, "taken_back_by": by, "undo": command})


def _is_after(at: datetime, other: datetime | None) -> bool:
    """A plan that was applied once more after it was taken back is not."""
    return other is None or at >= other


@dataclass(slots=True)
class _Told:
    """What a journal tells of its runs."""

    started: dict[str, datetime] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    last_at: datetime | None = None
    statuses: dict[str, Counter[str]] = field(default_factory=dict)

    def line(self, line: dict[str, Any]) -> None:
        """One more line."""
        run_id, event = str(line.get("run_id")), line.get("event")
        at = _read_time(line.get("ended_at") or line.get("at"))
        if at is None:
            return
        self.last_at = at
        if event == "started":
            self.started.pop(run_id, None)
            self.started[run_id] = at
        elif event == "finished":
            self.finished.add(run_id)
        elif event == "outcome":
            self.statuses.setdefault(run_id, Counter())[str(line.get("status"))] += 1


def _read_time(value: object) -> datetime | None:
    with suppress(ValueError):
        at = datetime.fromisoformat(str(value))
        return at if at.tzinfo is not None else None
    return None


def _read(place: Place) -> _Found:
    """What there is to tell of one folder."""
    damaged: list[str] = []
    folder = finished_run(place)

    def attempted(read: Callable[[], T]) -> T | None:
        try:
            return read()
        except SystemFaultError:  # S3 does not answer: that says nothing of the run
            raise
        except IndexerError as exc:
            damaged.append(exc.what)
            return None

    names = attempted(lambda: file_names(folder)) or ()
    told = attempted(lambda: _told(folder)) if JOURNAL_FILE in names else None
    plan = attempted(lambda: plan_beside(place / RESULT_FILE)) if names else None
    result = attempted(lambda: load_result(place / RESULT_FILE)) if RESULT_FILE in names else None
    plan_id = plan.plan_id if plan else result.plan_id if result else None
    history = None if plan_id is None else attempted(lambda: read_history(folder, plan_id, result))
    history = history or History()
    if history.damaged:
        damaged.append(f"lines of the journal that cannot be read: {history.damaged}")
    run = _run_of(place, _Left(folder, told or _Told(), plan, result, history), tuple(dict.fromkeys(damaged)))
    ids = {*history.runs, *(told.started if told else ()), *filter(None, (plan_id, result and result.run_id))}
    return _Found(run, frozenset(ids), bool(history.writes))


@dataclass(frozen=True, slots=True)
class _Left:
    """What a run left behind, as far as it can be read."""

    folder: RunFolder
    told: _Told
    plan: Plan | None
    result: Result | None
    history: History


def _told(folder: RunFolder) -> _Told:
    told = _Told()
    for line in read_journal(folder):
        if line is not None:
            told.line(line)
    return told


def _run_of(place: Place, left: _Left, damaged: tuple[str, ...]) -> PastRun:
    told, plan, result = left.told, left.plan, left.result
    state = _state(left.folder, told, result)
    return PastRun(
        place=str(place),
        state=state,
        plan_id=plan.plan_id if plan else result.plan_id if result else None,
        run_id=next(reversed(told.started), None) or (result.run_id if result else None),
        runs=len(told.started) or int(result is not None),
        started_at=_last_start(told, result),
        ended_at=_last_sign(told, result),
        buckets=plan.scope.buckets if plan else (),
        actions=len(plan.actions) if plan else None,
        summary=_summary(state, told, result),
        to_do=_to_do(plan, left.history, result),
        trouble=tuple(_trouble(result, plan)),
        applied_by=result.applied_by if result else None,
        approved_by=tuple(dict.fromkeys(one.person for one in result.approvals)) if result else (),
        undoes=plan.undoes if plan else None,
        damaged=damaged,
    )


def _last_start(told: _Told, result: Result | None) -> datetime | None:
    started = [*told.started.values(), *([result.started_at] if result else [])]
    return max(started, default=None)


def _last_sign(told: _Told, result: Result | None) -> datetime | None:
    signs = [result.ended_at] if result else []
    return max([*signs, *([told.last_at] if told.last_at else [])], default=None)


def _state(folder: RunFolder, told: _Told, result: Result | None) -> RunState:
    """How the last run ended, if it did."""
    last = next(reversed(told.started), None)
    if last is not None and last not in told.finished:
        try:
            with folder.locked(LOCK_FILE) as locks:
                return "died" if locks else "unended"
        except BlockingIOError:
            return "running"
        except OSError:
            return "unended"
    if result is None or (last is not None and result.run_id != last):
        return "unknown"
    return "done" if result.complete else "in-part"


def _summary(state: RunState, told: _Told, result: Result | None) -> dict[str, int]:
    """Of a run that did not get to its end, what its journal tells."""
    counts: Counter[str] = Counter()
    if state in ("running", "died", "unended") and told.started:
        counts = told.statuses.get(next(reversed(told.started)), Counter())
    elif result is not None:
        counts = Counter(one.status for one in result.told)
    return dict(sorted(counts.items()))


def _to_do(plan: Plan | None, history: History, result: Result | None) -> int:
    """What nobody was asked for, where all others are told by the result; else what nothing tells of."""
    if plan is None:
        return 0
    if result is not None:
        return result.to_do
    return sum(action.id not in history.writes for action in plan.actions)


def _trouble(result: Result | None, plan: Plan | None) -> Iterator[Trouble]:
    if result is None:
        return
    held: list[Outcome] = [one for one in result.told if one.status in ("stale", "failed")][:TROUBLE]
    wanted = {one.action_id for one in held}
    actions = {one.id: one for one in plan.actions if one.id in wanted} if plan else {}
    for one in held:
        action = actions.get(one.action_id)
        yield Trouble(
            status=one.status,
            action_id=one.action_id,
            action=action.kind if action else "",
            location=action.location if action else "",
            detail=one.detail,
        )
