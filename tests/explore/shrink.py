"""Make a counterexample as small as it gets: fewer events, simpler ones, at earlier points."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from explore.play import Verdict, play
from explore.schedule import Kind, Schedule

SIMPLER: dict[Kind, Kind] = {
    "power": "dies",
    "torn": "dies",
    "retried": "lost",
    "full": "dies",
    "refused": "fails",
    "hides": "partial",
}
MOST_TRIES = 300


def signatures(verdict: Verdict) -> set[str]:
    """What went wrong, without the names of this world and this run."""
    return {signature(str(one)) for one in verdict.problems}


def signature(problem: str) -> str:
    """One of them."""
    short = re.sub(r"\b(apply|again|undo|second|night)[-\w]*", "run", problem)
    return re.sub(
        r"[a-z0-9]+(/[^ ,:]+)+|[0-9a-f]{6,}|\d+|'[^']*'|\b[a-z]+: (?=its|it |[a-z_]+\.json)", "*", short
    )[:160]


def shrunk(schedule: Schedule) -> Schedule:
    """A smaller schedule that shows one of the same problems."""
    wanted, tries = signatures(play(schedule)), 0
    smaller = True
    while smaller:
        smaller = False
        for one in _simpler(schedule):
            tries += 1
            if tries > MOST_TRIES:
                return schedule
            if signatures(play(one)) & wanted:
                schedule, smaller = one, True
                break
    return schedule


def _simpler(schedule: Schedule) -> Iterator[Schedule]:
    events = schedule.events
    for at, event in enumerate(events):
        others = (*events[:at], *events[at + 1 :])
        yield replace(schedule, events=others)
        if event.kind in SIMPLER:
            yield replace(schedule, events=(*others, replace(event, kind=SIMPLER[event.kind])))
    for at, event in enumerate(events):
        for earlier in sorted({0, event.point // 2, event.point - 1} - {event.point, -1}):
            yield replace(schedule, events=(*events[:at], replace(event, point=earlier), *events[at + 1 :]))
