"""A stand-in of the institute's HTTP gateway to DocDB on loopback: read-only without a signature, and with its limits.

Its routes and what they answer are those that the public client `aind-data-access-api` 1.10 asks for and expects. What the
gateway makes of dates and ObjectIds is not documented: the stand-in has both likely forms.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import parse_qs, unquote

from indexer_sandbox.faults import FaultList
from indexer_sandbox.loopback import Environ, LoopbackServer, StartResponse
from indexer_sandbox.requestlog import GatewayRequest, RequestLog

PAGE_BYTES = 6 * 1024 * 1024
"""Of a body. Source: AWS Lambda quotas; API Gateway itself lets 10 MB pass."""
URL_BYTES = 8192
"""Of path and query. Source: what proxies and load balancers take."""
PORTAL = b"<!doctype html><title>Log in</title>"
SECOND = "v2"
SECOND_SUFFIX = "_v2"
"""Under `/v2/` a database is meant by the name that v1's has: `/v2/metadata_index` is `metadata_index_v2`."""

Values = Literal["python", "extended"]
Over = Literal["short", "refused", "empty"]


class _RefusedError(Exception):
    """An answer that is none."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class GatewayServer:
    """The gateway on 127.0.0.1, in front of a DocDB, gone after `close`.

    `values`: what becomes of a value that JSON has no form for: Python's text of it, or Extended JSON. `over`: an answer beyond
    `page_bytes` is `short`ened (and one record that is too large is refused with 413), always `refused`, or shortened down to
    an `empty` one. `page_rows` bounds the records of an answer. `log` holds every request, `faults` makes chosen ones fail:
    `Fault("find", 429, retry_after_s=1)`. `count_off_by` is added to each count; `portal` answers with a page of somebody
    else's; so many of the next answers as `cuts` says break off in the middle. `busiest`: the most that was asked at once.
    """

    def __init__(
        self,
        docdb_uri: str,
        port: int = 0,
        *,
        page_bytes: int = PAGE_BYTES,
        url_bytes: int = URL_BYTES,
        values: Values = "python",
    ) -> None:
        from pymongo import MongoClient

        self.page_bytes, self.url_bytes, self.values = page_bytes, url_bytes, values
        self.page_rows: int | None = None
        self.over: Over = "short"
        self.count_off_by = self.cuts = 0
        self.portal = False
        self.log: RequestLog[GatewayRequest] = RequestLog()
        self.faults = FaultList()
        self.busiest = self._in_flight = 0
        self._counting = threading.Lock()
        self._client: MongoClient[dict[str, Any]] = MongoClient(docdb_uri)
        self._server = LoopbackServer("gateway", self._answer, port)

    @property
    def url(self) -> str:
        """The value for `docdb.url`."""
        return self._server.endpoint

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.port

    def close(self) -> None:
        """Stop the server; a second call does nothing."""
        self._server.close()
        self._client.close()

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        with self._counting:
            self._in_flight += 1
            self.busiest = max(self.busiest, self._in_flight)
        try:
            return self._answered(environ, start_response)
        finally:
            with self._counting:
                self._in_flight -= 1

    def _answered(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; it is in the log before the answer goes out."""
        size = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(size) if size else b""
        method, path = str(environ["REQUEST_METHOD"]), str(environ.get("PATH_INFO", ""))
        place, operation = _route(method, path)
        url_bytes = len(str(environ.get("RAW_URI", "")))
        headers = [("Content-Type", "application/json")]
        fault = self.faults.strike(operation, place)
        if fault is not None and fault.retry_after_s is not None:
            headers.append(("Retry-After", str(fault.retry_after_s)))
        try:
            if fault is not None and fault.status is not None:
                raise _RefusedError(fault.status, "The sandbox was told to fail.")
            if url_bytes > self.url_bytes:
                raise _RefusedError(HTTPStatus.REQUEST_URI_TOO_LONG, "Request URI too long")
            found = self._found(operation, place, str(environ.get("QUERY_STRING", "")), body)
            status, content = 200, PORTAL if self.portal else self._text(found)
        except _RefusedError as exc:
            found, status, content = [], exc.status, json.dumps({"message": str(exc)}).encode()
        agent, count = str(environ.get("HTTP_USER_AGENT", "")), len(found) if isinstance(found, list) else 0
        self.log.append(GatewayRequest(method, place, operation, status, url_bytes, agent, count))
        start_response(f"{status} gateway", [*headers, ("Content-Length", str(len(content)))])
        return self._sent(content)

    def _sent(self, content: bytes) -> Iterable[bytes]:
        """The body, or its first half: the connection is closed then, since less came than was announced."""
        with self._counting:
            cut = self.cuts > 0
            self.cuts -= cut
        if not cut:
            return [content]
        return _broken(content[: len(content) // 2])

    def _found(self, operation: str, place: str, query: str, body: bytes) -> Any:
        if operation == "Other":
            raise _RefusedError(HTTPStatus.FORBIDDEN, "Missing Authentication Token")
        version, database, name = place.split("/")
        collection = self._client[database + (SECOND_SUFFIX if version == SECOND else "")][name]
        asked = {key: values[0] for key, values in parse_qs(query).items()}
        try:
            if operation == "aggregate":
                return self._within(list(collection.aggregate(json.loads(body))), "refused")
            where = json.loads(asked.get("filter", "{}"))
            if operation == "count_documents":
                total = collection.count_documents({}) + self.count_off_by
                filtered = collection.count_documents(where) + self.count_off_by
                return {"total_record_count": total, "filtered_record_count": filtered}
            cursor = collection.find(where, json.loads(asked.get("projection", "null")))
            if sort := json.loads(asked.get("sort", "{}")):
                cursor = cursor.sort(list(sort.items()))
            rows = list(cursor.skip(int(asked.get("skip", 0))).limit(int(asked.get("limit", 0))))
        except (ValueError, TypeError, AttributeError) as exc:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, f"{type(exc).__name__}: {exc}") from exc
        return self._within(rows, self.over if operation == "find" else "refused")

    def _within(self, rows: list[Any], over: Over) -> list[Any]:
        """As many of the records as an answer may hold."""
        rows = rows[: self.page_rows]
        size, kept = 2, 0
        for row in rows:
            size += len(self._text(row)) + 2
            if size > self.page_bytes:
                break
            kept += 1
        if kept < len(rows) and (over == "refused" or (over == "short" and not kept)):
            raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Entity Too Large")
        return rows[:kept]

    def _text(self, value: Any) -> bytes:
        from bson import json_util

        if self.values == "extended":
            return json_util.dumps(value).encode()
        return json.dumps(value, default=str).encode()


def _broken(half: bytes) -> Iterable[bytes]:
    yield half
    raise ConnectionAbortedError("The sandbox was told to stop here.")


def _route(method: str, path: str) -> tuple[str, str]:
    """The collection that is asked, and what for."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    place = "/".join(parts[:3])
    if len(parts) < 3 or parts[0] not in ("v1", SECOND):
        return place, "Other"
    match method, parts[3:]:
        case "GET", []:
            return place, "get"
        case ("GET", ["find" | "count_documents" as name]) | ("POST", ["aggregate" as name]):
            return place, name
    return place, "Other"
