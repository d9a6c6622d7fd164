"""S3 in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from indexer.errors import MissingBucketError
from indexer.model.ports import (
    PreconditionFailed,
)
from indexer.model.snapshot import Listing, ObjectBody, ObjectInfo
from indexer.model.values import etag_of
from indexer.model.wire_listing import WireListing
from shared.memory.stored import StoredObject, pages

if TYPE_CHECKING:
    from shared.memory.world import World


class _Objects:
    def __init__(self, world: World) -> None:
        self._world = world

    def _bucket(self, bucket: str) -> dict[str, StoredObject]:
        if bucket not in self._world.buckets:
            raise MissingBucketError("There is no such bucket", bucket)
        return self._world.buckets[bucket]


class MemoryObjectReader(_Objects):
    """S3, read only."""

    def prefixes(self, bucket: str) -> Iterator[tuple[str, ...]]:
        """Pages of the bucket's top-level prefixes, as S3 sorts them: with their slash."""
        with self._world.call("objects.prefixes"):
            found = sorted({f"{key.split('/', 1)[0]}/" for key in self._bucket(bucket) if "/" in key})
        for number, page in enumerate(pages(found, self._world.page_size)):
            if number:
                with self._world.call("objects.prefixes"):
                    pass
            yield tuple(name.removesuffix("/") for name in page)

    def listing(self, bucket: str, prefix: str) -> Listing:
        """What is directly under `prefix`."""
        with self._world.call("objects.listing"):
            objects: list[ObjectInfo] = []
            folders: dict[str, None] = {}
            for key, one in sorted(self._bucket(bucket).items(), key=lambda item: item[0].encode()):
                if not key.startswith(prefix):
                    continue
                head, slash, _ = key.removeprefix(prefix).partition("/")
                if slash:
                    folders[head] = None
                else:
                    objects.append(ObjectInfo(key, one.etag, len(one.body), one.modified_at))
            return Listing(tuple(objects), tuple(folders))

    def listed(self, bucket: str, prefix: str) -> Listing | WireListing:
        """The same in bytes, where it is not empty."""
        found = self.listing(bucket, prefix)
        if found.empty:
            return found
        return WireListing(repr(found).encode(), lambda _: found, lambda _, folder: folder in found.folders)

    def get(self, bucket: str, key: str) -> ObjectBody | None:
        """An object's bytes, or None."""
        with self._world.call("objects.get"):
            one = self._bucket(bucket).get(key)
            return None if one is None else ObjectBody(one.body, one.etag, one.modified_at)

    def server_time(self, bucket: str) -> datetime | None:
        """What the world's clock says."""
        with self._world.call("objects.server_time"):
            return self._world.told


class MemoryObjectWriter(_Objects):
    """S3's conditional writes."""

    def put(self, bucket: str, key: str, body: bytes, etag: str | None) -> str | PreconditionFailed:
        """Write where the object still has this ETag, or where there is none."""
        with self._world.call("objects.put", write=True):
            held = self._bucket(bucket)
            live = held.get(key)
            if (live.etag if live is not None else None) != etag:
                return PreconditionFailed()
            held[key] = StoredObject(bytes(body), etag_of(body), self._world.now)
            self._world.wrote("objects.put", f"{bucket}/{key}")
            return held[key].etag

    def delete(self, bucket: str, key: str, etag: str) -> PreconditionFailed | None:
        """Delete the object that still has this ETag."""
        with self._world.call("objects.delete", write=True):
            held = self._bucket(bucket)
            live = held.get(key)
            if live is None or live.etag != etag:
                return PreconditionFailed()
            del held[key]
            self._world.wrote("objects.delete", f"{bucket}/{key}")
            return None
