"""The way back: from a plan and what its runs have written to an ordinary plan. Source: DESIGN, promise 6.

It goes the other way round: after a plan, an asset's files first, its records after them, data assets last; after the plan of
an undo the other way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby

from indexer.model.action import (
    Action,
    DeleteRecord,
    ObjectAction,
    UpdateRecord,
)
from indexer.model.content import (
    Content,
    RecordSource,
)
from indexer.model.generation import (
    GENERATIONS,
    METADATA_FILE,
)
from indexer.model.kinds import PHASES, runs_backwards, system_of
from indexer.model.outcome import AfterImage, OurWrite
from indexer.model.snapshot import SystemName
from indexer.model.values import UnserialisableError, blanked, sha256, to_bytes
from indexer.planner.asset import chain
from indexer.planner.inverse import CannotUndoError, Kept, body_of, inverse, record_of


@dataclass(frozen=True, slots=True)
class Undo:
    """The actions of an undo, and what it leaves as it is."""

    actions: tuple[Action, ...]
    impossible: tuple[str, ...]


def plan_undo(actions: Sequence[Action], writes: Mapping[str, OurWrite], kept: Kept) -> Undo:
    """Take back everything that a run wrote, or may have written, asset by asset, the last write first.

    What belongs together is taken back together: if a write cannot be taken back, those that it rested on stay as well.
    Otherwise a record could lose a field whose original stays, and the next plan would delete the root file.
    """
    undone: list[Action] = []
    impossible: list[str] = []
    backwards = runs_backwards(actions)
    for location, group in groupby(actions, key=lambda action: action.location):
        steps: list[tuple[SystemName, list[Action]]] = []
        asset, stays = tuple(group), dict[str, str]()
        for action in reversed(asset):
            # What a plan that runs forwards writes after a file rules no files, and comes back after it, too.
            again = _metadata_of_record(action, asset, writes, kept) if backwards else None
            try:
                inverses = _inverses_unless(stays, action, writes, kept, again)
            except CannotUndoError as exc:
                impossible.append(f"{location}: {action.kind} {action.id}: {exc}")
                stays.setdefault(action.id, f"what came after it ({action.kind} {action.id}) cannot be")
            if action.id in stays:
                stays |= dict.fromkeys(action.after, stays[action.id])
            elif inverses:
                _add(steps, inverses, system_of(action))
        # The other way round in each asset alike, since one order of systems holds for a whole plan: a record that rules
        # no files is written after those of the other one, and would be taken back before them.
        steps.sort(key=lambda step: PHASES.index(step[0]), reverse=not backwards)
        undone.extend(chain(step for _, step in steps))
    return Undo(tuple(undone), tuple(impossible))


def _add(steps: list[tuple[SystemName, list[Action]]], inverses: list[Action], system: SystemName) -> None:
    """Each write is a step of its own, but for an asset's records: in both generations they are one."""
    held = [one for own, step in steps if own == system == "docdb" for one in step]
    if held:
        steps[:] = [step for step in steps if step[0] != system]
    steps.append((system, [*held, *inverses]))


def _inverses_unless(
    stays: Mapping[str, str],
    action: Action,
    writes: Mapping[str, OurWrite],
    kept: Kept,
    again: Content | None,
) -> list[Action]:
    """The way back of one write, and of its twins. Raises CannotUndoError, also where it must stay for what came after.

    `again`: what a metadata file gets instead of its old bytes.
    """
    write = writes.get(action.id)
    if write is None:
        return []
    if action.id in stays:
        raise CannotUndoError(f"left as it is, since {stays[action.id]}")
    lefts = [write.after or AfterImage(), *(AfterImage(data_asset_id=one) for one in write.twins)]
    return [inverse(action, write.before, left, kept, again) for left in lefts]


def _metadata_of_record(
    action: Action, asset: Sequence[Action], writes: Mapping[str, OurWrite], kept: Kept
) -> Content | None:
    """What the metadata file gets if the record that it was in step with comes back before it, with a new time.

    That happens when an undo is undone: the file's old bytes would be drift, since they hold the record's old time.
    """
    if not isinstance(action, ObjectAction) or action.target.key.rpartition("/")[2] != METADATA_FILE:
        return None
    if action.id not in writes:
        return None
    before = writes[action.id].before
    later = asset[asset.index(action) + 1 :]
    restored = (one for one in later if isinstance(one, UpdateRecord | DeleteRecord) and one.id in writes)
    for one in restored if before.kind == "object" else ():
        generation = GENERATIONS[one.target.generation]
        unknown = (generation.modified_field,)
        with suppress(CannotUndoError, UnserialisableError):
            _, record = record_of(writes[one.id].before, kept)
            _, body = body_of(before, kept)
            if to_bytes(record) == body:
                return Content(
                    source=RecordSource(generation=generation.name),
                    sha256=sha256(to_bytes(blanked(record, unknown))),
                    known_after_apply=unknown,
                )
    return None
