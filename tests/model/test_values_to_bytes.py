"""The bytes of files, and reading them. DOMAIN, "File contents"."""

from __future__ import annotations

import copy
import json
import math
import struct
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.model.ids import id_from_plan, id_in_plan, id_key
from indexer.model.plan import plan_digest
from indexer.model.values import (
    MAX_DEPTH,
    Foreign,
    NotJsonError,
    Oid,
    UnserialisableError,
    _fast_bytes,
    _slow_bytes,
    blanked,
    canonical,
    check_storable,
    fingerprint,
    from_bytes,
    iso_time,
    record_bytes,
    sha256,
    time_stamp,
    to_bytes,
    to_text,
)
from shared.depth import examples

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(width=64) | TEXT
JSON_VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=examples(300), deadline=None)
@given(JSON_VALUES)
def test_bytes_are_those_of_python_json(value: Any) -> None:
    """Production is full of files written exactly so; anything else is false drift."""
    expected = json.dumps(value, indent=3, ensure_ascii=False, sort_keys=True).encode("utf-8")
    assert to_bytes(value) == expected


WILD_TEXT = st.text(max_size=8) | st.sampled_from(
    ["\x00", "\x1f", "\x7f", "\u2028", "\\u00e9", "/", "🐭", "\ud800"]
)
WILD = st.recursive(
    SCALARS
    | WILD_TEXT
    | st.integers()
    | st.binary(min_size=8, max_size=8).map(lambda raw: struct.unpack("d", raw)[0])
    | st.datetimes(timezones=st.just(UTC))
    | st.just(Oid("507f1f77bcf86cd799439011"))
    | st.just(Foreign("Decimal128", "{}"))
    | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner)
        | st.sets(st.integers(), max_size=2)
        | st.dictionaries(WILD_TEXT | st.integers() | st.none() | st.booleans(), inner, max_size=5)
    ),
    max_leaves=25,
)


def outcome(make: Callable[[Any], object], value: Any) -> object:
    """What comes of it: the bytes, or that it has none."""
    try:
        return make(value)
    except (UnserialisableError, TypeError, RecursionError) as exc:
        return type(exc)


@settings(max_examples=examples(800), deadline=None)
@given(WILD)
def test_the_fast_form_is_the_slow_one_or_none(value: Any) -> None:
    """Whatever a driver may hand us; where rapidjson is not sure, Python's own encoder decides."""
    fast = _fast_bytes(value)
    assert fast is None or fast == _slow_bytes(value)
    assert outcome(to_bytes, value) == outcome(_slow_bytes, value)


@settings(max_examples=examples(300), deadline=None)
@given(JSON_VALUES)
def test_a_document_has_the_text_of_python_json(value: Any) -> None:
    """Plans and results, whose keys stand in the order of their models."""
    assert to_text(value, indent=1) == json.dumps(value, indent=1, ensure_ascii=False)


def test_a_document_is_written_in_little_more_memory_than_its_text() -> None:
    """A plan of a hundred thousand actions is 100 MB of text; in pieces it would be five times that."""
    document = [
        {"id": f"{number:016}", "after": [], "target": {"key": "subject.json"}} for number in range(5_000)
    ]
    tracemalloc.start()
    try:
        text = to_text(document, indent=1)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2 * len(text)


@settings(max_examples=examples(300), deadline=None)
@given(
    st.binary(min_size=8 * 300, max_size=8 * 600),
    st.lists(st.floats(width=64) | st.integers(-(2**70), 2**70), max_size=30),
)
def test_numbers_by_the_hundred(raw: bytes, chosen: list[float]) -> None:
    """Every float that there is has one text: any bits, and such as are known for trouble."""
    value = [*struct.unpack(f"{len(raw) // 8}d", raw[: len(raw) // 8 * 8]), *chosen]
    fast = _fast_bytes(value)
    assert fast is None or fast == _slow_bytes(value)


@pytest.mark.parametrize("depth", [50, 100, 101, 300, 500, 990, 5_000, 100_000])
@pytest.mark.parametrize("wrap", [lambda one: [one], lambda one: {"a": one}])
def test_deep_nesting_is_text_or_no_text(depth: int, wrap: Callable[[Any], Any]) -> None:
    """As deep as a document may be, and beyond: an answer in words, never the end of the process."""
    value: Any = 1
    for _ in range(depth):
        value = wrap(value)
    try:
        body = to_bytes(value)
    except UnserialisableError:
        assert depth > MAX_DEPTH
    else:
        assert body.count(b"\n") == 2 * depth


@settings(max_examples=examples(500), deadline=None)
@given(st.dictionaries(TEXT, JSON_VALUES, max_size=6), st.data())
def test_a_record_is_composed_from_the_bytes_of_its_fields(
    record: dict[str, Any], data: st.DataObject
) -> None:
    """Whichever of them are known already."""
    known = data.draw(st.sets(st.sampled_from(sorted(record)))) if record else set()
    assert record_bytes(record, {field: to_bytes(record[field]) for field in known}) == to_bytes(record)


@settings(max_examples=examples(200), deadline=None)
@given(JSON_VALUES.filter(lambda value: value is not None))
def test_what_is_written_reads_back_as_the_same_value(value: Any) -> None:
    """Types and bits included: 1, 1.0 and true are three values."""
    assert fingerprint(from_bytes(to_bytes(value))) == fingerprint(value)


@settings(max_examples=examples(200), deadline=None)
@given(JSON_VALUES, JSON_VALUES)
def test_fingerprints_are_equal_for_equal_bytes_only(one: Any, two: Any) -> None:
    """A fingerprint is a value's identity."""
    assert (fingerprint(one) == fingerprint(two)) == (to_bytes(one) == to_bytes(two))


@settings(max_examples=examples(200), deadline=None)
@given(st.dictionaries(TEXT | st.just("digest"), JSON_VALUES, max_size=5))
def test_a_digest_is_taken_over_the_canonical_rest(document: dict[str, Any]) -> None:
    """In pieces, whatever stands in the file."""
    rest = {key: value for key, value in document.items() if key != "digest"}
    assert plan_digest(document) == sha256(canonical(rest))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (1, 1.0),
        (1, True),
        (0, False),
        (0.0, -0.0),
        (datetime(2024, 1, 1, tzinfo=UTC), "2024-01-01T00:00:00Z"),
        (Oid("a" * 24), "a" * 24),
        (
            Foreign("Decimal128", '{"$numberDecimal": "1"}'),
            Foreign("Decimal128", '{"$numberDecimal": "1.0"}'),
        ),
        (None, "null"),
        ([], {}),
        ("é", "e\u0301"),
    ],
)
def test_fingerprints_tell_types_apart(one: object, two: object) -> None:
    """What DocDB tells apart is not the same."""
    assert fingerprint(one) != fingerprint(two)
    assert fingerprint({"x": [one]}) != fingerprint({"x": [two]})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2024, 5, 1, 12, tzinfo=UTC), "2024-05-01T12:00:00Z"),
        (datetime(2024, 5, 1, 12, 0, 0, 120000, UTC), "2024-05-01T12:00:00.120Z"),
        (datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=-7))), "2024-05-01T19:00:00Z"),
        (datetime(2024, 5, 1, 12), "2024-05-01T12:00:00Z"),
        (datetime(999, 1, 1, tzinfo=UTC), "0999-01-01T00:00:00Z"),
    ],
)
def test_times_become_iso_8601_with_a_z(value: datetime, text: str) -> None:
    """UTC; milliseconds only when there are some."""
    assert iso_time(value) == text
    assert to_bytes({"at": value}) == to_bytes({"at": text})


def test_an_object_id_becomes_its_hex() -> None:
    """In a file it is text."""
    assert to_bytes([Oid("0a" * 12)]) == to_bytes(["0a" * 12])


def test_a_write_is_stamped_in_utc() -> None:
    """Other programs poll on this text."""
    local = datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert time_stamp(local) == "2024-05-01T10:00:00.000000Z"


@pytest.mark.parametrize(
    "value",
    [
        Foreign("Decimal128", '{"$numberDecimal": "1"}'),
        {"deep": [{"binary": Foreign("Binary", "{}")}]},
        "\ud800",
        {"\udfff": 1},
        {"set": {1}},
        b"bytes",
    ],
    ids=repr,
)
def test_what_no_file_can_hold_is_said(value: object) -> None:
    """A finding, never a fault of another kind."""
    with pytest.raises(UnserialisableError):
        to_bytes(value)


def test_what_nests_too_deeply_to_be_written_is_said() -> None:
    """Python's own limit is no crash."""
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    try:
        with pytest.raises(UnserialisableError):
            to_bytes(value)
    finally:
        while value:  # freeing it recursively would crash Python itself
            value = value.pop()


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b" \n[]\n ", []),
        (b"0", 0),
        (b"false", False),
        (b'""', ""),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"Infinity", math.inf),
        ("é".join(('"', '"')).encode(), "é"),
    ],
)
def test_json_is_read_as_python_reads_it(body: bytes, value: object) -> None:
    """With a byte order mark or without; every value but null is one."""
    assert from_bytes(body) == value


def test_nan_is_a_value() -> None:
    """BSON holds it too."""
    assert math.isnan(from_bytes(b"NaN"))


# fmt: off
NO_JSON = (
    b"", b" ", b"null", b" null\n", b"\xef\xbb\xbf", b"{", b"{'a': 1}", b"\xff\xfe{\x00}\x00", b'"\xff"', b"[1,]",
    b"{} {}", b"nul", b'"\x01"', b"\xef\xbb\xbfnull",
)
# fmt: on


@pytest.mark.parametrize("body", NO_JSON)
def test_what_is_no_json_is_said(body: bytes) -> None:
    """Corrupt, cut short, another encoding, or the literal null."""
    with pytest.raises(NotJsonError):
        from_bytes(body)


@pytest.mark.parametrize("body", [b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000])
def test_what_nests_too_deeply_to_be_read_is_said(body: bytes) -> None:
    """It is JSON, so the file is not corrupt: it is left alone."""
    with pytest.raises(UnserialisableError):
        from_bytes(body)


def test_an_integer_of_thousands_of_digits_is_said() -> None:
    """Python refuses to read it; it is no corrupt file."""
    with pytest.raises(UnserialisableError):
        from_bytes(b'{"n": ' + b"9" * 5_000 + b"}")


# fmt: off
UNSTORABLE = (
    2**63, -(2**63) - 1, {"n": [2**64]}, "\ud800", {"a": "\udc00"}, {"a\0b": 1}, {"\ud800": 1},
    [{"x": {"y\0": None}}],
)
STORABLE = (
    2**63 - 1, -(2**63), True, 1e308, float("nan"), "", "$text", "a.b", {"": 1}, {"a$": 1}, {"ü": ["\u2028"]},
    None, [], {}, {"a.b": 1}, {"$set": 1}, {"": {"$x": 1}}, [{"x": {"y.z": None}}], {"$oid": "x"}, {"$ref": 1, "$id": 2},
)
# fmt: on


@pytest.mark.parametrize("value", UNSTORABLE, ids=repr)
def test_what_no_record_can_hold_is_said(value: object) -> None:
    """Integers beyond 64 bits, lone surrogates, keys with a NUL."""
    with pytest.raises(UnserialisableError):
        check_storable(value)


@pytest.mark.parametrize("value", STORABLE, ids=repr)
def test_what_a_record_can_hold_is_let_through(value: object) -> None:
    """Nothing is refused that BSON holds."""
    check_storable(value)


@pytest.mark.parametrize("levels", [98, 99, 100, 101, 102])
def test_nesting_has_a_limit(levels: int) -> None:
    """A record holds 100 levels, the field's own value being the first beside the record."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    if levels < 100:
        check_storable(value)
    else:
        with pytest.raises(UnserialisableError):
            check_storable(value)


BINARY_ID = Foreign("Binary", '{"$binary": {"base64": "AA==", "subType": "04"}}')
FAR_DATE = Foreign("DatetimeMS", '{"$date": {"$numberLong": "253402300800001"}}')
# fmt: off
IDS = (
    "text", "", "$text", 7, -7, True, None, 1.5, 7.0, float("inf"), datetime(2024, 2, 29, 3, 0, 0, 123000, UTC),
    datetime(1, 1, 1, tzinfo=UTC), Oid("a" * 24), BINARY_ID, FAR_DATE, {}, {"a": 1, "b": {"at": datetime(2024, 1, 1, tzinfo=UTC)}},
    {"b": 1, "a": [Oid("b" * 24), BINARY_ID]}, {"a.b": ""},
)
# fmt: on


@pytest.mark.parametrize("record_id", IDS, ids=repr)
def test_an_id_in_a_plan_is_the_same_id_again(record_id: object) -> None:
    """Whatever type `_id` has, and whatever its fields have, the applier finds the very record."""
    back = id_from_plan(json.loads(json.dumps(id_in_plan(record_id), allow_nan=False)))
    assert id_key(back) == id_key(record_id)
    assert id_in_plan(back) == id_in_plan(record_id)
    if not isinstance(record_id, Foreign) and "Foreign" not in repr(record_id):
        assert back == record_id
        assert type(back) is type(record_id)


def test_ids_that_differ_have_keys_that_differ() -> None:
    """In type, and in the order of their fields, too."""
    others = (
        *IDS,
        1.0,
        1,
        False,
        "7",
        "null",
        '{"$oid": "' + "a" * 24 + '"}',
        {"b": {}, "a": 1},
        {"a": 1, "b": {}},
        [],
    )
    keys = [id_key(one) for one in others]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "record_id",
    [
        {"$oid": "a" * 24},
        {"deep": {"$date": "2024-01-01T00:00:00Z"}},
        {"$ref": "c", "$id": 1},
        Foreign("Regex", '{"$regularExpression": {"pattern": "^a", "options": ""}}'),
        range(3),
    ],
    ids=repr,
)
def test_what_no_plan_can_name_is_said(record_id: object) -> None:
    """It would read back as another value, or match others; it has a key all the same."""
    with pytest.raises(UnserialisableError):
        id_in_plan(record_id)
    assert id_key(record_id) == id_key(copy.copy(record_id) if isinstance(record_id, dict) else record_id)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (datetime(2024, 1, 1, tzinfo=UTC), {"$date": "2024-01-01T00:00:00Z"}),
        (Oid("a" * 24), {"$oid": "a" * 24}),
        (Foreign("Decimal128", "{}"), {"$foreign": ["Decimal128", "{}"]}),
    ],
    ids=repr,
)
def test_plain_data_that_looks_like_a_type_has_another_fingerprint(value: object, plain: object) -> None:
    """A change from the one to the other is a change."""
    assert fingerprint({"value": value}) != fingerprint({"value": plain})


def test_masked_hides_what_only_the_write_will_tell() -> None:
    """Also a field that is not there yet: the write will add it."""
    assert blanked({"a": 1, "t": "now"}, ["t"]) == {"a": 1, "t": None}
    assert blanked({"a": 1}, ["t"]) == {"a": 1, "t": None}
