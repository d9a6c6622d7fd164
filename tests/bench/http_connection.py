"""HTTP/1.1 as a light server speaks it: whole requests in, whole answers out, each as late as it is asked to be."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

Headers = dict[str, str]
"""By name in small letters."""


class Answering(Protocol):
    """What answers requests."""

    def answer(self, method: str, target: str, headers: Headers, body: bytes) -> bytes:
        """One request's answer, head and all."""


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, service: Answering, latency_s: float) -> None:
        self._service, self._latency_s = service, latency_s
        self._buffer = b""
        self._told_to_go_on = False
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            lines = self._buffer[:end].decode("latin-1").split("\r\n")
            method, target, _ = lines[0].split(" ")
            pairs = (line.partition(":") for line in lines[1:])
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            whole = end + 4 + int(headers.get("content-length", 0))
            if len(self._buffer) < whole:
                if "expect" in headers and not self._told_to_go_on:
                    self._told_to_go_on = True
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            self._told_to_go_on = False
            answer = self._service.answer(method, target, headers, body)
            if self._latency_s and not target.startswith("/_"):
                asyncio.get_running_loop().call_later(self._latency_s, self._send, answer)
            else:
                self._send(answer)

    def _send(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)
