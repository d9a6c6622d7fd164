"""What the planner's and the applier's side ask of each system: readers and writers.

Every method may raise a `SystemFaultError`; one that reads never answers "empty" for "could not see".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from indexer.model.generation import GenerationName
from indexer.model.location import Location
from indexer.model.snapshot import DataAsset, Listing, ObjectBody, RecordRow, SystemName, Via
from indexer.model.wire_listing import WireListing


class ObjectReader(Protocol):
    """S3, read only."""

    def prefixes(self, bucket: str) -> Iterator[tuple[str, ...]]:
        """Pages of the bucket's top-level prefixes, without their slash."""
        ...

    def listing(self, bucket: str, prefix: str) -> Listing:
        """What is directly under `prefix`, which ends in a slash; all pages."""
        ...

    def listed(self, bucket: str, prefix: str) -> Listing | WireListing:
        """The same, or the bytes of it, to be opened where it must be known what is in them."""
        ...

    def get(self, bucket: str, key: str) -> ObjectBody | None:
        """An object's bytes, or None where there is none."""
        ...

    def server_time(self, bucket: str) -> datetime | None:
        """S3's clock, or None where it does not tell."""
        ...


@dataclass(frozen=True, slots=True)
class PreconditionFailed:
    """The system refused a conditional write: somebody else was there first."""

    unsure: bool = False
    """The request had been sent before: the refusal may be the echo of our own, earlier try."""


NO_ETAG = "0" * 32
"""An ETag that no object has, since nobody knows bytes with this MD5: a write on this condition writes nothing."""


class ObjectWriter(Protocol):
    """S3, conditional writes only. `etag` None means "there must be none yet"."""

    def put(self, bucket: str, key: str, body: bytes, etag: str | None) -> str | PreconditionFailed:
        """Write; returns the new ETag."""
        ...

    def delete(self, bucket: str, key: str, etag: str) -> PreconditionFailed | None:
        """Delete the object that has this ETag. A system that knows no condition here is a fault."""
        ...


class RecordReader(Protocol):
    """DocDB, read only."""

    def rows(self, generation: GenerationName, bucket: str) -> Iterator[tuple[RecordRow, ...]]:
        """Pages of the light rows of all records located in the bucket, in the order of their location."""
        ...

    def unusable_rows(self, generation: GenerationName, bucket: str) -> tuple[RecordRow, ...]:
        """Records whose location is no `s3://` location at all, or names the bucket and nothing in it."""
        ...

    def holds_any(self, generation: GenerationName) -> bool:
        """Is there a single record in the collection, of any bucket?"""
        ...

    def by_id(self, generation: GenerationName, ids: Sequence[Any]) -> tuple[Mapping[str, Any], ...]:
        """The bodies of those of the records that exist; a `WireRecord` where they came in bytes that stand for them."""
        ...

    def by_location(
        self, generation: GenerationName, locations: Sequence[Location]
    ) -> tuple[Mapping[str, Any], ...]:
        """The bodies of all records at these locations, with a trailing slash or without."""
        ...

    def server_time(self) -> datetime | None:
        """DocDB's clock, or None where it does not tell."""
        ...

    def archive_form(self, body: Mapping[str, Any]) -> bytes:
        """The record with all its types, in the bytes of BSON."""
        ...

    def from_archive(self, form: bytes) -> Mapping[str, Any]:
        """The record that `archive_form` kept. Raises ValueError for anything else."""
        ...


@dataclass(frozen=True, slots=True)
class InsertOne:
    """Insert this body; fails where its `_id` is taken."""

    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UpdateOne:
    """Set fields of the record that still is as it was read."""

    id: Any
    unchanged: Mapping[str, Any]
    """Field → value that the database itself must find. Any database compares text, times and null."""
    set_fields: Mapping[str, Any]
    unset_fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeleteOne:
    """Delete the record that still is as it was read."""

    id: Any
    unchanged: Mapping[str, Any]


RecordWrite = InsertOne | UpdateOne | DeleteOne


@dataclass(frozen=True, slots=True)
class WriteError:
    """One write of a batch was not carried out."""

    index: int
    message: str
    """The database's words; empty where it only found no record as the write demands it."""


class RecordWriter(Protocol):
    """DocDB, conditional writes only."""

    def write(self, generation: GenerationName, writes: Sequence[RecordWrite]) -> tuple[WriteError, ...]:
        """Send one batch; its writes do not depend on each other.

        A read afterwards tells what came of an insert or an update, by the time in the record. So a taken `_id`, or a
        record that is not as the write demands, is not an error. A deletion leaves no such trace: one that found no such
        record is an error.
        """
        ...


class DataAssetReader(Protocol):
    """Code Ocean, read only."""

    def mounted(self, *, archived: bool = False) -> Iterator[tuple[DataAsset, ...]]:
        """Pages of all external data assets that are not archived, or of all that are."""
        ...

    def results(self, tags: Iterable[str]) -> Iterator[tuple[DataAsset, ...]]:
        """Pages of the unarchived internal results that carry any of the tags; no result twice."""
        ...

    def exists(self, data_asset_id: str) -> bool:
        """Is there such a data asset, archived or not? Asked by its id, since a search may not show it."""
        ...


class DataAssetWriter(Protocol):
    """Code Ocean: external data assets only."""

    def create(self, location: Location, name: str, tags: Sequence[str]) -> DataAsset:
        """Create an external data asset that mounts the location; its files stay on S3."""
        ...

    def archive(self, data_asset_id: str, archive: bool) -> None:
        """Archive, or take that back."""
        ...

    def delete(self, data_asset_id: str) -> None:
        """Delete for good."""
        ...


class Archive(Protocol):
    """Before-images, each named by the sha256 of its bytes."""

    def keep(self, body: bytes) -> str:
        """Put one in, durably; returns its name."""
        ...

    def read(self, name: str) -> bytes | None:
        """The bytes that hash to this name, or None where the archive does not hold them."""
        ...


class Lines(Protocol):
    """The end of a file that lines are added to, by one thread at a time. Its methods raise OSError."""

    def add(self, line: str) -> None:
        """Add a line, apart from one that a crash tore before it. A crash may still take it."""
        ...

    def sync(self) -> None:
        """Every line that was added before this began is on disk before it returns. Safe for threads, which may share a wait."""
        ...

    def close(self) -> None:
        """No more lines."""
        ...


class RunFolder(Protocol):
    """Where a run keeps its journal, its plan and its result. Its methods raise OSError; `str()` names it to people."""

    def names(self) -> Sequence[str]:
        """The files that are there, sorted; none where there is no folder."""
        ...

    def read(self, name: str) -> bytes | None:
        """A file, or None where there is none."""
        ...

    def write(self, name: str, body: bytes | Iterable[bytes]) -> None:
        """Replace a file, whole and durably; its bytes may come in pieces."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...

    def lines(self, name: str) -> Lines:
        """A file to add lines to; it is made where there is none."""
        ...

    def locked(self, name: str, note: bytes | None = None, /) -> AbstractContextManager[bool]:
        """Hold a file's lock until the block is left or the process is gone. Gives whether there are locks here.

        Alone, with `note` in the file for whoever comes second; or without one, beside others who only look.
        Raises BlockingIOError where somebody holds it otherwise.
        """
        ...


@dataclass(frozen=True, slots=True)
class Readers:
    """Everything that the planner is ever given."""

    objects: ObjectReader
    records: RecordReader
    data_assets: DataAssetReader | None = None
    """None where Code Ocean is not configured."""
    via: Mapping[SystemName, Via] = field(default_factory=dict)
    """How a system is read, where that is not by its own protocol and with credentials."""


@dataclass(frozen=True, slots=True)
class Writers:
    """What only the applier is given."""

    objects: ObjectWriter
    records: RecordWriter
    data_assets: DataAssetWriter | None = None
