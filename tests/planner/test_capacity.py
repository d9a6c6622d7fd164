"""What the systems have no room for is found, once, and the rest goes on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bson
import pytest

from indexer.model.values import Foreign, Oid
from indexer.planner.capacity import HEADROOM_BYTES, KEY_BYTES, RECORD_BYTES, bson_size
from shared.builders import BUCKET, apply_to, by_kind, plan_of, record, rules, statuses, world_of
from shared.memory.world import World

HALF = RECORD_BYTES // 2
QUARTER = RECORD_BYTES // 4


def text_of(size_bytes: int) -> bytes:
    """A root file with a text so long."""
    return b'"' + b"x" * size_bytes + b'"'


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": None, "b": True, "c": 1, "d": 2**31, "e": -(2**31) - 1, "f": 2**62, "g": 1.5},
        {"text": "ä€𝄞", "ключ": "", "list": [], "nested": [{"a": [1, "x", None, []]}] * 12},
        {"at": datetime(2026, 1, 1, tzinfo=UTC), "long": list(range(1_001))},
    ],
)
def test_the_size_of_a_record_is_that_of_its_bson(value: dict[str, Any]) -> None:
    """To the byte: it is compared with a limit."""
    assert bson_size(value) == len(bson.encode(value))


def test_the_size_of_other_types_is_not_too_small() -> None:
    """Of what has no form of our own its text, which is longer."""
    assert bson_size({"id": Oid("0" * 24)}) == len(bson.encode({"id": bson.ObjectId("0" * 24)}))
    held = bson.Decimal128("1.5")
    form = '{"$numberDecimal": "1.5"}'
    assert bson_size({"n": Foreign("Decimal128", form)}) >= len(bson.encode({"n": held}))


def test_a_field_that_the_record_has_no_room_for_is_found(tmp_path: Path) -> None:
    """It is neither adopted nor copied nor deleted; what fits is adopted, and the next plan is empty."""
    world = world_of(record("a", procedures="x" * HALF))
    world.put(BUCKET, "a/subject.json", text_of(QUARTER))
    world.put(BUCKET, "a/rig.json", text_of(HALF))
    world.put(BUCKET, "a/session.json", b'{"n": 1}')
    plan = plan_of(world)
    (update,) = by_kind(plan.actions, "update-record")
    assert [one.field for one in update.content.fields] == ["subject", "session"]
    assert [(one.kind, "rig" in one.detail and "16 MB" in one.detail) for one in plan.findings] == [
        ("value-unserialisable", True)
    ]
    assert set(statuses(apply_to(world, plan, tmp_path))) == {"applied"}
    again = plan_of(world)
    assert (again.actions, again.findings) == ((), plan.findings)


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_room_is_left_for_what_the_write_adds(more: int, fits: bool) -> None:
    """Stamps and links: the limit is met to the byte, less that."""
    body = record("a")
    room = RECORD_BYTES - HEADROOM_BYTES - bson_size(body) - bson_size({"subject": ""})
    world = world_of(body)
    world.put(BUCKET, "a/subject.json", text_of(room + more))
    assert bool(by_kind(plan_of(world).actions, "update-record")) is fits


def test_a_new_record_leaves_out_what_it_has_no_room_for(tmp_path: Path) -> None:
    """Registered without the field, whose file stays as it is; the next plan is empty."""
    world = world_of(record("known"))
    world.put(BUCKET, "d/data_description.json", b'{"data_level": "derived"}')
    world.put(BUCKET, "d/subject.json", text_of(RECORD_BYTES))
    plan = plan_of(world)
    (insert,) = by_kind(plan.actions, "insert-record")
    assert [one.field for one in insert.content.fields] == ["data_description"]
    assert [one.kind for one in plan.findings] == ["value-unserialisable"]
    apply_to(world, plan, tmp_path)
    again = plan_of(world)
    assert (again.actions, [one.kind for one in again.findings]) == ((), ["value-unserialisable"])


def long_world(free: int, *, registered: bool) -> tuple[World, str]:
    """An asset whose prefix leaves so many bytes for the names of its files."""
    prefix = "é" * 100
    prefix += "x" * (KEY_BYTES - free - len(prefix.encode()) - 1)
    world = world_of(record("known"))
    world.put(BUCKET, f"{prefix}/d.bin", b"x")
    if registered:
        world.add("v1", record(prefix, rig={"r": 1}))
    world.put(BUCKET, f"{prefix}/data_description.json", b'{"data_level":"derived"}')
    return world, prefix


@pytest.mark.parametrize("registered", [True, False])
@pytest.mark.parametrize(
    ("free", "written", "found"),
    [
        (200, {"data_description.json", "metadata.nd.json", "rig.json", "original"}, set()),
        (
            len("original_metadata/data_description.00000000.json") - 1,
            {"metadata.nd.json", "rig.json", "original"},
            {"data_description"},
        ),
        (len("data_description.json"), {"metadata.nd.json"}, {"data_description", "rig"}),
    ],
)
def test_a_file_whose_key_would_be_too_long_is_found(
    free: int, written: set[str], found: set[str], registered: bool, tmp_path: Path
) -> None:
    """S3 takes 1,024 bytes, of UTF-8; the field's files are left alone, all others are written."""
    world, prefix = long_world(free, registered=registered)
    plan = plan_of(world, with_rules=rules(links=False))
    keys = {action.target.key for action in plan.actions if hasattr(action.target, "key")}
    assert max(len(key.replace("<date>", "00000000").encode()) for key in keys) <= KEY_BYTES
    names = {"original" if "/original_metadata/" in key else key.removeprefix(f"{prefix}/") for key in keys}
    expected, missing = set(written), set(found)
    if not registered:
        expected -= {"rig.json"}
        missing -= {"rig"}
        if "data_description" in found:
            expected -= {"original"}
    assert names == expected
    assert {one.kind for one in plan.findings} == ({"value-unserialisable"} if missing else set())
    assert len(plan.findings) == len(missing)
    apply_to(world, plan, tmp_path)
    again = plan_of(world, with_rules=rules(links=False))
    assert again.actions == ()
    assert len(again.findings) == len(missing)


@pytest.mark.parametrize(
    "name", ["subject.json", "session.json", "original_metadata/rig.20200101.json", "metadata.nd.json"]
)
def test_a_file_that_is_too_large_is_found_and_never_read(name: str) -> None:
    """Whether the record has the field, would take it over, or its original decides; the rest of the asset goes on."""
    world = world_of(record("a", subject={"n": 1}, procedures={"p": 1}))
    world.put(BUCKET, "a/procedures.json", b"{}")
    world.put(BUCKET, "a/rig.json", b'{"r": 1}')
    world.put(BUCKET, f"a/{name}", text_of(1024 * 1024))
    plan = plan_of(world, with_rules=rules(largest_file_mb=1))
    found = [one.detail for one in plan.findings if one.kind == "value-unserialisable"]
    assert len(found) == 1
    assert name in found[0]
    assert "largest_file_mb" in found[0]
    assert "a/procedures.json" in [one.target.key for one in by_kind(plan.actions, "put-object")]
    assert f"a/{name}" not in [one.target.key for one in plan.actions if hasattr(one.target, "key")]
    assert [one for one in plan_of(world).findings if one.kind == "value-unserialisable"] == []


def test_a_new_asset_is_registered_without_a_file_that_is_too_large() -> None:
    """It is null in the record, as a corrupt one is."""
    world = world_of(record("a"))
    world.put(BUCKET, "new/data_description.json", b'{"data_level": "derived"}')
    world.put(BUCKET, "new/subject.json", text_of(1024 * 1024))
    plan = plan_of(world, with_rules=rules(largest_file_mb=1))
    (insert,) = by_kind(plan.actions, "insert-record")
    assert [one.field for one in insert.content.fields] == ["data_description"]
    assert [one.kind for one in plan.findings] == ["value-unserialisable"]
