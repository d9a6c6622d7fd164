"""Put assets together in memory, in step or not, and load them into the servers at once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from indexer_sandbox.shapes import CORE_FIELDS, Asset, Generation, Record, file_bytes, record, record_bytes
from indexer_sandbox.stack import COLLECTION, DATABASE_V1, DATABASE_V2, OPEN_BUCKET, Sandbox

_BATCH = 20  # documents of some 50 kB in one insert


@dataclass(slots=True)
class Draft:
    """One asset before it is loaded: its record and the objects of its folder, to be pushed out of step."""

    asset: Asset
    record: Record | None
    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    """Key to bytes and time of the last change."""

    def key(self, core_field: str) -> str:
        """The key of a core file."""
        return f"{self.asset.name}/{core_field}.json"

    @property
    def metadata_key(self) -> str:
        """The key of `metadata.nd.json`."""
        return f"{self.asset.name}/metadata.nd.json"

    def original_key(self, core_field: str) -> str:
        """The key of a core file's original copy, dated by the day of its upload."""
        return f"{self.asset.name}/original_metadata/{core_field}.{self.asset.acquired_at:%Y%m%d}.json"

    def held(self) -> Record:
        """The record, where there is one; for drift that changes it."""
        if self.record is None:
            raise LookupError(f"{self.asset.location} was drafted without a record")
        return self.record

    def put(self, key: str, body: bytes) -> None:
        """Put an object there, as old as the asset's last change."""
        self.objects[key] = (body, self.asset.modified_at)

    def drop(self, *keys: str) -> None:
        """Take objects away that are there."""
        for key in keys:
            del self.objects[key]

    def write_metadata(self) -> None:
        """Bring `metadata.nd.json` into step with the record as it is now."""
        self.put(self.metadata_key, file_bytes(self.held()))


def in_step(asset: Asset, links: list[str] | None = None) -> Draft:
    """An asset whose record and files agree to the byte, with originals and some data beside them."""
    held = record(asset, links or [])
    draft = Draft(asset, held)
    put_data(draft)
    fields = {
        name: file_bytes(held[name]) for name in CORE_FIELDS[asset.generation] if held[name] is not None
    }
    for name, body in fields.items():
        draft.put(draft.key(name), body)
        draft.objects[draft.original_key(name)] = (_as_uploaded(held[name]), asset.acquired_at)
    draft.put(draft.metadata_key, record_bytes(held, fields))
    return draft


def unregistered(asset: Asset) -> Draft:
    """A folder as an upload leaves it: core files in the uploader's bytes, no record, no originals."""
    values = record(asset, [])
    draft = Draft(asset, None)
    put_data(draft)
    for name in CORE_FIELDS[asset.generation]:
        if values[name] is not None:
            draft.put(draft.key(name), _as_uploaded(values[name]))
    return draft


def put_data(draft: Draft) -> None:
    """The data that the folder is there for; nobody but their owner ever touches them."""
    name = draft.asset.name
    for path in (
        "ecephys/recording.zarr/.zattrs",
        "ecephys/recording.zarr/0.0",
        "behavior-videos/Größe µm.mp4",
    ):
        draft.objects[f"{name}/{path}"] = (path.encode(), draft.asset.acquired_at)


def _as_uploaded(value: Any) -> bytes:
    """The same value as another program writes it."""
    return json.dumps(value).encode("utf-8")


def data_asset(asset_id: str, asset: Asset, **changes: Any) -> dict[str, Any]:
    """An external data asset of Code Ocean that mounts an asset's folder."""
    base = {
        "id": asset_id,
        "created": int(asset.modified_at.timestamp()),
        "name": asset.name,
        "mount": asset.name,
        "last_used": int((asset.modified_at + timedelta(days=3)).timestamp()),
        "owner": "7b3c2b7e-2f0a-4a55-8c38-3f3c55b0a001",
        "state": "ready",
        "type": "dataset",
        "files": 7,
        "size": 1024,
        "description": "",
        "tags": [asset.data_level, asset.platform, asset.subject_id],
        "custom_metadata": {"data level": asset.data_level, "subject id": asset.subject_id},
        "source_bucket": {"origin": "aws", "bucket": asset.bucket, "prefix": asset.name, "external": True},
    }
    return base | changes


def data_asset_id(*parts: str) -> str:
    """A UUID that is the same for the same words."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "sandbox " + " ".join(parts)))


@dataclass(slots=True)
class Stage:
    """Everything that is to be loaded."""

    buckets: tuple[str, ...]
    drafts: list[Draft] = field(default_factory=list)
    records: list[tuple[Generation, Record]] = field(default_factory=list)
    """Records that have no folder of their own on the stage."""
    data_assets: list[dict[str, Any]] = field(default_factory=list)
    loose: list[tuple[str, str, bytes]] = field(default_factory=list)
    """Objects outside every asset: bucket, key, bytes."""

    def load(self, sandbox: Sandbox) -> None:
        """Put everything into the servers, without a request in the S3 and Code Ocean servers' logs."""
        for bucket in self.buckets:
            sandbox.s3.create_bucket(bucket, private=bucket != OPEN_BUCKET)
        with ThreadPoolExecutor(max_workers=2) as pool:
            inserting = pool.submit(self._insert, sandbox.docdb_uri)
            for draft in self.drafts:
                for key, (body, at) in draft.objects.items():
                    sandbox.s3.put(draft.asset.bucket, key, body, at)
            for bucket, key, body in self.loose:
                sandbox.s3.put(bucket, key, body)
            for data_asset in self.data_assets:
                sandbox.codeocean.put(data_asset)
            inserting.result()

    def _insert(self, uri: str) -> None:
        from pymongo import MongoClient
        from pymongo.collection import Collection

        client: MongoClient[Record]
        with MongoClient(uri) as client:
            for generation, database in (("v1", DATABASE_V1), ("v2", DATABASE_V2)):
                collection: Collection[Record] = client[database][COLLECTION]
                collection.create_index("location")
                collection.create_index("name")
                documents = self._documents(generation)
                for start in range(0, len(documents), _BATCH):
                    collection.insert_many(documents[start : start + _BATCH])

    def _documents(self, generation: str) -> Sequence[Record]:
        drafted = [
            draft.record
            for draft in self.drafts
            if draft.record is not None and draft.asset.generation == generation
        ]
        return drafted + [held for own, held in self.records if own == generation]
