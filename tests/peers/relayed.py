"""Relays in front of an S3 server: one that can deny everything, and one that notes what was written."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from shared.relay import HOST, Instead, Relay

DENIED = b"<Error><Code>AccessDenied</Code><Message>Denied</Message></Error>"


class DenyingRelay:
    """403 for everything, while `denies` is set."""

    def __init__(self, port: int) -> None:
        self.denies = False
        self._relay = Relay(port, "http", asked=self._asked)
        self.endpoint = f"http://{HOST}:{self._relay.port}"

    def _asked(self, request: bytes) -> bytes | Instead:
        if not self.denies:
            return request
        return Instead(b"HTTP/1.1 403 x\r\nContent-Length: %d\r\n\r\n%b" % (len(DENIED), DENIED))

    def close(self) -> None:
        """Stop."""
        self._relay.close()


@dataclass(frozen=True)
class Write:
    """One write that was carried out."""

    op: str
    bucket: str
    key: str


@dataclass
class WriteLog:
    """A relay that notes each write that the server says it has done."""

    port: int
    writes: list[Write] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._under_way = (
            threading.local()
        )  # a connection is relayed by one thread, one request after the other
        self._relay = Relay(self.port, "http", asked=self._asked, answered=self._answered)
        self.endpoint_port = self._relay.port

    def _asked(self, request: bytes) -> bytes:
        method, target, _ = request.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        bucket, _, key = unquote(urlsplit(target).path).lstrip("/").partition("/")
        write = method in ("PUT", "POST", "DELETE")
        self._under_way.write = Write(f"{method.capitalize()}Object", bucket, key) if write else None
        return request

    def _answered(self, answer: bytes) -> bytes:
        write: Write | None = getattr(self._under_way, "write", None)
        if write and answer.split(b" ", 2)[1].startswith(b"2"):
            self.writes.append(write)
        return answer

    def close(self) -> None:
        """Stop."""
        self._relay.close()
