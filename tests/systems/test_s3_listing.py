"""The quick way of listing a folder: the same answer, or none, and then boto3 is asked."""

from __future__ import annotations

from collections.abc import Iterator

import botocore.session
import pytest

from indexer.sandbox.faults import Fault
from indexer.sandbox.s3 import S3Server
from indexer.systems.s3 import S3Reader, open_s3
from indexer.systems.s3_listing import FAULTS_IN_A_ROW, FastListing

BUCKET = "bucket"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    running = S3Server()
    running.create_bucket(BUCKET)
    for key in ("a700503/subject.json", "empty/", *(f"page/{number:04}" for number in range(1000))):
        running.put(BUCKET, key, b"{}")
    yield running
    running.close()


@pytest.fixture
def slowed() -> list[int]:
    return []


@pytest.fixture
def fast(server: S3Server) -> Iterator[FastListing]:
    server.faults.clear()
    session = botocore.session.get_session()
    session.set_credentials("test", "test")
    client = session.create_client("s3", region_name="us-west-2", endpoint_url=server.endpoint)
    yield FastListing(session, client)
    server.faults.clear()
    client.close()


def ask(fast: FastListing, prefix: str, slowed: list[int]) -> bool:
    """Is there an answer?"""
    return fast.listing(BUCKET, prefix, slowed=lambda: slowed.append(1)) is not None


def test_what_is_there_is_answered(fast: FastListing, slowed: list[int]) -> None:
    listing = fast.listing(BUCKET, "a700503/", slowed=lambda: slowed.append(1))
    assert listing is not None
    assert [one.key for one in listing.objects] == ["a700503/subject.json"]


@pytest.mark.parametrize("prefix", ["nothing/", "empty/", "page/", "c\x01/", "../", "é" * 5000 + "/"])
def test_where_boto3_may_say_otherwise_there_is_no_answer(
    fast: FastListing, slowed: list[int], prefix: str
) -> None:
    """Nothing at all, a marker, a full page, and names that obstore cannot take; none of it speaks against the bucket."""
    for _ in range(FAULTS_IN_A_ROW + 1):
        assert not ask(fast, prefix, slowed)
    assert ask(fast, "a700503/", slowed)
    assert slowed == []


@pytest.mark.parametrize(("status", "slows"), [(503, True), (429, True), (500, False), (403, False)])
def test_a_fault_is_no_answer_and_only_some_ask_for_less(
    fast: FastListing, server: S3Server, slowed: list[int], status: int, slows: bool
) -> None:
    """Whatever numbers stand in a name."""
    server.faults.add(Fault("*", status, count=1))
    assert not ask(fast, "a700503/", slowed)
    assert bool(slowed) == slows
    assert ask(fast, "a700503/", slowed)


def test_a_bucket_that_only_fails_is_left_to_boto3(
    fast: FastListing, server: S3Server, slowed: list[int]
) -> None:
    """No request is wasted on it for the rest of the run."""
    server.faults.add(Fault("*", 403, count=FAULTS_IN_A_ROW))
    for _ in range(FAULTS_IN_A_ROW):
        assert not ask(fast, "a700503/", slowed)
    before = len(server.log)
    assert not ask(fast, "a700503/", slowed)
    assert len(server.log) == before


def test_without_credentials_there_is_no_answer(server: S3Server, slowed: list[int]) -> None:
    """boto3 says what is missing."""
    session = botocore.session.get_session()
    session.set_config_variable("profile", None)
    session.get_component("credential_provider").providers.clear()
    client = session.create_client("s3", region_name="us-west-2", endpoint_url=server.endpoint)
    assert not ask(FastListing(session, client), "a700503/", slowed)
    client.close()


@pytest.mark.parametrize(("status", "slows"), [(503, True), (429, True), (500, False)])
def test_the_pace_hears_of_what_boto3_retries_itself(
    server: S3Server, monkeypatch: pytest.MonkeyPatch, status: int, slows: bool
) -> None:
    """A file is read after all, and from then on fewer requests are in flight."""
    for name, value in {
        "AWS_ENDPOINT_URL_S3": server.endpoint,
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    server.faults.clear()
    s3 = open_s3(None)
    before = s3.pace.limit
    server.faults.add(Fault("*", status, count=1))
    try:
        assert S3Reader(s3).get(BUCKET, "a700503/subject.json") is not None
    finally:
        s3.client.close()
    assert (s3.pace.limit < before) == slows
