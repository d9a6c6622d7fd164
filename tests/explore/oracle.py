"""Is the world in step? The decision table and what stands around it, said once more in other words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from explore.facts import (
    CORE,
    ROOT_FILE,
    CannotHoldError,
    file_bytes,
    is_json,
    keys_under,
    linked,
    mounting,
    originals,
    place_of,
    records_at,
    ruler,
    shown_as_result,
    wanted_result,
)
from explore.stage import Snapshot
from explore.worlds import SmallWorld
from shared.builders import BUCKET, RESULTS


def out_of_step(now: Snapshot, world: SmallWorld) -> list[str]:
    """What a plan must still find; empty where all is as it should be. Assets with findings are passed over."""
    if world.results:
        return list(_results(now))
    places = {place_of(body) for held in now.records.values() for body in held.values()}
    prefixes = {place[1] for place in places if place and place[0] == BUCKET}
    prefixes |= {key.split("/")[0] for key in now.buckets[BUCKET] if "/" in key}
    return [f"{prefix}: {why}" for prefix in sorted(prefixes) for why in _asset(now, world, prefix)]


def not_adopted(first: Snapshot, now: Snapshot, world: SmallWorld) -> Iterator[str]:
    """Uploads that no record had, and none has: a JSON file without an original in JSON is taken over."""
    for key, one in first.buckets[BUCKET].items():
        match = ROOT_FILE.fullmatch(key)
        prefix = key.split("/")[0]
        was, became = ruler(first, world, prefix), ruler(now, world, prefix)
        if match is None or was is None or became is None or was[1].get(match[1]) is not None:
            continue
        good = is_json(one.body) and not any(is_json(kept) for kept in originals(first, prefix, match[1])[:1])
        if good and match[1] in CORE[was[0]] and became[1].get(match[1]) is None:
            yield f"{prefix}: its {match[1]}.json was not taken over"


def _asset(now: Snapshot, world: SmallWorld, prefix: str) -> Iterator[str]:
    found = list(records_at(now, BUCKET, prefix))
    if any(count > 1 for count in Counter(generation for generation, _ in found).values()):
        return
    if not keys_under(now, prefix):
        if found:
            yield "its folder is gone, and it has a record"
        if found and mounting(now, prefix) and world.rules.get("on_missing") != "keep":
            yield "its folder is gone, and a data asset mounts it"
        return
    if not found:
        yield from _unregistered(now, world, prefix)
        return
    for generation, body in found:
        ids = linked(generation, body)
        if ids is not None and ids != mounting(now, prefix):
            yield f"its {generation} record links {sorted(ids)}, and {sorted(mounting(now, prefix))} mount it"
    ruling = ruler(now, world, prefix)
    if ruling is not None:
        yield from _files(now, prefix, *ruling)
        yield from _metadata(now, world, prefix, ruling[1])


def _unregistered(now: Snapshot, world: SmallWorld, prefix: str) -> Iterator[str]:
    described = now.value(("object", BUCKET, f"{prefix}/data_description.json"))
    if described is not None and is_json(described) and b'"derived"' in described:
        yield "it is derived, and has no record"


def _files(now: Snapshot, prefix: str, generation: str, body: Mapping[str, Any]) -> Iterator[str]:
    for field in CORE[generation]:
        root = now.value(("object", BUCKET, f"{prefix}/{field}.json"))
        kept = originals(now, prefix, field)
        if body.get(field) is not None:
            yield from _held(field, body[field], root, kept)
        elif root is not None:
            good = is_json(root) and not any(is_json(one) for one in kept[:1])
            yield f"{field}.json is there, and the record " + (
                "has not taken it over" if good else "lacks it"
            )


def _metadata(now: Snapshot, world: SmallWorld, prefix: str, body: Mapping[str, Any]) -> Iterator[str]:
    wish = world.rules.get("metadata_file", "sync")
    held = now.value(("object", BUCKET, f"{prefix}/metadata.nd.json"))
    try:
        wanted = None if wish == "remove" else file_bytes(body)
    except CannotHoldError:
        return
    if wish == "remove" and len(keys_under(now, prefix)) == 1:
        return  # without it the asset would look gone
    if wish != "leave" and held != wanted:
        yield "its metadata file is not as it should be"


def _held(field: str, value: Any, root: bytes | None, kept: list[bytes]) -> Iterator[str]:
    try:
        wanted = file_bytes(value)
    except CannotHoldError:
        return
    if root != wanted:
        yield f"{field}.json is not what the record has"
    if not kept:
        yield f"{field} has no original"


def _results(now: Snapshot) -> Iterator[str]:
    places = [place_of(body) for held in now.records.values() for body in held.values()]
    known = {place[1] for place in places if place is not None and place[0] == RESULTS}
    for one in now.data_assets:
        if wanted_result(now, one) and not now.data_assets[one].external and one not in known:
            yield f"{one}: it is a result, and has no record"
    for one in sorted(known):
        if not shown_as_result(now, one):
            yield f"{one}: the result is gone, and it has a record"
