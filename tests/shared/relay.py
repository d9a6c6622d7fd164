"""A relay on 127.0.0.1 that sees each request and answer, may change or replace them, and may end TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import bson

from bench.messages import OP_MSG, OP_QUERY, command_of
from shared.wire import Peer, body_of, head_of, header_of, message_of, more_to_come

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Instead:
    """What is answered in the server's place."""

    answer: bytes


def same(message: bytes) -> bytes:
    """Nothing is changed."""
    return message


class Relay:
    """In front of a port, from the constructor until `close`."""

    def __init__(
        self,
        upstream_port: int,
        protocol: Literal["http", "mongodb"],
        *,
        tls: ssl.SSLContext | None = None,
        asked: Callable[[bytes], bytes | Instead] = same,
        answered: Callable[[bytes], bytes] = same,
    ) -> None:
        self._upstream_port, self._tls = upstream_port, tls
        self._exchange = self._http if protocol == "http" else self._mongodb
        self._asked, self._answered = asked, answered
        self._listener = socket.create_server((HOST, 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Stop listening and cut what is open."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(near)
            thread = threading.Thread(target=self._relay, args=(near,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _relay(self, near: socket.socket) -> None:
        with socket.create_connection((HOST, self._upstream_port)) as far, suppress(OSError):
            self._open.add(far)
            with self._secured(near) as secured:
                peers = Peer(secured), Peer(far)
                try:
                    while self._exchange(*peers):
                        pass
                finally:
                    for peer in peers:
                        peer.close()
        near.close()
        self._open -= {near, far}

    def _secured(self, near: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(near, server_side=True) if self._tls else near

    def _mongodb(self, near: Peer, far: Peer) -> bool:
        """One request and its answers; whether another may follow."""
        message = message_of(near)
        asked = self._asked(message)
        if isinstance(asked, Instead):
            near.send(asked.answer)
            return True
        far.send(asked)
        more = not more_to_come(message)
        while more:
            answer = message_of(far)
            near.send(self._answered(answer))
            more = more_to_come(answer)
        return True

    def _http(self, near: Peer, far: Peer) -> bool:
        head = head_of(near)
        if b"100-continue" in head.lower():
            near.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            head = b"".join(line for line in head.splitlines(True) if not line.lower().startswith(b"expect:"))
        asked = self._asked(head + body_of(near, head, until_close=False))
        if isinstance(asked, Instead):
            near.send(asked.answer)
            return True
        far.send(asked)
        answer = head_of(far)
        empty = head.startswith(b"HEAD ") or answer.split()[1] in (b"204", b"304")
        near.send(self._answered(answer + (b"" if empty else body_of(far, answer, until_close=True))))
        # A server that says so reads no further request: what is sent to it all the same is never answered.
        return header_of(answer, b"connection").lower() != b"close"


def document_of(message: bytes) -> dict[str, Any]:
    """The command or answer in a message, with the documents of its sequences; empty where it is neither."""
    opcode = int.from_bytes(message[12:16], "little")
    if opcode == OP_MSG:
        return command_of(message)
    if opcode == OP_QUERY:  # a driver's first words
        return dict(bson.decode(message[message.index(b"\0", 20) + 9 :]))
    return {}


def with_document(message: bytes, document: dict[str, Any]) -> bytes:
    """The same OP_MSG with this document in it."""
    body = message[4:20] + b"\0" + bson.encode(document)
    return (len(body) + 4).to_bytes(4, "little") + body


def hello_says(answer: bytes, **fields: Any) -> bytes:
    """The answer with these fields, where it is one to a hello; any other as it is."""
    document = document_of(answer)
    return with_document(answer, document | fields) if "isWritablePrimary" in document else answer
