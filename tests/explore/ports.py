"""The ports in memory as the explorer needs them: each look is noted, each write does what its fate says."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from explore.stage import View
from indexer.model.generation import GenerationName
from indexer.model.location import Location
from indexer.model.ports import DeleteOne, PreconditionFailed, Readers, RecordWrite, WriteError, Writers
from indexer.model.snapshot import DataAsset, Listing, ObjectBody
from indexer.model.values import etag_of
from shared.memory.data_assets import MemoryDataAssetReader, MemoryDataAssetWriter
from shared.memory.objects import MemoryObjectReader, MemoryObjectWriter
from shared.memory.records import MemoryRecordReader, MemoryRecordWriter
from shared.memory.stored import StoredDataAsset, StoredObject, key_of


class Objects(MemoryObjectReader):
    """S3, read only."""

    _world: View

    def listing(self, bucket: str, prefix: str) -> Listing:
        """What is directly under `prefix`."""
        found = super().listing(bucket, prefix)
        self._world.looked("listing", bucket, prefix)
        return found

    def get(self, bucket: str, key: str) -> ObjectBody | None:
        """An object's bytes, or None."""
        found = super().get(bucket, key)
        self._world.looked("object", bucket, key)
        return found


class ObjectWrites(MemoryObjectWriter):
    """S3's conditional writes, on a server that may ignore conditions, through a client that may send twice."""

    _world: View

    def put(self, bucket: str, key: str, body: bytes, etag: str | None) -> str | PreconditionFailed:
        """Write where the object still has this ETag, or where there is none."""
        with self._world.call("objects.put", write=True) as fate:
            held = self._bucket(bucket)
            live = held.get(key)
            if (live.etag if live is not None else None) != etag and not self._world.stage.ignoring:
                return PreconditionFailed()
            if etag is None and live is not None and live.body == body:
                self._world.again(("object", bucket, key), body)  # over somebody else's, who wrote the same
            held[key] = StoredObject(bytes(body), etag_of(body), self._world.now)
            return held[key].etag if fate != "retried" else unsure()

    def delete(self, bucket: str, key: str, etag: str) -> PreconditionFailed | None:
        """Delete the object that still has this ETag."""
        with self._world.call("objects.delete", write=True) as fate:
            held = self._bucket(bucket)
            live = held.get(key)
            if (live is None or live.etag != etag) and not self._world.stage.ignoring:
                return PreconditionFailed()
            if held.pop(key, None) is None:
                self._world.again(
                    ("object", bucket, key), None
                )  # on such a server: somebody else was quicker
            return None if fate != "retried" else unsure()


def unsure() -> PreconditionFailed:
    """A refusal that may be of our own first try."""
    return PreconditionFailed(**dict.fromkeys(PreconditionFailed.__dataclass_fields__, True))


class Records(MemoryRecordReader):
    """DocDB, read only."""

    _world: View

    def by_id(self, generation: GenerationName, ids: Sequence[Any]) -> tuple[Mapping[str, Any], ...]:
        """The bodies of those of the records that exist."""
        found = super().by_id(generation, ids)
        for one in ids:
            self._world.looked("record", generation, key_of(one))
        return found

    def by_location(
        self, generation: GenerationName, locations: Sequence[Location]
    ) -> tuple[Mapping[str, Any], ...]:
        """The bodies of all records at these locations."""
        found = super().by_location(generation, locations)
        for location in locations:
            self._world.looked("records at", generation, str(location))
        for body in found:
            self._world.looked("record", generation, key_of(body["_id"]))
        return found


class RecordWrites(MemoryRecordWriter):
    """DocDB's conditional writes: between two of a batch others may come."""

    _world: View

    def write(self, generation: GenerationName, writes: Sequence[RecordWrite]) -> tuple[WriteError, ...]:
        """One batch; every write stands for itself."""
        with self._world.call("records.write", write=True) as fate:
            held, errors = self._world.records[generation], []
            for number, one in enumerate(writes):
                if number:
                    self._world.between("records.next")
                if number == 0 and fate == "refused":
                    errors.append(WriteError(number, "the document is too large"))
                elif not self._write(held, one) and isinstance(one, DeleteOne):
                    errors.append(WriteError(number, ""))
        return tuple(errors)

    def _write(self, held: dict[str, dict[str, Any]], write: RecordWrite) -> bool:
        key = key_of(getattr(write, "id", None))
        compared = getattr(write, "unchanged", {}).values()
        if not self._world.stage.compares and any(isinstance(one, dict | list) for one in compared):
            return False
        if key in held:
            held[key] = dict(held[key])  # the history keeps the old one
        return super()._write(held, write)


class DataAssets(MemoryDataAssetReader):
    """Code Ocean, read only, by a search that may lag behind, or show only a part."""

    _world: View

    def _found(self, wanted: Any, archived: bool = False) -> Iterator[tuple[DataAsset, ...]]:
        yield from super()._found(lambda one: one.id not in self._world.unseen and wanted(one), archived)
        self._world.looked("search", "archived" if archived else "live")


class DataAssetWrites(MemoryDataAssetWriter):
    """Code Ocean: external data assets only."""

    _world: View

    def archive(self, data_asset_id: str, archive: bool) -> None:
        """Archive, or take that back. There is no condition: what is so already is written all the same."""
        with self._world.call("data_assets.archive", write=True):
            one = self._held(data_asset_id)
            if one.archived == archive:
                self._world.again(("data-asset", data_asset_id), one)
            one.archived = archive

    def _held(self, data_asset_id: str) -> StoredDataAsset:
        one = copy.copy(super()._held(data_asset_id))
        self._world.data_assets[data_asset_id] = one  # the history keeps the old one
        return one


def readers_of(view: View) -> Readers:
    """All readers."""
    return Readers(Objects(view), Records(view), DataAssets(view))  # type: ignore[arg-type]


def writers_of(view: View) -> Writers:
    """All writers."""
    return Writers(ObjectWrites(view), RecordWrites(view), DataAssetWrites(view))  # type: ignore[arg-type]
