"""What a write rests on elsewhere, and whether it held at the time of the write, or at a fresh look just before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from explore.facts import (
    CORE,
    LINKS,
    METADATA,
    ORIGINAL,
    ROOT_FILE,
    is_json,
    keys_under,
    linked,
    mounting,
    originals,
    place_of,
    records_at,
    ruler,
    shown_as_result,
    strict,
    wanted_result,
)
from explore.stage import Change, Look, Slot, Snapshot
from explore.worlds import SmallWorld
from indexer.model.action import Action, UpdateRecord
from indexer.model.content import FieldContent, InlineSource
from indexer.model.plan import Plan
from shared.builders import BUCKET, ORIGINALS, RESULTS
from shared.memory.stored import key_of

FRESH = timedelta(minutes=2)
Holds = Callable[[Snapshot], bool]


@dataclass(frozen=True, slots=True)
class Ground:
    """A condition in another system."""

    words: str
    holds: Holds
    scopes: tuple[Slot, ...]
    """A look at any of these shows it."""


def grounds_of(change: Change, world: SmallWorld, planned: Snapshot, *, undo: bool) -> Iterator[Ground]:
    """What this change of ours rests on."""
    if undo:
        yield from _taken_back(change)
        return
    match change.slot:
        case ("object", _, key) if change.after is None and (match := ROOT_FILE.fullmatch(key)):
            yield from _root_deleted(world, key.split("/")[0], match[1], planned)
        case ("object", _, key) if change.after is None and METADATA.fullmatch(key):
            yield _not_alone(key)
        case ("record", generation, _) if (place := place_of(change.after or change.before)) is not None:
            yield from _record(change, generation, *place, planned)
        case ("data-asset", _):
            yield from _data_asset(change, planned)


def _taken_back(change: Change) -> Iterator[Ground]:
    """Field and original go together: an original without the field would have the next plan delete the root file."""
    match change.slot:
        case ("object", _, key) if change.after is None and (match := ORIGINAL.fullmatch(key)):
            root: Slot = ("object", BUCKET, f"{key.split('/')[0]}/{match[1]}.json")
            yield Ground("its root file is there", lambda now: now.value(root) is not None, (root,))
        case ("record", generation, _) if change.before is not None and change.after is not None:
            place = place_of(change.before)
            for field in CORE[generation] if place and place[0] == BUCKET else ():
                if change.before.get(field) is not None and change.after.get(field) is None:
                    yield _no_original(str(place and place[1]), field)


def _no_original(prefix: str, field: str) -> Ground:
    return Ground(
        f"{field} has no original",
        lambda now: not any(is_json(one) for one in originals(now, prefix, field)[:1]),
        (("listing", BUCKET, f"{prefix}/{ORIGINALS}/"),),
    )


def _records_of(prefix: str, planned: Snapshot, bucket: str = BUCKET) -> tuple[Slot, ...]:
    """By what looks an asset's records are seen."""
    known = [(generation, key_of(body["_id"])) for generation, body in records_at(planned, bucket, prefix)]
    found = [("records at", generation, f"s3://{bucket}/{prefix}") for generation in ("v1", "v2")]
    return (*found, *(("record", *one) for one in known))


def _root_deleted(world: SmallWorld, prefix: str, field: str, planned: Snapshot) -> Iterator[Ground]:
    def lacks(now: Snapshot) -> bool:
        ruling = ruler(now, world, prefix)
        return ruling is not None and ruling[1].get(field) is None

    folder = f"{prefix}/{ORIGINALS}/"
    keys = tuple(("object", BUCKET, f"{folder}{field}.{day}.json") for day in ("20200101", "20260115"))
    yield Ground("the record lacks the field", lacks, _records_of(prefix, planned))
    yield Ground(
        "an original exists",
        lambda now: bool(originals(now, prefix, field)),
        (("listing", BUCKET, folder), *keys),
    )


def _not_alone(key: str) -> Ground:
    prefix = key.split("/")[0]
    return Ground(
        "something else is in its folder",
        lambda now: bool({*keys_under(now, prefix)} - {key}),
        (("listing", BUCKET, f"{prefix}/"),),
    )


def _record(change: Change, generation: str, bucket: str, prefix: str, planned: Snapshot) -> Iterator[Ground]:
    search = (("search", "live"),)
    if change.after is None and bucket == BUCKET:
        yield Ground(
            "the folder is gone",
            lambda now: not keys_under(now, prefix),
            (("listing", bucket, f"{prefix}/"),),
        )
    elif change.after is None:
        yield Ground("the result is gone", lambda now: not shown_as_result(now, prefix), search)
    elif bucket == BUCKET and change.before is not None and _relinks(change, generation):
        ids = linked(generation, change.after) or set()
        yield Ground("the same data assets mount it", lambda now: mounting(now, prefix) == ids, search)
    if change.before is None and change.after is not None:
        yield from _inserted(change, bucket, prefix, planned)


def _relinks(change: Change, generation: str) -> bool:
    name = LINKS[generation]
    return strict(change.before.get(name)) != strict(change.after.get(name))


def _inserted(change: Change, bucket: str, prefix: str, planned: Snapshot) -> Iterator[Ground]:
    def alone(now: Snapshot) -> bool:
        own = now.value(change.slot)
        return all(body is own for _, body in records_at(now, bucket, prefix))

    yield Ground("it has no other record", alone, _records_of(prefix, planned, bucket))
    if bucket == RESULTS:
        yield Ground("the result is wanted", lambda now: wanted_result(now, prefix), (("search", "live"),))
    else:
        yield _described(prefix, planned)


def _described(prefix: str, planned: Snapshot) -> Ground:
    slot: Slot = ("object", BUCKET, f"{prefix}/data_description.json")
    return Ground("it is described as planned", lambda now: now.value(slot) == planned.value(slot), (slot,))


def _data_asset(change: Change, planned: Snapshot) -> Iterator[Ground]:
    prefix = str((change.after or change.before).prefix).rstrip("/")
    if change.before is None:
        yield Ground(
            "nothing else mounts it",
            lambda now: mounting(now, prefix) <= {change.slot[1]},
            (("search", "live"),),
        )
        yield _described(prefix, planned)
    else:
        yield Ground(
            "the folder is gone",
            lambda now: not keys_under(now, prefix),
            (("listing", BUCKET, f"{prefix}/"),),
        )


def planned_in_vain(plan: Plan, seen: Snapshot) -> Iterator[str]:
    """What a plan asks for on no ground, in a world that nobody changed while it was planned."""
    for action in plan.actions:
        bucket, _, prefix = action.location.removeprefix("s3://").partition("/")
        ids = [one.source.value.get("Code Ocean") for one in _inline(action)]
        if action.reason == "asset-gone" and keys_under(seen, prefix, bucket):
            yield f"{action.kind} of {action.location}, whose folder is there"
        if action.reason == "result-gone" and shown_as_result(seen, prefix):
            yield f"{action.kind} of {action.location}, whose result is there"
        if any(set(one or ()) != mounting(seen, prefix) for one in ids):
            yield f"links of {action.location} that are not what mounts it"


def _inline(action: Action) -> list[FieldContent]:
    content = action.content if isinstance(action, UpdateRecord) else None
    return [one for one in content.fields if isinstance(one.source, InlineSource)] if content else []


def groundless(ground: Ground, change: Change, now: Snapshot, looks: Mapping[Slot, Sequence[Look]]) -> bool:
    """Did the write come although its ground was gone, and no fresh look of the run had shown it?"""
    if ground.holds(now):
        return False
    seen = (look for scope in ground.scopes for look in looks.get(scope, ()))
    return not any(change.at - look.at <= FRESH and ground.holds(look.seen) for look in seen)
