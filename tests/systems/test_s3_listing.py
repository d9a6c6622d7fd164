"""The quick way of listing a folder: the same answer, or none, and then boto3 is asked."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from urllib.parse import quote

import botocore.session
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.session import Session

from indexer.model.snapshot import Listing
from indexer.systems.s3 import S3Reader
from indexer.systems.s3_connection import open_s3
from indexer.systems.s3_endpoint import Endpoint, endpoint_of
from indexer.systems.s3_lean import FAULTS_IN_A_ROW, LeanS3, LeftToBoto3Error
from indexer.systems.s3_listing import lean_answer, lean_listing
from indexer.systems.s3_requests import Asked, signed
from indexer_sandbox.faults import Fault
from indexer_sandbox.s3 import S3Server
from shared.relay import Instead, Relay

BUCKET = "bucket"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    running = S3Server()
    running.create_bucket(BUCKET)
    for key in ("a700503/subject.json", *(f"pages/{number:04}" for number in range(1001))):
        running.put(BUCKET, key, b"{}")
    yield running
    running.close()


def session_of() -> Session:
    session = botocore.session.get_session()
    session.set_credentials("test", "test")
    return session


def lean_at(endpoint: str, session: Session, slowed: list[int] | None = None) -> LeanS3:
    heard = [] if slowed is None else slowed
    at = Endpoint.at(endpoint, "us-west-2", signed=True)
    return LeanS3(session, at, lambda: heard.append(1), puts=True)


@pytest.fixture
def slowed() -> list[int]:
    return []


@pytest.fixture
def lean(server: S3Server, slowed: list[int]) -> Iterator[LeanS3]:
    server.faults.clear()
    yield lean_at(server.endpoint, session_of(), slowed)
    server.faults.clear()


def ask(lean: LeanS3, prefix: str) -> bool:
    """Is there an answer?"""
    try:
        lean_listing(lean, BUCKET, prefix, lean_answer(lean, BUCKET, prefix))
    except LeftToBoto3Error:
        return False
    return True


def test_what_is_there_is_answered(lean: LeanS3) -> None:
    listing = lean_listing(lean, BUCKET, "a700503/", lean_answer(lean, BUCKET, "a700503/"))
    assert [one.key for one in listing.objects] == ["a700503/subject.json"]


@pytest.mark.parametrize("prefix", ["nothing/", "pages/", "c\x01/", "../", "é" * 5000 + "/"])
def test_where_boto3_may_say_otherwise_there_is_no_answer(
    lean: LeanS3, slowed: list[int], prefix: str
) -> None:
    """Nothing at all, more than a page, and names that nobody has; none of it speaks against the bucket."""
    for _ in range(FAULTS_IN_A_ROW + 1):
        assert not ask(lean, prefix)
    assert ask(lean, "a700503/")
    assert slowed == []


@pytest.mark.parametrize(("status", "slows"), [(503, True), (429, True), (500, False), (403, False)])
def test_a_fault_is_no_answer_and_only_some_ask_for_less(
    lean: LeanS3, server: S3Server, slowed: list[int], status: int, slows: bool
) -> None:
    """Whatever numbers stand in a name."""
    server.faults.add(Fault("*", status, count=1))
    assert not ask(lean, "a700503/")
    assert bool(slowed) == slows
    assert ask(lean, "a700503/")


def test_a_bucket_that_only_fails_is_left_to_boto3(lean: LeanS3, server: S3Server, slowed: list[int]) -> None:
    """No request is wasted on it for the rest of the run."""
    server.faults.add(Fault("*", 403, count=FAULTS_IN_A_ROW))
    for _ in range(FAULTS_IN_A_ROW):
        assert not ask(lean, "a700503/")
    before = len(server.log)
    assert not ask(lean, "a700503/")
    assert len(server.log) == before


def test_without_credentials_there_is_no_answer(server: S3Server, slowed: list[int]) -> None:
    """boto3 says what is missing."""
    session = botocore.session.get_session()
    session.set_config_variable("profile", None)
    session.get_component("credential_provider").providers.clear()
    assert not ask(lean_at(server.endpoint, session), "a700503/")


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
        s3.close()
    assert (s3.pace.limit < before) == slows


PAGE = (
    "<ListBucketResult><IsTruncated>{}</IsTruncated><Contents><Key>a/subject.json</Key><ETag>e</ETag><Size>1</Size>"
    "<LastModified>2024-05-01T12:00:00.000Z</LastModified></Contents></ListBucketResult>"
)
CUT_SHORT = PAGE.format("true")
OTHER_ANSWERS = {
    "cut short, and no token": CUT_SHORT,
    "does not say whether it is whole": CUT_SHORT.replace("<IsTruncated>true</IsTruncated>", ""),
    "another folder's": PAGE.format("false").replace("a/subject", "b/subject"),
    "an object without an ETag": PAGE.format("false").replace("<ETag>e</ETag>", ""),
    "half a page": PAGE.format("false")[:120],
    "a folder in another vocabulary": PAGE.format("false").replace(
        "<Contents>", '<CommonPrefixes xmlns="urn:other"><Prefix>a/b/</Prefix></CommonPrefixes><Contents>'
    ),
    "letters that nobody knows": f'<?xml version="1.0" encoding="none"?>{PAGE.format("false")}',
    "nothing in it": "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
}


@contextmanager
def answering(server: S3Server, body: str) -> Iterator[LeanS3]:
    """A server that answers everything so, and keeps its connections open."""
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    relay = Relay(int(server.endpoint.rpartition(":")[2]), "http", asked=lambda _: Instead(answer))
    try:
        yield lean_at(f"http://127.0.0.1:{relay.port}", session_of())
    finally:
        relay.close()


def answered(server: S3Server, body: str, prefix: str = "a/") -> Listing | None:
    """What becomes of one answer."""
    with answering(server, body) as lean:
        try:
            return lean_listing(lean, BUCKET, prefix, lean_answer(lean, BUCKET, prefix))
        except LeftToBoto3Error:
            return None


def test_a_page_that_says_that_it_is_whole_is_an_answer(server: S3Server) -> None:
    listing = answered(server, PAGE.format("false"))
    assert listing is not None
    assert [one.key for one in listing.objects] == ["a/subject.json"]


@pytest.mark.parametrize("answer", OTHER_ANSWERS.values(), ids=OTHER_ANSWERS.keys())
def test_an_answer_that_is_not_known_to_be_whole_is_none(server: S3Server, answer: str) -> None:
    """Fewer than a page's entries prove nothing: a second original would be made, or a folder deleted as gone."""
    assert answered(server, answer) is None


@pytest.mark.parametrize("token", [None, "a token/+="])
@pytest.mark.parametrize("prefix", ["a/", "a b+c/", "ü/日本/", "a%2Fb&x=1/", "~'()*!/", "c\x01/"])
def test_the_signature_is_botocores(prefix: str, token: str | None) -> None:
    """To the byte, whatever is asked for."""
    at = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
    credentials = ReadOnlyCredentials("key", "s3cret/+", token)
    query = f"delimiter=%2F&encoding-type=url&list-type=2&prefix={quote(prefix, safe='-_.~')}"
    endpoint, asked = Endpoint(True, "host:9000", "", "eu-west-1"), Asked("GET", "/bucket")
    ours = signed(endpoint, credentials, asked, "/bucket", query, at)
    theirs = AWSRequest("GET", f"https://host:9000/bucket?{query}")
    theirs.context["timestamp"] = ours["x-amz-date"]
    auth = S3SigV4Auth(credentials, "s3", "eu-west-1")
    auth._modify_request_before_signing(theirs)  # add_auth asks the clock first
    text = auth.string_to_sign(theirs, auth.canonical_request(theirs))
    assert ours["authorization"].endswith(f"Signature={auth.signature(text, theirs)}")


def test_a_connection_that_s3_has_closed_is_opened_again(server: S3Server) -> None:
    """It counts as no fault."""
    with answering(server, PAGE.format("false")) as lean:
        assert ask(lean, "a/")
        assert lean._requests is not None
        (connection,) = lean._requests._idle
        connection.sock.shutdown(socket.SHUT_RDWR)
        assert ask(lean, "a/")
        assert lean._faults == {BUCKET: 0}


def test_what_only_the_client_can_reach_is_left_to_it(
    server: S3Server, slowed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy stands in between."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    client = session_of().create_client("s3", region_name="us-west-2", endpoint_url=server.endpoint)
    with closing(client):
        assert not ask(LeanS3(session_of(), endpoint_of(client), lambda: None, puts=True), "a700503/")
