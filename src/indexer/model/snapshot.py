"""What was found: rows and folders of the three systems, as the planner is handed them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from indexer.model.generation import GenerationName
from indexer.model.location import Location

SystemName = Literal["s3", "docdb", "codeocean"]
Via = Literal["gateway", "unsigned"]
"""How a system may be read beside its usual way: DocDB over its HTTP gateway, S3 without a signature."""
RESULT_TAGS = ("derived", "processed")
"""The tags by which Code Ocean results are searched; the search's word on them is final."""


@dataclass(frozen=True, slots=True)
class RecordRow:
    """The light half of a record: what the join, the lookback and the links need."""

    generation: GenerationName
    id: Any
    """`_id` as DocDB holds it: normally a UUID string, sometimes an Oid."""
    location: object
    """As it is written there, usable or not."""
    name: object
    modified: object
    """The last-modified field as it is written: a string, a datetime, or None."""
    links: object
    """The raw value of the links field."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One row of an S3 listing."""

    key: str
    etag: str
    """Without quotes; an MD5 of the bytes only for plain uploads."""
    size: int
    """Bytes."""
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class ObjectBody:
    """One object's bytes and the ETag that they were read under."""

    body: bytes
    etag: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """All pages of one LIST with a delimiter: the objects directly inside, and the folders."""

    objects: tuple[ObjectInfo, ...]
    folders: tuple[str, ...]
    """Common prefixes, each relative to the listed one and without its slash."""

    @property
    def empty(self) -> bool:
        """No key at all under the listed prefix."""
        return not self.objects and not self.folders


@dataclass(frozen=True, slots=True)
class Folder:
    """What S3 holds of one asset that concerns us."""

    exists: bool
    """False only when a successful, complete listing showed no key under `{prefix}/`."""
    lone: bool = False
    """Is there only one file or folder in it? With that one deleted, the asset would look gone."""
    files: Mapping[str, ObjectInfo] = field(default_factory=dict)
    """Root files by name: core files and the metadata file."""
    originals: Mapping[str, ObjectInfo] = field(default_factory=dict)
    """What is directly in its folder of originals, by name below the asset's root."""


@dataclass(frozen=True, slots=True)
class DataAsset:
    """A Code Ocean data asset, as far as it concerns us."""

    id: str
    name: str
    location: Location | None
    """What an external data asset mounts; None for results."""
    state: str = "ready"
    has_computation: bool = False
    has_source_bucket: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A whole record, with the row that it was found by."""

    row: RecordRow
    body: Mapping[str, Any]

    @property
    def generation(self) -> GenerationName:
        """Which collection holds it."""
        return self.row.generation


NOTHING: Mapping[Any, Any] = MappingProxyType({})
"""One empty mapping for all assets: there may be a million of them."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One location in all three systems; an empty tuple means "absent there"."""

    location: Location
    rows: tuple[RecordRow, ...] = ()
    """At most one for each generation, v1 first."""
    records: Mapping[GenerationName, Record] = field(default_factory=lambda: NOTHING)
    """The bodies that were read: only those that the plan for this asset needs."""
    folder: Folder | None = None
    """None where S3 was not asked."""
    bodies: Mapping[str, ObjectBody] = field(default_factory=lambda: NOTHING)
    """Contents by file name below the root, as far as they were fetched."""
    data_assets: tuple[DataAsset, ...] = ()
    """Unarchived external data assets that mount it; for a result, the result itself."""


class MustReadError(LookupError):
    """The planner cannot decide before it has seen these files of the asset (`names`, below its root), or its folder."""

    def __init__(self, *names: str, folder: bool = False) -> None:
        super().__init__(*names)
        self.names, self.folder = names, folder
