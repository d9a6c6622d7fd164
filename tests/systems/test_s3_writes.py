"""Writes whose answers tell less than they seem to: an echo of our own write, and a condition that is not known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

import botocore.session
import pytest
from botocore.config import Config

from indexer.errors import SystemFaultError
from indexer.model.ports import PreconditionFailed
from indexer.model.values import etag_of
from indexer.systems.pace import Pace
from indexer.systems.s3_connection import S3
from indexer.systems.s3_writer import S3Writer
from indexer_sandbox.s3 import S3Server
from shared.relay import Instead, Relay, same

BUCKET, KEY = "bucket", "a/subject.json"
LOST = b"HTTP/1.1 503 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
NOT_IMPLEMENTED = b"<Error><Code>NotImplemented</Code><Message>A header is not supported</Message></Error>"


@pytest.fixture
def server() -> Iterator[S3Server]:
    running = S3Server()
    running.create_bucket(BUCKET)
    yield running
    running.close()


@contextmanager
def writer_through(
    server: S3Server,
    asked: Callable[[bytes], bytes | Instead] = same,
    answered: Callable[[bytes], bytes] = same,
    *,
    fast: bool = True,
) -> Iterator[S3Writer]:
    """A writer whose requests and answers go through a relay."""
    relay = Relay(int(server.endpoint.rpartition(":")[2]), "http", asked=asked, answered=answered)
    session = botocore.session.get_session()
    session.set_credentials("test", "test")
    client = session.create_client(
        "s3",
        region_name="us-west-2",
        endpoint_url=f"http://127.0.0.1:{relay.port}",
        config=Config(
            retries={"mode": "standard", "total_max_attempts": 3},
            request_checksum_calculation="when_required",
        ),
    )
    try:
        yield S3Writer(S3(session, Pace(8, adapts=True), lambda: client), fast=fast)
    finally:
        client.close()
        relay.close()


class FirstAnswerLost:
    """The first answer becomes one that is tried again; what was asked has been done."""

    def __init__(self) -> None:
        self._lock, self._seen = Lock(), 0

    def __call__(self, answer: bytes) -> bytes:
        with self._lock:
            self._seen += 1
            return LOST if self._seen == 1 else answer


@pytest.mark.parametrize("fast", [False, True])
def test_a_refusal_after_a_lost_answer_is_unsure(server: S3Server, fast: bool) -> None:
    """The client had sent the put before, and it was carried out: the refusal is our own echo."""
    with writer_through(server, answered=FirstAnswerLost(), fast=fast) as writer:
        assert writer.put(BUCKET, KEY, b"ours", None) == PreconditionFailed(unsure=True)
    assert server.objects(BUCKET) == {KEY: b"ours"}


def test_a_delete_that_finds_nothing_after_a_lost_answer_is_unsure(server: S3Server) -> None:
    """It was carried out."""
    server.put(BUCKET, KEY, b"old")
    with writer_through(server, answered=FirstAnswerLost()) as writer:
        assert writer.delete(BUCKET, KEY, etag_of(b"old")) in (PreconditionFailed(unsure=True), None)
    assert server.objects(BUCKET) == {}


@pytest.mark.parametrize("fast", [False, True])
def test_a_refusal_of_the_first_try_is_sure(server: S3Server, fast: bool) -> None:
    """Somebody else was there first."""
    server.put(BUCKET, KEY, b"theirs")
    with writer_through(server, fast=fast) as writer:
        assert writer.put(BUCKET, KEY, b"ours", None) == PreconditionFailed()
        assert writer.delete(BUCKET, KEY, etag_of(b"ours")) == PreconditionFailed()
    assert server.objects(BUCKET) == {KEY: b"theirs"}


def test_where_s3_knows_no_condition_on_a_delete_the_file_is_left(server: S3Server) -> None:
    """Nothing is sent that would delete whatever is there by then."""

    def asked(request: bytes) -> bytes | Instead:
        head = request.partition(b"\r\n\r\n")[0].lower()
        if not head.startswith(b"delete") or b"\r\nif-match" not in head:
            return request
        answer = b"HTTP/1.1 501 x\r\nContent-Length: %d\r\n\r\n%b"
        return Instead(answer % (len(NOT_IMPLEMENTED), NOT_IMPLEMENTED))

    server.put(BUCKET, KEY, b"old")
    with (
        writer_through(server, asked) as writer,
        pytest.raises(SystemFaultError, match="S3 cannot delete under a condition") as fault,
    ):
        writer.delete(BUCKET, KEY, etag_of(b"old"))
    assert KEY in fault.value.detail
    assert "by hand" in fault.value.hint
    assert server.objects(BUCKET) == {KEY: b"old"}
