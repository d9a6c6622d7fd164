"""Do journal, result and undo account for what was written? Each of our writes, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from explore.facts import alike
from explore.runs import Room, Run, Undone, journal_of, quiet
from explore.stage import Change, Slot, Snapshot
from explore.targets import writes_to
from explore.watch import Problem, _record, lineage, named
from indexer.applier.history import RESULT_FILE
from indexer.applier.protocol import protocol_problems
from indexer.applier.replay import replay_faults
from indexer.model.action import Action, ArchiveDataAsset, DeleteDataAsset
from indexer.model.outcome import BeforeImage, Outcome, Result
from indexer.model.values import sha256
from indexer.runs.audit import left_behind

WRITTEN = ("applied", "satisfied")


def check_journal(room: Room, folder: str) -> Iterator[Problem]:
    """Its lines, and an intent for each write."""
    lines = journal_of(room, folder)
    for problem in protocol_problems(lines):
        yield Problem("protocol", f"{folder}: {problem}")
    yield from audited(room, folder)
    if mixed(lines):
        yield Problem("protocol", f"{folder}: two runs wrote to it at once")
    runs = [one for one in room.runs if one.folder == folder]
    ended = sum(line.get("event") == "finished" for line in lines)
    if ended < sum(one.result is not None for one in runs):
        yield Problem("protocol", f"{folder}: a run got to its end, and the journal does not say so")
    intended, all_intended = (
        list(standing(lines)),
        [(line.get("action_id"), line.get("before")) for line in lines],
    )
    for run in runs:
        for change in (one for one in room.stage.history if one.author == run.actor):
            asked = [one.id for one in run.planned.plan.actions if writes_to(one, change)]
            if not asked:
                yield Problem("bounds", f"{run.actor} wrote {named(change)}, which its plan does not ask for")
                continue
            # Whose write a record shows that somebody else changed at once, nobody can tell.
            known = all_intended if _taken_over(room, change) else intended
            if unheld(room, change) and any(one in asked for one, _ in all_intended):
                continue
            if not any(one in asked and _is_image(before, change, room) for one, before in known):
                yield Problem(
                    "unreported",
                    f"{run.actor} wrote {named(change)}, and the journal does not say what it replaced",
                )


def audited(room: Room, folder: str) -> Iterator[Problem]:
    """What `indexer audit` finds wrong with what is left there, but for images, of which the archive may have lost some."""
    runs = [one for one in room.runs if one.folder == folder]
    if not runs:
        return
    view = room.folders[folder].of("auditor", quiet)
    body, result = view.read(RESULT_FILE), None
    if body is not None:
        with suppress(ValidationError):
            result = Result.model_validate_json(body)
    for fault in replay_faults(left_behind(view, runs[-1].planned.file, result)):
        yield Problem("audit", f"{folder}: {fault.about}: {fault.detail}")


def mixed(lines: list[dict[str, Any]]) -> bool:
    """Did a run write a line after a later one had begun?"""
    began: list[object] = []
    for line in lines:
        if line.get("run_id") not in began:
            began.append(line.get("run_id"))
        elif line.get("run_id") != began[-1]:
            return True
    return False


def unheld(room: Room, change: Change) -> bool:
    """Did it go over what somebody else had just written, on a server whose conditions hold nothing?

    No before-image can show that; the run must say that the server ignores conditions.
    """
    over = change.slot in room.raced or change.before == change.after
    return room.stage.ignoring and change.slot[0] == "object" and over


def standing(lines: list[dict[str, Any]]) -> Iterator[tuple[object, object]]:
    """The intents, action and before-image, that were not refused."""
    sent: dict[tuple[object, object], list[object]] = {}
    for line in lines:
        intents = sent.setdefault((line.get("run_id"), line.get("action_id")), [])
        if line.get("event") == "intent":
            intents.append(line.get("before"))
        elif line.get("event") == "refused" and intents:
            intents.pop()
    return ((action_id, before) for (_, action_id), intents in sent.items() for before in intents)


def unanswered_in(lines: list[dict[str, Any]], run_id: str) -> Iterator[object]:
    """The actions of a run that it intended a write for, and of which it says nothing more."""
    open_ones: dict[object, int] = {}
    for line in lines:
        if line.get("run_id") == run_id:
            match line.get("event"):
                case "intent":
                    open_ones[line.get("action_id")] = open_ones.get(line.get("action_id"), 0) + 1
                case "refused":
                    open_ones[line.get("action_id")] = open_ones.get(line.get("action_id"), 0) - 1
                case "outcome":
                    open_ones.pop(line.get("action_id"), None)
    return (one for one, count in open_ones.items() if count > 0)


def _is_image(before: object, change: Change, room: Room) -> bool:
    """Does a before-image show what a write replaced?"""
    if not isinstance(before, Mapping):
        return False
    if change.before is None:
        return before.get("kind") == "absent"
    name = str(before.get("archive"))
    image = room.archives.bodies().get(name)
    if image is None:
        return False
    match change.slot[0]:
        case "object":
            return sha256(change.before) == name
        case "record":
            return (_record(image) or {}).get("_id") == change.before["_id"]
    return change.slot[1].encode() in image


def check_result(room: Room, run: Run) -> Iterator[Problem]:
    """Each outcome says what the plan's runs with this folder wrote, and nothing more."""
    if run.result is None:
        return
    ours = {one.actor for one in room.runs if one.folder == run.folder and one.began <= run.ended}
    history = room.stage.history[: run.ended]
    outcomes = {one.action_id: one for one in run.result.outcomes}
    blind = [one for one in history if one.author == run.actor and unheld(room, one)]
    if blind and not any("ignores conditions" in one.detail for one in run.result.outcomes):
        yield Problem(
            "unreported", f"{run.actor} wrote {named(blind[0])} on no condition, and does not say so"
        )
    for action in run.planned.plan.actions:
        outcome = outcomes.get(action.id)
        if outcome is None:
            yield Problem("unreported", f"{run.actor}: {action.kind} {action.location} has no outcome")
            continue
        rested = [one for one in action.after if one in outcomes and outcomes[one].status not in WRITTEN]
        if outcome.status == "applied" and rested:
            yield Problem(
                "unfounded",
                f"{run.actor}: {action.kind}/{action.reason} was applied, and rests on what was not",
            )
        changes = [one for one in history if one.author in ours and writes_to(action, one)]
        own = [one for one in changes if one.author == run.actor]
        if outcome.status in WRITTEN and not _is_so(room, action, run):
            yield Problem("unreported", f"{run.actor}: {action.kind} is {outcome.status}, and it is not so")
        for kind, words in _outcome_against(room, outcome, changes, own):
            yield Problem(
                kind,
                f"{run.actor}: {action.kind}/{action.reason} of {action.location} is {outcome.status}, {words}",
            )


def _is_so(room: Room, action: Action, run: Run) -> bool:
    """Is a data asset archived, deleted or back, as an outcome says? Unless others have changed it since."""
    if not isinstance(action, ArchiveDataAsset | DeleteDataAsset):
        return True
    name = action.target.data_asset_id or ""
    live = room.stage.data_assets.get(name)
    others = {
        one.author for one in room.stage.history[run.began : run.ended] if one.slot == ("data-asset", name)
    }
    if live is None or others - {run.actor}:
        return True
    return live.archived == (isinstance(action, DeleteDataAsset) or action.archive)


def _outcome_against(
    room: Room, outcome: Outcome, changes: list[Change], own: list[Change]
) -> Iterator[tuple[str, str]]:
    if outcome.status == "applied" and not own and not (room.stage.unanswered or room.stage.ignoring):
        yield "unreported", "and it did not write"
    if own and outcome.before is None and outcome.status != "failed" and not _in_doubt(room, own[-1]):
        yield "unreported", "and its write has no before-image"
    earlier = changes and not own and outcome.status == "satisfied" and outcome.before is None
    if (
        earlier
        and not goes_on(room, changes[-1].author)
        and not _taken_over(room, changes[-1], by_others=True)
    ):
        yield "unreported", "and an earlier run's write has no before-image"
    if outcome.before is not None and not changes and not (room.stage.unanswered or room.stage.ignoring):
        yield "unreported", "and has the before-image of somebody else's write"
    told = changes and outcome.before is not None and not any(unheld(room, one) for one in changes)
    if told and not _fits(outcome.before, changes, room):
        yield "unreported", "and its before-image is not what was replaced"


def goes_on(room: Room, actor: str) -> bool:
    """Is this run not at its end? What it has written, its journal tells only then for sure."""
    run = next(one for one in room.runs if one.actor == actor)
    return run.result is None and not run.died and not run.error


def _in_doubt(room: Room, own: Change) -> bool:
    """Could nobody tell that it was written? The answer was lost, or somebody else's write took its place at once."""
    return room.stage.unanswered or _taken_over(room, own)


def _taken_over(room: Room, own: Change, *, by_others: bool = False) -> bool:
    """Did somebody else write there since? `by_others`: to anything, not to a record alone."""
    later = room.stage.history[room.stage.history.index(own) + 1 :]
    return (by_others or own.slot[0] == "record") and any(
        one.slot == own.slot and one.author != own.author for one in later
    )


def _fits(before: BeforeImage, changes: list[Change], room: Room) -> bool:
    return _is_image(before.model_dump(), changes[0], room)


def check_undo(room: Room, undone: Undone, began: Snapshot, since: int, folder: str) -> Iterator[Problem]:
    """What the runs of the folder wrote is as it was before them; what others changed since is left alone."""
    wrote: dict[Slot, list[Change]] = {}
    for change in lineage(room, folder):
        wrote.setdefault(change.slot, []).append(change)
    now, ours = room.stage.snapshot(), {one.actor for one in room.runs}
    others = {one.slot for one in room.stage.history[since:] if one.author not in ours}
    for slot, changes in wrote.items():
        if slot in others | room.raced or any(one.before == one.after for one in changes):
            continue
        live, left, before = now.value(slot), began.value(slot), changes[0].before
        if not alike(slot, left, changes[-1].after, exactly=True):
            if not alike(slot, live, left):
                yield Problem("lost", f"undo changed {'/'.join(slot)}, which others had changed")
        elif not alike(slot, live, before) and not undone.left_out:
            yield Problem("unreported", f"undo left {'/'.join(slot)} as it is, and did not say so")
    for slot in (_slots(began) | _slots(now)) - others:
        if (
            slot not in wrote
            and not alike(slot, now.value(slot), began.value(slot))
            and not room.stage.unanswered
        ):
            yield Problem("lost", f"undo changed {'/'.join(slot)}, which the run had not written")


def _slots(now: Snapshot) -> set[Slot]:
    objects: set[Slot] = {("object", bucket, key) for bucket, held in now.buckets.items() for key in held}
    records: set[Slot] = {("record", name, key) for name, held in now.records.items() for key in held}
    return objects | records | {("data-asset", one) for one in now.data_assets}
