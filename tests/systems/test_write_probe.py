"""What the write probe finds out about servers that obey conditions, ignore some, or refuse what holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from indexer.systems.write_probe import STEPS, probed, write_probe
from indexer_sandbox.s3 import S3Server
from shared.relay import Instead, Relay, same
from shared.s3_stub import s3_of

Rewrites = Callable[[bytes], bytes | Instead]
PUT_NEW, PUT_OVER, PUT_SAME, PUT_OLD, DELETE_OLD, DELETE_SAME, PUT_GONE, PUT_AGAIN = (
    one.name for one in STEPS
)
REFUSED = b"<Error><Code>PreconditionFailed</Code><Message>No</Message></Error>"
UNKNOWN = b"<Error><Code>NotImplemented</Code><Message>No</Message></Error>"


def ignoring(method: bytes, condition: bytes) -> Rewrites:
    """A server that does not know a condition, and does not say so."""

    def asked(request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        if head.startswith(method):
            head = re.sub(rb"(?i)\r\n" + condition + rb":[^\r]*", b"", head)
        return head + b"\r\n\r\n" + body

    return asked


def answering(method: bytes, condition: bytes, status: int, body: bytes) -> Rewrites:
    """A server that answers every such request so."""

    def asked(request: bytes) -> bytes | Instead:
        head = request.partition(b"\r\n\r\n")[0].lower()
        if not head.startswith(method.lower()) or b"\r\n" + condition + b":" not in head:
            return request
        return Instead(b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))

    return asked


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    running = S3Server()
    yield running
    running.close()


@pytest.fixture(params=[False, True], ids=["plain", "versioned"])
def bucket(server: S3Server, request: pytest.FixtureRequest) -> str:
    name = f"bucket-{len(server.log)}-{request.param}".lower()
    server.create_bucket(name, versioned=request.param)
    return name


@contextmanager
def relayed(server: S3Server, asked: Rewrites) -> Iterator[str]:
    relay = Relay(server.port, "http", asked=asked)
    yield f"http://127.0.0.1:{relay.port}"
    relay.close()


SERVERS: dict[str, tuple[Rewrites, dict[str, str], str]] = {
    "obeys": (same, {}, "ok"),
    "ignores put If-None-Match": (ignoring(b"PUT", b"if-none-match"), {PUT_OVER: "ignored"}, "error"),
    "ignores put If-Match": (
        ignoring(b"PUT", b"if-match"),
        {PUT_OLD: "ignored", PUT_GONE: "ignored"},
        "error",
    ),
    "ignores delete If-Match": (ignoring(b"DELETE", b"if-match"), {DELETE_OLD: "ignored"}, "error"),
    "refuses put If-Match": (answering(b"PUT", b"if-match", 412, REFUSED), {PUT_SAME: "refused"}, "error"),
    "refuses put If-None-Match": (
        answering(b"PUT", b"if-none-match", 412, REFUSED),
        {PUT_NEW: "refused", PUT_AGAIN: "refused"},
        "error",
    ),
    "refuses delete If-Match": (
        answering(b"DELETE", b"if-match", 412, REFUSED),
        {DELETE_SAME: "refused"},
        "error",
    ),
    "knows no delete If-Match": (
        answering(b"DELETE", b"if-match", 501, UNKNOWN),
        {DELETE_OLD: "unknown", DELETE_SAME: "unknown"},
        "warning",
    ),
    "says yes and does nothing": (
        answering(b"PUT", b"if-match", 200, b""),
        {PUT_SAME: "refused"},
        "error",
    ),
    "breaks over put If-Match": (
        answering(b"PUT", b"if-match", 500, b""),
        {PUT_SAME: "failed", PUT_OLD: "failed", PUT_GONE: "failed"},
        "error",
    ),
}


@pytest.mark.parametrize("name", SERVERS)
def test_every_step_is_tried_and_judged_by_what_is_there_afterwards(
    server: S3Server, bucket: str, name: str
) -> None:
    """Whatever came of the steps before; and nothing is left behind."""
    asked, expected, status = SERVERS[name]
    with relayed(server, asked) as endpoint, s3_of(endpoint) as s3:
        tried = list(probed(s3, bucket))
        check = write_probe(s3, bucket)
    assert {one.name: one.came for one in tried} == {step.name: "obeyed" for step in STEPS} | expected
    assert check.status == status
    assert all(step in check.detail for step in expected)
    assert server.objects(bucket) == {}


def test_the_worst_comes_first_and_nothing_is_left_out(server: S3Server, bucket: str) -> None:
    """Ignored before refused, and the way out is that of the worst."""
    first, second = ignoring(b"DELETE", b"if-match"), answering(b"PUT", b"if-match", 412, REFUSED)

    def asked(request: bytes) -> bytes | Instead:
        return second(request) if request.startswith(b"PUT") else first(request)

    with relayed(server, asked) as endpoint, s3_of(endpoint) as s3:
        check = write_probe(s3, bucket)
    assert check.detail == f"ignored: {DELETE_OLD}; refused although the condition holds: {PUT_SAME}"
    assert "Do not apply" in check.hint
