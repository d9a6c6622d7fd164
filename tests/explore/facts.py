"""What a moment of the world shows, read anew from the domain's words: nothing here calls the code that is tested."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from explore.stage import Snapshot
from explore.worlds import SmallWorld
from indexer.model.values import Oid
from shared.builders import BUCKET, COLLECTIONS, ORIGINALS, RESULTS

OLD_AND_NEW = {
    "subject",
    "data_description",
    "procedures",
    "processing",
    "acquisition",
    "instrument",
    "quality_control",
}
CORE = {"v1": sorted({*OLD_AND_NEW, "session", "rig"}), "v2": sorted({*OLD_AND_NEW, "model"})}
MODIFIED = {"v1": "last_modified", "v2": "_last_modified"}
LINKS = {"v1": "external_links", "v2": "other_identifiers"}
ANY_FIELD = "|".join(sorted({*CORE["v1"], *CORE["v2"]}))
ROOT_FILE = re.compile(rf"[^/]+/({ANY_FIELD})\.json")
ORIGINAL = re.compile(rf"[^/]+/{ORIGINALS}/({ANY_FIELD})\.[0-9]{{8}}\.json")
METADATA = re.compile(r"[^/]+/metadata\.nd\.json")


class CannotHoldError(ValueError):
    """A value that a file has no form for."""


def file_bytes(value: Any) -> bytes:
    """The bytes that a file holding this value must have. Raises CannotHoldError."""
    return json.dumps(value, indent=3, ensure_ascii=False, sort_keys=True, default=_in_json).encode()


def _in_json(value: object) -> str:
    match value:
        case Oid():
            return value.hex
        case datetime():
            text = value.astimezone(UTC).isoformat(
                timespec="milliseconds" if value.microsecond else "seconds"
            )
            return text.removesuffix("+00:00") + "Z"
    raise CannotHoldError(repr(value))


def strict(value: Any) -> str:
    """Two values are the same where their texts are: 1, 1.0 and true differ, the order of keys does not."""
    return json.dumps(value, sort_keys=True, default=_typed)


def _typed(value: object) -> list[str]:
    return (
        ["date", str(instant(value))] if isinstance(value, datetime) else [type(value).__name__, repr(value)]
    )


def is_json(body: bytes) -> bool:
    """Does the file hold a value, other than null?"""
    try:
        return json.loads(body.decode("utf-8-sig")) is not None
    except ValueError:
        return False


def keys_under(now: Snapshot, prefix: str, bucket: str = BUCKET) -> list[str]:
    """All that is in an asset's folder."""
    return [key for key in now.buckets.get(bucket, {}) if key.startswith(f"{prefix}/")]


def originals(now: Snapshot, prefix: str, field: str) -> list[bytes]:
    """The originals of a core field, the oldest first."""
    named = re.compile(rf"{re.escape(prefix)}/{ORIGINALS}/{field}\.[0-9]{{8}}\.json")
    held = now.buckets[BUCKET]
    return [held[key].body for key in sorted(held) if named.fullmatch(key)]


def place_of(body: Mapping[str, Any]) -> tuple[str, str] | None:
    """Bucket and prefix of a record; None where its location is not usable."""
    match = re.fullmatch(r"s3://([^/]+)/([^/]+)/?", str(body.get("location")))
    return None if match is None else (match[1], match[2])


def records_at(now: Snapshot, bucket: str, prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The records at a location, with their generation."""
    for generation, held in now.records.items():
        for body in held.values():
            if place_of(body) == (bucket, prefix):
                yield generation, body


def synced(world: SmallWorld) -> list[str]:
    """The generations whose records rule the files."""
    collections = world.rules.get("collections", COLLECTIONS)
    return [name for name, one in collections.items() if one.sync_to_s3]


def ruler(now: Snapshot, world: SmallWorld, prefix: str) -> tuple[str, Mapping[str, Any]] | None:
    """The record that rules the asset's files."""
    found = dict(records_at(now, BUCKET, prefix))
    return next(((name, found[name]) for name in synced(world) if name in found), None)


def mounting(now: Snapshot, prefix: str) -> set[str]:
    """The unarchived external data assets that mount the asset."""
    return {
        one.id
        for one in now.data_assets.values()
        if one.external
        and not one.archived
        and (one.bucket, (one.prefix or "").rstrip("/")) == (BUCKET, prefix)
    }


def shown_as_result(now: Snapshot, result_id: str) -> bool:
    """Does Code Ocean show it as a derived result?"""
    one = now.data_assets.get(result_id)
    return (
        one is not None
        and one.type == "result"
        and not one.archived
        and bool({"derived", "processed"} & {*one.tags})
    )


def wanted_result(now: Snapshot, result_id: str) -> bool:
    """Is it to have a record?"""
    one = now.data_assets.get(result_id)
    return (
        one is not None and shown_as_result(now, result_id) and one.state == "ready" and one.has_computation
    )


def linked(generation: str, body: Mapping[str, Any]) -> set[str] | None:
    """The ids that a record holds; None for links that nobody can read."""
    held = body.get(LINKS[generation])
    platforms: list[Any] = held if isinstance(held, list) else [held or {}]
    ids: set[str] = set()
    for one in platforms:
        found = one.get("Code Ocean") if isinstance(one, dict) else 0
        found = [found] if isinstance(found, str) else found or []
        if (
            not isinstance(one, dict)
            or not isinstance(found, list)
            or not all(isinstance(x, str) for x in found)
        ):
            return None
        ids |= set(found)
    return ids


def names_data_assets(now: Snapshot) -> bool:
    """Does any record link a data asset, or stand for a result?"""
    held = [(generation, body) for generation, bodies in now.records.items() for body in bodies.values()]
    return any(linked(*one) or (place_of(one[1]) or ("",))[0] == RESULTS for one in held)


def elsewhere(generation: str, body: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The links to other platforms, whatever their form."""
    held = body.get(LINKS[generation])
    found: dict[str, list[Any]] = {}
    for one in held if isinstance(held, list) else [held or {}]:
        for platform, ids in one.items() if isinstance(one, dict) else ():
            if platform != "Code Ocean":
                found.setdefault(platform, []).extend(ids if isinstance(ids, list) else [ids])
    return found


def instant(value: object) -> datetime | None:
    """A last-modified field as a moment; None where it is none."""
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _timeless(metadata: bytes) -> object:
    """A metadata file without the time of its record's write: with the record, that comes back as a new one."""
    try:
        held = json.loads(metadata)
    except ValueError:
        return metadata
    return {key: value for key, value in held.items() if key not in MODIFIED.values()}


def alike(slot: tuple[str, ...], one: Any, other: Any, *, exactly: bool = False) -> bool:
    """The same value, times of writes apart."""
    if one is None or other is None:
        return one is other
    if slot[0] == "object":
        return bool(one == other) or (
            METADATA.fullmatch(slot[-1]) is not None and _timeless(one) == _timeless(other)
        )
    if slot[0] == "data-asset":
        return bool(
            replace(one, state="", has_computation=True) == replace(other, state="", has_computation=True)
        )
    skip = () if exactly else (MODIFIED[slot[1]],)
    return strict({k: v for k, v in one.items() if k not in skip}) == strict(
        {k: v for k, v in other.items() if k not in skip}
    )


def out_of_bounds(slot: tuple[str, ...], before: Any, after: Any) -> str:
    """Why nobody of ours may ever write this; empty where we may."""
    match slot:
        case ("object", bucket, key):
            ours = any(one.fullmatch(key) for one in (ROOT_FILE, ORIGINAL, METADATA))
            return "" if bucket == BUCKET and ours else f"{bucket}/{key} is no file of ours"
        case ("record", generation, _):
            place = place_of(after or before)
            return (
                "" if generation in CORE and place and place[0] in (BUCKET, RESULTS) else "no record of ours"
            )
    one = after or before
    return (
        ""
        if one.external and one.bucket == BUCKET
        else f"{one.id} is no external data asset of a managed bucket"
    )
