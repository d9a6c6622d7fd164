"""The whole records of a batch of assets: read at once, opened one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from indexer.errors import SystemFaultError
from indexer.model.generation import GenerationName
from indexer.model.ids import IdKey, id_key
from indexer.model.location import Location, parse_location
from indexer.model.ports import RecordReader
from indexer.model.snapshot import Asset, DataAsset, Record, SystemName
from indexer.planner.light_rows import HeldRow, held_row, shown_row


@dataclass(frozen=True, slots=True)
class AssetToRead:
    """One asset and what must be read of it first."""

    asset: Asset
    records: tuple[GenerationName, ...]
    folder: bool
    listed: bool
    """The bucket's listing showed it."""

    def __reduce__(self) -> tuple[Any, ...]:
        """On its way to another process its rows are bytes, as they are held: that takes a third of the time."""
        one = self.asset
        rows = tuple(map(held_row, one.rows))
        place = one.location.bucket, one.location.prefix
        return _arrived, (place, rows, one.data_assets, self.records, self.folder, self.listed)


def _arrived(
    place: tuple[str, str],
    rows: tuple[HeldRow, ...],
    data_assets: tuple[DataAsset, ...],
    records: tuple[GenerationName, ...],
    folder: bool,
    listed: bool,
) -> AssetToRead:
    asset = Asset(Location(*place), tuple(map(shown_row, rows)), data_assets=data_assets)
    return AssetToRead(asset, records, folder, listed)


class UnreadableError(Exception):
    """One asset that was changed while it was being read, or that nobody can read."""

    def __init__(self, system: SystemName, why: str) -> None:
        super().__init__(why)
        self.system = system


Bodies = Mapping[GenerationName, Record | None]
BatchOfRecords = dict[Location, Bodies] | SystemFaultError
"""A fault: why the batch was not read."""


def _wanted(batch: Sequence[AssetToRead]) -> dict[GenerationName, dict[IdKey, object]]:
    """The ids of the records that a batch needs, each once."""
    wanted: dict[GenerationName, dict[IdKey, object]] = {}
    for one in batch:
        for row in one.asset.rows:
            if row.generation in one.records:
                wanted.setdefault(row.generation, {})[id_key(row.id)] = row.id
    return wanted


def read_records(reader: RecordReader, batch: Sequence[AssetToRead]) -> dict[Location, Bodies]:
    """The whole records that a batch needs; None for one that is gone, or moved, since its row was read."""
    found = {
        (generation, id_key(body["_id"])): body
        for generation, ids in _wanted(batch).items()
        for body in reader.by_id(generation, tuple(ids.values()))
    }
    held: dict[Location, Bodies] = {}
    for one in batch:
        records: dict[GenerationName, Record | None] = {}
        for row in one.asset.rows:
            if row.generation in one.records:
                body = found.get((row.generation, id_key(row.id)))
                records[row.generation] = None if body is None else Record(row, body)
        held[one.asset.location] = records
    return held


def opened_records(bodies: Bodies, location: Location) -> dict[GenerationName, Record]:
    """The records, decoded; each must be there still."""
    records = {}
    for name, record in bodies.items():
        try:
            # A record that moved since its row was read belongs to another asset now.
            if record is None or parse_location(record.body.get("location")) != location:
                raise UnreadableError("docdb", "its record was changed while it was being read")
            records[name] = Record(record.row, dict(record.body))
        except SystemFaultError as exc:
            raise UnreadableError("docdb", exc.what) from exc
    return records
