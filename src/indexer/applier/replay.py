"""Does what a run left hold together? Pure: its plan, the lines of its journals and its result → what is wrong with them.

| of        | looked at                                                                                                |
|-----------|----------------------------------------------------------------------------------------------------------|
| journals  | the protocol; the number of each line, so that none was taken out or put in; no damage but a crash's      |
| the plan  | each line is about an action of it, and each run says that it carries out this plan                      |
| images    | an outcome names one that an intent of its action had kept                                               |
| the order | a write was intended only when all that it rests on had succeeded                                        |
| result    | its run is in the journal; each outcome is the journal's, and each action of the plan has one            |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from indexer.applier.history import SHARD_PREFIX, History, Line
from indexer.applier.protocol import protocol_problems
from indexer.model.audit import AuditFault, FaultAbout
from indexer.model.outcome import SUCCEEDED, Outcome, Result
from indexer.model.plan import Plan


@dataclass(frozen=True, slots=True)
class JournalFile:
    """One file of a run's folder, line by line; None stands for one that cannot be read."""

    name: str
    lines: tuple[Line | None, ...]


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What a run left, as it was read."""

    plan: Plan
    digest: str
    files: tuple[JournalFile, ...]
    result: Result | None
    history: History
    """Of the journals alone."""

    @property
    def lines(self) -> Iterator[Line]:
        """All that can be read, whatever file it is in."""
        return (line for one in self.files for line in one.lines if line is not None)

    @property
    def ours(self) -> Iterator[Line]:
        """Those that are about this plan: a folder may be used for another one later on."""
        return (line for line in self.lines if line.get("plan_id") == self.plan.plan_id)


def replay_faults(left: LeftBehind) -> Iterator[AuditFault]:
    """All that no run of ours leaves behind; nothing where it holds."""
    yield from _of("journal", _journal_faults(left))
    yield from _of("plan", _plan_faults(left))
    yield from _of("journal", _order_faults(left))
    yield from _of("journal", _image_faults(left))
    if left.result is not None:
        yield from _of("result", _result_faults(left, left.result))


def _of(about: FaultAbout, told: Iterable[str]) -> Iterator[AuditFault]:
    return (AuditFault(about=about, detail=one) for one in told)


def _journal_faults(left: LeftBehind) -> Iterator[str]:
    if left.history.damaged:
        yield f"lines that cannot be read, and that no crash explains: {left.history.damaged}"
    streams = dict(_streams(left.files))
    for name, held in streams.items():
        others = [line for other, lines in streams.items() if other != name for line in lines if line]
        readable = [line for line in held if line is not None]
        # A shard's own file does not say that the run has started: the run's does.
        begun = [{"event": "started", "run_id": run} for run in _runs_in(readable)] if name else []
        yield from (
            f"{name}{': ' if name else ''}{one}" for one in protocol_problems([*begun, *readable], others)
        )
        yield from _number_faults(name, held)


def _streams(files: Iterable[JournalFile]) -> Iterator[tuple[str, list[Line | None]]]:
    """Lines that one writer wrote after each other. In S3 a run's file holds those of a cluster's workers, too."""
    found: dict[str, list[Line | None]] = {"": []}
    for file in files:
        own = (
            file.name.removeprefix(SHARD_PREFIX).removesuffix(".jsonl")
            if file.name.startswith(SHARD_PREFIX)
            else ""
        )
        for line in file.lines:
            shard = str(line.get("shard") or own) if line is not None else own
            found.setdefault(shard, []).append(line)
    yield from found.items()


def _runs_in(lines: Iterable[Line]) -> list[str]:
    return list(dict.fromkeys(str(line.get("run_id")) for line in lines))


def _number_faults(name: str, lines: Sequence[Line | None]) -> Iterator[str]:
    """Each run counts its lines from nought; older versions did not."""
    following: dict[str, int] = {}
    where = f" of {name}" if name else ""
    damaged = False
    for line in lines:
        if line is None:
            damaged = True  # it is told as damage, and is the line that is not there
            continue
        run, number = str(line.get("run_id")), line.get("n")
        if isinstance(number, int):
            wanted = following.get(run, 0)
            if number > wanted and not damaged:
                yield f"run {run[:8]}{where}: lines that are not there, before line {number}: {number - wanted}"
            elif number < wanted:
                yield f"run {run[:8]}{where}: its line {number} comes out of its order"
            following[run] = number + 1
        damaged = False


def _plan_faults(left: LeftBehind) -> Iterator[str]:
    ids = {action.id for action in left.plan.actions}
    for line in left.ours:
        if line.get("event") == "started" and line.get("plan_digest") != left.digest:
            yield f"run {str(line.get('run_id'))[:8]} carried out other bytes: {str(line.get('plan_digest'))[:16]}…"
        if line.get("action_id") is not None and line["action_id"] not in ids:
            yield f"the journal tells of action {str(line['action_id'])[:40]}, which the plan does not have"
    if left.result is not None and left.result.plan_digest != left.digest:
        yield f"the result is of other bytes: {left.result.plan_digest[:16]}…"


def _order_faults(left: LeftBehind) -> Iterator[str]:
    rests_on = {action.id: action.after for action in left.plan.actions}
    succeeded: set[tuple[object, object]] = set()
    for line in left.ours:
        run, action_id = line.get("run_id"), line.get("action_id")
        if line.get("event") == "outcome" and line.get("status") in SUCCEEDED:
            succeeded.add((run, action_id))
        elif line.get("event") == "intent":
            unmet = [one for one in rests_on.get(str(action_id), ()) if (run, one) not in succeeded]
            yield from (
                f"action {action_id} was written before {one}, which it rests on, had succeeded"
                for one in unmet
            )


def _image_faults(left: LeftBehind) -> Iterator[str]:
    """What an outcome says was there must be what an intent of that action had kept."""
    intended: dict[object, list[object]] = {}
    for line in left.ours:
        if line.get("event") == "intent":
            intended.setdefault(line.get("action_id"), []).append(line.get("before"))
    for line in left.ours:
        before, action_id = line.get("before"), line.get("action_id")
        if (
            line.get("event") == "outcome"
            and before is not None
            and before not in intended.get(action_id, [])
        ):
            yield f"the outcome of action {action_id} names another before-image than any intent of it"


def _result_faults(left: LeftBehind, result: Result) -> Iterator[str]:
    told: dict[str, list[Outcome]] = {}
    for (run, action_id), one in _outcomes(left):
        if run == result.run_id:
            told.setdefault(action_id, []).append(one)
    if not any(line.get("event") == "started" and line.get("run_id") == result.run_id for line in left.ours):
        yield f"its run, {result.run_id[:8]}, is not in the journal"
    for outcome in result.outcomes:
        # Of a cluster's worker that was lost another one carries out the shard again: either may be told.
        held = told.pop(outcome.action_id, [])
        if not held and not (outcome.status == "skipped" and _is_spread(left, result)):
            yield f"action {outcome.action_id} is {outcome.status}, and the journal knows nothing of it"
        elif held and not any(_is_told(outcome, one, left.history) for one in held):
            known = ", ".join(one.status for one in held)
            yield f"action {outcome.action_id} is {outcome.status}, and the journal tells it otherwise ({known})"
    yield from (f"action {one} has an outcome in the journal, and none here" for one in told)
    yield from _count_faults(left.plan, result)
    yield from _earlier_faults(left, result)


def _is_spread(left: LeftBehind, result: Result) -> bool:
    """Was it carried out by workers? A shard that no worker has begun has no journal."""
    return any(line.get("shard") and line.get("run_id") == result.run_id for line in left.ours)


def _outcomes(left: LeftBehind) -> Iterator[tuple[tuple[str, str], Outcome]]:
    for line in left.ours:
        if line.get("event") == "outcome":
            try:
                yield (str(line.get("run_id")), str(line.get("action_id"))), Outcome.model_validate(line)
            except ValidationError:
                continue  # no line of ours: the result has nothing to be like


def _is_told(outcome: Outcome, held: Outcome, history: History) -> bool:
    """As the journal has it; a result may add what an earlier run of the plan replaced and left."""
    if outcome == held:
        return True
    writes = history.writes.get(outcome.action_id, ())
    images = {"before": held.before, "after": held.after}
    if (
        held.before is None
        and writes
        and (outcome.before, outcome.after) == (writes[-1].before, writes[-1].after)
    ):
        return outcome.model_copy(update=images) == held
    return False


def _count_faults(plan: Plan, result: Result) -> Iterator[str]:
    ids, planned = [one.action_id for one in result.outcomes], [action.id for action in plan.actions]
    left_out = 0 if result.selection is None else result.selection.not_selected
    if len(ids) != len(set(ids)) or not set(ids) <= set(planned) or len(ids) + left_out != len(planned):
        yield f"it has {len(ids)} outcomes and leaves out {left_out}, of {len(planned)} actions"
    counts: Mapping[str, int] = Counter(one.status for one in result.outcomes)
    if dict(counts) != {status: count for status, count in result.summary.items() if count}:
        yield "its summary does not count its outcomes"


def _earlier_faults(left: LeftBehind, result: Result) -> Iterator[str]:
    """What it says of earlier runs, where it was asked for a part."""
    told = {(action_id, one.status) for (_, action_id), one in _outcomes(left)}
    for outcome in () if result.selection is None else result.selection.earlier:
        writes = left.history.writes.get(outcome.action_id, ())
        sure = outcome.status == "applied" and any(one.sure for one in writes)
        if not sure and (outcome.action_id, outcome.status) not in told:
            yield f"action {outcome.action_id} is said to be {outcome.status} by an earlier run, and no journal knows of it"
