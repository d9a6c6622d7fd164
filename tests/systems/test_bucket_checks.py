"""The doctor's look at a bucket survives every answer: each check is on its own."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from indexer.systems.checks_s3 import bucket_checks
from indexer.systems.s3_connection import S3
from shared.s3_stub import Answer, Asked, S3Stub, error, running_stub, s3_of

LISTING = (
    "<ListBucketResult><IsTruncated>false</IsTruncated><CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>"
    "</ListBucketResult>"
)
FOLDER = (
    "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a/subject.json</Key><ETag>e</ETag><Size>2</Size>"
    "<LastModified>2024-05-01T12:00:00.000Z</LastModified></Contents></ListBucketResult>"
)
GOOD = {
    "s3-list": Answer(LISTING),
    "s3-get": Answer("{}", headers={"ETag": '"e"', "Last-Modified": "Wed, 01 May 2024 12:00:00 GMT"}),
    "s3-versioning": Answer("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"),
    "s3-encryption": Answer(
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256"
        "</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
    ),
}
ODD = {
    "an empty body": Answer(),
    "a portal's page": Answer("<html><body>Sign in</body></html>"),
    "no XML": Answer("certainly"),
    "half of it": Answer("<ListBucketResult><IsTrun"),
    "another document": Answer("<Result><Rules/><Status/></Result>"),
    "a listing": Answer(LISTING),
    "a rule without its default": Answer(
        "<ServerSideEncryptionConfiguration><Rule/></ServerSideEncryptionConfiguration>"
    ),
    "no content": Answer(status=204),
    "a redirect": Answer(status=301),
    "not implemented": error("NotImplemented", status=501),
    "not known": error("MethodNotAllowed", status=405),
    "not there": error("NoSuchKey", status=404),
    "denied": error("AccessDenied", status=403),
    "an error without a body": Answer(status=400),
}


def check_of(asked: Asked) -> str:
    """Which check a request is for."""
    url = urlsplit(asked.path)
    query = parse_qs(url.query, keep_blank_values=True)
    for name in ("versioning", "encryption"):
        if name in query:
            return f"s3-{name}"
    return "s3-list" if "list-type" in query else "s3-get"


@pytest.fixture(scope="module")
def stub() -> Iterator[S3Stub]:
    with running_stub() as server:
        yield server


@pytest.fixture(scope="module")
def s3(stub: S3Stub) -> Iterator[S3]:
    with s3_of(stub.endpoint) as opened:
        yield opened


def looked_at(stub: S3Stub, s3: S3, answers: dict[str, Answer]) -> dict[str, str]:
    def answer(asked: Asked) -> Answer:
        chosen = answers[check_of(asked)]
        inside = "a/" in parse_qs(urlsplit(asked.path).query).get("prefix", ())
        return Answer(FOLDER) if inside and chosen == Answer(LISTING) else chosen

    stub.answer = answer
    return {one.name: one.status for one in bucket_checks(s3, "bucket", managed=True, probe=False)}


def test_all_is_well(stub: S3Stub, s3: S3) -> None:
    assert looked_at(stub, s3, GOOD) == dict.fromkeys(GOOD, "ok") | {"s3-conditional-writes": "not-tried"}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", GOOD)
def test_one_odd_answer_spoils_one_check(stub: S3Stub, s3: S3, name: str, odd: str) -> None:
    """The others are as they are without it (a bucket that cannot be listed leaves no file to be read)."""
    found = looked_at(stub, s3, GOOD | {name: ODD[odd]})
    rest = {"s3-get"} if name == "s3-list" else set()
    assert {one: status for one, status in found.items() if one not in {name, *rest}} == {
        one: "ok" for one in GOOD if one not in {name, *rest}
    } | {"s3-conditional-writes": "not-tried"}
    if (name, odd) not in {("s3-list", "a listing"), ("s3-encryption", "a rule without its default")}:
        assert found[name] in {"warning", "error", "not-tried"}
