"""Looks at each of our writes as it happens. Source: DOMAIN, "What must never happen" 3 to 6."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from explore.facts import MODIFIED, ORIGINAL, alike, elsewhere, instant, out_of_bounds, strict
from explore.grounds import groundless, grounds_of
from explore.runs import Room, Run, journal_of
from explore.stage import Change, Snapshot
from explore.targets import writes_to
from indexer.model.values import fingerprint, sha256
from indexer.systems.bson_values import unarchived


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that must never happen, and did."""

    kind: str
    """lost, unreported, unfounded, bounds, protocol, drift or error."""
    words: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.kind}: {self.words}"


@dataclass(slots=True)
class Watch:
    """The witness of a room's history."""

    room: Room
    problems: list[Problem] = field(default_factory=list)

    def __call__(self, change: Change, now: Snapshot) -> None:
        """Somebody wrote; we look where it was one of ours."""
        run = next((one for one in self.room.runs if one.actor == change.author), None)
        if run is not None:
            for kind, words in self._against(change, now, run):
                self.problems.append(Problem(kind, f"{run.actor} wrote {named(change)}: {words}"))

    def _against(self, change: Change, now: Snapshot, run: Run) -> Iterator[tuple[str, str]]:
        seen = list(self._seen(change, run))
        raced = self._raced(change, run, seen)
        yield from self._content(change, run, reviewed=not (raced and self._puts_back(change, run)))
        if raced:
            self.room.raced.add(change.slot)
        else:
            yield from self._unseen(change, run, seen)
            if change.before is not None and not is_kept(change, now, self.room):
                yield "lost", "what it replaced is neither live nor in an archive"
        if run.planned.undoes is not None:
            for one in taken_apart(self.room, run, change, now):
                yield "lost", f"it was taken back without {named(one)}, which rested on it"
        looks, undo = self.room.stage.looks.get(run.actor, {}), run.planned.undoes is not None
        for ground in grounds_of(change, self.room.world, run.planned.seen, undo=undo):
            if groundless(ground, change, now, looks):
                yield "unfounded", f"not so any more: {ground.words}"

    def _puts_back(self, change: Change, run: Run) -> bool:
        """Did the proof that a server refuses a condition put back what was there at the last look?"""
        look = (self.room.stage.looks.get(run.actor, {}).get(change.slot) or [None])[-1]
        proof = change.slot[0] == "object" and change.after is not None and look is not None
        return proof and change.after == look.seen.value(change.slot)

    def _content(self, change: Change, run: Run, *, reviewed: bool = True) -> Iterator[tuple[str, str]]:
        """Is what was written what may be written? `reviewed`: it must be what the plan shows."""
        if why := out_of_bounds(change.slot, change.before, change.after):
            yield "bounds", why
        if change.slot[0] == "record" and change.after and not self._later(change):
            yield "unfounded", "its last-modified field is not later than the one that it replaces"
        if reviewed and change.after is not None and not _reviewed(change, run):
            yield "unfounded", "that is not what was reviewed"
        if change.slot[0] == "data-asset" and change.before is None and self._made_twice(change):
            yield "unfounded", "two data assets of one"
        if change.slot[0] == "record" and change.before and change.after and run.planned.undoes is None:
            before, after = (elsewhere(change.slot[1], one) for one in (change.before, change.after))
            if before != after:
                yield "lost", f"links to other platforms were {before}, and are {after}"

    def _later(self, change: Change) -> bool:
        """Is its time later than that of what it replaces, or of the deleted record that it brings back?"""
        history = [
            one.before for one in self.room.stage.history if one.slot == change.slot and one is not change
        ]
        replaced = change.before or next((one for one in reversed(history) if one), {})
        before, after = (instant(one.get(MODIFIED[change.slot[1]])) for one in (replaced, change.after))
        return before is None or (after is not None and after > before)

    def _made_twice(self, change: Change) -> bool:
        """Did this very run make another one before?"""
        made = [
            one
            for one in self.room.stage.history
            if one.author == change.author and one.slot[0] == "data-asset"
        ]
        same = [one for one in made if one.before is None and one.after.prefix == change.after.prefix]
        return len(same) > 1

    def _unseen(self, change: Change, run: Run, seen: Sequence[Any]) -> Iterator[tuple[str, str]]:
        """What was replaced must be what the plan saw, or what we wrote ourselves."""
        if run.planned.undoes is not None:
            own = lineage(self.room, run.planned.undoes)
            if not any(one.slot == change.slot for one in own) and not may_be_ours(self.room, change.slot):
                yield "lost", "an undo of what nobody of ours wrote"
        if change.before is None or change.slot[0] == "data-asset":
            return
        if ORIGINAL.fullmatch(change.slot[-1]) and not self._may_remove_original(change, run):
            yield "lost", "an original was overwritten"
        elif not any(_same(change, one) for one in seen) and not self._looks_like_ours(change, run):
            yield "lost", "what it replaced was not seen"

    def _made_original(self, change: Change, run: Run) -> bool:
        undone = run.planned.undoes
        return (
            undone is not None
            and change.after is None
            and any(
                one.slot == change.slot and one.after == change.before for one in lineage(self.room, undone)
            )
        )

    def _looks_like_ours(self, change: Change, run: Run) -> bool:
        """Somebody else wrote what a write of ours would have left, whose answer never came: nobody can tell."""
        if run.planned.undoes is None or not self.room.stage.unanswered or change.slot[0] != "object":
            return False
        left = [line.get("after") for line in journal_of(self.room, run.planned.undoes)]
        return any(one and one.get("sha256") == sha256(change.before) for one in left)

    def _may_remove_original(self, change: Change, run: Run) -> bool:
        return self._looks_like_ours(change, run) or self._made_original(change, run)

    def _seen(self, change: Change, run: Run) -> Iterator[Any]:
        planned = run.planned
        if planned.undoes is not None:
            yield from (one.after for one in lineage(self.room, planned.undoes) if one.slot == change.slot)
        else:
            yield planned.seen.value(change.slot)
            yield from (one.after for one in planned.window if one.slot == change.slot)
        ours = {one.actor for one in self.room.runs if one.planned.plan.plan_id == planned.plan.plan_id}
        yield from (
            one.after for one in self.room.stage.history if one.slot == change.slot and one.author in ours
        )

    def _raced(self, change: Change, run: Run, seen: Sequence[Any]) -> bool:
        """Of what no condition can hold: a change between the last look and the write, to a server that could not tell.

        On an S3 server that ignores conditions the write that shows it may go over what somebody else has written since
        the look. That cannot be held, only told: `check_result` demands that the run says so.
        """
        look = (self.room.stage.looks.get(run.actor, {}).get(change.slot) or [None])[-1]
        if change.slot[0] == "object":
            original = ORIGINAL.fullmatch(change.slot[-1]) is not None
            if not self.room.stage.ignoring or change.before in seen or (original and look is None):
                return False
            return look is None or look.seen.value(change.slot) in seen
        looked = None if look is None else look.seen.value(change.slot)
        if looked is None or change.before is None:
            return False
        if not any(_same(change, one, looked) for one in seen):
            return False
        return _quietly(change, looked, compares=self.room.stage.compares)


def _quietly(change: Change, looked: Mapping[str, Any], *, compares: bool) -> bool:
    """Was only something replaced that no filter can hold, and without a new last-modified?

    A field that was not there when we looked, or, where the database cannot compare them, an object or a list.
    """
    before, modified = change.before, MODIFIED[change.slot[1]]
    other = {name for name in {*looked, *before} if strict(looked.get(name)) != strict(before.get(name))}
    gone = other & _touched(change)
    held = gone - {name for name in gone if name not in looked and change.after is None}
    plain = any(compares or isinstance(looked.get(name), str | datetime | None) for name in held)
    return bool(gone) and modified not in other and not plain


def _reviewed(change: Change, run: Run) -> bool:
    """Has a file, or a field of a record, the digest that the plan shows, as far as it was known?"""
    asked = [getattr(one, "content", None) for one in run.planned.plan.actions if writes_to(one, change)]
    if change.slot[0] == "record":
        fields = [field for one in asked if one for field in getattr(one, "fields", ())]
        return all(fingerprint(change.after.get(one.field)) == one.sha256 for one in fields)
    digest = sha256(change.after) if change.slot[0] == "object" else ""
    known = (
        [one for one in asked if one and "last_modified" not in str(one.known_after_apply)] if digest else []
    )
    return not known or any(one.sha256 == digest for one in known)


def named(change: Change) -> str:
    """A slot, as a message names it."""
    return "/".join(change.slot)


def lineage(room: Room, folder: str) -> list[Change]:
    """What the runs that are recorded in a folder wrote."""
    actors = {one.actor for one in room.runs if one.folder == folder}
    return [one for one in room.stage.history if one.author in actors]


def taken_apart(room: Room, run: Run, change: Change, now: Snapshot) -> Iterator[Change]:
    """What had been written on top of what this change of an undo takes back, and is not taken back."""
    folder, known = str(run.planned.undoes), room.stage.history[: run.began]
    wrote = [one for one in lineage(room, folder) if one in known]
    undoing = {one.actor for one in room.runs if one.planned.undoes == folder}
    undone = {one.slot for one in room.stage.history if one.author in undoing}
    plan = next(one.planned.plan for one in room.runs if one.folder == folder)
    own = {one.id for one in plan.actions if writes_to(one, change)}
    for action in plan.actions:
        changes = [one for one in wrote if writes_to(action, one)] if own & {*action.after} else []
        slot = changes[0].slot if changes else None
        if slot and slot[0] == "data-asset" and now.value(slot) is None:
            continue  # somebody has deleted it: nothing of it is left to be taken back
        if slot and slot not in undone and not alike(slot, now.value(slot), changes[0].before):
            yield changes[0]


def may_be_ours(room: Room, slot: Sequence[str]) -> bool:
    """Was a write of ours under way whose answer never came? Then content like ours counts as ours."""
    return room.stage.unanswered


def _touched(change: Change) -> set[str]:
    """The fields of a record that a write changed, the time of the write apart; of a deletion, all."""
    before, after = change.before or {}, change.after or {}
    fields = {name for name in {*before, *after} if strict(before.get(name)) != strict(after.get(name))}
    return fields - {MODIFIED[change.slot[1]]}


def _same(change: Change, seen: Any, live: Any = None) -> bool:
    """Was this seen, as far as the write touched it?"""
    before = change.before if live is None else live
    if change.slot[0] != "record":
        return bool(before == seen)
    if seen is None or before is None:
        return seen is None and before is None
    fields = _touched(change) if change.after is not None else {*before, *seen}
    return all(strict(before.get(name)) == strict(seen.get(name)) for name in fields)


def is_kept(change: Change, now: Snapshot, room: Room) -> bool:
    """Is what was replaced live elsewhere, or in an archive?"""
    images = room.archives.bodies()
    match change.slot:
        case ("object", *_):
            return sha256(change.before) in images or any(
                one.body == change.before for held in now.buckets.values() for one in held.values()
            )
        case ("record", generation, _):
            fields = _touched(change) | ({MODIFIED[generation]} if change.after is not None else set())
            return any(
                _holds(image, change.before, fields) for image in map(_record, images.values()) if image
            )
    return any(change.slot[1].encode() in image for image in images.values())


def _holds(image: Mapping[str, Any], before: Mapping[str, Any], fields: set[str]) -> bool:
    return image.get("_id") == before["_id"] and all(
        strict(image.get(name)) == strict(before.get(name)) for name in fields
    )


@lru_cache(maxsize=4096)
def _record(image: bytes) -> Mapping[str, Any] | None:
    """A record that was kept; None where it is something else."""
    try:
        body = unarchived(image)
    except ValueError:
        return None
    return body if "_id" in body else None
