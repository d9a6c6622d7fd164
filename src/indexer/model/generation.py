"""The two generations of record, side by side. Source: DOMAIN, "The three systems"."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from indexer.model.location import Location

GenerationName = Literal["v1", "v2"]
METADATA_FILE = "metadata.nd.json"
DATA_DESCRIPTION = "data_description"
"""The core field that says what an asset is."""
CODE_OCEAN = "Code Ocean"
DATED_NAME = re.compile(r"([a-zA-Z0-9_]+)\.([0-9]{8})\.json")
DATE_PLACEHOLDER = "<date>"
"""Stands for the UTC day of a file that the same plan writes: known after apply."""


@dataclass(frozen=True, slots=True)
class Generation:
    """What differs between v1 and v2 records."""

    name: GenerationName
    core_fields: tuple[str, ...]
    """In the order in which their files are planned."""
    created_field: str
    modified_field: str
    """ISO-8601 string ending in Z; set to the time of every write, because other programs poll on it."""
    links_field: str
    """Holds the ids of data assets under the key "Code Ocean", other platforms beside it."""
    constants: Mapping[str, str]
    """What a newly registered record says of itself."""


V1 = Generation(
    name="v1",
    core_fields=(
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
    created_field="created",
    modified_field="last_modified",
    links_field="external_links",
    constants={"metadata_status": "Unknown"},
)
V2 = Generation(
    name="v2",
    core_fields=(
        "subject",
        "data_description",
        "procedures",
        "instrument",
        "processing",
        "acquisition",
        "quality_control",
        "model",
    ),
    created_field="_created",
    modified_field="_last_modified",
    links_field="other_identifiers",
    constants={"object_type": "Metadata"},
)
GENERATIONS: Mapping[str, Generation] = {"v1": V1, "v2": V2}
CORE_FIELDS: tuple[str, ...] = tuple(dict.fromkeys(V1.core_fields + V2.core_fields))


def core_file(field: str) -> str:
    """The name of a core field's file in the asset's root."""
    return f"{field}.json"


def original_name(field: str, date: str) -> str:
    """The name of the copy of a core file as it was first uploaded; `date` is YYYYMMDD in UTC."""
    return f"{field}.{date}.json"


def original_field(name: str) -> str | None:
    """The core field whose original a file of the originals folder is, or None."""
    match = DATED_NAME.fullmatch(name)
    return match[1] if match and match[1] in CORE_FIELDS else None


def oldest_originals(names: Iterable[str]) -> dict[str, str]:
    """Core field → the name of its original; of several the oldest, by the date in their names. They may have a folder.

    A later one was made of a file that was not the first upload any more.
    """
    oldest: dict[str, str] = {}
    for name in names:
        field = original_field(name.rpartition("/")[2])
        if field is not None:
            oldest[field] = min(name, oldest.get(field, name))  # YYYYMMDD sorts as text
    return oldest


def record_id(location: Location) -> str:
    """The `_id` of a record we register: the same for every registration of this location."""
    # A UUIDv5 and no random one: two runs at the same moment meet in one `_id` (decision 12).
    return str(uuid.uuid5(uuid.NAMESPACE_URL, str(location)))


def new_record(
    generation: Generation,
    location: Location,
    name: str,
    fields: Mapping[str, Any],
    links: tuple[str, ...],
    at: str | None,
) -> dict[str, Any]:
    """A record for an asset that has none; missing core fields are explicit nulls.

    `at` is the time of the write; None while planning, when it is not known yet.
    """
    return {
        "_id": record_id(location),
        "name": name,
        "location": str(location),
        generation.created_field: at,
        generation.modified_field: at,
        **generation.constants,
        # Explicit nulls: readers of records expect every core field of the schema to be there.
        **{field: fields.get(field) for field in generation.core_fields},
        generation.links_field: {CODE_OCEAN: sorted(links)} if links else {},
    }
