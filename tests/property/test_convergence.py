"""Random worlds: plan, apply, plan again. DESIGN's promises 1 to 3 and 5, on everything at once."""

from __future__ import annotations

import contextlib
import copy
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.model.action import Action
from indexer.model.generation import (
    CODE_OCEAN,
    GENERATIONS,
    METADATA_FILE,
    V1,
    V2,
    Generation,
    core_file,
)
from indexer.model.links import InvalidLinksError, read_links
from indexer.model.location import parse_location
from indexer.model.plan import Plan
from indexer.model.settings import CollectionSettings
from indexer.model.values import Foreign, Oid, canonical, to_bytes
from shared.builders import (
    BUCKET,
    NOW,
    ORIGINALS,
    RESULTS,
    apply_to,
    at,
    plan_of,
    record,
    rules,
    stored_mount,
    stored_result,
)
from shared.memory.exploding import exploding_writers
from shared.memory.stored import Crash, StoredDataAsset
from shared.memory.world import World

PREFIXES = ("a", "a-b", "a b", "a+1", "ümlaut", ".hidden", "z%2F", "b.c")
FIELDS = ("subject", "data_description", "session", "instrument", "model")
DERIVED: dict[str, Any] = {"data_level": "derived", "schema_version": "1.0.4"}
# fmt: off
RECORD_VALUES = st.sampled_from([
    {"subject_id": "1", "née": "ß"}, {}, [], "text", 0, 1.0, -0.0, 1e300, False, [{"b": 1}, {"a": [None]}],
    {"nan": float("nan"), "inf": float("-inf")}, {"at": at(2025, 1, 1)}, {"id": Oid("0" * 24)},
    {"price": Foreign("Decimal128", '{"$numberDecimal": "1.10"}')}, DERIVED, None,
])
UNSTORABLE = (
    b'{"n": 123456789012345678901234567890}', b'{"a\\u0000": 1}', b"[" * 150 + b"]" * 150,
    b'{"s": "\\ud800"}',
)
ROOT_FILES = st.sampled_from([
    b'{"data_level": "derived", "schema_version": "1.0.4", "modality": [{"abbreviation": "SPIM"}]}',
    b'{"data_level": "derived", "schema_version": "2.1.0"}', b'{"data_level": "raw"}', b'{"data_level": 7}',
    b"\xef\xbb\xbf[1, 2]", b"{broken", b"null", b"", b"\xff", b"NaN", b'"text"', b"0",
    *UNSTORABLE,
])
LINKS = st.sampled_from([
    None, {}, {"Code Ocean": None}, {"Code Ocean": []}, {"Code Ocean": ["da-a"]}, {"Code Ocean": "da-a"},
    {"Code Ocean": ["da-z", "da-a", "da-a"], "Dandi": ["d"]}, [{"Code Ocean": "da-a"}, {"Dandi": "x"}],
    [{"Code Ocean": ["da-a"]}, {"Code Ocean": None}], [], "da-a", 7, ["da-a"], {"Code Ocean": [1]},
    {"Dandi": {"odd": 1}},
])
TIMES = st.sampled_from([
    "2026-01-14T00:00:00Z", "2020-01-01T00:00:00.123456Z", None, at(2026, 1, 14), at(2019, 1, 1), "soon",
    "2026-01-10T00:00:00+05:00",
])
# fmt: on
ONE_IN_FOUR = st.sampled_from([False, False, False, True])


def _root_file(draw: st.DrawFn, value: object) -> bytes | None:
    match draw(st.sampled_from(["absent", "in step", "format", "any"])):
        case "absent":
            return None
        case "in step" | "format" as form if value is not None:
            try:
                body = to_bytes(value)
            except ValueError:
                return b"{}"
            return body if form == "in step" else body.replace(b"\n", b" ") + b"\n"
    return draw(ROOT_FILES)


def _draw_record(draw: st.DrawFn, prefix: str, generation: Generation) -> dict[str, Any]:
    body = record(prefix, generation, links=draw(LINKS), modified=draw(TIMES))
    for field in FIELDS:
        if field in generation.core_fields and draw(st.booleans()):
            body[field] = draw(RECORD_VALUES)
    if draw(ONE_IN_FOUR):
        body["name"] = draw(st.sampled_from(["other", None, 3]))
    if draw(ONE_IN_FOUR):
        body["location"] += "/"
    body["_id"] = draw(st.sampled_from([body["_id"], body["_id"], Oid(f"{PREFIXES.index(prefix):024x}")]))
    return body


def _draw_folder(draw: st.DrawFn, world: World, prefix: str, body: Mapping[str, Any] | None) -> None:
    world.put(BUCKET, f"{prefix}/raw/data.bin", b"data")
    for field in FIELDS:
        content = _root_file(draw, body.get(field) if body else None)
        if content is not None:
            etag = draw(st.sampled_from([None, None, "0123-2"]))
            world.put(BUCKET, f"{prefix}/{core_file(field)}", content, etag=etag)
        if draw(st.booleans()):
            world.put(BUCKET, f"{prefix}/{ORIGINALS}/{field}.20200101.json", b"{}")
    if draw(st.booleans()):
        metadata = draw(st.sampled_from([b"{}", b"broken", b"null"]))
        with contextlib.suppress(ValueError):
            metadata = to_bytes(body) if body and draw(st.booleans()) else metadata
        world.put(BUCKET, f"{prefix}/{METADATA_FILE}", metadata)
    world.put(BUCKET, f"{prefix}/notes.json", b"{}")
    world.put(BUCKET, f"{prefix}/{ORIGINALS}/readme.txt", b"mine")


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Managed bucket and results bucket with up to four assets and two results."""
    world = World(page_size=draw(st.sampled_from([2, 1000])))
    world.buckets |= {BUCKET: {}, RESULTS: {}}
    for prefix in draw(st.lists(st.sampled_from(PREFIXES), max_size=4, unique=True)):
        held = draw(st.sampled_from(["v1", "v2", "both", "none"]))
        body = None
        for generation in (V2, V1):
            if held in (generation.name, "both"):
                body = _draw_record(draw, prefix, generation)
                world.add(generation.name, body)
        if draw(ONE_IN_FOUR) and body is not None:
            world.add("v1", body | {"_id": "copy"})
        if not draw(ONE_IN_FOUR):
            _draw_folder(draw, world, prefix, body)
        for data_asset_id in draw(st.lists(st.sampled_from(["da-a", "da-z"]), unique=True)):
            mount = f"{prefix}/" if draw(st.booleans()) else prefix
            world.mount(
                stored_mount(f"{data_asset_id}-{prefix}" if draw(st.booleans()) else data_asset_id, mount)
            )
    if draw(ONE_IN_FOUR):
        world.add(
            "v1", record("x", location=draw(st.sampled_from([None, 7, f"s3://{BUCKET}", "s3://b/x/y"])))
        )
    for number in draw(st.lists(st.integers(0, 2), unique=True)):
        _draw_result(draw, world, f"r-{number}")
    return world


def _draw_result(draw: st.DrawFn, world: World, result_id: str) -> None:
    if draw(st.booleans()):
        changed: dict[str, Any] = draw(
            st.sampled_from(
                [{}, {}, {"state": "draft"}, {"has_computation": False}, {"archived": True}, {"tags": ()}]
            )
        )
        world.mount(stored_result(result_id, **changed))
    if draw(st.booleans()):
        generation = draw(st.sampled_from([V1, V2]))
        world.add(generation.name, record(result_id, generation, bucket=RESULTS))
    if draw(st.booleans()):
        world.put(RESULTS, f"{result_id}/data_description.json", draw(ROOT_FILES))
        world.put(RESULTS, f"{result_id}/subject.json", draw(ROOT_FILES))


@st.composite
def settings_of_a_run(draw: st.DrawFn) -> dict[str, Any]:
    """Rules and scope of a plan."""
    synced = draw(st.sampled_from([(True, False), (False, True), (True, True)]))
    return {
        "with_rules": rules(
            collections={
                "v1": CollectionSettings(
                    database="metadata_index", collection="data_assets", sync_to_s3=synced[0]
                ),
                "v2": CollectionSettings(
                    database="metadata_index_v2", collection="data_assets", sync_to_s3=synced[1]
                ),
            },
            on_missing=draw(st.sampled_from(["archive", "delete", "keep"])),
            register_data_assets=draw(st.booleans()),
        ),
        "lookback_days": draw(st.sampled_from([None, 14])),
        "allow_empty": draw(st.sampled_from([("codeocean", "docdb", "s3"), ()])),
        "max_deletes": 1000,
    }


def quick(examples: int) -> Any:
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


def plan_all(world: World, run: Mapping[str, Any], **more: Any) -> Plan:
    return plan_of(world, BUCKET, RESULTS, **{**run, **more})


def actions_text(actions: tuple[Action, ...]) -> bytes:
    return canonical([action.model_dump(mode="json") for action in actions])


@quick(110)
@given(worlds(), settings_of_a_run())
def test_what_is_planned_is_written_once_and_then_in_step(world: World, run: dict[str, Any]) -> None:
    """Plan after apply is empty; as many writes as actions; apply again writes nothing."""
    first = plan_all(world, run)
    with tempfile.TemporaryDirectory() as folder:
        result = apply_to(world, first, Path(folder), at=NOW)
        assert {outcome.status for outcome in result.outcomes} <= {"applied"}
        assert len(world.writes) == len(first.actions)
        after = canonical(repr(world.state()))
        second = plan_all(world, run)
        assert second.actions == ()
        assert second.withheld == ()
        again = apply_to(world, first, Path(folder), writers=exploding_writers())
        fresh = apply_to(world, first, Path(folder) / "elsewhere")
    assert {outcome.status for outcome in (*again.outcomes, *fresh.outcomes)} <= {"satisfied"}
    assert len(world.writes) == len(first.actions)
    assert canonical(repr(world.state())) == after


@quick(45)
@given(worlds(), settings_of_a_run())
def test_the_same_world_gives_byte_identical_actions(world: World, run: dict[str, Any]) -> None:
    """Neither threads, nor the order in which systems answer, nor the size of pages shows in a plan."""
    other = copy.copy(world)
    other.page_size = 1
    other.records = {name: dict(reversed(held.items())) for name, held in world.records.items()}
    other.data_assets = dict(reversed(world.data_assets.items()))
    one, two = plan_all(world, run), plan_all(other, run, parallel=4, plan_id="another")
    assert actions_text(one.actions) == actions_text(two.actions)
    assert one.findings == two.findings


@quick(45)
@given(worlds(), settings_of_a_run())
def test_what_the_plan_does_not_name_is_untouched(world: World, run: dict[str, Any]) -> None:
    """The applier writes the planned targets and nothing else, and planning writes nothing at all."""
    before = world.state()
    plan = plan_all(world, run)
    assert repr(world.state()) == repr(before)
    with tempfile.TemporaryDirectory() as folder:
        apply_to(world, plan, Path(folder))
    after = world.state()
    planned_keys = {
        (action.target.bucket, action.target.key.replace("<date>", NOW.strftime("%Y%m%d")))
        for action in plan.actions
        if action.kind.endswith("-object")
    }
    for bucket in (BUCKET, RESULTS):
        keys = before["objects"][bucket].keys() | after["objects"][bucket].keys()
        changed = {
            key for key in keys if before["objects"][bucket].get(key) != after["objects"][bucket].get(key)
        }
        assert {(bucket, key) for key in changed} <= planned_keys
    assert before["objects"][RESULTS] == after["objects"][RESULTS]
    named = {
        (action.target.generation, canonical(action.target.record_id))
        for action in plan.actions
        if action.kind.endswith("-record")
    }
    for generation in GENERATIONS:
        for key, body in before["records"][generation].items():
            target = (generation, canonical(_plan_id(body["_id"])))
            if target not in named:
                assert repr(after["records"][generation].get(key)) == repr(body)


def _plan_id(record_id: object) -> object:
    return {"$oid": record_id.hex} if isinstance(record_id, Oid) else record_id


@quick(45)
@given(worlds(), settings_of_a_run())
def test_links_end_up_as_code_ocean_has_them(world: World, run: dict[str, Any]) -> None:
    """After apply every readable record names exactly what mounts it; other platforms are as they were."""
    run["allow_empty"] = ("codeocean", "docdb", "s3")
    before = world.state()["records"]
    with tempfile.TemporaryDirectory() as folder:
        apply_to(world, plan_all(world, run), Path(folder))
    for generation, held in world.records.items():
        shape = GENERATIONS[generation]
        for key, body in held.items():
            location = parse_location(body["location"])
            if location is None or location.bucket != BUCKET or _held_twice(world, location):
                continue
            try:
                links = read_links(body.get(shape.links_field))
            except InvalidLinksError:
                continue
            assert links == {
                one.id for one in world.data_assets.values() if not one.archived and _mounts(one, location)
            }
            old = before[generation].get(key, {}).get(shape.links_field)
            assert _others(body.get(shape.links_field)) == _others(old)


def _held_twice(world: World, location: object) -> bool:
    return any(
        sum(parse_location(body["location"]) == location for body in held.values()) > 1
        for held in world.records.values()
    )


def _mounts(one: StoredDataAsset, location: object) -> bool:
    return one.external and parse_location(f"s3://{one.bucket}/{one.prefix}") == location


def _others(value: Any) -> dict[str, Any]:
    """Other platforms' ids, whatever the form."""
    if isinstance(value, list):
        folded: dict[str, Any] = {}
        for item in value:
            for platform, ids in item.items():
                folded.setdefault(platform, []).extend([ids] if isinstance(ids, str) else ids or [])
        value = folded
    return {
        platform: [ids] if isinstance(ids, str) else ids
        for platform, ids in (value or {}).items()
        if platform != CODE_OCEAN
    }


@quick(45)
@given(worlds(), settings_of_a_run(), st.data())
def test_killed_anywhere_and_run_again_ends_the_same(
    world: World, run: dict[str, Any], data: st.DataObject
) -> None:
    """A run that dies after (or before) any write, and is run again, ends as one that was never disturbed."""
    plan = plan_all(world, run)
    undisturbed = twin(world)
    with tempfile.TemporaryDirectory() as folder:
        apply_to(undisturbed, plan, Path(folder) / "undisturbed")
        if not plan.actions:
            return
        steps = data.draw(st.integers(1, len(plan.actions)))
        if data.draw(st.booleans()):
            world.crash_after = steps
        else:
            world.crash_before = steps - 1
        with pytest.raises(Crash):
            apply_to(world, plan, Path(folder))
        world.heal()
        result = apply_to(world, plan, Path(folder))
    assert {outcome.status for outcome in result.outcomes} <= {"applied", "satisfied"}
    assert repr(_sorted(world.state())) == repr(_sorted(undisturbed.state()))
    assert len(world.writes) == len(plan.actions)


def twin(world: World) -> World:
    """Another world that holds the same."""
    held = copy.deepcopy((world.buckets, world.records, world.data_assets))
    return World(page_size=world.page_size, buckets=held[0], records=held[1], data_assets=held[2])


def _sorted(state: dict[str, Any]) -> Any:
    return {
        "objects": {name: sorted(held.items()) for name, held in sorted(state["objects"].items())},
        "records": {
            name: sorted((key, sorted(body.items())) for key, body in held.items())
            for name, held in sorted(state["records"].items())
        },
        "data_assets": sorted((key, repr(one)) for key, one in state["data_assets"].items()),
    }
