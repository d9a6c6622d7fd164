"""What the runs of a plan have written so far, from what they left behind: journals, and the result."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any

from pydantic import ValidationError

from indexer.disk import UnsafeFileError
from indexer.errors import IndexerError, RefusedError
from indexer.model.outcome import SUCCEEDED, AfterImage, BeforeImage, OurWrite, Outcome, Result
from indexer.model.ports import RunFolder

JOURNAL_FILE = "journal.jsonl"
SHARD_PREFIX = "journal.shard-"
"""Journals of a run's workers, each its own; they stay beside the run's."""
PULSE_PREFIX = "run.pulse-"
"""Files that tell a run's workers whether a run goes on; nothing is recorded in them."""
LOCK_FILE = "run.lock"
"""Held by the run that writes to the folder; nothing is recorded in it."""
RESULT_FILE = "result.json"
PLAN_FILE = "plan.json"
ARCHIVE_FOLDER = "archive"
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a plan's earlier runs."""

    writes: Mapping[str, tuple[OurWrite, ...]] = field(default_factory=dict)
    """By action: the write that was carried out, or all those that may have been."""
    runs: tuple[str, ...] = ()
    """Their ids, in order."""
    unended: tuple[str, ...] = ()
    """Those that began and did not say that they had ended: they died, or go on."""
    journal: bool = False
    """There is one."""
    damaged: int = 0
    """Lines that nobody can read, and that no crash explains."""


def read_history(folder: RunFolder, plan_id: str, result: Result | None = None) -> History:
    """Fold what is in a run's folder, line by line. `result`: instead of the one that is there.

    Raises IndexerError where it cannot be read.
    """
    fold = _Fold()
    # The result first: a journal may be damaged or gone where the result is good, and its lines only add to it.
    for outcome in _earlier_outcomes(folder, plan_id) if result is None else result.told:
        fold.outcome(outcome)
    held = file_names(folder)
    names = [name for name in held if name == JOURNAL_FILE or name.startswith(SHARD_PREFIX)]
    for name in names:
        for line in read_lines(_body(folder, name)):
            fold.line(line, plan_id)
        fold.end_of_file()
    return History(fold.writes(), tuple(fold.runs), tuple(fold.unended), JOURNAL_FILE in names, fold.damaged)


def told_by_workers(folder: RunFolder, run_id: str) -> dict[str, Outcome]:
    """What a run's workers have journalled of its actions by now, whatever has become of them. Raises IndexerError."""
    told = {}
    for name in file_names(folder):
        if name.startswith(SHARD_PREFIX):
            for line in read_lines(_body(folder, name)):
                if line is not None and (line.get("event"), line.get("run_id")) == ("outcome", run_id):
                    with suppress(ValidationError):
                        told[str(line.get("action_id"))] = Outcome.model_validate(line)
    return told


def journal_plan_id(folder: RunFolder) -> str | None:
    """Which plan's journal a folder holds; None where there is none. Raises IndexerError."""
    lines = read_lines(_body(folder, JOURNAL_FILE))
    first = next((line for line in lines if line is not None), None)
    return None if first is None else str(first.get("plan_id"))


def read_journal(folder: RunFolder) -> Iterator[Line | None]:
    """The lines of a folder's journal, in their order. Raises IndexerError where it cannot be read."""
    yield from read_lines(_body(folder, JOURNAL_FILE))


def read_lines(body: bytes) -> Iterator[Line | None]:
    """The lines of a journal; None stands for one that cannot be read."""
    for text in BytesIO(body):
        if text.strip():
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                line = None
            yield line if isinstance(line, dict) else None


def _body(folder: RunFolder, name: str) -> bytes:
    try:
        return folder.read(name) or b""
    except OSError as exc:
        raise _unreadable(f"{folder}: {name}", exc) from exc


def file_names(folder: RunFolder) -> Sequence[str]:
    """The files of a run's folder. Raises IndexerError where nobody may look into it."""
    try:
        return folder.names()
    except OSError as exc:
        raise _unreadable(str(folder), exc) from exc


def _unreadable(place: str, exc: OSError) -> IndexerError:
    hint = (
        "See that you may read it (a run's folder is its owner's only), or name another one with --results."
    )
    kind = RefusedError if isinstance(exc, UnsafeFileError) else IndexerError
    return kind("The run's journal cannot be read", f"{place}: {exc.strerror}", hint)


def _earlier_outcomes(folder: RunFolder, plan_id: str) -> tuple[Outcome, ...]:
    """Of an earlier run of the plan, where it left a result that can be read."""
    try:
        result = Result.model_validate_json(_body(folder, RESULT_FILE))
    except ValidationError:
        return ()  # cut short by a crash, or of a later version: the journal knows the same and more
    return result.told if result.plan_id == plan_id else ()


def settled_before(folder: RunFolder, plan_id: str, ids: Sequence[str]) -> tuple[Outcome, ...]:
    """What came of these actions in earlier runs of the plan, in their order; nothing of those that none was asked for.

    A write that the journal is sure of counts, whatever the last result says. Raises IndexerError.
    """
    told = {one.action_id: one for one in _earlier_outcomes(folder, plan_id)}
    history = read_history(folder, plan_id)
    for action_id in ids:
        last = history.writes[action_id][-1] if action_id in history.writes else None
        held = told.get(action_id)
        if last is None or not last.sure or last.at is None or (held and held.status in SUCCEEDED):
            continue
        told[action_id] = Outcome(action_id=action_id, status="applied", started_at=last.at, ended_at=last.at)
    return merged((told[one] for one in ids if one in told), history)


@dataclass(slots=True)
class _Action:
    """What was told of one action so far."""

    made: OurWrite | None = None
    made_at: datetime | None = None
    sent: list[tuple[str, OurWrite]] = field(default_factory=list)
    """Run and write: intents that nothing has answered yet."""

    def refused(self, run_id: str) -> None:
        """The last intent of this run came to nothing."""
        # Of this run: two runs on one place may have intended the same action, and the other's stays open.
        at = next((at for at in reversed(range(len(self.sent))) if self.sent[at][0] == run_id), None)
        if at is not None:
            del self.sent[at]

    def carried_out(self, before: BeforeImage, after: AfterImage | None, at: datetime) -> None:
        """What the first write replaced is the true before-image; what the last one left is what is there."""
        twins: tuple[str, ...] = ()
        if self.made is not None and self.made_at is not None:
            last = after if at >= self.made_at else self.made.after
            twins = self.made.twins_beside(after, last)
            before, after, at = self.made.before, last, max(at, self.made_at)
        made = OurWrite(before, after, sure=True, at=at, twins=twins)
        self.made, self.made_at, self.sent = made, at, []

    @property
    def writes(self) -> tuple[OurWrite, ...]:
        """The one that was made, or those that may have been."""
        return tuple(write for _, write in self.sent) if self.made is None else (self.made,)


class _Fold:
    """An intent may have been carried out, unless something says what came of it."""

    def __init__(self) -> None:
        self._actions: dict[str, _Action] = {}
        self._unreadable = False
        self.runs: dict[str, None] = {}
        self.unended: dict[str, None] = {}
        self.damaged = 0

    def line(self, line: Line | None, plan_id: str) -> None:
        """One more line of a file."""
        if self._unreadable and (line is None or line.get("event") != "started"):
            self.damaged += 1  # a crash tears the last line of a run, and what follows begins the next run
        self._unreadable = line is None
        # A folder may be used for another plan later on; its ids of actions may even be the same.
        if line is not None and line.get("plan_id") == plan_id:
            self.runs[str(line.get("run_id"))] = None
            with suppress(ValueError):  # of an image or a time; pydantic's are among them
                self._take(line, str(line.get("action_id")), str(line.get("run_id")))

    def end_of_file(self) -> None:
        """What a crash tore may be last."""
        self._unreadable = False

    def _take(self, line: Line, action_id: str, run_id: str) -> None:
        match line.get("event"):
            case "started":
                self.unended[run_id] = None
            case "finished":
                self.unended.pop(run_id, None)
            case "intent":
                before = BeforeImage.model_validate(line.get("before"))
                after = None if line.get("after") is None else AfterImage.model_validate(line["after"])
                at = datetime.fromisoformat(str(line.get("at")))
                self._of(action_id).sent.append((run_id, OurWrite(before, after, sure=False, at=at)))
            case "refused":
                self._of(action_id).refused(run_id)
            case "outcome":
                self.outcome(Outcome.model_validate(line))

    def outcome(self, outcome: Outcome) -> None:
        """What came of an action. One without a before-image answers no intent.

        A failure may have been a lost answer. Where somebody else's change is there by now, ours may have been before it,
        and what it rested on is not taken back without it.
        """
        if outcome.before is not None:
            self._of(outcome.action_id).carried_out(outcome.before, outcome.after, outcome.ended_at)

    def _of(self, action_id: str) -> _Action:
        return self._actions.setdefault(action_id, _Action())

    def writes(self) -> dict[str, tuple[OurWrite, ...]]:
        """By action."""
        return {action_id: one.writes for action_id, one in self._actions.items() if one.writes}


def merged(outcomes: Iterable[Outcome], history: History) -> tuple[Outcome, ...]:
    """A run's outcomes, each with the images of the write that an earlier run of the plan has made."""

    def told(outcome: Outcome) -> Outcome:
        writes = history.writes.get(outcome.action_id)
        if outcome.before is not None or not writes or not writes[-1].sure:
            return outcome
        return outcome.model_copy(update={"before": writes[-1].before, "after": writes[-1].after})

    return tuple(map(told, outcomes))
