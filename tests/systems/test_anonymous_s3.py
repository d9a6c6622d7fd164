"""Unsigned requests: what an open bucket needs, by both clients, and what a closed one answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from indexer.errors import AccessDeniedError, MissingBucketError
from indexer.systems.checks_s3 import bucket_checks
from indexer.systems.s3 import S3Reader
from indexer.systems.s3_connection import S3, open_s3
from indexer_sandbox.s3 import S3Server
from shared.s3_stub import environment


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    running = S3Server()
    running.create_bucket("open")
    running.create_bucket("closed", private=True)
    for bucket in ("open", "closed"):
        running.put(bucket, "a/subject.json", b"{}")
    yield running
    running.close()


@pytest.fixture
def nobody(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """A machine without any credentials."""
    environment(monkeypatch, server.endpoint)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    s3 = open_s3(4, attempts=1, anonymous=True)
    yield s3
    s3.close()


@pytest.mark.parametrize("fast", [True, False])
def test_an_open_bucket_is_read_without_a_signature(server: S3Server, nobody: S3, fast: bool) -> None:
    """Folders, one folder, an object and the clock; not one request says who asks."""
    start = len(server.log)
    reader = S3Reader(nobody, fast=fast)
    assert [name for page in reader.prefixes("open") for name in page] == ["a"]
    assert [one.key for one in reader.listing("open", "a/").objects] == ["a/subject.json"]
    found = reader.get("open", "a/subject.json")
    assert found is not None
    assert found.body == b"{}"
    assert reader.server_time("open") is not None
    assert {one.signed for one in server.log.since(start)} == {False}


def test_the_lean_client_asks_for_itself(server: S3Server, nobody: S3) -> None:
    """It is not boto3 that answers in its place."""
    start = len(server.log)
    assert nobody.lean.get("open", "a/subject.json") is not None
    assert [one.signed for one in server.log.since(start)] == [False]


def test_keys_that_are_there_are_not_used(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wants to be nobody is nobody."""
    environment(monkeypatch, server.endpoint)
    start = len(server.log)
    s3 = open_s3(4, attempts=1, anonymous=True)
    S3Reader(s3).listing("open", "a/")
    s3.close()
    assert [one.signed for one in server.log.since(start)] == [False]


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize(
    ("bucket", "kind", "hint"),
    [("closed", AccessDeniedError, "s3.anonymous"), ("missing", MissingBucketError, "buckets")],
)
def test_a_closed_bucket_is_not_a_missing_one(
    nobody: S3, fast: bool, bucket: str, kind: type[Exception], hint: str
) -> None:
    """403 is no 404, and neither is an empty bucket."""
    reader = S3Reader(nobody, fast=fast)
    for ask in (lambda: list(reader.prefixes(bucket)), lambda: reader.listing(bucket, "a/")):
        with pytest.raises(kind) as fault:
            ask()
        assert hint in fault.value.hint  # type: ignore[attr-defined]


def test_the_doctor_asks_only_what_anybody_may(server: S3Server, nobody: S3) -> None:
    """Settings of the bucket are its owner's, and nothing is written."""
    start = len(server.log)
    found = {one.name: one for one in bucket_checks(nobody, "open", managed=True, probe=True)}
    assert [found[name].status for name in ("s3-list", "s3-get")] == ["ok", "ok"]
    for name in ("s3-versioning", "s3-encryption", "s3-conditional-writes"):
        assert found[name].status == "not-tried"
        assert "not applicable" in found[name].detail
    assert {one.operation for one in server.log.since(start)} <= {"ListObjectsV2", "GetObject"}
