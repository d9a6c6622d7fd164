"""Every value of a record comes back as it was: through BSON, the archive and files, and through a run and its undo."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import bson
import pytest
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.model.values import check_storable, fingerprint, from_bytes, to_bytes
from indexer.runs.undo import undo
from indexer.systems.bson_values import (
    CODEC_OPTIONS,
    RAW_OPTIONS,
    FieldByField,
    archived,
    decoded,
    unarchived,
)
from shared.builders import apply_to, plan_of, record, statuses, world_of
from shared.depth import examples

# fmt: off
SPECIAL = (
    "$oid", "$date", "$numberLong", "$numberDouble", "$numberDecimal", "$binary", "$uuid", "$regularExpression", "$code",
    "$scope", "$timestamp", "$ref", "$id", "$db", "$minKey", "$maxKey", "$undefined", "$symbol", "$set", "$", ".", "a.b",
    "$a.b", "", "base64", "subType", "_id", "a",
)
# fmt: on
"""Keys that Extended JSON, drivers and operators give a meaning to."""
KEYS = st.sampled_from(SPECIAL) | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.sampled_from(["65a000000000000000000001", "2024-01-01T00:00:00Z", "1", "AAEC", "", "$x"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def in_order(value: object) -> str:
    """With the order of keys."""
    return json.dumps(value)


@settings(max_examples=examples(300), deadline=None)
@given(VALUES)
def test_a_value_comes_back_from_bson_archive_and_file(value: Any) -> None:
    """Type, bits and the order of keys; a file sorts them."""
    check_storable(value)
    body = {"_id": "x", "processing": value}
    raw = bson.encode(body, codec_options=CODEC_OPTIONS)
    by_field = FieldByField(RawBSONDocument(raw, RAW_OPTIONS), nullcontext)
    for back in (decoded(raw), dict(by_field), unarchived(archived(body))):
        assert in_order(back) == in_order(body)
        assert fingerprint(back) == fingerprint(body)
    if value is not None:
        assert fingerprint(from_bytes(to_bytes(value))) == fingerprint(value)


def test_a_field_is_read_though_another_cannot_be() -> None:
    """Only what is asked for is decoded."""
    raw = bson.encode(
        {"_id": "x", "broken": {"text": "caf\N{LATIN SMALL LETTER E WITH ACUTE}"}, "whole": {"a": 1}}
    )
    broken = RawBSONDocument(raw.replace(b"\xc3\xa9", b"\xff\xff"), RAW_OPTIONS)
    read = FieldByField(broken, nullcontext)
    assert read["whole"] == {"a": 1}
    assert list(read) == ["_id", "broken", "whole"]
    with pytest.raises(BSONError):
        dict(read)


# fmt: off
LOOKALIKE = {
    "experiment1_Node 101#PXI.ProbeA": {"$ref": "#/definitions/x", "$id": 1}, "z": {"$oid": "65a000000000000000000001"},
    "at": {"$date": "2024-01-01T00:00:00Z"}, "n": [{"$numberLong": "5"}, {"$set": {"a.b": None}}], "a": {"$id": 1, "$ref": "c"},
}
# fmt: on


def test_a_deleted_record_comes_back_as_it_was(tmp_path: Path) -> None:
    """From the archive, by the undo of the run that deleted it."""
    world = world_of(record("kept"))
    world.add("v1", record("gone", processing=LOOKALIKE))
    before = in_order(world.records["v1"]["'id-gone'"]["processing"])
    assert statuses(apply_to(world, plan_of(world), tmp_path / "run")) == ["applied"]
    assert "'id-gone'" not in world.records["v1"]
    back = undo(tmp_path / "run")
    assert back.impossible == ()
    assert statuses(apply_to(world, back.plan, tmp_path / "back")) == ["applied"]
    assert in_order(world.records["v1"]["'id-gone'"]["processing"]) == before


def test_a_file_with_odd_keys_is_adopted(tmp_path: Path) -> None:
    """The record takes over the value as it is, and then all is in step."""
    world = world_of(record("a"))
    world.put("bucket", "a/processing.json", json.dumps(LOOKALIKE).encode())
    assert set(statuses(apply_to(world, plan_of(world), tmp_path))) == {"applied"}
    assert in_order(world.records["v1"]["'id-a'"]["processing"]) == in_order(LOOKALIKE)
    assert plan_of(world).actions == ()
