"""Objects read and written by the lean client: what it believes, and what it leaves to boto3."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from indexer.errors import SystemFaultError
from indexer.model.ports import PreconditionFailed
from indexer.systems.s3 import S3Reader
from indexer.systems.s3_connection import S3
from indexer.systems.s3_endpoint import Endpoint
from indexer.systems.s3_lean import FAULTS_IN_A_ROW
from indexer.systems.s3_requests import Asked, signed
from indexer.systems.s3_writer import S3Writer
from shared.s3_stub import Answer, S3Stub, error, running_stub, s3_of
from shared.s3_stub import Asked as Came

KEY = "a/x y+ü.json"
OBJECT = {"ETag": '"e"', "Last-Modified": "Wed, 01 May 2024 12:00:00 GMT"}
WRITTEN = Answer(headers={"ETag": '"new"'})
LEAN, BOTO3 = 1, 2
"""Requests: the lean client's, and boto3's behind it."""


@pytest.fixture
def stub() -> Iterator[S3Stub]:
    with running_stub() as server:
        yield server


@pytest.fixture
def s3(stub: S3Stub) -> Iterator[S3]:
    with s3_of(stub.endpoint) as opened:
        yield opened


def is_boto3s(came: Came) -> bool:
    return "boto" in {name.lower(): one for name, one in came.headers.items()}.get("user-agent", "").lower()


def test_an_object_is_read_by_one_request(stub: S3Stub, s3: S3) -> None:
    stub.answer = Answer("{}", headers=OBJECT)
    found = S3Reader(s3).get("bucket", KEY)
    assert found is not None
    assert (found.body, found.etag) == (b"{}", "e")
    assert found.modified_at == datetime(2024, 5, 1, 12, tzinfo=UTC)
    assert [is_boto3s(one) for one in stub.asked] == [False]
    assert S3Reader(s3, fast=False).get("bucket", KEY) == found


def test_that_there_is_none_is_believed_where_s3_says_it(stub: S3Stub, s3: S3) -> None:
    stub.answer = error("NoSuchKey", status=404)
    assert S3Reader(s3).get("bucket", KEY) is None
    assert len(stub.asked) == LEAN


@pytest.mark.parametrize(
    "answer",
    [
        Answer("{}", headers={name: value for name, value in OBJECT.items() if name != "ETag"}),
        Answer("{}", headers={name: value for name, value in OBJECT.items() if name != "Last-Modified"}),
        Answer("{}", headers=OBJECT | {"Last-Modified": "lately"}),
        Answer("{}", headers=OBJECT | {"Content-Length": "3"}),
        Answer("<html>a portal</html>", 404),
        error("NoSuchBucket", status=404),
        error("AccessDenied", status=403),
        error("InternalError", status=500),
        Answer("{}", 206, OBJECT),
        Answer("", 304),
    ],
    ids=lambda one: f"{one.status} {one.headers}",
)
def test_what_else_comes_for_an_object_is_boto3s_to_judge(stub: S3Stub, s3: S3, answer: Answer) -> None:
    """It is asked, and gets the same answer as without the lean client."""
    stub.answer = answer
    outcomes = []
    for fast in (False, True):
        stub.asked.clear()
        try:
            outcomes.append(S3Reader(s3, fast=fast).get("bucket", KEY))
        except SystemFaultError as exc:
            outcomes.append((exc.summary, exc.hint))
        assert is_boto3s(stub.asked[-1])
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(("etag", "header"), [(None, ("if-none-match", "*")), ("e", ("if-match", '"e"'))])
def test_a_put_says_its_condition(stub: S3Stub, s3: S3, etag: str | None, header: tuple[str, str]) -> None:
    """In one request, as boto3 says it."""
    stub.answer = WRITTEN
    for fast in (True, False):
        assert S3Writer(s3, fast=fast).put("bucket", KEY, b"{}", etag) == "new"
    ours, theirs = stub.asked
    assert (is_boto3s(ours), is_boto3s(theirs)) == (False, True)
    assert (ours.method, ours.path, ours.body) == (theirs.method, theirs.path, theirs.body)
    for name in (header[0], "content-type", "x-amz-content-sha256", "content-length"):
        told = [{key.lower(): value for key, value in one.headers.items()}[name] for one in (ours, theirs)]
        assert told[0] == told[1], name
    assert {name.lower(): value for name, value in ours.headers.items()}[header[0]] == header[1]


@pytest.mark.parametrize(
    ("code", "status"),
    [("PreconditionFailed", 412), ("ConditionalRequestConflict", 409), ("NoSuchKey", 404)],
)
def test_a_refusal_by_s3_is_sure(stub: S3Stub, s3: S3, code: str, status: int) -> None:
    """It was asked once."""
    stub.answer = error(code, status=status)
    assert S3Writer(s3).put("bucket", KEY, b"{}", "e") == PreconditionFailed(unsure=False)
    assert len(stub.asked) == LEAN


@pytest.mark.parametrize(
    "first",
    [
        Answer(status=500),
        Answer(status=503),
        Answer("<html>a portal</html>"),
        Answer("<html>a portal</html>", 412),
    ],
    ids=lambda one: f"{one.status} {one.headers}",
)
def test_what_may_have_been_carried_out_makes_the_next_refusal_unsure(
    stub: S3Stub, s3: S3, first: Answer
) -> None:
    """boto3 sends it again, and may hear the echo of our own write."""
    stub.answer = lambda came: error("PreconditionFailed", status=412) if is_boto3s(came) else first
    assert S3Writer(s3).put("bucket", KEY, b"{}", None) == PreconditionFailed(unsure=True)
    assert len(stub.asked) == BOTO3


@pytest.mark.parametrize(("first", "refused"), [(500, False), (403, True)])
def test_a_no_after_a_lost_answer_does_not_say_that_nothing_was_written(
    stub: S3Stub, s3: S3, first: int, refused: bool
) -> None:
    """A policy may have changed in between; where both tries heard a plain no, nothing was."""
    denied = error("AccessDenied", status=403)
    stub.answer = lambda came: (
        denied if is_boto3s(came) or first == 403 else error("InternalError", status=first)
    )
    with pytest.raises(SystemFaultError) as fault:
        S3Writer(s3).put("bucket", KEY, b"{}", None)
    assert fault.value.refused == refused
    assert len(stub.asked) == BOTO3


def test_a_put_is_not_sent_again_on_a_new_connection(stub: S3Stub, s3: S3) -> None:
    """One that S3 has closed may have taken it: boto3 asks, and a refusal is unsure."""
    stub.answer = WRITTEN
    writer = S3Writer(s3)
    assert writer.put("bucket", KEY, b"{}", None) == "new"
    assert s3.lean._requests is not None
    (connection,) = s3.lean._requests._idle
    connection.sock.close()
    stub.answer = error("PreconditionFailed", status=412)
    assert writer.put("bucket", KEY, b"{}", None) == PreconditionFailed(unsure=True)
    assert [is_boto3s(one) for one in stub.asked] == [False, True]


def test_a_bucket_that_only_fails_is_boto3s_from_then_on(stub: S3Stub, s3: S3) -> None:
    stub.answer = error("AccessDenied", status=403)
    for _ in range(FAULTS_IN_A_ROW):
        with pytest.raises(SystemFaultError):
            S3Reader(s3).get("bucket", KEY)
    before = len(stub.asked)
    with pytest.raises(SystemFaultError):
        S3Writer(s3).put("bucket", KEY, b"{}", None)
    assert [is_boto3s(one) for one in stub.asked[before:]] == [True]


@pytest.mark.parametrize("token", [None, "a token/+="])
@pytest.mark.parametrize("body", [b"", b'{"a": "\xc3\xbc"}'])
def test_the_signature_of_a_put_is_botocores(body: bytes, token: str | None) -> None:
    """To the byte: its body, its condition and its type are signed."""
    credentials = ReadOnlyCredentials("key", "s3cret/+", token)
    headers = {"content-type": "application/json", "if-match": '"e"'}
    asked = Asked("PUT", "/bucket/a", headers=headers, body=body)
    at = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
    ours = signed(Endpoint(True, "host:9000", "", "eu-west-1"), credentials, asked, "/bucket/a", "", at)
    theirs = AWSRequest("PUT", "https://host:9000/bucket/a", headers=headers, data=body)
    theirs.context["timestamp"] = ours["x-amz-date"]
    theirs.context["client_config"] = None
    auth = S3SigV4Auth(credentials, "s3", "eu-west-1")
    auth._should_sha256_sign_payload = lambda _: True  # type: ignore[method-assign]
    auth._modify_request_before_signing(theirs)  # add_auth asks the clock first
    text = auth.string_to_sign(theirs, auth.canonical_request(theirs))
    assert ours["authorization"].endswith(f"Signature={auth.signature(text, theirs)}")
