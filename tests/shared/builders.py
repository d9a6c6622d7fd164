"""Small worlds, records, folders and rules, so that a test says only what it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from indexer.applier.bounds import Bounds
from indexer.disk import DiskFolder
from indexer.model.action import Action
from indexer.model.generation import GENERATIONS, V1, Generation, GenerationName, core_file
from indexer.model.location import Location
from indexer.model.observer import NOBODY, Observer
from indexer.model.outcome import Outcome, Result
from indexer.model.plan import Plan, Scope
from indexer.model.ports import RunFolder, Writers
from indexer.model.settings import CollectionSettings
from indexer.model.snapshot import (
    Asset,
    DataAsset,
    Folder,
    ObjectBody,
    ObjectInfo,
    Record,
    RecordRow,
)
from indexer.model.values import etag_of, to_bytes
from indexer.planner.assemble import Identity
from indexer.planner.asset import AssetPlan, plan_asset
from indexer.planner.asset_planner import plan_here
from indexer.planner.memo import Memo
from indexer.planner.plan import Planned, plan_snapshot
from indexer.planner.rules import Rules, WholeReads
from indexer.runs.apply import RunOptions, apply_plan
from indexer.runs.connect import Systems
from indexer.runs.loading import PlanFile, as_file
from indexer.runs.part import WHOLE, Part
from indexer.runs.sanction import NOBODY_ASKED, Sanction
from shared.memory.stored import START, StoredDataAsset
from shared.memory.world import World

BUCKET = "bucket"
RESULTS = "results"
AT = "2026-01-10T08:00:00Z"
NOW = START
ORIGINALS = "original_metadata"
COLLECTIONS: Mapping[GenerationName, CollectionSettings] = {
    "v1": CollectionSettings(database="metadata_index", collection="data_assets", sync_to_s3=True),
    "v2": CollectionSettings(database="metadata_index_v2", collection="data_assets", sync_to_s3=False),
}


def location(prefix: str = "asset", bucket: str = BUCKET) -> Location:
    return Location(bucket, prefix)


def record(
    prefix: str = "asset",
    generation: Generation = V1,
    *,
    bucket: str = BUCKET,
    links: object = None,
    modified: object = AT,
    **fields: object,
) -> dict[str, Any]:
    """A record's body; `_id` and `name` follow the prefix unless they are given."""
    body: dict[str, Any] = {
        "_id": f"id-{prefix}",
        "name": prefix,
        "location": f"s3://{bucket}/{prefix}",
        generation.created_field: AT,
        generation.modified_field: modified,
    }
    if links is not None:
        body[generation.links_field] = links
    return body | fields


def row(
    prefix: str = "asset", generation: GenerationName = "v1", *, links: object = None, **changed: Any
) -> RecordRow:
    """The light half of such a record."""
    body = record(prefix, GENERATIONS[generation], links=links)
    shape = GENERATIONS[generation]
    values: dict[str, Any] = {
        "generation": generation,
        "id": body["_id"],
        "location": body["location"],
        "name": body["name"],
        "modified": body[shape.modified_field],
        "links": links,
    }
    return RecordRow(**values | changed)


def file_bytes(content: object) -> bytes:
    """A file's bytes: as they are, or a value in our bytes."""
    return content if isinstance(content, bytes) else to_bytes(content)


def info(key: str, body: bytes, etag: str | None = None) -> ObjectInfo:
    return ObjectInfo(key, etag or etag_of(body), len(body), NOW)


def asset_of(
    body: Mapping[str, Any] | None,
    files: Mapping[str, object] | None = None,
    originals: Iterable[str] | Mapping[str, object] = (),
    *,
    generation: Generation = V1,
    data_assets: Sequence[DataAsset] = (),
    exists: bool = True,
    read: bool = True,
) -> Asset:
    """One asset with its record and folder. `files`: values or bytes by name; `read`: all contents fetched.

    `originals`: core fields, or names of originals with what they hold.
    """
    held = {name: file_bytes(content) for name, content in (files or {}).items()}
    contents = originals if isinstance(originals, Mapping) else dict.fromkeys(originals, b"{}")
    kept = {
        f"{ORIGINALS}/{name if name.endswith('.json') else f'{name}.20200101.json'}": file_bytes(content)
        for name, content in contents.items()
    }
    where = location()
    rows: tuple[RecordRow, ...] = ()
    records: dict[GenerationName, Record] = {}
    if body is not None:
        one = RecordRow(
            generation.name,
            body["_id"],
            body.get("location"),
            body.get("name"),
            body.get(generation.modified_field),
            body.get(generation.links_field),
        )
        rows, records = (one,), {generation.name: Record(one, body)}
    return Asset(
        location=where,
        rows=rows,
        records=records,
        folder=Folder(
            exists=exists,
            files={name: info(where.key(name), content) for name, content in held.items()},
            originals={name: info(where.key(name), content) for name, content in kept.items()},
        ),
        bodies={name: ObjectBody(content, etag_of(content), NOW) for name, content in (held | kept).items()}
        if read
        else {},
        data_assets=tuple(data_assets),
    )


def mounted(data_asset_id: str = "da-1", prefix: str = "asset") -> DataAsset:
    return DataAsset(data_asset_id, prefix, location(prefix))


def stored_mount(data_asset_id: str, prefix: str = "asset", bucket: str = BUCKET) -> StoredDataAsset:
    return StoredDataAsset(data_asset_id, prefix, bucket, prefix)


def stored_result(data_asset_id: str, **changed: Any) -> StoredDataAsset:
    """A wanted Code Ocean result."""
    values: dict[str, Any] = {
        "name": f"result {data_asset_id}",
        "external": False,
        "type": "result",
        "tags": ("derived",),
        "has_computation": True,
    }
    return StoredDataAsset(data_asset_id, **values | changed)


def rules(**changed: Any) -> Rules:
    values: dict[str, Any] = {"collections": COLLECTIONS, "links": True}
    return Rules(**values | changed)


def planned(asset: Asset, whole: WholeReads | None = None, **changed: Any) -> AssetPlan:
    return plan_asset(asset, rules(**changed), whole or WholeReads())


def scope(*buckets: str, **changed: Any) -> Scope:
    values: dict[str, Any] = {
        "buckets": tuple(buckets or (BUCKET,)),
        "max_deletes": 100,
        "max_delete_percent": 100.0,
        "config_sha256": "0" * 64,
    }
    return Scope(**values | changed)


def bounds(**changed: Any) -> Bounds:
    values: dict[str, Any] = {
        "buckets": frozenset({BUCKET}),
        "results_bucket": RESULTS,
        "collections": {name: (one.database, one.collection) for name, one in COLLECTIONS.items()},
        "originals_folder": ORIGINALS,
        "codeocean": True,
    }
    return Bounds(**values | changed)


def plan_of(
    world: World,
    *buckets: str,
    plan_id: str = "plan-0001",
    parallel: int = 1,
    codeocean: bool = True,
    at: datetime = NOW,
    with_rules: Rules | None = None,
    memo: Memo | None = None,
    **scoped: Any,
) -> Plan:
    """What the planner makes of a world, through readers only."""
    return planned_of(
        world,
        *buckets,
        plan_id=plan_id,
        parallel=parallel,
        codeocean=codeocean,
        at=at,
        with_rules=with_rules,
        memo=memo,
        **scoped,
    ).plan


def planned_of(
    world: World,
    *buckets: str,
    plan_id: str = "plan-0001",
    parallel: int = 1,
    codeocean: bool = True,
    at: datetime = NOW,
    with_rules: Rules | None = None,
    memo: Memo | None = None,
    **scoped: Any,
) -> Planned:
    """The same, with the fault that leaves nothing to plan."""
    readers = world.readers(data_assets=codeocean)
    return plan_snapshot(
        readers,
        with_rules or rules(links=codeocean),
        scope(*buckets, **scoped),
        RESULTS,
        Identity(plan_id, at, "0"),
        plan_here(readers, parallel, memo),
        NOBODY,
    )


@dataclass(frozen=True)
class Warned(Observer):
    """Keeps what a run warns of."""

    said: list[str]

    def warn(self, words: str) -> None:
        self.said.append(words)


def apply_to(
    world: World,
    plan: Plan | PlanFile,
    folder: Path | RunFolder,
    *,
    writers: Writers | None = None,
    parallel: int = 1,
    at: datetime = NOW,
    within: Bounds | None = None,
    stop: Event | None = None,
    observer: Observer = NOBODY,
    against_going_on: Callable[[], str] = lambda: "",
    part: Part = WHOLE,
    sanction: Sanction = NOBODY_ASKED,
) -> Result:
    """Carry out a plan, or a part of it, on a world."""
    return apply_plan(
        plan if isinstance(plan, PlanFile) else as_file(plan),
        Systems(
            world.readers(),
            writers or world.writers(),
            whole_values=True,
            against_going_on=against_going_on,
        ),
        within or bounds(),
        DiskFolder(folder) if isinstance(folder, Path) else folder,
        RunOptions(
            parallel,
            observer,
            stop or Event(),
            clock=lambda: at,
            pause=lambda _: None,
            part=part,
            sanction=sanction,
        ),
    )


def statuses(result: Result) -> list[str]:
    """What came of each action, in the plan's order."""
    return [outcome.status for outcome in result.outcomes]


def outcome_of(result: Result, action: Action) -> Outcome:
    return next(outcome for outcome in result.outcomes if outcome.action_id == action.id)


def by_kind(actions: Iterable[Action], kind: str) -> list[Any]:
    return [action for action in actions if action.kind == kind]


def in_step(world: World, body: Mapping[str, Any], generation: Generation = V1, bucket: str = BUCKET) -> None:
    """A record and its files, exactly as they should be."""
    world.add(generation.name, body)
    prefix = str(body["location"]).removeprefix(f"s3://{bucket}/").removesuffix("/")
    for name in generation.core_fields:
        if body.get(name) is not None:
            content = to_bytes(body[name])
            world.put(bucket, f"{prefix}/{core_file(name)}", content)
            world.put(bucket, f"{prefix}/{ORIGINALS}/{name}.20200101.json", content)
    world.put(bucket, f"{prefix}/metadata.nd.json", to_bytes(body))


def world_of(*bodies: Mapping[str, Any], buckets: Iterable[str] = (BUCKET,)) -> World:
    """A world with these v1 records in step."""
    world = World()
    for bucket in buckets:
        world.buckets.setdefault(bucket, {})
    for body in bodies:
        in_step(world, body)
    return world


def at(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)
