"""MongoDB's messages, as a server reads and writes them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import bson

from bench.world import Document

MOST_BYTES = 16 * 1024 * 1024
"""Of a document, and of a cursor's batch: as in MongoDB."""
OP_REPLY, OP_QUERY, OP_MSG, MORE_TO_COME = 1, 2004, 2013, 2


def ok(**values: Any) -> bytes:
    """An answer that says yes."""
    return bson.encode({**values, "ok": 1.0})


def hello() -> bytes:
    """A lone server as new as MongoDB 7."""
    return ok(
        helloOk=True,
        ismaster=True,
        isWritablePrimary=True,
        maxBsonObjectSize=MOST_BYTES,
        maxMessageSizeBytes=48_000_000,
        maxWriteBatchSize=100_000,
        localTime=datetime.now(UTC),
        logicalSessionTimeoutMinutes=30,
        minWireVersion=0,
        maxWireVersion=21,
        readOnly=False,
    )


def cursor_answer(name: str, batch: Sequence[bytes], cursor_id: int, place: str) -> list[bytes]:
    """The answer to `find` and `getMore` in pieces: no document is decoded, and none is copied yet."""
    items = [piece for index, document in enumerate(batch) for piece in (b"\x03%d\0" % index, document)]
    space = place.encode() + b"\0"
    array_bytes = sum(map(len, items)) + 5
    rest = b"\0\x12id\0%b\x02ns\0%b%b\0" % (
        struct.pack("<q", cursor_id),
        struct.pack("<i", len(space)),
        space,
    )
    before = b"\x04%b\0%b" % (name.encode(), struct.pack("<i", array_bytes))
    cursor_bytes = 4 + len(before) + array_bytes - 5 + len(rest)
    head = b"\x03cursor\0" + struct.pack("<i", cursor_bytes) + before
    tail = rest + b"\x01ok\0" + struct.pack("<d", 1.0) + b"\0"
    size_bytes = 4 + len(head) + array_bytes - 5 + len(tail)
    return [struct.pack("<i", size_bytes), head, *items, tail]


def command_of(message: bytes) -> Document:
    """The command in an OP_MSG, with the documents of its sequences."""
    command: Document = {}
    sequences: dict[str, list[Document]] = {}
    at = 20
    while at < len(message):
        kind = message[at]
        size = int.from_bytes(message[at + 1 : at + 5], "little")
        section = message[at + 1 : at + 1 + size]
        if kind == 0:
            command = bson.decode(section)
        else:
            name, _, documents = section[4:].partition(b"\0")
            sequences[name.decode()] = bson.decode_all(documents)
        at += 1 + size
    return command | sequences
