"""A folder without a record in any generation: is it ours to register, and as what?

Source: DOMAIN, "a prefix in S3 without a record in any generation".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from indexer.model.action import Action, CreateDataAsset
from indexer.model.content import DataAssetContent, DataAssetTarget, RestsOn
from indexer.model.findings import FindingKind
from indexer.model.generation import DATA_DESCRIPTION, Generation, core_file
from indexer.model.plan import Finding
from indexer.model.snapshot import Asset, Folder, MustReadError
from indexer.model.values import NotJsonError, UnserialisableError, check_storable, from_bytes, to_bytes
from indexer.planner.asset import AssetPlan, chain, object_steps
from indexer.planner.capacity import bson_size, check_metadata_key, check_record, too_large
from indexer.planner.desired import desire_fields
from indexer.planner.files import FilePlanner, file_findings
from indexer.planner.records import described, insert_record
from indexer.planner.rules import Rules, WholeReads


def plan_registration(asset: Asset, rules: Rules, whole: WholeReads) -> AssetPlan:
    """Register a new derived asset, and bring its files into step.

    Raises MustReadError: most are not ours, and their `data_description.json` alone says so.

    | `data_description.json`                        | plan                                     |
    |------------------------------------------------|------------------------------------------|
    | missing / corrupt                              | finding                                  |
    | `data_level` "derived"                         | a record from the core files, then files |
    | the same, and its generation is not configured | finding                                  |
    | `data_level` "raw"                             | counted: registered on upload            |
    | any other                                      | finding                                  |
    """
    # Where the search was cut short, a data asset may be there already, and a second one cannot be told from it.
    knows_mounts = whole.data_assets or not rules.register_data_assets
    if not (whole.may_register and knows_mounts):
        return AssetPlan()
    name, folder = core_file(DATA_DESCRIPTION), asset.folder
    if folder is not None and name not in folder.files:
        return _found(asset, "data-description-missing", f"no {name}, and no record")
    if name not in asset.bodies:
        raise MustReadError(name)
    try:
        description = from_bytes(asset.bodies[name].body)
    except (NotJsonError, UnserialisableError) as exc:
        return _found(asset, "data-description-corrupt", f"{name}: {exc}")
    if not isinstance(description, dict):
        return _found(asset, "data-description-corrupt", f"{name} holds no object")
    match description.get("data_level"):
        case "derived":
            generation = rules.generation_of(description.get("schema_version"))
            if generation is None:
                return no_generation(asset, description.get("schema_version"))
            # Listed only now: most folders without a record are raw, and one GET has told so (decision 2).
            if folder is None:
                raise MustReadError(folder=True)
            return _register(asset, folder, generation, description, rules)
        case "raw":
            return _found(asset, "raw-unregistered", "raw assets are registered on upload")
        case level:
            kind = repr(level[:80]) if isinstance(level, str) else f"a {type(level).__name__}"
            return _found(asset, "data-level-unknown", f"data_level is {kind}")


def _found(asset: Asset, kind: FindingKind, detail: str) -> AssetPlan:
    return AssetPlan(findings=(Finding(kind=kind, location=str(asset.location), detail=detail),))


def no_generation(asset: Asset, schema_version: object) -> AssetPlan:
    """What people are told of a new asset whose records' generation is not configured."""
    told = repr(schema_version[:80]) if isinstance(schema_version, str) else type(schema_version).__name__
    detail = f"not registered: v1 is not configured, and its schema_version is {told}, not 2 or newer"
    return _found(asset, "generation-unconfigured", detail)


def _register(
    asset: Asset, folder: Folder, generation: Generation, description: Mapping[str, Any], rules: Rules
) -> AssetPlan:
    values, findings = core_values(asset, folder, generation, rules)
    create: list[Action] = []
    links: list[str] | None = [one.id for one in asset.data_assets] if rules.links else []
    if rules.register_data_assets and not links:
        create, links = [_create(asset, description)], None
    insert, body = insert_record(
        asset, generation, asset.location.prefix, values, links, rules, "asset-unregistered"
    )
    if not rules.collections[generation.name].sync_to_s3:
        return AssetPlan(tuple(chain([create, [insert]])), findings)
    # From the record as it will be, so that the plan after this one is empty.
    desires, blocked = desire_fields(generation, body, asset, rules)
    beside = file_findings(asset, (), tuple(one for one in blocked if one.field in values))
    metadata: bytes | None = to_bytes(body)
    try:
        check_metadata_key(asset.location, folder)
    except UnserialisableError as exc:
        metadata = None
        beside.extend(_found(asset, "value-unserialisable", str(exc)).findings)
    files = FilePlanner(asset, generation, rules).steps(desires, metadata, insert.content.known_after_apply)
    return AssetPlan(tuple(chain([create, [insert], *object_steps(files)])), (*findings, *beside))


def core_values(
    asset: Asset, folder: Folder, generation: Generation, rules: Rules
) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """The values of the core files that are there, and findings for those that no record can take.

    These are files that are not JSON, hold what no record can hold, or have no room in one. Raises MustReadError, once,
    for all files that were not read yet.
    """
    findings: list[Finding] = []
    there = []
    for field in generation.core_fields:
        if why := too_large(folder, [core_file(field)], rules.largest_file_mb):
            findings.extend(_found(asset, "value-unserialisable", why).findings)
        elif core_file(field) in folder.files:
            there.append(field)
    unread = [core_file(field) for field in there if core_file(field) not in asset.bodies]
    if unread:
        raise MustReadError(*unread)
    values: dict[str, Any] = {}
    size = 0
    for field in there:
        try:
            value = from_bytes(asset.bodies[core_file(field)].body)
            check_storable(value)
            to_bytes(value)
            grown = size + bson_size({field: value})
            check_record(grown)
            values[field], size = value, grown
        except NotJsonError as exc:
            findings.extend(_found(asset, "core-file-corrupt", f"{core_file(field)}: {exc}").findings)
        except UnserialisableError as exc:
            findings.extend(_found(asset, "value-unserialisable", f"{core_file(field)}: {exc}").findings)
    return values, tuple(findings)


def _create(asset: Asset, description: Mapping[str, Any]) -> CreateDataAsset:
    prefix = asset.location.prefix
    return CreateDataAsset(
        location=str(asset.location),
        reason="asset-unregistered",
        target=DataAssetTarget(bucket=asset.location.bucket, prefix=prefix),
        rests_on=RestsOn(described=described(asset)),
        content=DataAssetContent(name=prefix, mount=prefix, tags=tuple(dict.fromkeys(_tags(description)))),
    )


def _tags(description: Mapping[str, Any]) -> Iterator[str]:
    """The data level and the modalities' abbreviations: those of `modalities` (v2), or, where that is not there, of `modality`.

    Either is a list or one alone, of objects or of abbreviations as text.
    """
    yield "derived"  # its data level; no other one is registered here
    modalities = description.get("modalities")
    if modalities is None:
        modalities = description.get("modality")
    for modality in modalities if isinstance(modalities, list) else [modalities]:
        abbreviation = modality.get("abbreviation") if isinstance(modality, dict) else modality
        if isinstance(abbreviation, str) and _is_text(abbreviation):
            yield abbreviation


def _is_text(value: str) -> bool:
    """Something, and no lone surrogate in it: no file of ours and no request could hold that."""
    try:
        return bool(value.encode("utf-8"))
    except UnicodeEncodeError:
        return False
