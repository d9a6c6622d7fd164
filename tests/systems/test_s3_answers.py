"""Answers that are none, or not all of one: faults, and never an empty folder, an object or a write that was done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from indexer.errors import SystemFaultError
from indexer.systems import bodies
from indexer.systems.s3 import S3Reader
from indexer.systems.s3_connection import S3
from indexer.systems.s3_writer import S3Writer
from shared.s3_stub import Answer, Asked, S3Stub, running_stub, s3_of

ROW = "<Contents><Key>{}</Key><ETag>e</ETag><Size>1</Size><LastModified>2024-05-01T12:00:00.000Z</LastModified></Contents>"
PAGE = "<ListBucketResult><IsTruncated>{}</IsTruncated>{}</ListBucketResult>"
SUBJECT = ROW.format("a/subject.json")
WHOLE = PAGE.format("false", SUBJECT)
PORTAL = "<html><body>Sign in</body></html>"
NO_LISTING = {
    "an empty body": "",
    "a proxy's own page": PORTAL,
    "an empty document": "<ListBucketResult/>",
    "an error": "<Error><Code>InternalError</Code><Message>We know</Message></Error>",
    "half a page": WHOLE[: len(WHOLE) // 2],
    "another folder's": PAGE.format("false", ROW.format("b/subject.json")),
    "a row without an ETag": WHOLE.replace("<ETag>e</ETag>", ""),
    "a row without a key": WHOLE.replace("<Key>a/subject.json</Key>", ""),
    "a folder without a name": PAGE.format("false", SUBJECT + "<CommonPrefixes></CommonPrefixes>"),
    "a folder of two names": PAGE.format(
        "false", SUBJECT + "<CommonPrefixes><Prefix>a/b/</Prefix><Prefix>a/c/</Prefix></CommonPrefixes>"
    ),
}
OF_ONE_FOLDER = ("a row without an ETag",)


@pytest.fixture
def stub() -> Iterator[S3Stub]:
    with running_stub() as server:
        yield server


@pytest.fixture
def s3(stub: S3Stub) -> Iterator[S3]:
    with s3_of(stub.endpoint) as opened:
        yield opened


@pytest.fixture(params=[False, True], ids=["boto3", "fast"])
def reader(s3: S3, request: pytest.FixtureRequest) -> S3Reader:
    return S3Reader(s3, fast=request.param)


def test_a_page_is_read(stub: S3Stub, reader: S3Reader) -> None:
    stub.answer = Answer(WHOLE)
    assert [one.key for one in reader.listing("bucket", "a/").objects] == ["a/subject.json"]


@pytest.mark.parametrize("name", NO_LISTING)
def test_what_is_no_listing_is_a_fault(stub: S3Stub, reader: S3Reader, name: str) -> None:
    """Records of assets that are there would be deleted as gone."""
    stub.answer = Answer(NO_LISTING[name])
    with pytest.raises(SystemFaultError):
        reader.listing("bucket", "a/")
    if name not in OF_ONE_FOLDER:
        with pytest.raises(SystemFaultError):
            list(reader.prefixes("bucket"))


@pytest.mark.parametrize(
    "deeper", [ROW.format("a/b/subject.json"), "<CommonPrefixes><Prefix>a/b/c/</Prefix></CommonPrefixes>"]
)
def test_what_is_deeper_is_another_folders(stub: S3Stub, reader: S3Reader, deeper: str) -> None:
    """As a cache confuses them, or a server answers that knows no delimiter: it shows none of the folders that are there."""
    stub.answer = Answer(PAGE.format("false", deeper))
    with pytest.raises(SystemFaultError, match="no listing"):
        reader.listing("bucket", "a/")
    with pytest.raises(SystemFaultError, match="no listing"):
        list(reader.prefixes("bucket"))


def test_a_page_that_promises_more_and_does_not_say_where_is_a_fault(stub: S3Stub, reader: S3Reader) -> None:
    """It was cut short."""
    stub.answer = Answer(PAGE.format("true", SUBJECT))
    with pytest.raises(SystemFaultError):
        list(reader.prefixes("bucket"))


def folders(*names: str) -> str:
    return "".join(f"<CommonPrefixes><Prefix>{name}/</Prefix></CommonPrefixes>" for name in names)


ENDLESS: dict[str, Callable[[int], str]] = {
    "the same page, new tokens": lambda page: folders("a", "b"),
    "two pages in turn": lambda page: folders("a", "b") if page % 2 else folders("c", "d"),
    "empty pages, new tokens": lambda page: "",
    "the same token": lambda page: folders(f"p{page:06}"),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_listing_without_end_is_cut_short(stub: S3Stub, s3: S3, name: str) -> None:
    """A fault, after a few pages (some more where all are empty: S3 may send such pages)."""

    def answer(_: Asked) -> Answer:
        page = len(stub.asked)
        token = 1 if name == "the same token" else page
        rows = f"<NextContinuationToken>t{token}</NextContinuationToken>{ENDLESS[name](page)}"
        return Answer(PAGE.format("true", rows))

    stub.answer = answer
    with pytest.raises(SystemFaultError):
        list(S3Reader(s3, fast=False).prefixes("bucket"))
    assert len(stub.asked) <= (102 if name.startswith("empty") else 3)


def test_an_empty_page_on_the_way_is_none_of_these(stub: S3Stub, s3: S3) -> None:
    """S3 may send one where much was deleted."""

    def answer(_: Asked) -> Answer:
        page = len(stub.asked)
        rows = "" if page == 2 else folders(f"p{page}")
        token = f"<NextContinuationToken>t{page}</NextContinuationToken>"
        return Answer(PAGE.format(str(page < 3).lower(), f"{token}{rows}"))

    stub.answer = answer
    assert list(S3Reader(s3, fast=False).prefixes("bucket")) == [("p1",), (), ("p3",)]


@pytest.mark.parametrize(
    "headers", [{}, {"ETag": '"e"'}, {"Last-Modified": "Wed, 01 May 2024 12:00:00 GMT"}, {"ETag": '""'}]
)
def test_a_page_with_200_is_no_object(stub: S3Stub, s3: S3, headers: dict[str, str]) -> None:
    """An object has an ETag and a date."""
    stub.answer = Answer(PORTAL, headers=headers)
    with pytest.raises(SystemFaultError, match="get s3://bucket/a/subject"):
        S3Reader(s3).get("bucket", "a/subject.json")


def test_a_page_with_200_is_no_write_that_was_done(stub: S3Stub, s3: S3) -> None:
    """A put is answered by an ETag, a delete by 204."""
    stub.answer = Answer(PORTAL)
    writer = S3Writer(s3)
    with pytest.raises(SystemFaultError, match="without an ETag: put s3://bucket/a/x"):
        writer.put("bucket", "a/x", b"", None)
    with pytest.raises(SystemFaultError, match="did not say that it deleted: delete s3://bucket/a/x"):
        writer.delete("bucket", "a/x", "e")


AS_AN_OBJECT = {"ETag": '"e"', "Last-Modified": "Wed, 01 May 2024 12:00:00 GMT"}


@pytest.mark.parametrize("ask", ["get", "list", "list a folder"])
def test_a_body_that_drips_has_a_deadline(
    stub: S3Stub, s3: S3, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    """However often a byte comes; and no client asks for it again, which would take as long, but boto3 after the lean one."""
    monkeypatch.setattr(bodies, "DEADLINE_S", 0.3)
    stub.answer = Answer(WHOLE + " " * 6_000, headers=AS_AN_OBJECT, drip_s=0.05)
    reader, started = S3Reader(s3), monotonic()
    asks: dict[str, Callable[[], object]] = {
        "get": lambda: reader.get("bucket", "a/x"),
        "list": lambda: list(reader.prefixes("bucket")),
        "list a folder": lambda: reader.listing("bucket", "a/"),
    }
    with pytest.raises(SystemFaultError, match="did not come to its end"):
        asks[ask]()
    assert monotonic() - started < 120
    assert len(stub.asked) == 2


def test_a_body_that_broke_off_is_read_again(stub: S3Stub) -> None:
    """It is a passing fault, as a connection that was lost is one."""

    def answer(_: Asked) -> Answer:
        broken = {"Content-Length": "10"} if len(stub.asked) == 1 else {}
        return Answer("{}", headers={**AS_AN_OBJECT, **broken})

    stub.answer = answer
    with s3_of(stub.endpoint, attempts=2) as s3:
        read = S3Reader(s3).get("bucket", "a/x")
    assert read is not None
    assert (read.body, len(stub.asked)) == (b"{}", 2)


def test_connections_are_used_again(stub: S3Stub, s3: S3) -> None:
    """What was read whole is given back: a hundred reads need one connection."""
    stub.answer = Answer("{}", headers=AS_AN_OBJECT)
    reader = S3Reader(s3)
    ports = set()
    accept = stub.get_request

    def counted() -> tuple[object, object]:
        found = accept()
        ports.add(found[1])
        return found

    stub.get_request = counted  # type: ignore[method-assign, assignment]
    for _ in range(20):
        reader.get("bucket", "a/x")
    assert len(ports) == 1
