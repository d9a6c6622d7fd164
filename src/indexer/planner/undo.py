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
from contextlib import suppress
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
    ObjectAction,
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
    HasBytes,
    HasEtag,
    Mounted,
    RecordContent,
    RecordSource,
    RestsOn,
)
from indexer.model.generation import (
    CORE_FIELDS,
    GENERATIONS,
    METADATA_FILE,
    core_file,
    original_field,
)
from indexer.model.ids import id_in_plan
from indexer.model.outcome import AfterImage, BeforeImage, OurWrite
from indexer.model.values import UnserialisableError, fingerprint, masked, sha256, to_bytes
from indexer.planner.asset import chain


class CannotUndoError(ValueError):
    """This write cannot be taken back, and why."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a run kept: where, and how its images are read."""

    place: Callable[[str | None], str]
    """The archive that an image names, as a plan names it; None is the result's."""
    body: Callable[[str, str], bytes | None]
    """The bytes at a place under a name."""
    record: Callable[[str, str], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Undo:
    """The actions of an undo, and what it leaves as it is."""

    actions: tuple[Action, ...]
    impossible: tuple[str, ...]


def plan_undo(actions: Sequence[Action], writes: Mapping[str, OurWrite], kept: Kept) -> Undo:
    """Take back everything that a run wrote, or may have written, asset by asset, the last write first.

    What belongs together is taken back together: where a write cannot be, those that it rested on stay as well. Else a
    record could lose a field whose original stays, and the next plan would delete the root file.
    """
    undone: list[Action] = []
    impossible: list[str] = []
    for location, group in groupby(actions, key=lambda action: action.location):
        steps: list[tuple[bool, list[Action]]] = []
        asset, stays = tuple(group), dict[str, str]()
        for action in reversed(asset):
            write = writes.get(action.id)
            try:
                inverse = None if write is None else _inverse_unless(stays, action, asset, writes, kept)
            except CannotUndoError as exc:
                impossible.append(f"{location}: {action.kind} {action.id}: {exc}")
                stays.setdefault(action.id, f"what came after it ({action.kind} {action.id}) cannot be")
            if action.id in stays:
                stays |= dict.fromkeys(action.after, stays[action.id])
            elif inverse is not None:
                # An asset's records, in both generations, are one step.
                record = isinstance(action, RecordAction)
                if steps and record and steps[-1][0]:
                    steps[-1][1].append(inverse)
                else:
                    steps.append((record, [inverse]))
        undone.extend(chain(step for _, step in steps))
    return Undo(tuple(undone), tuple(impossible))


def _inverse_unless(
    stays: Mapping[str, str],
    action: Action,
    asset: Sequence[Action],
    writes: Mapping[str, OurWrite],
    kept: Kept,
) -> Action:
    """The way back of one write. Raises CannotUndoError, also where it must stay for what came after it."""
    if action.id in stays:
        raise CannotUndoError(f"left as it is, since {stays[action.id]}")
    write = writes[action.id]
    again = _metadata_of_record(action, asset, writes, kept)
    return _inverse(action, write.before, write.after or AfterImage(), kept, again)


def _metadata_of_record(
    action: Action, asset: Sequence[Action], writes: Mapping[str, OurWrite], kept: Kept
) -> Content | None:
    """What the metadata file gets where the record that it was in step with comes back before it, with a new time.

    So it is where an undo is taken back: the file's own old bytes would be drift, since they hold the record's old time.
    """
    if not isinstance(action, ObjectAction) or action.target.key.rpartition("/")[2] != METADATA_FILE:
        return None
    before = writes[action.id].before
    later = asset[asset.index(action) + 1 :]
    restored = (one for one in later if isinstance(one, UpdateRecord | DeleteRecord) and one.id in writes)
    for one in restored if before.kind == "object" else ():
        generation = GENERATIONS[one.target.generation]
        unknown = (generation.modified_field,)
        with suppress(CannotUndoError, UnserialisableError):
            _, record = _record(writes[one.id].before, kept)
            _, body = _body(before, kept)
            if to_bytes(record) == body:
                return Content(
                    source=RecordSource(generation=generation.name),
                    sha256=sha256(to_bytes(masked(record, unknown))),
                    known_after_apply=unknown,
                )
    return None


def _inverse(
    action: Action, before: BeforeImage, left: AfterImage, kept: Kept, again: Content | None
) -> Action:
    """`again`: what the file gets instead of its old bytes."""
    match action:
        case PutObject() | CopyObject():
            return _restore_file(action, before, left, kept, again)
        case DeleteObject():
            content = again or _file_content(before, kept)
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
            if not left.data_asset_id:
                raise CannotUndoError("its id is not known: look in Code Ocean for what mounts the asset")
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
    action: PutObject | CopyObject, before: BeforeImage, left: AfterImage, kept: Kept, again: Content | None
) -> Action:
    if left.key is None:
        raise CannotUndoError("what it left behind is not known: apply the plan again first")
    target = action.target.model_copy(update={"key": left.key})
    if before.kind == "absent":
        return DeleteObject(
            location=action.location,
            reason="undo",
            target=target,
            precondition=_as_written(left),
            rests_on=_root_of(left.key),
        )
    return PutObject(
        location=action.location,
        reason="undo",
        target=target,
        precondition=_as_written(left),
        content=again or _file_content(before, kept),
    )


def _as_written(left: AfterImage) -> HasEtag | HasBytes:
    """The file must be as the run left it; where the answer was lost, its bytes tell."""
    if left.etag is not None:
        return HasEtag(etag=left.etag)
    if left.sha256 is not None:
        return HasBytes(sha256=left.sha256)
    raise CannotUndoError("what it left behind is not known: apply the plan again first")


def _root_of(key: str) -> RestsOn | None:
    """An original goes only while the file that it is the copy of is there."""
    folder, _, name = key.rpartition("/")
    field = original_field(name)
    return None if field is None else RestsOn(root=f"{folder.rpartition('/')[0]}/{core_file(field)}")


def _file_content(before: BeforeImage, kept: Kept) -> Content:
    source, body = _body(before, kept)
    return Content(source=source, sha256=source.sha256, size=len(body))


def _body(before: BeforeImage, kept: Kept) -> tuple[ArchiveSource, bytes]:
    source = _source(before, kept)
    body = kept.body(source.archive, source.sha256)
    if body is None:
        raise CannotUndoError(f"the archive {source.archive} does not hold {source.sha256}")
    return source, body


def _source(before: BeforeImage, kept: Kept) -> ArchiveSource:
    if before.archive is None:
        raise CannotUndoError("its before-image was not kept")
    return ArchiveSource(archive=kept.place(before.place), sha256=before.archive)


def _record(before: BeforeImage, kept: Kept) -> tuple[ArchiveSource, Mapping[str, Any]]:
    source = _source(before, kept)
    record = kept.record(source.archive, source.sha256)
    if record is None:
        raise CannotUndoError(f"the archive {source.archive} does not hold the record {source.sha256}")
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
