"""What the systems in memory hold, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from indexer.model.ids import id_key

START = datetime(2026, 1, 15, 12, tzinfo=UTC)


def key_of(record_id: object) -> str:
    """By which a record is kept; of text its `repr`."""
    return repr(id_key(record_id))


STRANGER = {"_id": "stranger", "name": "stranger", "location": "s3://elsewhere/stranger"}
"""Of a bucket that is nobody's, in every collection from the beginning: one that holds nothing is doubted."""


class Crash(BaseException):
    """The process died: nothing of ours runs after it."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object with the ETag and the time it was given."""

    body: bytes
    etag: str
    modified_at: datetime


@dataclass(slots=True)
class StoredDataAsset:
    """A data asset with what a search looks at."""

    id: str
    name: str
    bucket: str | None = None
    prefix: str | None = None
    external: bool = True
    archived: bool = False
    type: str = "dataset"
    tags: tuple[str, ...] = ()
    state: str = "ready"
    has_computation: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """One write that was carried out."""

    operation: str
    """Port and method: `objects.put`, `records.update`, `data_assets.archive`."""
    target: str


def pages(rows: Sequence[Any], size: int) -> list[tuple[Any, ...]]:
    """The rows of a search, page by page; one that is empty where there are none."""
    return [tuple(rows[start : start + size]) for start in range(0, len(rows), size)] or [()]
