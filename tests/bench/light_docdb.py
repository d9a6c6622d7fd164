"""A light DocDB on 127.0.0.1: MongoDB's wire protocol over N records that are made up when they are asked for.

    python -m bench.light_docdb --assets 40000 [--latency-ms 30] [--generation v2] [--bare-every K]

Prints `READY port`. The records share one body, encoded once, whose metadata file has 53 kB (`--heavy`: 98 kB); only
what names an asset is spliced in, so a million of them take no more memory than one. What is written is kept beside
them. It knows what the tool sends (`find` by `_id` and by ranges of `location`, conditional batches) and refuses the rest
loudly. `admin.command("benchCounts")` has the requests since the last `benchReset`.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import struct
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import chain, count, islice
from typing import Any

import bson

from bench.messages import (
    MORE_TO_COME,
    MOST_BYTES,
    OP_MSG,
    OP_QUERY,
    OP_REPLY,
    command_of,
    cursor_answer,
    hello,
    ok,
)
from bench.serving import parser, run, serve
from bench.world import COLLECTION, DATABASES, Document, Spliced, World, location_of

FIRST_BATCH = 101
"""A cursor's first batch, where nothing else is asked for: as in MongoDB."""
SEND_BUFFER_BYTES = 4 * 1024 * 1024
DUPLICATE_KEY, COMMAND_NOT_FOUND, BAD_VALUE, NO_CURSOR = 11000, 59, 2, 43


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda value, wanted: bool(value == wanted),
    "$in": lambda value, wanted: value in wanted,
    "$gt": lambda value, wanted: type(value) is type(wanted) and value > wanted,
    "$gte": lambda value, wanted: type(value) is type(wanted) and value >= wanted,
    "$lt": lambda value, wanted: type(value) is type(wanted) and value < wanted,
    "$lte": lambda value, wanted: type(value) is type(wanted) and value <= wanted,
}


class CommandError(Exception):
    """What the database answers with instead of a result."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def operations(condition: object) -> dict[str, Any]:
    """A field's condition as operators; a plain value is an equality. Raises CommandError."""
    if not (isinstance(condition, dict) and any(name.startswith("$") for name in condition)):
        return {"$eq": condition}
    if unknown := condition.keys() - OPERATORS.keys():
        raise CommandError(BAD_VALUE, f"unknown operator: {sorted(unknown)[0]}")
    return condition


def matches(document: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Does a document pass a filter on top-level fields? Null stands for absent too."""
    return all(
        OPERATORS[name](document.get(field), operand)
        for field, condition in wanted.items()
        for name, operand in operations(condition).items()
    )


class Records:
    """One collection: the world's records, and over them what was written."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._written: dict[Any, Document | None] = {}
        """By `_id`; None for one that was deleted."""

    @functools.cache  # noqa: B019 - one collection for the life of the process
    def _template(self, fields: frozenset[str] | None, bare: bool) -> Spliced:
        record = self._world.templates[bare]
        return Spliced(bson.encode({name: record[name] for name in record if not fields or name in fields}))

    def encoded(self, number: int, fields: frozenset[str] | None = None) -> bytes:
        """A record as it is made up, whole or only these fields of it."""
        world = self._world
        return self._template(fields, world.bare(number)).of(world.values(number))

    def find(
        self, wanted: Mapping[str, Any], fields: frozenset[str] | None, sort: Mapping[str, int]
    ) -> Iterator[bytes]:
        """The documents that pass a filter, in the order asked for, encoded one by one."""
        key, direction = next(iter(sort.items()), ("_id", 1))
        if len(sort) > 1 or key not in ("_id", "location"):
            raise CommandError(BAD_VALUE, f"cannot sort by {', '.join(sort)}")
        name_of = self._world.record_id if key == "_id" else lambda n: location_of(self._world.name(n))
        numbers, rest = self._narrowed(wanted)
        made_up = numbers if direction == 1 else reversed(numbers)
        extra = sorted(
            (one for one in self._extra() if matches(one, wanted)),
            key=lambda one: str(one.get(key)),
            reverse=direction == -1,
        )
        if not extra and not rest and not self._written:
            return (self.encoded(number, fields) for number in made_up)
        rows: Iterable[tuple[str, int | Document]] = merge(
            ((name_of(number), number) for number in made_up),
            ((str(one.get(key)), one) for one in extra),
            key=lambda row: row[0],
            reverse=direction == -1,
        )
        return self._passing((row for _, row in rows), rest, fields)

    def _passing(
        self, rows: Iterable[int | Document], rest: Mapping[str, Any], fields: frozenset[str] | None
    ) -> Iterator[bytes]:
        """Rows encoded; of those made up, only what was not deleted and passes the rest of the filter."""
        for row in rows:
            if isinstance(row, int):
                written = self._world.record_id(row) in self._written
                if not written and not rest:
                    yield self.encoded(row, fields)
                    continue
                current = self.current(self._world.record_id(row))
                if current is None or not matches(current, rest):
                    continue
            else:
                current = row
            yield bson.encode({name: current[name] for name in current if not fields or name in fields})

    def _narrowed(self, wanted: Mapping[str, Any]) -> tuple[Sequence[int], dict[str, Any]]:
        """The made-up records that an index leaves, in order, and what of the filter is still to be checked."""
        world, rest = self._world, dict(wanted)
        if "_id" in rest:
            asked = operations(rest.pop("_id"))
            ids = asked.get("$in", [asked.get("$eq")])
            numbers = {number for one in ids if (number := world.number_of_id(one)) is not None}
            return sorted(numbers), rest
        if "location" in rest:
            return self._located(operations(rest.pop("location"))), rest
        return range(world.assets), rest

    def _located(self, asked: Mapping[str, Any]) -> Sequence[int]:
        world = self._world
        if "$in" in asked or "$eq" in asked:
            prefix = location_of("")
            names = [str(one).removeprefix(prefix) for one in asked.get("$in", [asked.get("$eq")])]
            return sorted({number for name in names if (number := world.number(name)) is not None})
        everything = range(world.assets)

        def below(text: str) -> int:
            return bisect_left(everything, text, key=lambda number: location_of(world.name(number)))

        low = max(below(asked.get("$gte", "")), below(asked["$gt"] + "\0") if "$gt" in asked else 0)
        high = below(asked.get("$lt", "\U0010ffff"))
        high = min(high, below(asked["$lte"] + "\0") if "$lte" in asked else high)
        return range(low, max(low, high))

    def _extra(self) -> Iterator[Document]:
        """Records that were inserted beside the world's."""
        for key, document in self._written.items():
            if document is not None and self._world.number_of_id(key) is None:
                yield document

    def current(self, record_id: Any) -> Document | None:
        """The record that has this id now."""
        if record_id in self._written:
            return self._written[record_id]
        number = self._world.number_of_id(record_id)
        return None if number is None else bson.decode(self.encoded(number))

    def insert(self, document: Document) -> bool:
        """Add one; False where its id is taken."""
        if self.current(document["_id"]) is not None:
            return False
        self._written[document["_id"]] = document
        return True

    def update(self, wanted: Mapping[str, Any], change: Mapping[str, Any]) -> bool:
        """`$set` and `$unset` fields of the record that passes the filter; was there one? Raises CommandError."""
        if change.keys() - {"$set", "$unset"} or "location" in change.get("$set", {}):
            raise CommandError(BAD_VALUE, "only $set and $unset, and not of the location")
        current = self.current(wanted.get("_id"))
        if current is None or not matches(current, wanted):
            return False
        kept = {name: value for name, value in current.items() if name not in change.get("$unset", {})}
        self._written[current["_id"]] = {**kept, **change.get("$set", {})}
        return True

    def delete(self, wanted: Mapping[str, Any]) -> bool:
        """Delete the record that passes the filter; was there one?"""
        current = self.current(wanted.get("_id"))
        if current is None or not matches(current, wanted):
            return False
        self._written[current["_id"]] = None
        return True


class Database:
    """All that the connections share: collections, open cursors, and what was asked."""

    def __init__(self, world: World) -> None:
        place = f"{DATABASES[world.generation]}.{COLLECTION}"
        self._collections = {place: Records(world)}
        self._cursors: dict[int, tuple[str, Iterator[bytes]]] = {}
        self._cursor_ids = count(1)
        self._commands: dict[str, Callable[[Document], bytes | list[bytes]]] = {
            "find": self._find,
            "getMore": self._get_more,
            "killCursors": self._kill_cursors,
            "insert": self._insert,
            "update": self._update,
            "delete": self._delete,
            "benchCounts": lambda _: ok(**{name: self.counts[name] for name in sorted(self.counts)}),
            **dict.fromkeys(("hello", "ismaster", "isMaster"), lambda _: hello()),
            **dict.fromkeys(("ping", "endSessions"), lambda _: ok()),
        }
        self.counts: Counter[str] = Counter()

    def answer(self, command: Document) -> list[bytes]:
        """One command's answer, encoded, in pieces."""
        name = next(iter(command))
        if name == "benchReset":
            self.counts.clear()
            return [ok()]
        if name != "benchCounts":
            self.counts[name] += 1
        try:
            if name not in self._commands:
                raise CommandError(COMMAND_NOT_FOUND, f"no such command: {name}")
            answer = self._commands[name](command)
            return [answer] if isinstance(answer, bytes) else answer
        except CommandError as exc:
            self.counts["refused"] += 1
            return [bson.encode({"ok": 0.0, "errmsg": str(exc), "code": exc.code})]

    def _records(self, command: Document) -> tuple[str, Records]:
        place = f"{command['$db']}.{next(iter(command.values()))}"
        if place not in self._collections:
            self._collections[place] = Records(World(0))
        return place, self._collections[place]

    def _find(self, command: Document) -> list[bytes]:
        place, records = self._records(command)
        projection = command.get("projection") or {}
        if not all(projection.values()):
            raise CommandError(BAD_VALUE, "only projections that name what is wanted")
        fields = frozenset({"_id", *projection}) if projection else None
        found = records.find(command.get("filter", {}), fields, command.get("sort") or {})
        if command.get("limit"):
            found = islice(found, int(command["limit"]))
        first = int(command.get("batchSize", FIRST_BATCH))
        cursor_id = next(self._cursor_ids)
        self._cursors[cursor_id] = place, found
        return self._batch("firstBatch", cursor_id, first, close=bool(command.get("singleBatch")))

    def _get_more(self, command: Document) -> list[bytes]:
        return self._batch("nextBatch", int(command["getMore"]), int(command.get("batchSize", sys.maxsize)))

    def _batch(self, name: str, cursor_id: int, most: int, *, close: bool = False) -> list[bytes]:
        """The next documents of a cursor, which is closed behind the last one."""
        if cursor_id not in self._cursors:
            raise CommandError(NO_CURSOR, f"no such cursor: {cursor_id}")
        place, found = self._cursors[cursor_id]
        batch: list[bytes] = []
        size_bytes = 0
        for document in found:
            if len(batch) == most or (batch and size_bytes + len(document) > MOST_BYTES):
                self._cursors[cursor_id] = place, chain([document], found)
                break
            batch.append(document)
            size_bytes += len(document)
        else:
            close = True
        if close:
            del self._cursors[cursor_id]
        self.counts["documents"] += len(batch)
        self.counts["document bytes"] += size_bytes
        return cursor_answer(name, batch, 0 if close else cursor_id, place)

    def _kill_cursors(self, command: Document) -> bytes:
        for cursor_id in command["cursors"]:
            self._cursors.pop(int(cursor_id), None)
        return ok(cursorsKilled=command["cursors"])

    def _insert(self, command: Document) -> bytes:
        _, records = self._records(command)
        errors = [
            {"index": index, "code": DUPLICATE_KEY, "errmsg": "E11000 duplicate key", "keyValue": {}}
            for index, document in enumerate(command["documents"])
            if not records.insert(document)
        ]
        written = len(command["documents"]) - len(errors)
        return ok(n=written, **({"writeErrors": errors} if errors else {}))

    def _update(self, command: Document) -> bytes:
        _, records = self._records(command)
        found = sum(records.update(one["q"], one["u"]) for one in command["updates"])
        return ok(n=found, nModified=found)

    def _delete(self, command: Document) -> bytes:
        _, records = self._records(command)
        return ok(n=sum(records.delete(one["q"]) for one in command["deletes"]))


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, database: Database, latency_s: float) -> None:
        self._database, self._latency_s = database, latency_s
        self._buffer = bytearray()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came; a batch of records fits into the socket at once."""
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    def data_received(self, data: bytes) -> None:
        """Answer each message that is whole."""
        self._buffer += data
        while len(self._buffer) >= 16:
            size = int.from_bytes(self._buffer[:4], "little")
            if len(self._buffer) < size:
                return
            message = bytes(self._buffer[:size])
            del self._buffer[:size]
            answer = self._answer(message)
            if not answer:
                continue
            if self._latency_s:
                asyncio.get_running_loop().call_later(self._latency_s, self._send, answer)
            else:
                self._send(answer)

    def _send(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)

    def _answer(self, message: bytes) -> bytes:
        _, request_id, _, opcode = struct.unpack_from("<4i", message)
        if opcode == OP_QUERY:  # a driver's first words
            body = message.index(b"\0", 20) + 9
            answer = b"".join(self._database.answer(bson.decode(message[body:])))
            return struct.pack("<4iiqii", 36 + len(answer), 0, request_id, OP_REPLY, 8, 0, 0, 1) + answer
        if opcode != OP_MSG:
            self._transport.close()
            return b""
        pieces = self._database.answer(command_of(message))
        if int.from_bytes(message[16:20], "little") & MORE_TO_COME:
            return b""
        size = 21 + sum(map(len, pieces))
        return b"".join([struct.pack("<4iIb", size, 0, request_id, OP_MSG, 0, 0), *pieces])


def main() -> None:
    """Serve a world's records."""
    options = parser(__doc__).parse_args()
    world = World(options.assets, options.generation, options.bare_every, heavy=options.heavy)
    database = Database(world)
    latency_s = options.latency_ms / 1_000
    run(serve(lambda: Connection(database, latency_s), options.port, options.until_eof))


if __name__ == "__main__":
    main()
