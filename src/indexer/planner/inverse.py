"""The way back of one write, under the condition that nobody has been there since.

| what was written           | its undo                                        | only while                           |
|----------------------------|-------------------------------------------------|--------------------------------------|
| a new file, or a copy      | delete it                                       | it is as it was written (ETag, or where the answer was lost, bytes); an original, while its root file is there |
| a file over another        | put the other's bytes back                      | it is as it was written              |
| a deleted file             | put it back                                     | there is none                        |
| a new record               | delete it                                       | it is, in every field, as written    |
| changed fields of a record | set what was there; take out what was not there | the record is, in every field, so; an adopted field, while there is no original of it |
| a deleted record           | insert it again                                 | the location has none                |
| a new data asset           | delete it                                       | it mounts the location               |
| an archived data asset     | take it out of the archive                      | it is there, and mounts the location |
| a deleted data asset       | nothing can bring it back: reported             |                                      |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from indexer.errors import IndexerError
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
    UpdateRecord,
)
from indexer.model.content import (
    Absent,
    ArchivedRecordContent,
    ArchiveSource,
    AsRead,
    Change,
    Content,
    FieldContent,
    HasBytes,
    HasEtag,
    Mounted,
    NewRecordContent,
    RecordContent,
    RestsOn,
)
from indexer.model.generation import (
    CORE_FIELDS,
    GENERATIONS,
    core_file,
    original_field,
)
from indexer.model.ids import id_in_plan
from indexer.model.loses import Loses
from indexer.model.outcome import AfterImage, BeforeImage
from indexer.model.values import blanked, fingerprint
from indexer.planner.diff import first_values
from indexer.planner.losses import new_record_loses, record_loses

T = TypeVar("T")


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


def inverse(
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
                loses=_inserted(action, left, kept),
            )
        case UpdateRecord():
            return _restore_fields(action, before, left, kept)
        case DeleteRecord():
            return _restore_record(action, before, kept)
        case CreateDataAsset():
            # Its answer was lost, and what mounts the location now may be somebody else's.
            if not left.data_asset_id:
                raise CannotUndoError("its id is not known: look in Code Ocean for what mounts the asset")
            target = action.target.model_copy(update={"data_asset_id": left.data_asset_id})
            return DeleteDataAsset(
                location=action.location,
                reason="undo",
                target=target,
                precondition=Mounted(),
                loses=Loses(name=action.content.name, mount=f"{action.target.bucket}/{action.content.mount}"),
            )
        case ArchiveDataAsset():
            return ArchiveDataAsset(
                location=action.location,
                reason="undo",
                target=action.target,
                precondition=Mounted(),
                archive=not action.archive,
                loses=None
                if action.archive
                else Loses(mount=f"{action.target.bucket}/{action.target.prefix}"),
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
        values, omitted = _written(action, kept)
        return DeleteObject(
            location=action.location,
            reason="undo",
            target=target,
            precondition=_as_written(left),
            rests_on=_root_of(left.key),
            changes=values,
            changes_omitted=omitted,
            loses=Loses(size=action.content.size),
        )
    return PutObject(
        location=action.location,
        reason="undo",
        target=target,
        precondition=_as_written(left),
        content=again or _file_content(before, kept),
    )


def _written(action: PutObject | CopyObject, kept: Kept) -> tuple[tuple[Change, ...], int]:
    """The first values of a file that a run made, where it came from an archive: from elsewhere they are not known."""
    match action.content.source:
        case ArchiveSource(archive=place, sha256=name):
            body = _if_there(lambda: kept.body(place, name))
            return ((), 0) if body is None else first_values(body)
    return (), 0


def _inserted(action: InsertRecord, left: AfterImage, kept: Kept) -> Loses:
    """What is lost with a record that a run inserted: as far as the plan tells, or the archive that it came from."""
    match action.content:
        case ArchivedRecordContent(source=source):
            body = _if_there(lambda: kept.record(source.archive, source.sha256))
            found = Loses() if body is None else record_loses(body, action.target.generation)
        case NewRecordContent() as content:
            found = new_record_loses(content, action.location, action.target.generation)
    return found.model_copy(update={"modified": left.modified})


def _if_there(read: Callable[[], T | None]) -> T | None:
    """What an earlier archive holds: an undo must not fail because people cannot be told of it."""
    try:
        return read()
    except IndexerError:
        return None


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
    source, body = body_of(before, kept)
    return Content(source=source, sha256=source.sha256, size=len(body))


def body_of(before: BeforeImage, kept: Kept) -> tuple[ArchiveSource, bytes]:
    source = _source(before, kept)
    body = kept.body(source.archive, source.sha256)
    if body is None:
        raise CannotUndoError(f"the archive {source.archive} does not hold {source.sha256}")
    return source, body


def _source(before: BeforeImage, kept: Kept) -> ArchiveSource:
    if before.archive is None:
        raise CannotUndoError("its before-image was not kept")
    return ArchiveSource(archive=kept.place(before.place), sha256=before.archive)


def record_of(before: BeforeImage, kept: Kept) -> tuple[ArchiveSource, Mapping[str, Any]]:
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
    source, record = record_of(before, kept)
    touched = (*(one.field for one in action.content.fields), *action.content.unset)
    # Taking such a field out makes the next plan see "no / yes / yes", and delete the root file: see `no_original`.
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
    source, record = record_of(before, kept)
    # It comes back under its own `_id`, but with the time of this write: other programs poll on that (decision 6).
    unknown = (GENERATIONS[action.target.generation].modified_field,)
    return InsertRecord(
        location=action.location,
        reason="undo",
        target=action.target.model_copy(update={"record_id": id_in_plan(record["_id"])}),
        content=ArchivedRecordContent(
            source=source, sha256=fingerprint(blanked(record, unknown)), known_after_apply=unknown
        ),
    )
