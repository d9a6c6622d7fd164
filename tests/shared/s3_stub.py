"""An S3 that answers what a test says, whatever is asked."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.session
import pytest
from botocore.config import Config

from indexer.systems.pace import Pace
from indexer.systems.s3_connection import S3


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """One answer; `drip`: the body's bytes come one by one, with so many seconds in between."""

    body: bytes | str = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip_s: float = 0.0


def error(code: str, message: str = "We know", status: int = 400, **more: str) -> Answer:
    """An error as S3 writes it; `more`: further elements, and headers where a name has a dash in it."""
    elements = "".join(f"<{name}>{text}</{name}>" for name, text in more.items())
    return Answer(f"<Error><Code>{code}</Code><Message>{message}</Message>{elements}</Error>", status)


class S3Stub(ThreadingHTTPServer):
    """`answer` may be changed at any time; `asked` is all that came."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Callable[[Asked], Answer] | Answer = Answer()
        self.asked: list[Asked] = []
        self.endpoint = f"http{'s' if tls else ''}://127.0.0.1:{self.server_port}"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)


class _Handler(BaseHTTPRequestHandler):
    server: S3Stub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _answered(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(size))
        self.server.asked.append(asked)
        chosen = self.server.answer
        answer = chosen if isinstance(chosen, Answer) else chosen(asked)
        body = answer.body.encode() if isinstance(answer.body, str) else answer.body
        self.send_response(answer.status)
        for name, value in ({"Content-Length": str(len(body))} | answer.headers).items():
            self.send_header(name, value)
        if int(answer.headers.get("Content-Length", len(body))) != len(body):
            self.close_connection = True
        self.end_headers()
        if self.command == "HEAD":
            return
        with suppress(OSError):
            self._write(body, answer.drip_s)

    def _write(self, body: bytes, drip_s: float) -> None:
        if not drip_s:
            self.wfile.write(body)
            return
        for byte in body:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            threading.Event().wait(drip_s)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST = _answered  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def running_stub(tls: ssl.SSLContext | None = None) -> Iterator[S3Stub]:
    """A stub from here to the end of the block."""
    server = S3Stub(tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def s3_of(endpoint: str, attempts: int = 1) -> Iterator[S3]:
    """A connection with keys of its own."""
    with s3_with(endpoint, "test", "test", attempts) as s3:
        yield s3


@contextmanager
def s3_with(endpoint: str, key: str, secret: str, attempts: int = 1) -> Iterator[S3]:
    """A connection with these keys."""
    session = botocore.session.get_session()
    session.set_credentials(key, secret)
    client = session.create_client(
        "s3",
        region_name="us-west-2",
        endpoint_url=endpoint,
        config=Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            request_checksum_calculation="when_required",
        ),
    )
    yield S3(session, Pace(8, adapts=True), lambda: client)
    client.close()


def environment(monkeypatch: pytest.MonkeyPatch, endpoint: str, **more: str) -> None:
    """What `open_s3` finds: this endpoint and keys, and nothing of whoever runs the tests."""
    nothing = {"AWS_PROFILE": None, "AWS_SESSION_TOKEN": None, "AWS_CA_BUNDLE": None}
    found: dict[str, str | None] = {
        **nothing,
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nonexistent/config",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
        **more,
    }
    for name, value in found.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
