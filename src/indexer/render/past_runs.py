"""Past runs as text: when, where and how each ended, what was wrong, and the way back."""

from __future__ import annotations

from collections.abc import Iterator

from indexer.model.past_run import PastRun, RunState
from indexer.render.of_result import STATUSES
from indexer.render.paint import Paint
from indexer.render.safe import safe
from indexer.render.words import counted, took

STATES: dict[RunState, tuple[str, str]] = {
    "done": ("done", "green"),
    "in-part": ("DONE IN PART", "alarm"),
    "running": ("still running", "yellow"),
    "died": ("DIED", "alarm"),
    "unended": ("did not end, or still runs", "alarm"),
    "unknown": ("nobody knows", "alarm"),
}
SHOWN = 3
"""So many troubles of each run."""
INDENT = "    "


def run_lines(run: PastRun, paint: Paint) -> Iterator[str]:
    """One run: the head on a line of its own, then what an engineer on call asks next."""
    word, style = STATES[run.state]
    when = f"{run.started_at:%Y-%m-%d %H:%M}" if run.started_at else "(time unknown) "
    yield f"{when}  {safe(run.place)}  {paint(word, style)}"
    if about := list(filter(None, (_of(run), _counts(run)))):
        yield paint(f"{INDENT}{safe(': '.join(about))}", "dim")
    if allowed := _allowed(run):
        yield f"{INDENT}{safe(allowed)}"
    if run.to_do and run.state in ("done", "in-part"):
        yield f"{INDENT}{counted(run.to_do, 'action')} of the plan not carried out yet"
    for one in run.trouble[:SHOWN]:
        what = f"{one.action} of {one.location}" if one.action else f"action {one.action_id}"
        why = f": {one.detail}" if one.detail else ""
        yield f"{INDENT}{paint(one.status, STATUSES[one.status][0])} {safe(f'{what}{why}')}"
    wrong = sum(run.summary.get(status, 0) for status in ("stale", "failed"))
    if run.trouble and wrong > SHOWN:
        yield f"{INDENT}and {wrong - SHOWN:,} more"
    yield from (f"{INDENT}{paint('damaged', 'alarm')} {safe(one)}" for one in run.damaged)
    if run.taken_back != "no":
        part = " in part" if run.taken_back == "in-part" else ""
        yield f"{INDENT}taken back{part} by {safe(run.taken_back_by or '')}"
    if run.undo:
        yield f"{INDENT}→ {safe(run.undo)}"


def _of(run: PastRun) -> str:
    """What was applied, how long it took, and how often."""
    parts = [f"plan {run.plan_id[:8]}"] if run.plan_id else []
    parts += [f"takes back run {run.undoes[:8]}"] if run.undoes else []
    more = f" and {len(run.buckets) - 1:,} more" if len(run.buckets) > 1 else ""
    parts += [f"{run.buckets[0]}{more}"] if run.buckets else []
    if run.started_at and run.ended_at and run.runs == 1:
        parts.append(took(run.started_at, run.ended_at))
    parts += [f"the last of {run.runs:,} runs"] if run.runs > 1 else []
    return " · ".join(parts)


def _allowed(run: PastRun) -> str:
    """By whose word it was applied; empty where nobody is known."""
    by = [f"applied by {run.applied_by}"] if run.applied_by else []
    by += [f"approved by {', '.join(run.approved_by)}"] if run.approved_by else []
    return ", ".join(by)


def _counts(run: PastRun) -> str:
    return ", ".join(f"{run.summary[one]:,} {one}" for one in STATUSES if run.summary.get(one))


def runs_headline(runs: tuple[PastRun, ...], place: str) -> str:
    """How many there are, and which need somebody."""
    if not runs:
        return f"No run of apply is kept in {place}."
    urgent = {state: sum(one.state == state for one in runs) for state in STATES if state != "done"}
    told = ", ".join(f"{count:,} {STATES[state][0].lower()}" for state, count in urgent.items() if count)
    damaged = sum(bool(one.damaged) for one in runs)
    parts = [*([told] if told else []), *([f"{damaged:,} damaged"] if damaged else [])]
    return f"{counted(len(runs), 'run')}{': ' if parts else ''}{', '.join(parts)}."
