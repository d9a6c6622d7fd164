"""Is a journal one that a run of the applier can have left? Pure: lines → what is wrong with them.

| line       | only                                                                                       |
|------------|--------------------------------------------------------------------------------------------|
| `started`  | once in a run, and first                                                                   |
| `intent`   | of an action without an outcome, with the place of what the write replaces                 |
| `refused`  | after an intent that nothing has answered yet                                              |
| `outcome`  | once for an action; `applied`, only after an intent that was not refused                   |
| a before-image in an outcome | where the plan's journal has an intent of that action                    |
| `finished` | once, and last; by then each intent has its outcome, or was refused                        |

A run without `finished` died: what it intended last may have no outcome. Lines that were torn, and events of later
versions, are passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from indexer.applier.history import Line

KEPT = frozenset({"object", "record", "data-asset"})
"""Before-images that name a body in an archive."""


@dataclass(slots=True)
class _RunSoFar:
    """What the lines of one run have told."""

    begun: bool = False
    ended: bool = False
    open: Counter[str] = field(default_factory=Counter)
    """By action: intents that nothing has answered yet; an answer that was lost leaves one behind."""
    settled: set[str] = field(default_factory=set)


def protocol_problems(lines: Iterable[Line], elsewhere: Iterable[Line] = ()) -> Iterator[str]:
    """What no run of ours writes, in the order of the lines; nothing where all is well.

    `elsewhere`: lines of the same plan in other files, whose intents explain a before-image too.
    """
    runs: dict[str, _RunSoFar] = {}
    intended = {_action(line) for line in elsewhere if line.get("event") == "intent"}
    for number, line in enumerate(lines, start=1):
        run = runs.setdefault(str(line.get("run_id")), _RunSoFar())
        for problem in _line_problems(line, run, intended):
            yield f"line {number}: {line.get('event')} of {line.get('action_id', 'the run')}: {problem}"
        _take(line, run, intended)


def _line_problems(line: Line, run: _RunSoFar, intended: set[tuple[str, str]]) -> Iterator[str]:
    event, action_id = line.get("event"), str(line.get("action_id"))
    if run.ended:
        yield "the run had finished before"
    if event != "started" and not run.begun:
        yield "the run had not started"
    match event:
        case "started" if run.begun:
            yield "the run had started before"
        case "intent":
            yield from _intent_problems(line, run, action_id)
        case "refused" if not run.open[action_id]:
            yield "nothing was sent that could have been refused"
        case "outcome":
            yield from _outcome_problems(line, run, action_id, intended)
        case "finished" if still := sorted(+run.open):
            yield f"{', '.join(still)} has no outcome"


def _intent_problems(line: Line, run: _RunSoFar, action_id: str) -> Iterator[str]:
    before = line.get("before")
    if action_id in run.settled:
        yield "it had its outcome before"
    if not isinstance(before, Mapping) or "kind" not in before:
        yield "it does not say what the write replaces"
    elif before["kind"] in KEPT and not before.get("archive"):
        yield "what the write replaces was not kept"


def _outcome_problems(
    line: Line, run: _RunSoFar, action_id: str, intended: set[tuple[str, str]]
) -> Iterator[str]:
    if action_id in run.settled:
        yield "it had its outcome before"
    if line.get("status") == "applied" and not run.open[action_id]:
        yield "it was written without an intent"
    if line.get("before") is not None and _action(line) not in intended:
        yield "it has the before-image of a write that nobody intended"


def _action(line: Line) -> tuple[str, str]:
    """A folder may be used for another plan later on, whose actions may have the same ids."""
    return str(line.get("plan_id")), str(line.get("action_id"))


def _take(line: Line, run: _RunSoFar, intended: set[tuple[str, str]]) -> None:
    action_id = str(line.get("action_id"))
    match line.get("event"):
        case "started":
            run.begun = True
        case "intent":
            run.open[action_id] += 1
            intended.add(_action(line))
        case "refused":
            run.open[action_id] -= 1
        case "outcome":
            del run.open[action_id]
            run.settled.add(action_id)
        case "finished":
            run.ended = True
