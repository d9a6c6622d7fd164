"""Code Ocean in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from indexer.errors import SystemFaultError
from indexer.model.location import Location, mount_location
from indexer.model.snapshot import DataAsset
from shared.memory.stored import StoredDataAsset, pages

if TYPE_CHECKING:
    from shared.memory.world import World


class MemoryDataAssetReader:
    """Code Ocean, read only."""

    def __init__(self, world: World) -> None:
        self._world = world

    def mounted(self, *, archived: bool = False) -> Iterator[tuple[DataAsset, ...]]:
        """Pages of all external data assets that are not archived, or of all that are."""
        yield from self._found(lambda one: one.external and one.bucket is not None, archived)

    def results(self, tags: Iterable[str]) -> Iterator[tuple[DataAsset, ...]]:
        """Pages of the unarchived internal results that carry any of the tags."""
        wanted = set(tags)
        yield from self._found(
            lambda one: (
                one.type == "result"
                and not (one.external and one.bucket is not None)
                and bool(wanted & set(one.tags))
            )
        )

    def exists(self, data_asset_id: str) -> bool:
        """Is there such a data asset, archived or not, whatever a search shows?"""
        with self._world.call("data_assets.get"):
            return data_asset_id in self._world.data_assets

    def _found(
        self, wanted: Callable[[StoredDataAsset], bool], archived: bool = False
    ) -> Iterator[tuple[DataAsset, ...]]:
        with self._world.call("data_assets.search"):
            found = [
                _shown(one)
                for one in self._world.data_assets.values()
                if one.archived == archived and wanted(one)
            ]
        for number, page in enumerate(pages(found, self._world.page_size)):
            if number:
                with self._world.call("data_assets.search"):
                    pass
            yield page


def _shown(one: StoredDataAsset) -> DataAsset:
    return DataAsset(
        id=one.id,
        name=one.name,
        location=mount_location(one.bucket, one.prefix) if one.external else None,
        state=one.state,
        has_computation=one.has_computation,
        has_source_bucket=one.bucket is not None,
    )


class MemoryDataAssetWriter:
    """Code Ocean: external data assets only."""

    def __init__(self, world: World) -> None:
        self._world = world

    def create(self, location: Location, name: str, tags: Sequence[str]) -> DataAsset:
        """Create an external data asset that mounts the location."""
        with self._world.call("data_assets.create", write=True):
            new_id = f"created-{len(self._world.data_assets)}"
            one = StoredDataAsset(new_id, name, location.bucket, location.prefix, tags=tuple(tags))
            self._world.data_assets[new_id] = one
            self._world.wrote("data_assets.create", str(location))
            return _shown(one)

    def archive(self, data_asset_id: str, archive: bool) -> None:
        """Archive, or take that back."""
        with self._world.call("data_assets.archive", write=True):
            self._held(data_asset_id).archived = archive
            self._world.wrote("data_assets.archive", data_asset_id)

    def delete(self, data_asset_id: str) -> None:
        """Delete for good."""
        with self._world.call("data_assets.delete", write=True):
            del self._world.data_assets[self._held(data_asset_id).id]
            self._world.wrote("data_assets.delete", data_asset_id)

    def _held(self, data_asset_id: str) -> StoredDataAsset:
        if data_asset_id not in self._world.data_assets:
            raise SystemFaultError("There is no such data asset", data_asset_id)
        return self._world.data_assets[data_asset_id]
