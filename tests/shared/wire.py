"""Where requests and answers begin and end: MongoDB's wire protocol, and HTTP/1.1."""

from __future__ import annotations

import socket
from contextlib import suppress

_HEADER_BYTES = 16
_OP_MSG = 2013
_MORE_TO_COME = 2


class Peer:
    """One end of a connection; reading past its end is a ConnectionError."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self._file = sock, sock.makefile("rb")

    def send(self, data: bytes) -> None:
        """All of it."""
        self.sock.sendall(data)

    def read(self, size: int) -> bytes:
        """So many bytes."""
        data = self._file.read(size)
        if len(data) < size:
            raise ConnectionError("the peer went away")
        return data

    def line(self) -> bytes:
        """One line, with its end."""
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the peer went away")
        return line

    def rest(self) -> bytes:
        """All that comes until the peer has enough."""
        return self._file.read()

    def is_gone(self) -> bool:
        """Has it closed the connection? For one that is waiting for an answer, and sends nothing meanwhile."""
        try:
            return self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True  # reset

    def close(self) -> None:
        """Let go of it; the socket is the caller's to close."""
        with suppress(OSError):
            self._file.close()


def message_of(peer: Peer) -> bytes:
    """One whole message."""
    header = peer.read(_HEADER_BYTES)
    return header + peer.read(int.from_bytes(header[:4], "little") - _HEADER_BYTES)


def more_to_come(message: bytes) -> bool:
    """A request that wants no answer, or an answer that another one follows."""
    opcode, flags = int.from_bytes(message[12:16], "little"), int.from_bytes(message[16:20], "little")
    return opcode == _OP_MSG and bool(flags & _MORE_TO_COME)


def head_of(peer: Peer) -> bytes:
    """A request's or an answer's head, with the empty line after it."""
    lines = [peer.line()]
    while lines[-1] not in (b"\r\n", b"\n"):
        lines.append(peer.line())
    return b"".join(lines)


def header_of(head: bytes, name: bytes) -> bytes:
    """One header's value, empty where it is not there; `name` in lower case."""
    for line in head.splitlines()[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return b""


def body_of(peer: Peer, head: bytes, *, until_close: bool) -> bytes:
    """What follows the head, as it was sent; `until_close` where nothing says how much it is."""
    size = header_of(head, b"content-length")
    if header_of(head, b"transfer-encoding").lower() == b"chunked":
        return _chunks(peer)
    if size:
        return peer.read(int(size))
    return peer.rest() if until_close else b""


def _chunks(peer: Peer) -> bytes:
    parts: list[bytes] = []
    while True:
        line = peer.line()
        size = int(line.split(b";")[0], 16)
        parts.append(line)
        if not size:
            break
        parts.append(peer.read(size + 2))
    while parts[-1] != b"\r\n":  # trailers, and the empty line after them
        parts.append(peer.line())
    return b"".join(parts)
