"""One handle for each port, whatever is behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from indexer.model.generation import GenerationName
from indexer.model.ports import (
    DataAssetReader,
    DataAssetWriter,
    ObjectReader,
    ObjectWriter,
    RecordReader,
    RecordWriter,
)
from shared.memory.stored import StoredDataAsset


class Put(Protocol):
    """Stores an object past the port."""

    def __call__(self, key: str, body: bytes, modified_at: datetime | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Objects:
    """S3 under one of its ports."""

    reader: ObjectReader
    writer: ObjectWriter
    bucket: str
    put: Put
    objects: Callable[[], dict[str, bytes]]
    deny: Callable[[], None]
    """403 from now on."""
    takes_times: bool = True
    """Can an object be stored that is as old as it is said to be?"""


@dataclass(frozen=True, slots=True)
class Records:
    """DocDB under one of its ports."""

    server: str
    """`memory`, `nx-27017`, `secantusdb` or `given`."""
    reader: RecordReader
    writer: RecordWriter
    add: Callable[..., None]
    """Stores bodies of a generation past the port."""
    rows_a_page: Callable[[int], None]
    places: Mapping[GenerationName, tuple[str, str]] = field(default_factory=dict)
    """Database and collection of each generation, on a server."""

    def all_rows(self, generation: GenerationName, bucket: str) -> list[Any]:
        return [row for page in self.reader.rows(generation, bucket) for row in page]

    def body(self, record_id: Any, generation: GenerationName = "v1") -> Mapping[str, Any] | None:
        found = self.reader.by_id(generation, [record_id])
        assert len(found) <= 1
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class DataAssets:
    """Code Ocean under one of its ports."""

    reader: DataAssetReader
    writer: DataAssetWriter
    put: Callable[[StoredDataAsset], None]
    archived: Callable[[], dict[str, bool]]
    """Every data asset by id: is it archived?"""
    deny: Callable[[], None]
    break_page: Callable[[int], None]
    """The n-th page from now on fails."""
    rows_a_page: Callable[[int], None]
