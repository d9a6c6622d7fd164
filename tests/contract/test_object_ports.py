"""S3's ports: in memory, and boto3 alone and with the fast listing on the embedded server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

import pytest
from contract_handles import Objects

from indexer.errors import AccessDeniedError, MissingBucketError, SystemFaultError
from indexer.model.ports import PreconditionFailed
from indexer.model.values import etag_of
from shared.builders import at

ODD_PREFIXES = (" lead", "a", "a b", "a+b", "a-b", "a%2Fb", ".dot", "ünï", "日本", "&<>", "a=1", "'q\"")


def all_prefixes(objects: Objects) -> list[str]:
    return [name for page in objects.reader.prefixes(objects.bucket) for name in page]


def test_prefixes_are_the_first_components_of_the_keys(objects: Objects) -> None:
    """Every top-level folder once, odd names as they are; a file in the bucket's root is none."""
    for prefix in ODD_PREFIXES:
        objects.put(f"{prefix}/x.json", b"1")
        objects.put(f"{prefix}/y/z.json", b"1")
    objects.put("root-file.json", b"1")
    objects.put("marker/", b"")
    assert sorted(all_prefixes(objects)) == sorted((*ODD_PREFIXES, "marker"))


def test_prefixes_come_in_s3_order(objects: Objects) -> None:
    """S3 sorts with the trailing slash: `a-b/` before `a/`."""
    for prefix in ("a", "a-b", "a.b", "b"):
        objects.put(f"{prefix}/x", b"")
    assert all_prefixes(objects) == ["a-b", "a.b", "a", "b"]


def test_a_double_slash_at_the_top_is_an_empty_prefix(objects: Objects) -> None:
    """`/x` is in the folder without a name, and is not lost in another one."""
    objects.put("/x", b"")
    assert all_prefixes(objects) == [""]


def test_more_prefixes_than_a_page_all_come(objects: Objects) -> None:
    """1,003 folders take two pages, and none comes twice."""
    for number in range(1003):
        objects.put(f"p{number:04}/x", b"")
    pages = list(objects.reader.prefixes(objects.bucket))
    assert len(pages) == 2
    assert [name for page in pages for name in page] == [f"p{number:04}" for number in range(1003)]


def test_an_empty_bucket_has_no_prefixes(objects: Objects) -> None:
    """Empty is an answer, not a fault."""
    assert all_prefixes(objects) == []
    assert objects.reader.listing(objects.bucket, "a/").empty


def test_a_listing_shows_what_is_directly_inside(objects: Objects) -> None:
    """Files with ETag, size and time; folders once, without their slash; neighbours are not inside."""
    objects.put("a/subject.json", b"{}", at(2024, 5, 1))
    objects.put("a/raw/1.bin", b"1")
    objects.put("a/raw/2.bin", b"2")
    objects.put("a-b/subject.json", b"{}")
    objects.put("ab", b"{}")
    listing = objects.reader.listing(objects.bucket, "a/")
    (one,) = listing.objects
    assert (one.key, one.etag, one.size) == ("a/subject.json", etag_of(b"{}"), 2)
    assert one.modified_at == at(2024, 5, 1) or not objects.takes_times
    assert listing.folders == ("raw",)


# fmt: off
ODD_NAMES = (
    "with space.json", "a+b.json", "100%.json", "a%20b.json", ".hidden", "..", "ünï.json", "日本.json",
    "q?x=1&y=2", "#hash", "semi;colon", "tab\tname", "e\u0301",
)
# fmt: on


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_listing_gives_keys_as_they_are(objects: Objects, name: str) -> None:
    """No key is decoded, encoded or normalised on its way, and it can be read again."""
    objects.put(f"a/{name}", b"body")
    listing = objects.reader.listing(objects.bucket, "a/")
    assert [one.key for one in listing.objects] == [f"a/{name}"]
    body = objects.reader.get(objects.bucket, f"a/{name}")
    assert body is not None
    assert body.body == b"body"


ODD_FOLDERS = (
    *ODD_PREFIXES,
    "100%",
    "a%20b",
    "#hash",
    "q?x",
    "star*",
    "til~de",
    "curly{}",
    "[x]",
    "b\\s",
    "e\u0301",
    "x.",
    "😀",
    ";",
)


@pytest.mark.parametrize("prefix", ODD_FOLDERS)
def test_a_folder_is_listed_under_its_own_name(objects: Objects, prefix: str) -> None:
    """However it is written; its neighbours, also those that an escaped name would be, are not inside."""
    objects.put(f"{prefix}/subject.json", b"{}")
    for neighbour in (f"{prefix}0", quote(prefix, safe=""), unquote(prefix), prefix.strip()):
        if neighbour != prefix:
            objects.put(f"{neighbour}/other.json", b"1")
    listing = objects.reader.listing(objects.bucket, f"{prefix}/")
    assert [one.key for one in listing.objects] == [f"{prefix}/subject.json"]
    assert listing.folders == ()


NOT_FOR_EVERY_CLIENT = ("c\x01c", "c\tc", "c\nc", "c\x7fc", "..", ".", "c\u2028c", "")


@pytest.mark.parametrize("prefix", NOT_FOR_EVERY_CLIENT)
def test_a_folder_that_a_client_cannot_name_is_listed_all_the_same(objects: Objects, prefix: str) -> None:
    """Or refused in our words; it never looks like an empty one where there is something."""
    objects.put(f"{prefix}/subject.json", b"{}")
    try:
        listing = objects.reader.listing(objects.bucket, f"{prefix}/")
    except SystemFaultError:
        return
    assert [one.key for one in listing.objects] == [f"{prefix}/subject.json"]


@pytest.mark.parametrize("length", [1_000, 5_000, 70_000, 200_000])
def test_a_name_that_is_too_long_is_answered_in_words(objects: Objects, length: int) -> None:
    """A record's location may be any text; no client ends the process over it."""
    try:
        assert objects.reader.listing(objects.bucket, f"{'é' * length}/").empty
    except SystemFaultError:
        return


def test_a_marker_is_no_file_of_the_folder_above(objects: Objects) -> None:
    """`a/subject.json/` is a folder of that name, and `a/` alone means that the folder is there."""
    objects.put("a/subject.json/", b"")
    objects.put("only/", b"")
    listing = objects.reader.listing(objects.bucket, "a/")
    assert (listing.objects, listing.folders) == ((), ("subject.json",))
    assert not objects.reader.listing(objects.bucket, "only/").empty


def test_a_double_slash_is_a_folder_without_a_name(objects: Objects) -> None:
    """`a//x` is inside `a/`, in the folder whose name is empty."""
    objects.put("a//x.json", b"1")
    listing = objects.reader.listing(objects.bucket, "a/")
    assert (listing.objects, listing.folders) == ((), ("",))
    assert not listing.empty


def test_a_folder_marker_is_a_key_under_the_folder(objects: Objects) -> None:
    """An empty object named as the folder: the folder is there."""
    objects.put("a/", b"")
    listing = objects.reader.listing(objects.bucket, "a/")
    assert [one.key for one in listing.objects] == ["a/"]
    assert not listing.empty


def test_more_files_than_a_page_all_come(objects: Objects) -> None:
    """1,005 root files take two pages of one LIST; files come in the order of their keys."""
    for number in range(1005):
        objects.put(f"a/{number:04}.json", b"")
    objects.put("a/zz/x", b"")
    listing = objects.reader.listing(objects.bucket, "a/")
    assert [one.key for one in listing.objects] == [f"a/{number:04}.json" for number in range(1005)]
    assert listing.folders == ("zz",)


def test_get_reads_bytes_etag_and_time(objects: Objects) -> None:
    """What is read is pinned by the ETag that it was read under."""
    objects.put("a/x", b"\x00\xff", at(2024, 5, 1))
    read = objects.reader.get(objects.bucket, "a/x")
    assert read is not None
    assert (read.body, read.etag) == (b"\x00\xff", etag_of(b"\x00\xff"))
    assert read.modified_at == at(2024, 5, 1) or not objects.takes_times


def test_a_missing_key_reads_as_none(objects: Objects) -> None:
    """No object is an answer."""
    objects.put("a/x", b"")
    assert objects.reader.get(objects.bucket, "a/y") is None


def test_a_missing_bucket_is_a_fault_of_its_own(objects: Objects) -> None:
    """A bucket that is not there never reads as an empty one."""
    with pytest.raises(MissingBucketError):
        list(objects.reader.prefixes("no-such-bucket"))
    with pytest.raises(MissingBucketError):
        objects.reader.listing("no-such-bucket", "a/")
    with pytest.raises(MissingBucketError):
        objects.reader.get("no-such-bucket", "a/x")


def test_the_servers_clock_is_told_or_not(objects: Objects) -> None:
    """By every answer, a refusal too: a clock that is off is a reason for one. Memory has none."""
    for _ in range(2):
        told = objects.reader.server_time(objects.bucket)
        if told is not None:
            assert abs(datetime.now(UTC) - told) < timedelta(minutes=1)
        objects.deny()
        if told is None:
            break


def test_a_refusal_is_never_an_empty_answer(objects: Objects) -> None:
    """403 raises AccessDeniedError for every read and every write."""
    objects.put("a/x", b"old")
    objects.deny()
    bucket = objects.bucket
    for ask in (
        lambda: list(objects.reader.prefixes(bucket)),
        lambda: objects.reader.listing(bucket, "a/"),
        lambda: objects.reader.get(bucket, "a/x"),
        lambda: objects.reader.get(bucket, "a/missing"),
        lambda: objects.writer.put(bucket, "a/x", b"new", etag_of(b"old")),
        lambda: objects.writer.delete(bucket, "a/x", etag_of(b"old")),
    ):
        with pytest.raises(AccessDeniedError):
            ask()
    assert objects.objects() == {"a/x": b"old"}


@pytest.mark.parametrize(
    ("there", "condition", "written"),
    [
        (None, None, True),
        (None, b"old", False),
        (b"old", None, False),
        (b"old", b"old", True),
        (b"old", b"other", False),
    ],
)
def test_put_writes_only_under_its_condition(
    objects: Objects, there: bytes | None, condition: bytes | None, written: bool
) -> None:
    """Absent, or the very ETag; otherwise PreconditionFailed and nothing changed."""
    if there is not None:
        objects.put("a/ü b.json", there)
    etag = None if condition is None else etag_of(condition)
    answer = objects.writer.put(objects.bucket, "a/ü b.json", b"new", etag)
    if written:
        assert answer == etag_of(b"new")
        assert objects.objects() == {"a/ü b.json": b"new"}
    else:
        assert answer == PreconditionFailed()
        assert objects.objects() == ({} if there is None else {"a/ü b.json": there})


@pytest.mark.parametrize(
    ("there", "condition", "deleted"),
    [(b"old", b"old", True), (b"old", b"other", False), (None, b"old", False)],
)
def test_delete_needs_the_very_etag(
    objects: Objects, there: bytes | None, condition: bytes, deleted: bool
) -> None:
    """Nothing is deleted that was not seen."""
    if there is not None:
        objects.put("a/x y", there)
    answer = objects.writer.delete(objects.bucket, "a/x y", etag_of(condition))
    assert answer == (None if deleted else PreconditionFailed())
    assert objects.objects() == ({} if deleted or there is None else {"a/x y": there})


def test_a_write_to_a_missing_bucket_is_a_fault(objects: Objects) -> None:
    """It is no lost race."""
    with pytest.raises(MissingBucketError):
        objects.writer.put("no-such-bucket", "a/x", b"", None)
