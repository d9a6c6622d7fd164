"""The real planner, applier and undo on a stage: the explorer's composition root."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from explore.folder import Archives, MemoryRunFolder, RunFolderView
from explore.ports import readers_of, writers_of
from explore.stage import Change, Point, Slot, Snapshot, Stage, View
from explore.worlds import SmallWorld
from indexer.applier.history import PLAN_FILE, RESULT_FILE, read_history
from indexer.errors import IndexerError
from indexer.model.observer import NOBODY
from indexer.model.outcome import Result
from indexer.model.plan import Plan
from indexer.planner.assemble import Identity
from indexer.planner.asset_planner import plan_here
from indexer.planner.plan import plan_snapshot
from indexer.runs.apply import RunOptions, apply_plan
from indexer.runs.at_rest import at_rest
from indexer.runs.clock import check_clock
from indexer.runs.connect import Systems
from indexer.runs.loading import PlanFile, as_file
from indexer.runs.plan import look_at_clocks
from indexer.runs.undo import _unknown, undo_plan, way_back
from shared.builders import BUCKET, RESULTS, bounds, rules, scope
from shared.memory.stored import Crash


def quiet(_: str, __: str) -> str:
    """Nothing happens."""
    return ""


@dataclass(slots=True)
class Planned:
    """A plan, and what its planner could see."""

    file: PlanFile
    seen: Snapshot
    """When it began."""
    window: tuple[Change, ...] = ()
    """What others changed while it read."""
    undoes: str | None = None
    """It takes back what runs with this folder wrote."""

    @property
    def plan(self) -> Plan:
        """The plan itself."""
        return self.file.plan


@dataclass(slots=True)
class Run:
    """One run of the applier, however it ended."""

    actor: str
    planned: Planned
    folder: str
    run_id: str
    began: int
    """So long was the history then."""
    ended: int = 0
    result: Result | None = None
    died: bool = False
    error: str = ""
    """Words of an error of ours that ended it."""


@dataclass(frozen=True, slots=True)
class Undone:
    """The way back, and what it leaves as it is."""

    planned: Planned | None
    """None where there is nothing to go by, or it was refused."""
    words: tuple[str, ...] = ()
    left_out: bool = False


@dataclass(slots=True)
class Room:
    """The world, with what our runs keep beside it."""

    world: SmallWorld
    stage: Stage
    folders: dict[str, MemoryRunFolder] = field(default_factory=dict)
    archives: Archives = field(default_factory=Archives)
    runs: list[Run] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    raced: set[Slot] = field(default_factory=set)
    """What somebody changed in a way that no condition can hold."""

    def another(self) -> Room:
        """The same once more; what happens in one does not happen in the other."""
        folders = {name: one.another() for name, one in self.folders.items()}
        return Room(
            self.world,
            self.stage.another(),
            folders,
            self.archives.another(),
            list(self.runs),
            list(self.planned),
        )

    def cut_power(self) -> None:
        """What was not fsynced is gone, in all folders."""
        for one in self.folders.values():
            one.power_cut()


def plan(room: Room, actor: str = "plan", point: Point = quiet) -> Planned:
    """What the planner makes of the world. Raises Crash, IndexerError."""
    view, seen, began = View(room.stage, actor, point), room.stage.snapshot(), len(room.stage.history)
    readers = readers_of(view)
    asked = scope(RESULTS if room.world.results else BUCKET, **room.world.scope)
    look_at_clocks(readers_of(View(room.stage, actor, quiet)), asked, NOBODY, room.stage.clock)
    made = plan_snapshot(
        readers,
        rules(**{"links": True, **room.world.rules}),
        asked,
        RESULTS,
        Identity(f"{actor}-{len(room.planned)}", room.stage.now + room.stage.off, "0"),
        plan_here(readers, 1),
        NOBODY,
    )
    if made.fault is not None:
        raise made.fault
    planned = Planned(as_file(made.plan), seen, tuple(room.stage.history[began:]))
    room.planned.append(planned)
    return planned


def apply(room: Room, planned: Planned, folder: str, actor: str, point: Point = quiet) -> Run:
    """Carry out a plan, until it is done, or dies, or ends with an error of ours."""
    run = Run(actor, planned, folder, f"run-{len(room.runs) + 1}", len(room.stage.history))
    room.runs.append(run)
    try:
        run.result = _apply(room, planned, folder, run.run_id, actor, point)
    except Crash:
        run.died = True
    except IndexerError as exc:
        run.error = str(exc) or type(exc).__name__
    run.ended = len(room.stage.history)
    return run


def _apply(room: Room, planned: Planned, folder: str, run_id: str, actor: str, point: Point) -> Result:
    view = View(room.stage, actor, point)
    held = room.folders.setdefault(folder, MemoryRunFolder(folder))
    asked = readers_of(View(room.stage, actor, quiet))
    check_clock(asked, planned.plan.scope.buckets, clock=room.stage.clock)
    return apply_plan(
        planned.file,
        Systems(
            readers_of(view),
            writers_of(view),
            prove_conditions=room.stage.ignoring,
            whole_values=True,
            open_archive=lambda place: room.archives.of(place, actor, point),
        ),
        bounds(),
        held.of(actor, point),
        RunOptions(
            1,
            archive=f"/archives/{folder}",
            run_id=run_id,
            clock=room.stage.clock,
            pause=room.stage.pause,
        ),
    )


def undo(room: Room, folder: str) -> Undone:
    """Plan the way back from what a folder holds; refused where a run goes on in it."""
    held = room.folders[folder].of("undo-plan", quiet)
    try:
        with at_rest(held):
            return _undone(room, held)
    except IndexerError:
        return Undone(None)


def _undone(room: Room, held: RunFolderView) -> Undone:
    body = held.read(PLAN_FILE)
    if body is None:
        return Undone(None)
    plan, result = Plan.model_validate_json(body), held.read(RESULT_FILE)
    run = None if result is None else Result.model_validate_json(result)
    history = read_history(held, plan.plan_id, run)
    found = way_back(
        plan, history, run, lambda place: room.archives.of(place, "undo-plan", quiet), Path("/archives")
    )
    back = undo_plan(plan, found, run, history, f"undo-{len(room.planned)}", room.stage.now + room.stage.off)
    words = (*found.impossible, *_unknown(plan.actions, run, history))
    planned = Planned(as_file(back), room.stage.snapshot(), undoes=held.folder.name)
    room.planned.append(planned)
    return Undone(planned, words, left_out=bool(words))


def journal_of(room: Room, folder: str) -> list[dict[str, Any]]:
    """The whole lines of a folder's journal."""
    held = room.folders[folder].files.get("journal.jsonl") if folder in room.folders else None
    lines: list[dict[str, Any]] = []
    for text in (b"" if held is None else held.body).splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            continue
    return [line for line in lines if isinstance(line, dict)]
