"""DocDB's ports: types are kept, and writes go by them; in memory, and pymongo on every server there is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bson import Int64
from contract_handles import Records
from pymongo.errors import PyMongoError
from test_record_ports import (
    BINARY,
    CODE,
    DECIMAL,
    MAX_KEY,
    MIN_KEY,
    OID,
    REGEX,
    TIMESTAMP,
    add_or_skip,
    ids,
)

from indexer.model.generation import V2
from indexer.model.ids import id_from_plan, id_in_plan, id_key
from indexer.model.ports import DeleteOne, InsertOne, UpdateOne, WriteError
from indexer.model.values import Foreign, fingerprint
from indexer.model.wire_record import WireRecord
from shared.builders import at, record


@pytest.fixture
def records(typed_records: Records) -> Records:
    """Without the gateway, which hides types."""
    return typed_records


def in_order(value: object) -> str:
    """Which keys there are, one after the other."""
    return json.dumps(value, default=str)


def test_a_record_comes_with_bytes_that_tell_types_apart(records: Records) -> None:
    """The same record has the same bytes; one with 1.0, or true, in the place of 1 has others."""

    def raw(own_id: str, value: object) -> bytes:
        records.add("v1", record("a", _id=own_id, values=[value]))
        (found,), (again,) = (records.reader.by_id("v1", [own_id]) for _ in range(2))
        assert isinstance(found, WireRecord)
        assert isinstance(again, WireRecord)
        assert found.raw == again.raw
        return found.raw.replace(own_id.encode(), b"")

    assert raw("own-1", 1) == raw("own-2", 1)
    assert len({raw("own-3", 1), raw("own-4", 1.0), raw("own-5", True)}) == 3


def test_ids_of_other_types_keep_them(records: Records) -> None:
    """An ObjectId is no text."""
    records.add("v1", record("a", _id=OID), record("b", _id=7))
    assert ids(records) == [OID, 7]
    assert records.body(OID) == record("a", _id=OID)
    assert records.body(7) == record("b", _id=7)


def test_an_object_id_is_not_found_by_its_hex(records: Records) -> None:
    """Text is no ObjectId."""
    if records.server == "nx-27017":
        pytest.skip("nx-27017 takes the hex of an ObjectId for it")
    records.add("v1", record("a", _id=OID))
    assert records.body(OID.hex) is None


REFERENCE_LATER = {"$id": 1, "$ref": "c", "more": 2}
NOT_ON_NX = (
    {"$date": "2024-01-01T00:00:00Z"},
    {"$date": {"$numberLong": "1"}},
    {"$ref": "c", "$id": 1},
    REFERENCE_LATER,
)
LOOKALIKES = (
    {"$oid": "65a000000000000000000001"},
    {"$date": "2024-01-01T00:00:00Z"},
    {"$date": {"$numberLong": "1"}},
    {"$numberLong": "5"},
    {"$binary": {"base64": "AAEC", "subType": "05"}},
    {"$ref": "c", "$id": 1},
    REFERENCE_LATER,
    {"$ref": 5},
    {"first": [{"$ref": "#/definitions/x"}]},
    {"experiment1_Node 101#PXI.ProbeA": {"a.b.": {"$set": 1, ".": "$"}}},
    {"z": 1, "a": 2},
)
"""Plain data that Extended JSON, a driver or an operator would give a meaning to; the order of keys counts."""
# fmt: off
VALUES = (
    *LOOKALIKES, "text", "", "né ß 日本", 0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 1.0, -0.0, 0.1, 1e300, 5e-324,
    float("nan"), float("inf"), True, False, None, [], {}, [[1, [2.5]], {"a": [{}]}], at(2024, 2, 29, 3),
    at(2024, 1, 1).replace(microsecond=123000), OID, DECIMAL, BINARY, REGEX, TIMESTAMP, MIN_KEY, MAX_KEY, CODE,
)
# fmt: on


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_keep_their_type_and_bits(records: Records, value: object) -> None:
    """In objects and lists, through insert and update; fingerprints tell 1, 1.0 and true apart."""
    if records.server == "secantusdb" and value == REFERENCE_LATER:
        pytest.skip("SecantusDB puts the parts of a reference in an order of its own")
    if records.server == "nx-27017" and value in (BINARY, CODE, OID, *NOT_ON_NX):
        pytest.skip(
            "nx-27017 changes binaries and code, reads its own JSON as types, and may fail to update an ObjectId"
        )
    subject = {"value": value, "list": [value, {"deep": value}]}
    add_or_skip(records, record("added", subject=subject))
    errors = records.writer.write("v1", [InsertOne(record("written", subject=subject))])
    assert errors == ()
    records.add("v1", record("updated"))
    records.writer.write("v1", [UpdateOne("id-updated", {}, {"subject": subject})])
    for name in ("added", "written", "updated"):
        body = records.body(f"id-{name}")
        assert body is not None
        assert fingerprint(body["subject"]) == fingerprint(subject), name
        assert in_order(body["subject"]) == in_order(subject), name


def test_top_values_of_a_record_keep_their_type(records: Records) -> None:
    """As they were stored: an asset's other fields are anything at all."""
    values = {"t": at(2024, 1, 1), "i": 2**40, "f": 1.5, "b": False, "o": OID, "n": None, "e": {}}
    records.add("v1", record("a", **values))
    body = records.body("id-a")
    assert body is not None
    assert {name: fingerprint(body[name]) for name in values} == {
        name: fingerprint(value) for name, value in values.items()
    }


def test_a_time_far_away_is_no_fault(records: Records) -> None:
    """A BSON datetime beyond Python's reads as a foreign value, and the record stays readable."""
    far = Foreign("DatetimeMS", '{"$date": {"$numberLong": "253402300800001"}}')
    if records.server == "memory":
        pytest.skip("Python's memory holds no such time")
    add_or_skip(records, record("a", subject={"at": far}))
    body = records.body("id-a")
    assert body is not None
    assert body["subject"] == {"at": far}


@pytest.mark.parametrize("value", [value for value in VALUES if value == value], ids=repr)
def test_the_archive_form_tells_every_type(records: Records, value: object) -> None:
    """Two records that differ in a type have different archive forms."""
    form = records.reader.archive_form(record("a", subject={"value": value}))
    others = [other for other in VALUES if fingerprint(other) != fingerprint(value)]
    forms = {records.reader.archive_form(record("a", subject={"value": other})) for other in others}
    assert form not in forms


def test_the_archive_form_reads_back_as_the_record(records: Records) -> None:
    """What a run kept can be inserted again, types and all."""
    far = Foreign("DatetimeMS", '{"$date": {"$numberLong": "253402300800001"}}')
    body = record(
        "a", _id=OID, subject={f"v{number}": value for number, value in enumerate(VALUES)} | {"f": far}
    )
    back = records.reader.from_archive(records.reader.archive_form(body))
    assert fingerprint(back) == fingerprint(body)
    assert in_order(back) == in_order(body)


@pytest.mark.parametrize(
    "form", [b"", b"[]", b"7", b"{broken", b"\xff", b'{"_id": {"$oid": "x"}}', b"\5\0\0\0\1"]
)
def test_what_is_no_archive_form_is_said(records: Records, form: bytes) -> None:
    """A damaged archive brings no damaged record back."""
    with pytest.raises(ValueError):
        records.reader.from_archive(form)


# writes


def test_insert_writes_where_the_id_is_free(records: Records) -> None:
    """A taken id is no error, and what is there stays."""
    records.add("v1", record("taken", subject={"whose": "theirs"}))
    errors = records.writer.write(
        "v1",
        [InsertOne(record("taken", subject={"whose": "ours"})), InsertOne(record("free", subject={"n": 1}))],
    )
    assert errors == ()
    assert records.body("id-taken") == record("taken", subject={"whose": "theirs"})
    assert records.body("id-free") == record("free", subject={"n": 1})


@pytest.mark.parametrize(
    ("unchanged", "written"),
    [
        ({}, True),
        ({"location": "s3://bucket/a"}, True),
        ({"location": "s3://bucket/b"}, False),
        ({"name": "a", "location": "s3://bucket/a"}, True),
        ({"name": "b", "location": "s3://bucket/a"}, False),
        ({"nothing": None}, True),
        ({"null": None}, True),
        ({"name": None}, False),
        ({"nothing": "x"}, False),
        ({"at": at(2024, 1, 1)}, True),
        ({"at": at(2024, 1, 2)}, False),
        ({"name": at(2024, 1, 1)}, False),
    ],
)
def test_update_and_delete_need_what_was_read(
    records: Records, unchanged: dict[str, Any], written: bool
) -> None:
    """The database itself compares text and times; null stands for null and absent alike."""
    body = record("a", null=None, at=at(2024, 1, 1), subject={"old": 1}, kept=["k"])
    records.add("v1", body)
    update = UpdateOne("id-a", unchanged, {"subject": {"new": 2}, "last_modified": "later"})
    assert records.writer.write("v1", [update]) == ()
    updated = body | {"subject": {"new": 2}, "last_modified": "later"}
    assert records.body("id-a") == (updated if written else body)
    errors = records.writer.write("v1", [DeleteOne("id-a", unchanged)])
    assert errors == (() if written else (WriteError(0, ""),))  # a deletion leaves nothing else to tell by
    assert records.body("id-a") == (None if written else body)


def test_update_sets_a_whole_field_and_no_other(records: Records) -> None:
    """The new value replaces the old one, it is not merged into it."""
    records.add("v1", record("a", subject={"old": 1}, rig={"r": 1}))
    records.writer.write("v1", [UpdateOne("id-a", {}, {"subject": {"new": 2}})])
    assert records.body("id-a") == record("a", subject={"new": 2}, rig={"r": 1})


def test_update_takes_fields_out(records: Records) -> None:
    """Gone is not null; others stay."""
    records.add("v1", record("a", subject={"old": 1}, rig={"r": 1}))
    records.writer.write("v1", [UpdateOne("id-a", {}, {"name": "b"}, ("subject", "nobody"))])
    assert records.body("id-a") == record("a", name="b", rig={"r": 1})


def test_update_and_delete_of_nobody_do_nothing(records: Records) -> None:
    """No record is made by an update."""
    records.add("v1", record("a"))
    errors = records.writer.write("v1", [UpdateOne("gone", {}, {"name": "x"}), DeleteOne("gone", {})])
    assert errors == (WriteError(1, ""),)
    assert records.body("gone") is None
    assert ids(records) == ["id-a"]


def test_every_write_of_a_batch_stands_for_itself(records: Records) -> None:
    """One that does not come off holds no other back."""
    records.add("v1", record("a"), record("b"), record("c"))
    writes = [
        UpdateOne("id-a", {"name": "not this"}, {"subject": {"n": 1}}),
        InsertOne(record("b", subject={"n": 1})),
        UpdateOne("id-b", {"name": "b"}, {"subject": {"n": 2}}),
        DeleteOne("id-c", {"name": "c"}),
        InsertOne(record("d")),
    ]
    assert records.writer.write("v1", writes) == ()
    assert records.body("id-a") == record("a")
    assert records.body("id-b") == record("b", subject={"n": 2})
    assert ids(records) == ["id-a", "id-b", "id-d"]


def test_generations_do_not_mix(records: Records) -> None:
    """A write to one leaves the other alone."""
    records.add("v1", record("a"))
    records.add("v2", record("a", V2))
    records.writer.write("v2", [DeleteOne("id-a", {})])
    assert records.body("id-a") == record("a")
    assert records.body("id-a", "v2") is None


def test_an_object_id_is_written_as_one(records: Records) -> None:
    """Records that other programs made with ObjectIds are updated and deleted like any."""
    records.add("v1", record("a", _id=OID))
    records.writer.write("v1", [UpdateOne(OID, {"name": "a"}, {"subject": {"n": 1}})])
    assert records.body(OID) == record("a", _id=OID, subject={"n": 1})
    records.writer.write("v1", [DeleteOne(OID, {})])
    assert records.body(OID) is None


# fmt: off
IDS = (
    OID, 7, Int64(7), 2**40, 1.5, True, at(2024, 2, 29, 3), BINARY, Foreign("bytes", '{"$binary": {"base64": "AAEC", "subType": "00"}}'),
    DECIMAL, TIMESTAMP, {"a": 1, "b": {"o": OID, "at": at(2024, 1, 1)}}, {"b": Int64(1), "a": 1}, {"bin": BINARY}, {},
)
# fmt: on


@pytest.mark.parametrize("record_id", IDS, ids=repr)
def test_a_record_is_found_changed_and_deleted_by_what_a_plan_calls_it(
    records: Records, record_id: object
) -> None:
    """Whatever type its `_id` has; the row, the body and the plan agree on it."""
    try:
        records.add("v1", record("a", _id=record_id, n="1"), record("b"))
    except PyMongoError as exc:
        pytest.skip(f"{records.server} cannot hold it: {type(exc).__name__}")
    if records.server == "nx-27017" and (isinstance(record_id, Foreign | bool | dict)):
        pytest.skip("nx-27017 cannot find it by its id")
    (row,) = [one for one in records.all_rows("v1", "bucket") if one.id != "id-b"]
    named = id_from_plan(json.loads(json.dumps(id_in_plan(row.id))))
    body = records.body(named)
    assert body is not None
    assert id_key(body["_id"]) == id_key(row.id) == id_key(named)
    live = dict(body)
    records.writer.write("v1", [UpdateOne(live["_id"], {"n": "1"}, {"subject": {"n": 1}})])
    assert (records.body(named) or {})["subject"] == {"n": 1}
    records.writer.write("v1", [DeleteOne(live["_id"], {"n": "1"})])
    assert ids(records) == ["id-b"]
