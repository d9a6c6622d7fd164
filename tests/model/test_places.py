"""Where a file of ours is: what is typed, and the words of a path."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import UsageError
from indexer.model.place import S3Place, check_apart, parse_place

PARTS = st.text(
    st.characters(codec="utf-8", exclude_characters="/", categories=("L", "N", "P", "S")), min_size=1
)
KEYS = st.lists(PARTS.filter(lambda part: part not in (".", "..")), min_size=1, max_size=4)


@given(KEYS)
def test_a_place_in_s3_has_the_words_of_a_path(parts: list[str]) -> None:
    """Name, stem and parent are those of a path with the same parts, and it reads back as it was typed."""
    key = "/".join(parts)
    place, path = S3Place("bucket", key), PurePosixPath(key)
    assert (place.name, place.stem) == (path.name, path.stem)
    assert place.parent / place.name == place
    assert str(place) == f"s3://bucket/{path}"
    assert parse_place(str(place)) == place


@pytest.mark.parametrize(
    ("typed", "journal"),
    [
        ("s3://bucket", "s3://bucket/journal.jsonl"),
        ("s3://bucket/", "s3://bucket/journal.jsonl"),
        ("s3://bucket/runs/7", "s3://bucket/runs/7/journal.jsonl"),
        ("s3://bucket/runs/7//", "s3://bucket/runs/7/journal.jsonl"),
        ("runs/7", "runs/7/journal.jsonl"),
        ("s3:/bucket", "s3:/bucket/journal.jsonl"),
    ],
)
def test_what_lies_in_a_folder(typed: str, journal: str) -> None:
    """A slash at the end makes no difference; what is no `s3://` is a path."""
    place = parse_place(typed)
    assert str(place / "journal.jsonl") == journal
    assert isinstance(place, Path) == (not typed.startswith("s3://"))


@pytest.mark.parametrize(
    "typed",
    [
        "s3://point-vfzi8bwopfb5b-s3alias/plan.json",
        "s3://arn:aws:s3:us-west-2:123456789012:accesspoint/point",
    ],
)
def test_no_file_of_ours_goes_through_an_access_point(typed: str) -> None:
    """The bucket behind it may be one that is kept in step."""
    with pytest.raises(UsageError) as raised:
        check_apart(parse_place(typed), frozenset({"bucket"}), "--out")
    assert raised.value.summary == "An access point is not a bucket"
    assert "--out" in raised.value.hint


@pytest.mark.parametrize("typed", ["s3://", "s3:///key"])
def test_a_place_without_a_bucket_is_wrong_usage(typed: str) -> None:
    with pytest.raises(UsageError, match="names no bucket"):
        parse_place(typed)
