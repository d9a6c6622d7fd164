"""Links and results out of step: one asset for each kind of drift between records and Code Ocean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from indexer_sandbox.scenario import Scenario
from indexer_sandbox.shapes import LINKS, Asset, Generation, core_values, file_bytes, record
from indexer_sandbox.stage import Draft, Stage, data_asset, data_asset_id, in_step

REGISTERED_V1 = 26
REGISTERED_V2 = 12

_RESULT_FIELDS = ("subject", "data_description", "processing")
_OLD = "0ld00000-0000-4000-8000-00000000feed"


@dataclass(frozen=True, slots=True)
class LinkCase:
    """What a record says of Code Ocean, and what Code Ocean says of the asset.

    In `held`, `{id}` stands for the id of the asset's own external data asset.
    """

    name: str
    held: Any
    drifts: bool = True
    mounted: bool = True
    generation: Generation = "v1"
    changes: tuple[tuple[str, Any], ...] = ()
    """Changes to the data asset."""
    slash: bool = False
    """Whether Code Ocean reports the prefix with a trailing slash."""
    findings: tuple[str, ...] = ()


LINK_CASES: tuple[LinkCase, ...] = (
    LinkCase("links-missing", {}),
    LinkCase("links-null", None),
    LinkCase("links-other-id", {"Code Ocean": [_OLD]}),
    LinkCase("links-to-nothing", {"Code Ocean": [_OLD]}, mounted=False),
    LinkCase("links-archived", {"Code Ocean": ["{id}"]}, changes=(("archived", True),)),
    LinkCase("links-legacy-list", [{"Code Ocean": "{id}"}], drifts=False),
    LinkCase("links-legacy-list-other-id", [{"Code Ocean": _OLD}, {"Dandi": "000123"}]),
    LinkCase("links-string-for-list", {"Code Ocean": "{id}"}, drifts=False),
    LinkCase("links-trailing-slash", {"Code Ocean": ["{id}"]}, drifts=False, slash=True),
    LinkCase("links-invalid", "{id}", drifts=False, findings=("links-invalid",)),
    LinkCase("links-v2-missing", {}, generation="v2"),
    LinkCase("links-v2-other-platform", {"Code Ocean": [_OLD], "DANDI": ["000123"]}, generation="v2"),
)


def stage_links(stage: Stage, bucket: str, start_at: datetime) -> Iterator[Scenario]:
    """Put every link case on the stage; the files are in step with the records as they are."""
    for number, case in enumerate(LINK_CASES):
        asset = _asset(bucket, number, start_at, case.generation)
        own = data_asset_id("link", asset.location)
        draft = in_step(asset)
        draft.held()[LINKS[case.generation]] = _filled(case.held, own)
        draft.write_metadata()
        stage.drafts.append(draft)
        if case.mounted:
            mount = data_asset(own, asset, **dict(case.changes))
            if case.slash:
                mount["source_bucket"]["prefix"] += "/"
            stage.data_assets.append(mount)
        yield Scenario(case.name, asset.location, ("links-stale",) if case.drifts else (), case.findings)


def stage_results(stage: Stage, bucket: str, start_at: datetime) -> Iterator[Scenario]:
    """Results in every state, and enough registered ones that those that are gone are few."""
    for number in range(REGISTERED_V1 + REGISTERED_V2):
        generation: Generation = "v1" if number < REGISTERED_V1 else "v2"
        _result(
            stage, _result_asset(bucket, f"registered {number}", number, start_at, generation), recorded=True
        )

    def add(name: str, number: int, generation: Generation = "v1", **how: Any) -> str:
        asset = _result_asset(bucket, name, 100 + number, start_at, generation)
        _result(stage, asset, **how)
        return asset.location

    new = ("result-unregistered",)
    gone = ("result-gone",)
    yield Scenario("result-unregistered", add("new", 0), new)
    yield Scenario("result-unregistered-found-twice", add("twice", 1, tags=["derived", "processed"]), new)
    yield Scenario("result-unregistered-processed", add("processed", 2, tags=["Processed"]), new)
    yield Scenario("result-gone", add("gone", 3, recorded=True, known=False), gone)
    yield Scenario("result-gone-v2", add("gone v2", 4, "v2", recorded=True, known=False), gone)
    yield Scenario("result-archived", add("archived", 5, recorded=True, archived=True), gone)
    yield Scenario("result-not-ready", add("draft", 6, state="draft"), (), ("result-not-ready",))
    failed = add("failed", 7, state="failed", recorded=True)
    yield Scenario("result-not-ready-registered", failed, (), ("result-not-ready",))
    bare = add("bare", 8, provenance={"capsule": "cap-1", "data_assets": []})
    yield Scenario("result-without-computation", bare, (), ("result-without-computation",))
    yield Scenario("result-untagged", add("untagged", 9, tags=["figure"]))


def _result(
    stage: Stage, asset: Asset, *, recorded: bool = False, known: bool = True, **changes: Any
) -> None:
    """One result: its files in Code Ocean's bucket, its data asset when known, its record when there is one."""
    source_name = f"ecephys_{asset.subject_id}_{asset.acquired_at:%Y-%m-%d_%H-%M-%S}"
    name = f"{source_name}_sorted_{asset.modified_at:%Y-%m-%d_%H-%M-%S}"
    draft = Draft(asset, None)
    values = core_values(asset) if recorded else core_values(replace(asset, generation="v1"))
    values["data_description"]["name"] = name
    for field in _RESULT_FIELDS:
        draft.put(draft.key(field), file_bytes(values[field]))
    draft.put(f"{asset.name}/output/größe.csv", b"x\n1\n")
    if recorded:
        held = record(asset, [asset.name])
        draft.record = held | {field: None for field in values if field not in _RESULT_FIELDS}
        draft.record |= {"name": name, "data_description": values["data_description"]}
    stage.drafts.append(draft)
    if known:
        computation = {"computation": data_asset_id("computation", asset.name), "capsule": "cap-1"}
        base = {"type": "result", "tags": ["derived"], "provenance": computation, "name": name, "mount": name}
        shown = data_asset(asset.name, asset, **(base | changes))
        del shown["source_bucket"]
        stage.data_assets.append(shown)


def _result_asset(bucket: str, word: str, number: int, start_at: datetime, generation: Generation) -> Asset:
    at = start_at + timedelta(hours=5 * number)
    return Asset(
        data_asset_id("result", word),
        bucket,
        generation=generation,
        data_level="derived",
        subject_id=str(710100 + number),
        acquired_at=at,
    )


def _filled(held: Any, own: str) -> Any:
    """The value with the data asset's id in its place."""
    match held:
        case str():
            return held.replace("{id}", own)
        case list():
            return [_filled(item, own) for item in held]
        case dict():
            return {platform: _filled(item, own) for platform, item in held.items()}
        case _:
            return held


def _asset(bucket: str, number: int, start_at: datetime, generation: Generation) -> Asset:
    acquired_at = start_at + timedelta(days=number, minutes=11 * number)
    subject_id = str(705100 + number)
    return Asset(
        f"behavior_{subject_id}_{acquired_at:%Y-%m-%d_%H-%M-%S}",
        bucket,
        generation=generation,
        subject_id=subject_id,
        acquired_at=acquired_at,
    )
