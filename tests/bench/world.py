"""N assets that are made up when they are asked for; both light servers serve the same ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from indexer_sandbox.shapes import CORE_FIELDS, Asset, core_values

BUCKET = "bench"
COLLECTION = "data_assets"
DATABASES: dict[Generation, str] = {"v1": "metadata_index", "v2": "metadata_index_v2"}
FIRST_AT = datetime(2020, 1, 1, tzinfo=UTC)
Generation = Literal["v1", "v2"]
Document = dict[str, Any]


class Spliced:
    """Bytes with the places of an asset's name, id and subject cut out of them; these have fixed lengths."""

    TOKENS = (b"@NAME" + b"@" * 30, b"@ID" + b"@" * 33, b"@SUBJ@@")
    NAME, ID, SUBJECT = (token.decode() for token in TOKENS)

    def __init__(self, template: bytes) -> None:
        parts = re.split(b"(" + b"|".join(map(re.escape, self.TOKENS)) + b")", template)
        self._parts = parts
        self._places = [(at, self.TOKENS.index(part)) for at, part in enumerate(parts) if part in self.TOKENS]
        self.size_bytes = len(template)

    def of(self, values: Sequence[bytes]) -> bytes:
        """The bytes for one asset's name, id and subject."""
        parts = self._parts.copy()
        for at, which in self._places:
            parts[at] = values[which]
        return b"".join(parts)


class World:
    """N assets in the order of their names; both servers are made of the same one."""

    def __init__(
        self, assets: int, generation: Generation = "v1", bare_every: int = 0, *, heavy: bool = False
    ) -> None:
        self.assets, self.generation, self.bare_every = assets, generation, bare_every
        self.templates = {bare: template_record(generation, bare=bare, heavy=heavy) for bare in (False, True)}

    def bare(self, number: int) -> bool:
        """Does its record have no core field, so that there is nothing that has an original?"""
        return bool(self.bare_every) and number % self.bare_every == self.bare_every - 1

    @staticmethod
    def name(number: int) -> str:
        """The folder's name: the same length for all, and sorted as the numbers are."""
        at = FIRST_AT + timedelta(minutes=7 * number)
        return f"ecephys_{number:07d}_{at:%Y-%m-%d_%H-%M-%S}"

    def number(self, name: str) -> int | None:
        """The number of the asset that has this name, or None."""
        digits = name[8:15]
        if digits.isdecimal() and int(digits) < self.assets and self.name(int(digits)) == name:
            return int(digits)
        return None

    @staticmethod
    def record_id(number: int) -> str:
        """A UUID; sorted as the numbers are."""
        return f"{number:08x}-b0a0-4000-8000-{number:012x}"

    def number_of_id(self, record_id: object) -> int | None:
        """The number of the asset whose record has this id, or None."""
        try:
            number = int(str(record_id)[:8], 16)
        except ValueError:
            return None
        return number if number < self.assets and self.record_id(number) == record_id else None

    def values(self, number: int) -> tuple[bytes, bytes, bytes]:
        """What is spliced into an asset's bytes."""
        return self.name(number).encode(), self.record_id(number).encode(), b"%07d" % number


def location_of(name: str) -> str:
    """The location of the asset that has this name."""
    return f"s3://{BUCKET}/{name}"


def template_record(generation: Generation, *, bare: bool, heavy: bool) -> Document:
    """The record that all others are copies of; v1's has eight core fields, and a metadata file of 53 or 98 kB."""
    values = core_values(Asset("template", BUCKET, generation))
    if generation == "v1":
        values["instrument"] = core_values(Asset("template", BUCKET, platform="SmartSPIM"))["instrument"]
        values["session"]["data_streams"] = values["session"]["data_streams"][:1]
    if not heavy:
        values = {field: value if field in WHOLE else halved(value) for field, value in values.items()}
    values["subject"]["subject_id"] = Spliced.SUBJECT
    values["data_description"].update(name=Spliced.NAME, subject_id=Spliced.SUBJECT)
    v1 = generation == "v1"
    created, modified = ("created", "last_modified") if v1 else ("_created", "_last_modified")
    own = {"metadata_status": "Valid"} if v1 else {"object_type": "Metadata"}
    return {
        "_id": Spliced.ID,
        "describedBy": "https://raw.githubusercontent.com/AllenNeuralDynamics/aind-data-schema/main/src/aind_data_schema/core/metadata.py",
        "schema_version": "1.2.1" if v1 else "2.7.6",
        "name": Spliced.NAME,
        created: "2024-06-01T10:20:30.123456Z",
        modified: "2024-06-02T11:22:33.654321Z",
        "location": location_of(Spliced.NAME),
        "external_links" if v1 else "other_identifiers": {},
        **own,
        **(dict.fromkeys(CORE_FIELDS[generation]) if bare else values),
    }


def stale_fields(generation: Generation, differences: int) -> dict[str, dict[str, str]]:
    """By field, what its root file has that the record has not: one file and value, or each file so many."""
    if not differences:
        return {"subject": {"notes": "as it was before"}}
    values = {f"note_{number:02}": f"as it was before, {number}" for number in range(differences)}
    return dict.fromkeys(CORE_FIELDS[generation], values)


WHOLE = frozenset({"data_description", "quality_control"})
"""Fields of which a light record, too, has all."""


def halved(value: Any) -> Any:
    """The value with the first half of each of its lists."""
    match value:
        case dict():
            return {name: halved(one) for name, one in value.items()}
        case list():
            return [halved(one) for one in value[: (len(value) + 1) // 2]]
    return value
