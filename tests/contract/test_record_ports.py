"""DocDB's ports: in memory, and pymongo on every server there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from contract_handles import Records
from pymongo.errors import PyMongoError

from indexer.model.generation import V1, V2
from indexer.model.location import Location
from indexer.model.values import Foreign, Oid
from shared.builders import at, location, record

OID = Oid("65a000000000000000000001")
DECIMAL = Foreign("Decimal128", '{"$numberDecimal": "1.10"}')
BINARY = Foreign("Binary", '{"$binary": {"base64": "AAEC", "subType": "05"}}')
REGEX = Foreign("Regex", '{"$regularExpression": {"pattern": "^a", "options": "i"}}')
TIMESTAMP = Foreign("Timestamp", '{"$timestamp": {"t": 1, "i": 2}}')
MIN_KEY = Foreign("MinKey", '{"$minKey": 1}')
MAX_KEY = Foreign("MaxKey", '{"$maxKey": 1}')
CODE = Foreign("Code", '{"$code": "x"}')


def add_or_skip(records: Records, *bodies: dict[str, Any]) -> None:
    """Store what not every server can hold."""
    try:
        records.add("v1", *bodies)
    except PyMongoError as exc:
        pytest.skip(f"{records.server} cannot hold it: {type(exc).__name__}")


def ids(records: Records, bucket: str = "bucket") -> list[Any]:
    return [one.id for one in records.all_rows("v1", bucket)]


def unusable(records: Records, bucket: str = "bucket") -> list[Any]:
    return [one.id for one in records.reader.unusable_rows("v1", bucket)]


# rows


def test_rows_carry_the_light_half(records: Records) -> None:
    """Id, location, name, last-modified and raw links; each generation has its own names for them."""
    records.add("v1", record("a", links={"Code Ocean": ["1"]}, subject={"x": 1}))
    records.add("v2", record("a", V2, links={"Dandi": ["2"]}, name=None))
    (one,), (two,) = records.all_rows("v1", "bucket"), records.all_rows("v2", "bucket")
    assert (one.generation, one.id, one.location, one.name) == ("v1", "id-a", "s3://bucket/a", "a")
    assert (one.modified, one.links) == (record()[V1.modified_field], {"Code Ocean": ["1"]})
    assert (two.generation, two.name, two.links) == ("v2", None, {"Dandi": ["2"]})


def test_rows_are_those_of_the_very_bucket(records: Records) -> None:
    """`s3://bucket-two/…` is not `s3://bucket/…`, nor are its neighbours in the index."""
    for number, place in enumerate(
        ("s3://bucket-two/a", "s3://bucket.x/a", "s3://bucket0/a", "s3://bucke/a", "s3://Bucket/a")
    ):
        records.add("v1", record("a", _id=f"other-{number}", location=place))
    records.add("v1", record("a"), record("deep", location="s3://bucket/x/y"))
    records.add("v1", record("bare", location="s3://bucket/"))
    assert sorted(ids(records)) == ["id-a", "id-bare", "id-deep"]
    assert ids(records, "bucket-two") == ["other-0"]


def test_rows_come_in_the_order_of_their_location(records: Records) -> None:
    """DocDB sorts without the trailing slash: `a` before `a-b`."""
    for prefix in ("b", "a-b", "ü", "a", "a b", "Z"):
        records.add("v1", record(prefix))
    places = [one.location for one in records.all_rows("v1", "bucket")]
    assert places == sorted(places, key=lambda place: str(place).encode())


@pytest.mark.parametrize("rows_a_page", [1, 2, 3, 4, 100])
def test_no_row_is_lost_or_shown_twice_between_pages(records: Records, rows_a_page: int) -> None:
    """Records that share a location lie on both sides of a page's end, even more of them than a page holds."""
    records.rows_a_page(rows_a_page)
    wanted = []
    for prefix, copies in (("a", 1), ("b", 5), ("c", 2), ("d/", 3), ("e", 1)):
        for number in range(copies):
            records.add("v1", record(prefix, _id=f"{prefix}{number}"))
            wanted.append(f"{prefix}{number}")
    assert sorted(ids(records)) == sorted(wanted)


def test_no_record_is_no_row(records: Records) -> None:
    """Empty is an answer, and it has pages too."""
    assert ids(records) == []
    assert unusable(records) == []
    assert records.reader.by_id("v1", ["nobody"]) == ()


def test_one_record_of_any_bucket_is_enough_not_to_be_empty(records: Records) -> None:
    """Wherever it lies, if anywhere."""
    assert not records.reader.holds_any("v1")
    records.add("v1", record("a", bucket="elsewhere", location=None))
    assert records.reader.holds_any("v1")


# fmt: off
UNUSABLE = (
    None, 7, 2**40, 1.5, True, False, at(2024, 1, 1), OID, DECIMAL, BINARY, REGEX, TIMESTAMP, MIN_KEY, MAX_KEY,
    CODE, {}, {"a": 1}, [], ["x"], ["zz"], [1], [{"a": 1}], "", " ", "s3:/", "s3:/x/y", "s3://", "s3:///x",
    "S3://bucket/a", "https://bucket/a", "bucket/a", "ünï", "s3", "zzz", "s3://bucket",
)
# fmt: on


@pytest.mark.parametrize("place", UNUSABLE, ids=repr)
def test_a_location_that_is_none_is_found(records: Records, place: object) -> None:
    """Whatever type it has, the record is seen once, among usable ones, and is nobody's row."""
    add_or_skip(records, record("odd", location=place))
    records.add("v1", record("a"), record("z", bucket="other"), record("0", bucket="0"))
    assert unusable(records) == ["id-odd"]
    assert ids(records) == ["id-a"]


def test_a_record_without_a_location_is_found(records: Records) -> None:
    """Missing is not usable."""
    body = record("odd")
    del body["location"]
    records.add("v1", body, record("a"))
    assert unusable(records) == ["id-odd"]


def test_an_array_of_locations_is_found_once_at_least(records: Records) -> None:
    """A server that looks into arrays may show it as a row: the planner sees that it is no string."""
    records.add("v1", record("odd", location=["s3://bucket/a"]), record("b"))
    assert "id-odd" in {*ids(records), *unusable(records)}


# bodies


def test_by_location_finds_both_spellings_and_every_copy(records: Records) -> None:
    """With a trailing slash or without, and nothing else."""
    records.add("v1", record("a"), record("a", _id="slash", location="s3://bucket/a/"), record("a-b"))
    records.add("v1", record("a", _id="two", location="s3://bucket/a//"), record("a", _id="arr", location=[]))
    found = records.reader.by_location("v1", [location("a"), location("missing")])
    assert sorted(body["_id"] for body in found) == ["id-a", "slash"]
    assert records.reader.by_location("v1", [Location("other", "a")]) == ()


def test_what_is_read_is_a_copy(records: Records) -> None:
    """Changing a body that was read changes nothing else."""
    records.add("v1", record("a", subject={"x": 1}))
    body = records.body("id-a")
    assert body is not None
    body["subject"]["x"] = 2
    assert records.body("id-a") == record("a", subject={"x": 1})


def test_the_servers_clock_is_told_or_not(records: Records) -> None:
    """With its zone. Memory has none."""
    told = records.reader.server_time()
    if records.server == "memory":
        assert told is None
    else:
        assert told is not None
        assert abs(datetime.now(UTC) - told) < timedelta(minutes=1)
