"""A light HTTP gateway to DocDB on 127.0.0.1, over TLS, as the predecessor's client asks it: the records of light_docdb.

    python -m bench.light_gateway --assets 400 --certificate FILE [--latency-ms 5]

Prints `READY port`. A page ends at 6 MB of JSON, as the real gateway's does. It knows a bucket's records by page and the ids of
locations, and refuses the rest with 501, writes too: the drift that the light S3 makes up is never mended at DocDB. The
records are JSON already, so it answers in almost no time of its own. `GET /_counts` and `POST /_reset` as in light_s3.
"""

from __future__ import annotations

import json
import ssl
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

from bench.http_connection import Connection, Headers
from bench.serving import parser, run, serve
from bench.world import BUCKET, COLLECTION, DATABASES, Spliced, World, location_of
from indexer_sandbox.gateway import PAGE_BYTES

OF_BUCKET = {"location": {"$regex": f"^s3://{BUCKET}.*"}}
"""The one filter that is known: it takes every record of the world."""
IDS = {"_id": 1, "location": 1}
STATUSES = {200: "OK", 204: "No Content", 501: "Not Implemented"}


class Unknown(Exception):  # noqa: N818 - an answer, no fault
    """A question that this gateway cannot answer."""


class Gateway:
    """Its questions on one collection; all others are empty."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._records = {bare: Spliced(json.dumps(one).encode()) for bare, one in world.templates.items()}
        self._place = f"{world.generation}/{DATABASES['v1']}/{COLLECTION}"
        self.counts: Counter[str] = Counter()

    def answer(self, method: str, target: str, headers: Headers, body: bytes) -> bytes:
        """One request's answer, head and all."""
        path, _, query = target.partition("?")
        if path == "/_counts":
            return _answer(200, json.dumps(self.counts, sort_keys=True).encode())
        if path == "/_reset":
            self.counts.clear()
            return _answer(204)
        place, _, operation = path.strip("/").rpartition("/")
        self.counts[operation] += 1
        try:
            return _answer(200, self._found(method, place == self._place, operation, query, body))
        except Unknown:
            self.counts["refused"] += 1
            return _answer(501, json.dumps({"message": f"not known here: {method} {path}"}).encode())

    def _found(self, method: str, is_ours: bool, operation: str, query: str, body: bytes) -> bytes:
        match method, operation:
            case "GET", "find":
                return self._page({name: values[0] for name, values in parse_qs(query).items()}, is_ours)
            case "POST", "aggregate":
                return self._ids(json.loads(body), is_ours)
        raise Unknown

    def _page(self, asked: dict[str, str], is_ours: bool) -> bytes:
        """Whole records from `skip` on, as many as are asked for and fit."""
        if json.loads(asked.get("filter", "{}")) != OF_BUCKET or asked.keys() - {
            "filter",
            "projection",
            "limit",
            "skip",
        }:
            raise Unknown
        first, most = int(asked["skip"]), int(asked["limit"])
        rows: list[bytes] = []
        size_bytes = 2
        for number in range(first, min(first + most, self._world.assets) if is_ours else 0):
            row = self._records[self._world.bare(number)].of(self._world.values(number))
            size_bytes += len(row) + 2
            if size_bytes > PAGE_BYTES:
                break
            rows.append(row)
        self.counts["documents"] += len(rows)
        return b"[" + b", ".join(rows) + b"]"

    def _ids(self, pipeline: Sequence[Any], is_ours: bool) -> bytes:
        """The ids of the records at these locations."""
        match pipeline:
            case [{"$match": {"location": {"$in": locations}}}, {"$project": project}] if project == IDS:
                names = [str(one).removeprefix(location_of("")) for one in locations if is_ours]
            case _:
                raise Unknown
        numbers = [number for name in names if (number := self._world.number(name)) is not None]
        rows = [
            {"_id": World.record_id(number), "location": location_of(World.name(number))}
            for number in numbers
        ]
        return json.dumps(rows).encode()


def _answer(status: int, body: bytes = b"") -> bytes:
    length = "" if status == 204 else f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"HTTP/1.1 {status} {STATUSES[status]}\r\nServer: light\r\n{length}\r\n".encode() + body


def main() -> None:
    """Serve a world's records."""
    options = parser(__doc__)
    options.add_argument("--certificate", required=True, metavar="FILE", help="the server's, with its key")
    chosen = options.parse_args()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chosen.certificate)
    world = World(chosen.assets, chosen.generation, chosen.bare_every, heavy=chosen.heavy)
    gateway, latency_s = Gateway(world), chosen.latency_ms / 1_000
    run(serve(lambda: Connection(gateway, latency_s), chosen.port, chosen.until_eof, context))


if __name__ == "__main__":
    main()
