"""Play a schedule from beginning to end, and look what became of the world."""

from __future__ import annotations

import re
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache

from explore.accounts import check_journal, check_result, check_undo, goes_on, unanswered_in
from explore.actors import act
from explore.director import JUMPS, Director
from explore.facts import names_data_assets
from explore.grounds import planned_in_vain
from explore.oracle import not_adopted, out_of_step
from explore.runs import Planned, Room, Run, apply, journal_of, plan, quiet, undo
from explore.schedule import Schedule
from explore.stage import Snapshot
from explore.watch import Problem, Watch
from explore.worlds import WORLDS
from indexer.errors import IndexerError
from shared.memory.stored import Crash

WRITES = re.compile(r"(objects\.(put|delete)|records\.(write|next)|data_assets\.(create|archive|delete))")
ANSWERS = re.compile(rf"line|{WRITES.pattern}")
"""Where a death leaves a write in doubt: before its answer came, or before that was on disk."""
INEVITABLE = ("deleted data asset", "its id is not known", "left as it is, since")
"""What no undo can take back, and what rests on it."""
OUR_END = frozenset({"dies", "power", "torn"})
TRIES = 3
"""So many plans, each applied, must bring a world to rest that nobody touches any more."""


@dataclass(slots=True)
class Verdict:
    """What a schedule showed."""

    schedule: Schedule
    problems: list[Problem] = field(default_factory=list)
    passed: list[tuple[str, int, str]] = field(default_factory=list)
    """Every point: actor, number, name."""
    struck: Counter[str] = field(default_factory=Counter)
    """Events that came about, by kind."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A world with its plan, made once and played many times."""

    room: Room
    planned: Planned


@cache
def prepared(world: str) -> Prepared:
    """The world, planned while nothing happens."""
    room = Room(WORLDS[world], WORLDS[world].stage())
    return Prepared(room, plan(room))


def play(schedule: Schedule) -> Verdict:
    """Play it; whatever goes wrong is in the verdict."""
    one = _Play(schedule)
    try:
        one.from_beginning_to_end()
    except Exception as exc:  # noqa: BLE001 any error that is none of ours is what we look for
        where = traceback.extract_tb(exc.__traceback__)[-1]
        words = f"{type(exc).__name__}: {exc} ({where.filename.rpartition('/')[2]}:{where.lineno})"
        one.watch.problems.append(Problem("error", words))
    return Verdict(schedule, one.watch.problems, one.director.passed, one.director.struck)


def is_complete(run: Run) -> bool:
    """Did it get to its end, with everything done?"""
    return run.result is not None and run.result.complete


def _kinds(planned: Planned) -> str:
    return ", ".join(f"{one.kind}/{one.reason} of {one.location}" for one in planned.plan.actions)


class _Play:
    in_step = False
    """What was done last should have left nothing to do."""

    def __init__(self, schedule: Schedule) -> None:
        made = prepared(schedule.world)
        self.schedule, self.planned = schedule, made.planned
        self.in_hand = (
            made.planned
        )  # the plan that runs of ours apply: another, where something happened to its planning
        self.room = made.room.another()
        self.watch = Watch(self.room)
        self.room.stage.witness = self.watch
        self.room.stage.ignoring = any(event.kind == "ignoring" for event in schedule.events)
        self.director = Director(
            self.room.stage,
            schedule.events,
            lambda name: act(self.room.stage, name),
            self._second,
            self.room.cut_power,
            self.room.archives.purge,
        )

    def from_beginning_to_end(self) -> None:
        """A run of the plan, what the operator does next, and the nights after it."""
        planned = self._planned()
        if planned is not None:
            self.in_hand = planned
            run = self._apply(planned, "r1", "apply")
            self.director.ended()
            self._next(planned, run)
        self._nights()
        for folder in list(self.room.folders):
            self.watch.problems.extend(check_journal(self.room, folder))

    def _next(self, planned: Planned, run: Run) -> None:
        """What the operator does after the run."""
        match self.schedule.then:
            case "again":
                self.in_step = is_complete(self._until_done(planned, "r1", "again"))
                if not self.in_step and self._undisturbed():
                    self._problem("drift", "nothing was in its way, and the plan was not carried out")
            case "undo":
                self._undo("r1", "u1", "undo")
            case "half":
                self._undo("r1", "u1", "undo", half=True)
            case "both":
                self._until_done(planned, "r1", "again")
                self._undo("r1", "u1", "undo")
            case "redo":
                undone = self._undo("r1", "u1", "undo")
                redone = undone and self._undo("u1", "u2", "redo")
                self.in_step = is_complete(run) and redone

    def point(self, actor: str, name: str) -> str:
        """A step of ours; the room is told of what leaves a write in doubt.

        So does a death between an intent and its write: nobody can tell it from a lost answer, and DOMAIN's fifth
        "never" lets us take for ours what is then as our write would have left it.
        """
        try:
            fate = self.director.point(actor, name)
        except BaseException:
            self.room.stage.unanswered |= ANSWERS.fullmatch(name) is not None or self._intends(actor)
            raise
        self.room.stage.unanswered |= name == "line" and fate == "full"
        return fate

    def _intends(self, actor: str) -> bool:
        """Has this run of ours journalled an intent that nothing has answered yet?"""
        run = next((one for one in reversed(self.room.runs) if one.actor == actor), None)
        return run is not None and any(unanswered_in(journal_of(self.room, run.folder), run.run_id))

    def _planned(self) -> Planned | None:
        if not any(event.actor == "plan" for event in self.schedule.events):
            return self.planned
        for event in self.schedule.events:
            if (event.actor, event.kind) == ("plan", "clock"):
                self.room.stage.off = JUMPS[event.what]  # a plan looks at the clock first of all
        try:
            planned = plan(self.room, "plan", self.point)
        except (Crash, IndexerError):
            return None
        for one in self._unplanned(planned):
            self._problem("unreported", f"it is not planned, and nothing says so: {one}")
        for one in () if planned.window else planned_in_vain(planned.plan, self._shown(planned)):
            self._problem("unfounded", f"it was planned: {one}")
        return planned

    def _unplanned(self, planned: Planned) -> Iterator[str]:
        """What is out of step, and not in a plan that was made by a wrong clock."""
        if not self.room.stage.off:
            return
        told = [*planned.plan.actions, *planned.plan.findings, *(one.action for one in planned.plan.withheld)]
        named = {str(one.location).rpartition("/")[2] for one in told}
        yield from (
            one for one in out_of_step(planned.seen, self.room.world) if one.partition(":")[0] not in named
        )

    def _shown(self, planned: Planned) -> Snapshot:
        """What the planner could see. An answer without a single data asset, where records name some, is none."""
        looks = self.room.stage.looks.get("plan", {}).get(("search", "live"), [])
        if not looks or (not looks[-1].seen.data_assets and names_data_assets(planned.seen)):
            return planned.seen
        return replace(planned.seen, data_assets=looks[-1].seen.data_assets)

    def _apply(self, planned: Planned, folder: str, actor: str, *, quietly: bool = False) -> Run:
        run = apply(self.room, planned, folder, actor, quiet if quietly else self.point)
        self.watch.problems.extend(check_result(self.room, run))
        return run

    def _until_done(self, planned: Planned, folder: str, actor: str) -> Run:
        """As an operator does: again, where a run did not get to its end."""
        run = self._apply(planned, folder, actor)
        if not is_complete(run):
            run = self._apply(planned, folder, f"{actor}-once-more", quietly=True)
        return run

    def _second(self, what: str) -> None:
        """Another run of ours, at the same time."""
        match what:
            case "same":
                self._apply(self.in_hand, "r1", "second")
            case "other":
                self._apply(self.in_hand, "r2", "second")
            case "overlap":
                self._apply(plan(self.room, "second-plan"), "r3", "second")
            case "undo":
                back = undo(self.room, "r1").planned
                if back is not None:
                    if any(one.folder == "r1" and goes_on(self.room, one.actor) for one in self.room.runs):
                        self._problem("unfounded", "an undo was planned of a run that goes on")
                    self._apply(back, "u2", "second")

    def _undo(self, folder: str, own: str, actor: str, *, half: bool = False) -> bool:
        """Take back what a folder tells of; `half`: as far as it gets. Whether nothing was left out."""
        began, since = self.room.stage.snapshot(), len(self.room.stage.history)
        undone = undo(self.room, folder)
        if undone.left_out:
            self._left_out(undone.words)
        if undone.planned is None:
            return False
        run = (self._apply if half else self._until_done)(undone.planned, own, actor)
        undone = replace(undone, left_out=undone.left_out or not is_complete(run))
        if not half and not is_complete(run) and self._undisturbed():
            self._problem("unreported", "nothing was in its way, and it was not taken back")
        self.watch.problems.extend(check_undo(self.room, undone, began, since, folder))
        return not undone.left_out

    def _left_out(self, words: tuple[str, ...]) -> None:
        """Where nobody else acted, and no system failed, everything can be taken back but a deleted data asset."""
        wrong = [one for one in words if not any(inevitable in one for inevitable in INEVITABLE)]
        if wrong and self._undisturbed():
            self._problem("unreported", f"undo left out what it could take back: {wrong[0]}")

    def _nights(self) -> None:
        """Plan and apply, until nothing is left to do; and what is then so must be right."""
        if self.room.stage.ignoring:
            return  # nothing is written to such a server: no night would end
        self.room.stage.hidden.clear()
        self.room.stage.off = timedelta()
        planned = plan(self.room, "plan-of-night-0")
        if planned.plan.actions and self.in_step and self._undisturbed():
            self._problem("drift", f"the plan after it has {_kinds(planned)}")
        for night in range(TRIES):
            if not planned.plan.actions:
                break
            self._apply(planned, f"n{night}", f"night-{night}", quietly=True)
            planned = plan(self.room, f"plan-of-night-{night + 1}")
        told = {one.location for one in planned.plan.findings}
        if any(one.location not in told for one in planned.plan.actions):
            self._problem("drift", f"after {TRIES} plans there is still {_kinds(planned)}")
        if not planned.plan.withheld and planned.plan.summary.complete:
            for one in self._out_of_step(self.room.stage.snapshot()):
                self._problem("drift", one)

    def _undisturbed(self) -> bool:
        """Has nobody else done anything, and did each system do what it was asked?"""
        return {event.kind for event in self.schedule.events} <= OUR_END

    def _problem(self, kind: str, words: str) -> None:
        self.watch.problems.append(Problem(kind, words))

    def _out_of_step(self, now: Snapshot) -> Iterator[str]:
        yield from out_of_step(now, self.room.world)
        if self._undisturbed():
            yield from not_adopted(self.planned.seen, now, self.room.world)
