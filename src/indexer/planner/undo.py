"""The way back: from a run's plan and outcomes to an ordinary plan. Source: DESIGN, promise 6.

| what was written           | its undo                                        | only while                           |
|----------------------------|-------------------------------------------------|--------------------------------------|
| a new file, or a copy      | delete it                                       | it has the ETag that was written     |
| a file over another        | put the other's bytes back                      | it has the ETag that was written     |
| a deleted file             | put it back                                     | there is none                        |
| a new record               | delete it                                       | it is, in every field, as written    |
| changed fields of a record | set what was there; take out what was not there | the record is, in every field, so    |
| a deleted record           | insert it again                                 | the location has none                |
| a new data asset           | delete it                                       | it mounts the location               |
| an archived data asset     | take it out of the archive                      | it is there, and mounts the location |
| a deleted data asset       | nothing can bring it back: reported             |                                      |

It goes the other way round: after a plan, an asset's files first, its records after them, data assets last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from indexer.model.action import (
    Action,
    ArchiveDataAsset,
    CopyObject,
    CreateDataAsset,
    DeleteDataAsset,
    DeleteObject,
    DeleteRecord,
    InsertRecord,
    PutObject,
    RecordAction,
    UpdateRecord,
)
from indexer.model.content import (
    Absent,
    ArchivedRecordContent,
    ArchiveSource,
    AsRead,
    Content,
    FieldContent,
    HasEtag,
    Mounted,
    RecordContent,
    RestsOn,
)
from indexer.model.generation import CORE_FIELDS, GENERATIONS, core_file, original_field
from indexer.model.outcome import AfterImage, BeforeImage, Outcome
from indexer.model.values import fingerprint, id_in_plan, masked
from indexer.planner.asset import chain


class CannotUndoError(ValueError):
    """This write cannot be taken back, and why."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a run kept: where, and how its images are read."""

    archive: str
    """The archive, as a plan names it."""
    body: Callable[[str], bytes | None]
    record: Callable[[str], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Undo:
    """The actions of an undo, and what it leaves as it is."""

    actions: tuple[Action, ...]
    impossible: tuple[str, ...]


def plan_undo(actions: Sequence[Action], outcomes: Mapping[str, Outcome], kept: Kept) -> Undo:
    """Take back everything that a run wrote, asset by asset, the last write first."""
    undone: list[Action] = []
    impossible: list[str] = []
    for location, group in groupby(actions, key=lambda action: action.location):
        steps: list[tuple[bool, list[Action]]] = []
        for action in reversed(list(group)):
            outcome = outcomes.get(action.id)
            if outcome is None or outcome.before is None:
                continue  # nothing was written
            try:
                inverse = _inverse(action, outcome.before, outcome.after, kept)
            except CannotUndoError as exc:
                impossible.append(f"{location}: {action.kind} {action.id}: {exc}")
                continue
            # An asset's records, in both generations, are one step.
            record = isinstance(action, RecordAction)
            if steps and record and steps[-1][0]:
                steps[-1][1].append(inverse)
            else:
                steps.append((record, [inverse]))
        undone.extend(chain(step for _, step in steps))
    return Undo(tuple(undone), tuple(impossible))


def _inverse(action: Action, before: BeforeImage, after: AfterImage | None, kept: Kept) -> Action:
    left = after or AfterImage()
    match action:
        case PutObject() | CopyObject():
            return _restore_file(action, before, left, kept)
        case DeleteObject():
            content = _file_content(before, kept)
            return PutObject(
                location=action.location,
                reason="undo",
                target=action.target,
                precondition=Absent(),
                content=content,
            )
        case InsertRecord():
            return DeleteRecord(
                location=action.location,
                reason="undo",
                target=action.target,
                precondition=_as_left(action, left),
            )
        case UpdateRecord():
            return _restore_fields(action, before, left, kept)
        case DeleteRecord():
            return _restore_record(action, before, kept)
        case CreateDataAsset():
            if left.data_asset_id is None:
                raise CannotUndoError("its id is not known")
            target = action.target.model_copy(update={"data_asset_id": left.data_asset_id})
            return DeleteDataAsset(
                location=action.location, reason="undo", target=target, precondition=Mounted()
            )
        case ArchiveDataAsset():
            return ArchiveDataAsset(
                location=action.location,
                reason="undo",
                target=action.target,
                precondition=Mounted(),
                archive=not action.archive,
            )
        case DeleteDataAsset():
            raise CannotUndoError("Code Ocean cannot bring a deleted data asset back")


def _restore_file(
    action: PutObject | CopyObject, before: BeforeImage, left: AfterImage, kept: Kept
) -> Action:
    if left.etag is None or left.key is None:
        raise CannotUndoError("what it left behind is not known: apply the plan again first")
    target = action.target.model_copy(update={"key": left.key})
    precondition = HasEtag(etag=left.etag)
    if before.kind == "absent":
        return DeleteObject(
            location=action.location,
            reason="undo",
            target=target,
            precondition=precondition,
            rests_on=_root_of(left.key),
        )
    return PutObject(
        location=action.location,
        reason="undo",
        target=target,
        precondition=precondition,
        content=_file_content(before, kept),
    )


def _root_of(key: str) -> RestsOn | None:
    """An original goes only while the file that it is the copy of is there."""
    folder, _, name = key.rpartition("/")
    field = original_field(name)
    return None if field is None else RestsOn(root=f"{folder.rpartition('/')[0]}/{core_file(field)}")


def _file_content(before: BeforeImage, kept: Kept) -> Content:
    source = _source(before, kept)
    body = kept.body(source.sha256)
    if body is None:
        raise CannotUndoError(f"the archive {kept.archive} does not hold {source.sha256}")
    return Content(source=source, sha256=source.sha256, size=len(body))


def _source(before: BeforeImage, kept: Kept) -> ArchiveSource:
    if before.archive is None:
        raise CannotUndoError("its before-image was not kept")
    return ArchiveSource(archive=kept.archive, sha256=before.archive)


def _record(before: BeforeImage, kept: Kept) -> tuple[ArchiveSource, Mapping[str, Any]]:
    source = _source(before, kept)
    record = kept.record(source.sha256)
    if record is None:
        raise CannotUndoError(f"the archive {kept.archive} does not hold the record {source.sha256}")
    return source, record


def _as_left(action: InsertRecord | UpdateRecord, left: AfterImage) -> AsRead:
    """The record must be, in every field, as the run left it."""
    if left.sha256 is None:
        raise CannotUndoError("what it left behind is not known: apply the plan again first")
    location = None
    if isinstance(action, UpdateRecord):
        location = action.precondition.fields.get("location")
    return AsRead(fields={"location": location or fingerprint(action.location)}, record=left.sha256)


def _restore_fields(action: UpdateRecord, before: BeforeImage, left: AfterImage, kept: Kept) -> UpdateRecord:
    source, record = _record(before, kept)
    touched = (*(one.field for one in action.content.fields), *action.content.unset)
    adopted = tuple(field for field in touched if field in CORE_FIELDS and record.get(field) is None)
    return UpdateRecord(
        location=action.location,
        reason="undo",
        target=action.target,
        precondition=_as_left(action, left),
        rests_on=RestsOn(no_original=adopted) if adopted else None,
        content=RecordContent(
            fields=tuple(
                FieldContent(field=field, source=source, sha256=fingerprint(record[field]))
                for field in touched
                if field in record
            ),
            unset=tuple(field for field in touched if field not in record),
            known_after_apply=action.content.known_after_apply,
        ),
    )


def _restore_record(action: DeleteRecord, before: BeforeImage, kept: Kept) -> InsertRecord:
    source, record = _record(before, kept)
    unknown = (GENERATIONS[action.target.generation].modified_field,)
    return InsertRecord(
        location=action.location,
        reason="undo",
        target=action.target.model_copy(update={"record_id": id_in_plan(record["_id"])}),
        content=ArchivedRecordContent(
            source=source, sha256=fingerprint(masked(record, unknown)), known_after_apply=unknown
        ),
    )
