"""Metadata that looks like the real thing: records of both generations, the same ones for the same seed.

The shapes are instances that aind-data-schema 1.4.0 (v1) and 2.9.2 (v2) accept, with non-ASCII text and
awkward numbers where the schema leaves room for them.
"""

from __future__ import annotations

import functools
import json
import random
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any, Literal, TypeAlias

Record: TypeAlias = dict[str, Any]
Generation: TypeAlias = Literal["v1", "v2"]
Platform: TypeAlias = Literal["ecephys", "SmartSPIM"]

CORE_FIELDS: dict[Generation, tuple[str, ...]] = {
    "v1": (
        "subject",
        "data_description",
        "procedures",
        "session",
        "rig",
        "processing",
        "acquisition",
        "instrument",
        "quality_control",
    ),
    "v2": (
        "subject",
        "data_description",
        "procedures",
        "instrument",
        "processing",
        "acquisition",
        "quality_control",
        "model",
    ),
}
LINKS: dict[Generation, str] = {"v1": "external_links", "v2": "other_identifiers"}

_ABSENT: dict[tuple[Generation, Platform], frozenset[str]] = {
    ("v1", "ecephys"): frozenset({"acquisition", "instrument"}),
    ("v1", "SmartSPIM"): frozenset({"session", "rig", "quality_control"}),
    ("v2", "ecephys"): frozenset({"model"}),
    ("v2", "SmartSPIM"): frozenset({"model", "quality_control"}),
}
_REPEATED = frozenset(
    {"data_streams", "stimulus_epochs", "data_processes", "tiles", "evaluations", "metrics"}
)
_SHAPE_SUBJECT = "712815"
_SHAPE_DATE = datetime(2024, 5, 22, tzinfo=UTC)
_METADATA_URL = "https://raw.githubusercontent.com/AllenNeuralDynamics/aind-data-schema/main/src/aind_data_schema/core/metadata.py"


@dataclass(frozen=True, slots=True)
class Asset:
    """What one asset's metadata is made from; equal assets have equal metadata."""

    name: str
    bucket: str
    generation: Generation = "v1"
    platform: Platform = "ecephys"
    data_level: str = "raw"
    subject_id: str = _SHAPE_SUBJECT
    acquired_at: datetime = _SHAPE_DATE

    @property
    def location(self) -> str:
        """Where the asset is, without a trailing slash."""
        return f"s3://{self.bucket}/{self.name}"

    @property
    def modified_at(self) -> datetime:
        """When its record was last written: a day after the acquisition."""
        return self.acquired_at + timedelta(days=1, microseconds=123456)


def core_values(asset: Asset) -> dict[str, Any]:
    """The value of each core field of the asset's generation; None for what its platform doesn't have."""
    rng = random.Random(f"{asset.generation} {asset.location}")  # noqa: S311 - the same each time, on purpose
    absent = _ABSENT[asset.generation, asset.platform]
    shapes = _shapes(asset.generation)
    values: dict[str, Any] = {
        field: None if field in absent else _varied(shapes[field], asset, rng)
        for field in CORE_FIELDS[asset.generation]
    }
    description = values["data_description"]
    description.update(name=asset.name, data_level=asset.data_level)
    if asset.platform == "SmartSPIM":
        modality = {"name": "Selective plane illumination microscopy", "abbreviation": "SPIM"}
        description["modality" if asset.generation == "v1" else "modalities"] = [modality]
    return values


def record(asset: Asset, links: list[str]) -> Record:
    """The asset's record, 20 to 70 kB of it, linked to these data assets."""
    rng = random.Random(f"id {asset.generation} {asset.location}")  # noqa: S311 - the same each time, on purpose
    v1 = asset.generation == "v1"
    created, modified = ("created", "last_modified") if v1 else ("_created", "_last_modified")
    own: Record = {"metadata_status": "Valid"} if v1 else {"object_type": "Metadata"}
    return {
        "_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "describedBy": _METADATA_URL,
        "schema_version": "1.2.1" if v1 else "2.7.6",
        "name": asset.name,
        created: timestamp(asset.acquired_at),
        modified: timestamp(asset.modified_at),
        "location": asset.location,
        LINKS[asset.generation]: {"Code Ocean": links} if links else {},
        **own,
        **core_values(asset),
    }


def file_bytes(value: Any) -> bytes:
    """The bytes of a file in step with a value, written down here once more on purpose."""
    return json.dumps(value, indent=3, ensure_ascii=False, sort_keys=True).encode("utf-8")


def record_bytes(held: Record, fields: Mapping[str, bytes]) -> bytes:
    """`file_bytes` of a record, quicker where the bytes of some of its fields are known already."""
    lines = []
    for name in sorted(held):
        body = fields[name] if name in fields else file_bytes(held[name])
        lines.append(b"   " + file_bytes(name) + b": " + body.replace(b"\n", b"\n   "))
    return b"{\n" + b",\n".join(lines) + b"\n}"


def timestamp(at: datetime) -> str:
    """A time as records hold it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


@functools.cache
def _shapes(generation: Generation) -> dict[str, str]:
    """Each core field's shape, as JSON text."""
    text = resources.files("indexer_sandbox").joinpath("shapes", f"{generation}.json").read_text("utf-8")
    return {field: json.dumps(shape) for field, shape in json.loads(text).items()}


def _varied(shape: str, asset: Asset, rng: random.Random) -> Any:
    """A shape's value with the asset's subject and day in its texts, and some of its lists longer."""
    day = f"{asset.acquired_at:%Y-%m-%d}"
    text = shape.replace(_SHAPE_SUBJECT, asset.subject_id).replace(f"{_SHAPE_DATE:%Y-%m-%d}", day)
    value = json.loads(text)
    for holder, name in _repeated_lists(value):
        items = holder[name]
        holder[name] = [items[i % len(items)] for i in range(len(items) + rng.randrange(3))]
    return value


def _repeated_lists(value: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """The lists, innermost first, that hold one item for each stream, epoch, process and so on."""
    if isinstance(value, list):
        for item in value:
            yield from _repeated_lists(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _repeated_lists(item)
            if name in _REPEATED and isinstance(item, list) and item:
                yield value, name
