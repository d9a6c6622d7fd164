"""What an action is made of: its target, the precondition it was planned under, and its content's digest."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from indexer.masking import masked
from indexer.model.generation import GenerationName
from indexer.model.values import MAX_DEPTH


def _plain(value: Any, depth: int = 1) -> Any:
    """No deeper than a document may be, no lone surrogate: what can be read can be hashed and written again."""
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
    match value:
        # A lone surrogate fails here, as a fault of the plan, and not in the middle of a run when it is hashed.
        case str():
            value.encode("utf-8")
        case dict():
            for key, item in value.items():
                key.encode("utf-8")
                _plain(item, depth + 1)
        case list():
            for item in value:
                _plain(item, depth + 1)
    return value


PlainValue = Annotated[Any, AfterValidator(lambda value: _plain(value))]

Said = Annotated[str, AfterValidator(masked)]
"""Words that a system may have said, and so may quote what we sent: no secret stands in them."""


NO_FIELDS: set[str] = set()
"""One for all."""


class FileModel(BaseModel):
    """Part of a file that others may have written: frozen, and fields of a later minor version are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def model_post_init(self, _context: Any, /) -> None:
        """Forget which fields were given: nobody asks, and these sets were a third of a large plan's memory."""
        object.__setattr__(self, "__pydantic_fields_set__", NO_FIELDS)


class ObjectTarget(FileModel):
    """An S3 object."""

    bucket: str
    key: str = Field(description="May end in `.<date>.json`: the UTC day of the write, known after apply.")


class RecordTarget(FileModel):
    """A DocDB record."""

    generation: GenerationName
    database: str
    collection: str
    record_id: PlainValue = Field(description="`_id`; other than a string in MongoDB Extended JSON.")


class DataAssetTarget(FileModel):
    """A Code Ocean data asset, or the mount of one that is to be created."""

    data_asset_id: str | None = Field(default=None, description="None: known after apply.")
    bucket: str
    prefix: str


class Change(FileModel):
    """One field-level difference, for people; nothing is written from it."""

    path: str
    before: str | None = Field(
        default=None,
        description="Shortened JSON; of a file's other format, in words; absent: there was nothing.",
    )
    after: str | None = Field(
        default=None,
        description="Shortened JSON; of a file's other format, in words; absent: there will be nothing.",
    )


class Absent(FileModel):
    """There must be nothing at the target."""

    kind: Literal["absent"] = "absent"


class HasEtag(FileModel):
    """The object must still have this ETag."""

    kind: Literal["etag"] = "etag"
    etag: str


class HasBytes(FileModel):
    """The object must hold these bytes: an undo of a write whose answer was lost, and with it the ETag."""

    kind: Literal["bytes"] = "bytes"
    sha256: str


class AsRead(FileModel):
    """The record must still be as it was read."""

    kind: Literal["as-read"] = "as-read"
    fields: dict[str, str | None] = Field(
        default_factory=dict,
        description="Field → fingerprint of what was read, null for what was null or absent.",
    )
    record: str | None = Field(default=None, description="Fingerprint of the whole record, before a delete.")


class Mounted(FileModel):
    """The data asset must still mount the target's location."""

    kind: Literal["mounted"] = "mounted"


class NotMounted(FileModel):
    """No unarchived external data asset may mount the target's location."""

    kind: Literal["not-mounted"] = "not-mounted"


class FieldOfRecord(FileModel):
    """One field of the asset's record."""

    generation: GenerationName
    field: str


class RestsOn(FileModel):
    """What a write rests on in other systems, looked at once more just before it: none of them can enforce it."""

    folder: Literal["gone", "kept"] | None = Field(
        default=None,
        description="`gone`: no key may be in the asset's folder. `kept`: one must be that this action does not delete, "
        "or the asset would look gone.",
    )
    described: str | None = Field(
        default=None,
        description="SHA-256 of the asset's `data_description.json`: it must be there, and still be this.",
    )
    result: Literal["wanted", "gone"] | None = Field(
        default=None,
        description="The Code Ocean result must be wanted in every respect (ready, computed, tagged, unarchived), or gone.",
    )
    mounts: tuple[str, ...] | None = Field(
        default=None, description="The ids of the data assets that mount the location."
    )
    lacks: FieldOfRecord | None = Field(default=None, description="The record must still lack this field.")
    original: str | None = Field(default=None, description="The key of an original that must be there.")
    no_original: tuple[str, ...] | None = Field(
        default=None,
        description="Core fields of which there must be no original in JSON: without the record's value, the root file "
        "would be deleted for it.",
    )
    root: str | None = Field(default=None, description="The key of a root file that must be there.")


class RecordFieldSource(FileModel):
    """The value of one field of the asset's record, as it is when it is applied."""

    kind: Literal["record-field"] = "record-field"
    generation: GenerationName
    field: str


class RecordSource(FileModel):
    """The asset's whole record, as it is when it is applied."""

    kind: Literal["record"] = "record"
    generation: GenerationName


class ObjectSource(FileModel):
    """An S3 object of the same asset."""

    kind: Literal["object"] = "object"
    bucket: str
    key: str
    etag: str | None = Field(default=None, description="None: the object is written by this plan.")


class InlineSource(FileModel):
    """A small value that stands in the plan itself."""

    kind: Literal["inline"] = "inline"
    value: PlainValue


class ArchiveSource(FileModel):
    """A before-image that a run kept."""

    kind: Literal["archive"] = "archive"
    archive: str = Field(description="The archive: a folder, or an `s3://` prefix.")
    sha256: str = Field(
        pattern=r"^[0-9a-f]{64}$", description="The before-image's name in it, and its digest."
    )


Source = Annotated[
    RecordFieldSource | RecordSource | ObjectSource | ArchiveSource, Field(discriminator="kind")
]


class Content(FileModel):
    """What is written: where its bytes are read again, and what they must hash to."""

    source: Source
    sha256: str = Field(description="Of the bytes; `known_after_apply` fields count as null.")
    size: int | None = Field(default=None, description="Bytes; absent where it is known after apply.")
    known_after_apply: tuple[str, ...] = ()


class FieldContent(FileModel):
    """The new value of one field of a record."""

    field: str
    source: ObjectSource | InlineSource | ArchiveSource = Field(discriminator="kind")
    sha256: str = Field(description="Fingerprint of the value.")


class RecordContent(FileModel):
    """What is written to a record: values of fields."""

    fields: tuple[FieldContent, ...] = ()
    unset: tuple[str, ...] = Field(
        default=(), description="Fields that are taken out: they were not there before."
    )
    removed_links: tuple[str, ...] | None = Field(
        default=None,
        description="The ids of data assets that the record's links lose; the limits count such updates.",
    )
    known_after_apply: tuple[str, ...] = ()


class NewRecordContent(FileModel):
    """A whole new record, built from core files."""

    kind: Literal["new-record"] = "new-record"
    name: str
    links: tuple[str, ...] = ()
    fields: tuple[FieldContent, ...] = ()
    sha256: str = Field(description="Fingerprint of the record; `known_after_apply` fields count as null.")
    known_after_apply: tuple[str, ...] = ()


class ArchivedRecordContent(FileModel):
    """A record as it was before it was deleted."""

    kind: Literal["archived-record"] = "archived-record"
    source: ArchiveSource
    sha256: str = Field(description="Fingerprint of the record; `known_after_apply` fields count as null.")
    known_after_apply: tuple[str, ...] = ()


class DataAssetContent(FileModel):
    """An external data asset to be created; its files stay on S3."""

    name: str
    mount: str
    tags: tuple[str, ...] = ()
