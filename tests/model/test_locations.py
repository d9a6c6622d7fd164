"""The join key: read from any system, normalised in one place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.model.generation import V1, V2, Generation, new_record, original_field, record_id
from indexer.model.location import Location, mount_location, parse_location
from indexer.model.values import Oid


@pytest.mark.parametrize(
    ("written", "location"),
    [
        ("s3://b/a", Location("b", "a")),
        ("s3://b/a/", Location("b", "a")),
        ("s3://b/a b+%20ü", Location("b", "a b+%20ü")),
        ("s3://b/.x", Location("b", ".x")),
        ("s3://b/.", None),
        ("s3://b/..", None),
        ("s3://b/../", None),
        ("s3://b/ ", Location("b", " ")),
        ("s3://b/a//", None),
        ("s3://b//a", None),
        ("s3://b//", None),
        ("s3://b/a/c", None),
        ("s3://b/", None),
        ("s3://b", None),
        ("s3:///a", None),
        ("s3://", None),
        ("S3://b/a", None),
        (" s3://b/a", None),
        ("https://b/a", None),
        ("b/a", None),
        ("", None),
        (None, None),
        (7, None),
        (["s3://b/a"], None),
        (Oid("a" * 24), None),
        (b"s3://b/a", None),
    ],
    ids=repr,
)
def test_a_location_is_read_as_any_system_writes_it(written: object, location: Location | None) -> None:
    """One trailing slash is fine; more than one component, or none, is not usable."""
    assert parse_location(written) == location


NAMES = st.from_regex(r"[^/]+", fullmatch=True).filter(lambda name: name not in (".", ".."))


@given(NAMES, NAMES)
def test_a_location_reads_back_from_its_text(bucket: str, prefix: str) -> None:
    """Its text has no trailing slash, and is read the same with one."""
    location = Location(bucket, prefix)
    assert parse_location(str(location)) == location
    assert parse_location(f"{location}/") == location
    assert location.key("x.json") == f"{prefix}/x.json"


@pytest.mark.parametrize(
    ("bucket", "prefix", "location"),
    [
        ("b", "a", Location("b", "a")),
        ("b", "a/", Location("b", "a")),
        ("b", "a/c", None),
        ("b", "", None),
        ("b", None, None),
        (None, "a", None),
        ("", "a", None),
        ("b", "/", None),
    ],
)
def test_a_mount_is_normalised_like_a_location(
    bucket: str | None, prefix: str | None, location: Location | None
) -> None:
    """The predecessor drops a valid link where a slash differs."""
    assert mount_location(bucket, prefix) == location


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("subject.20240102.json", "subject"),
        ("model.00000000.json", "model"),
        ("session.99999999.json", "session"),
        ("subject.2024012.json", None),
        ("subject.202401023.json", None),
        ("subject.20240102.json.bak", None),
        ("subject.json", None),
        ("metadata.20240102.json", None),
        ("a.subject.20240102.json", None),
        ("subject.20240102.json\n", None),
        ("subject.٢٠٢٤٠١٠٢.json", None),
        ("Subject.20240102.json", None),
    ],
)
def test_an_original_is_known_by_its_name(name: str, field: str | None) -> None:
    """A core field and eight digits, nothing before or after."""
    assert original_field(name) == field


def test_registering_twice_cannot_make_two_records() -> None:
    """The id comes from the location alone."""
    assert record_id(Location("b", "a")) == record_id(Location("b", "a"))
    assert record_id(Location("b", "a")) != record_id(Location("b", "a-b"))


@pytest.mark.parametrize("shape", [V1, V2])
def test_a_new_record_says_what_its_generation_says(shape: Generation) -> None:
    """Missing core fields are explicit nulls; links are sorted; both times are the write's."""
    body = new_record(shape, Location("b", "a"), "a", {"subject": {"x": 1}}, ("2", "1"), "NOW")
    assert body[shape.links_field] == {"Code Ocean": ["1", "2"]}
    assert (body[shape.created_field], body[shape.modified_field]) == ("NOW", "NOW")
    assert {name for name in shape.core_fields if body[name] is None} == set(shape.core_fields) - {"subject"}
    assert body["location"] == "s3://b/a"
    assert body.get("metadata_status") == ("Unknown" if shape is V1 else None)
