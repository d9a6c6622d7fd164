"""A faulty TCP proxy on 127.0.0.1: what networks and busy servers do to requests, seeded and counted.

It knows where requests begin and end, so that a fault strikes one whole request, as it does in real life.
"""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

from indexer_sandbox.loopback import HOST
from shared.gate import Gate
from shared.patience import PATIENCE_S
from shared.wire import Peer, body_of, head_of, header_of, message_of, more_to_come

Protocol: TypeAlias = Literal["http", "mongodb"]

_CONNECT_TIMEOUT_S = PATIENCE_S
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_NO_BODY = (b"204", b"304")


@dataclass(frozen=True, slots=True)
class Shares:
    """Which share of the requests each kind of fault strikes; one request is struck by one at most."""

    delay: float = 0.0
    """Held back, then served: no failure."""
    reset: float = 0.0
    """The connection is reset before the request gets through."""
    cut: float = 0.0
    """The answer ends in the middle of its body."""
    lost: float = 0.0
    """The server carries the request out, and the connection is reset instead of the answer."""
    refused: float = 0.0
    """HTTP: an answer of 500, 503 or 429 instead; MongoDB: as `reset`."""
    silent: float = 0.0
    """Swallowed; the connection stays open without a word."""

    @classmethod
    def mixed(cls, share: float) -> Shares:
        """This share of the requests fails, by `reset`, `cut`, `lost` and `refused` alike."""
        return cls(reset=share / 4, cut=share / 4, lost=share / 4, refused=share / 4)

    def struck(self, chance: float) -> str:
        """The fault for a number from 0 to 1; empty for none."""
        for field in fields(self):
            chance -= getattr(self, field.name)
            if chance < 0:
                return field.name
        return ""


class FaultyProxy:
    """A proxy in front of one of the sandbox's servers, from the constructor until `close`.

    `shares` may be replaced at any time and holds from the next request on. The same seed strikes the same
    requests where they come in the same order. `counts` has a row for all `requests` and one for each kind
    of fault. Raises OSError when it cannot listen.
    """

    def __init__(
        self,
        upstream_port: int,
        protocol: Protocol,
        shares: Shares | None = None,
        *,
        seed: int = 0,
        delay_s: float = 0.05,
        statuses: tuple[int, ...] = (500, 503, 429),
        retry_after_s: int | None = None,
    ) -> None:
        self.shares = shares or Shares()
        self.gate: Gate | None = None
        """What holds HTTP requests back."""
        self.counts: Counter[str] = Counter()
        self._upstream_port, self._exchange = upstream_port, _http if protocol == "http" else _mongodb
        self._delay_s, self._statuses, self._retry_after_s = delay_s, statuses, retry_after_s
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._closing = threading.Event()
        self._listener = socket.create_server((HOST, 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name="proxy", daemon=True)
        self._acceptor.start()

    @property
    def failures(self) -> int:
        """How many requests failed."""
        with self._lock:
            return sum(self.counts.values()) - self.counts["requests"] - self.counts["delay"]

    def close(self) -> None:
        """Refuse connections from now on and cut those that are open; a second call does nothing."""
        if self._closing.is_set():
            return
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the acceptor
        self._acceptor.join()
        self._listener.close()
        with self._lock:
            threads = list(self._threads)
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        if self.gate is not None:
            self.gate.open()
        for thread in threads:
            thread.join()

    def strike(self) -> str:
        """The fault for the next request, counted, its delay over."""
        with self._lock:
            fault = self.shares.struck(self._random.random())
            self.counts["requests"] += 1
            if fault:
                self.counts[fault] += 1
        if fault == "delay":
            self._closing.wait(self._delay_s)
        return fault

    def refusal(self) -> bytes:
        """An HTTP answer instead of the server's."""
        with self._lock:
            status = self._random.choice(self._statuses)
        retry = f"Retry-After: {self._retry_after_s}\r\n" if self._retry_after_s is not None else ""
        return f"HTTP/1.1 {status} Proxy\r\n{retry}Content-Length: 0\r\n\r\n".encode()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._relay, args=(near,), name="proxy", daemon=True)
            with self._lock:
                self._open.add(near)
                self._threads.add(thread)
            thread.start()

    def _relay(self, near: socket.socket) -> None:
        """One connection, request by request, until a side has enough or a fault ends it."""
        far: socket.socket | None = None
        peers: list[Peer] = []
        try:
            far = socket.create_connection((HOST, self._upstream_port), timeout=_CONNECT_TIMEOUT_S)
            far.settimeout(None)
            with self._lock:
                self._open.add(far)
            peers = [Peer(near), Peer(far)]
            while not self._closing.is_set() and self._exchange(self, *peers):
                pass
        except OSError:
            _reset_on_close(near)
        finally:
            for peer in peers:
                peer.close()
            near.close()
            if far is not None:
                far.close()
            with self._lock:
                self._open -= {near, far}
                self._threads.discard(threading.current_thread())


def _reset_on_close(near: socket.socket) -> None:
    with suppress(OSError):
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


def _mongodb(proxy: FaultyProxy, near: Peer, far: Peer) -> bool:
    """One request and what it is answered; whether another may follow."""
    request = message_of(near)
    fault = proxy.strike()
    if not _before(fault, near):
        return False
    far.send(request)
    if more_to_come(request):
        return True  # asked for no answer
    while True:
        answer = message_of(far)
        if not _after(fault, near, answer, len(answer) // 2):
            return False
        if not more_to_come(answer):
            return True


def _http(proxy: FaultyProxy, near: Peer, far: Peer) -> bool:
    """One request and what it is answered; whether another may follow."""
    head = head_of(near)
    if header_of(head, b"expect").lower() == b"100-continue":
        near.send(_CONTINUE)
        head = b"".join(line for line in head.splitlines(True) if not line.lower().startswith(b"expect:"))
    request = head + body_of(near, head, until_close=False)
    fault = proxy.strike()
    if fault == "refused":
        near.send(proxy.refusal())
        return True
    if not _before(fault, near):
        return False
    if proxy.gate is not None and not proxy.gate.pass_by(head, near.is_gone):
        return False
    far.send(request)
    answer_head = head_of(far)
    empty = head.startswith(b"HEAD ") or answer_head.split()[1] in _NO_BODY
    body = b"" if empty else body_of(far, answer_head, until_close=True)
    middle = len(answer_head) + len(body) // 2 if body else len(answer_head) // 2
    last = b"close" in (header_of(one, b"connection").lower() for one in (head, answer_head))
    return _after(fault, near, answer_head + body, middle) and not last


def _before(fault: str, near: Peer) -> bool:
    """Whether the request gets through."""
    if fault == "silent":
        near.rest()  # until the client has enough
    elif fault in ("reset", "refused"):
        _reset_on_close(near.sock)
    return fault not in ("silent", "reset", "refused")


def _after(fault: str, near: Peer, answer: bytes, middle: int) -> bool:
    """Whether the answer gets through whole."""
    if fault == "lost":
        _reset_on_close(near.sock)
        return False
    near.send(answer[:middle] if fault == "cut" else answer)
    return fault != "cut"
