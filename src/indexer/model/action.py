"""The plan's vocabulary of writes. An action is one write with its precondition and its content's digest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from indexer.model.changes import NO_CHANGES, ShownChanges
from indexer.model.content import (
    Absent,
    ArchivedRecordContent,
    AsRead,
    Content,
    DataAssetContent,
    DataAssetTarget,
    FileModel,
    HasBytes,
    HasEtag,
    Mounted,
    NewRecordContent,
    NotMounted,
    ObjectTarget,
    RecordContent,
    RecordTarget,
    RestsOn,
)
from indexer.model.loses import Loses
from indexer.model.reasons import Reason
from indexer.model.values import canonical, sha256


class _Action(FileModel):
    id: str = Field(
        default="", description="The first 16 hex digits of the SHA-256 of the rest of the action."
    )
    location: str = Field(description="The asset: `s3://{bucket}/{prefix}`.")
    reason: Reason = Field(description="What was found; see below.")
    after: tuple[str, ...] = Field(
        default=(), description="Ids of actions of the same asset that must have succeeded first."
    )
    rests_on: RestsOn | None = Field(
        default=None, description="What must still hold in other systems, looked at again before the write."
    )
    changes: ShownChanges = Field(
        default=NO_CHANGES, description="The first field-level differences, shortened; for people only."
    )
    changes_omitted: int = Field(default=0, description="How many more there are.")
    loses: Loses | None = Field(
        default=None,
        description="Of a deletion: what goes with it, as far as it was known; for people only. See below.",
    )


class PutObject(_Action):
    """Write an S3 object."""

    kind: Literal["put-object"] = "put-object"
    target: ObjectTarget
    precondition: Absent | HasEtag | HasBytes = Field(discriminator="kind")
    content: Content


class CopyObject(_Action):
    """Write an S3 object's bytes to a key that holds nothing."""

    kind: Literal["copy-object"] = "copy-object"
    target: ObjectTarget
    precondition: Absent = Absent()
    content: Content


class DeleteObject(_Action):
    """Delete an S3 object."""

    kind: Literal["delete-object"] = "delete-object"
    target: ObjectTarget
    precondition: HasEtag | HasBytes = Field(discriminator="kind")


class InsertRecord(_Action):
    """Insert a record built from core files."""

    kind: Literal["insert-record"] = "insert-record"
    target: RecordTarget
    precondition: Absent = Absent()
    content: NewRecordContent | ArchivedRecordContent = Field(discriminator="kind")


class UpdateRecord(_Action):
    """Set fields of a record."""

    kind: Literal["update-record"] = "update-record"
    target: RecordTarget
    precondition: AsRead
    content: RecordContent


class DeleteRecord(_Action):
    """Delete a record."""

    kind: Literal["delete-record"] = "delete-record"
    target: RecordTarget
    precondition: AsRead


class CreateDataAsset(_Action):
    """Create an external data asset."""

    kind: Literal["create-data-asset"] = "create-data-asset"
    target: DataAssetTarget
    precondition: NotMounted = NotMounted()
    content: DataAssetContent


class ArchiveDataAsset(_Action):
    """Archive an external data asset, or (`archive` false) take that back."""

    kind: Literal["archive-data-asset"] = "archive-data-asset"
    archive: bool = True
    target: DataAssetTarget
    precondition: Mounted


class DeleteDataAsset(_Action):
    """Delete an external data asset for good."""

    kind: Literal["delete-data-asset"] = "delete-data-asset"
    target: DataAssetTarget
    precondition: Mounted


ObjectAction = PutObject | CopyObject | DeleteObject
RecordAction = InsertRecord | UpdateRecord | DeleteRecord
DataAssetAction = CreateDataAsset | ArchiveDataAsset | DeleteDataAsset
Action = Annotated[ObjectAction | RecordAction | DataAssetAction, Field(discriminator="kind")]
ActionKind = Literal[
    "put-object",
    "copy-object",
    "delete-object",
    "insert-record",
    "update-record",
    "delete-record",
    "create-data-asset",
    "archive-data-asset",
    "delete-data-asset",
]


def content_id(document: Mapping[str, Any]) -> str:
    """The id that an action must carry, computed from the file: later versions' fields count, defaults do not."""
    # Over what stands in the file: a field that this version does not know is pinned all the same.
    return sha256(canonical({key: value for key, value in document.items() if key != "id"}))[:16]


def action_id(action: _Action) -> str:
    """The id that the action must carry: the first 16 hex digits of its content's hash."""
    return content_id(action.model_dump(mode="json", exclude_none=True))


A = TypeVar("A", bound=_Action)


def with_id(action: A) -> A:
    """The same action, carrying its id."""
    return action.model_copy(update={"id": action_id(action)})
