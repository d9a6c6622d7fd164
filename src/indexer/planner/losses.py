"""What a deletion takes away, told from what the plan has read anyway: nothing is read for it alone.

Bounded like everything in a plan: it holds no whole contents (decision 10).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from indexer.model.content import Change, NewRecordContent
from indexer.model.generation import GENERATIONS, GenerationName, new_record
from indexer.model.links import InvalidLinksError, read_links
from indexer.model.location import Location, parse_location
from indexer.model.loses import Loses
from indexer.model.snapshot import Asset, DataAsset, Folder
from indexer.model.values import iso_time
from indexer.planner.capacity import bson_size
from indexer.planner.diff import first_values
from indexer.planner.shorten import json_text, shortened_text

MAX_LINKED = 5
"""Ids of data assets that are named; of the others only how many."""


def record_loses(
    body: Mapping[str, Any], generation: GenerationName, mounted_by: Iterable[DataAsset] = ()
) -> Loses:
    """What is lost with a record. `mounted_by`: the data assets that mount its location."""
    shape = GENERATIONS[generation]
    try:
        links = read_links(body.get(shape.links_field))
    except InvalidLinksError:
        links = frozenset()
    return Loses(
        name=_text(body.get("name")),
        size=bson_size(dict(body)),
        modified=_text(body.get(shape.modified_field)),
        fields=len(body),
        **_linked({one.id for one in mounted_by} | links),
    )


def new_record_loses(content: NewRecordContent, location: str, generation: GenerationName) -> Loses:
    """What is lost with a record that a run made of core files, as far as its plan tells."""
    shape, place = GENERATIONS[generation], parse_location(location)
    fields = None if place is None else len(new_record(shape, place, content.name, {}, (), None))
    known = shape.links_field not in content.known_after_apply
    return Loses(
        name=shortened_text(content.name), fields=fields, **(_linked(content.links) if known else {})
    )


def _linked(ids: Iterable[str]) -> dict[str, Any]:
    """The first of these ids, and how many more there are."""
    held = sorted(ids)
    more = len(held) - MAX_LINKED
    first = tuple(map(shortened_text, held[:MAX_LINKED]))
    return {"linked": first, "linked_omitted": more if more > 0 else None}


def file_loses(asset: Asset, name: str) -> tuple[Loses, tuple[Change, ...], int]:
    """What is lost with a root file, its first values, and how many more it holds; no values where it was not read."""
    info = (asset.folder or Folder(exists=False)).files[name]
    read = asset.bodies.get(name)
    if read is None:
        return Loses(size=info.size, modified=iso_time(info.modified_at)), (), 0
    values, omitted = first_values(read.body)
    return Loses(size=len(read.body), modified=iso_time(read.modified_at)), values, omitted


def data_asset_loses(one: DataAsset, location: Location) -> Loses:
    """What people lose sight of with a data asset."""
    mounted = one.location or location
    return Loses(name=shortened_text(one.name), mount=f"{mounted.bucket}/{mounted.prefix}")


def _text(value: object) -> str | None:
    """A name or a time as somebody wrote it, of whatever type; None where there is none."""
    match value:
        case None:
            return None
        case str():
            return shortened_text(value)
        case datetime():
            return iso_time(value)
    return shortened_text(json_text(value))
