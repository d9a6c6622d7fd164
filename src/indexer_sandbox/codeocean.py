"""A Code Ocean server on loopback: the part of its API that concerns data assets."""

from __future__ import annotations

import base64
import copy
import json
import threading
import time
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, unquote

from indexer_sandbox.codeocean_search import DEFAULT_LIMIT, MAX_LIMIT, DataAsset, matching, page, public
from indexer_sandbox.faults import FaultList
from indexer_sandbox.loopback import Environ, LoopbackServer, StartResponse
from indexer_sandbox.requestlog import CodeOceanRequest, RequestLog

TOKEN = "cop_sandbox"  # noqa: S105 - nothing is behind it

_ROOT = "/api/v1/data_assets"


class CodeOceanServer:
    """Code Ocean's data assets on 127.0.0.1, none at the start, gone after `close`.

    Every request must carry `token` as the user of HTTP basic authentication. As the real API does, it
    never says whether a data asset is archived; `data_assets()` does. `log` holds every request, `faults`
    makes chosen requests fail: `Fault("*", 401, count=None)` is an expired token,
    `Fault("SearchDataAssets", 503, after=1)` a broken second page, `Fault("*", 429, retry_after_s=1)` a
    limited rate. `max_page` bounds a page below what a search asks for; `repeat_across_pages` shows a
    page's last result again on the next page.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        token: str = TOKEN,
        max_page: int = MAX_LIMIT,
        repeat_across_pages: bool = False,
    ) -> None:
        self.token = token
        self.max_page = max_page
        self.repeat_across_pages = repeat_across_pages
        self.log: RequestLog[CodeOceanRequest] = RequestLog()
        self.faults = FaultList()
        self._lock = threading.Lock()
        self._assets: dict[str, DataAsset] = {}
        self._server = LoopbackServer("codeocean", self._answer, port)

    @property
    def domain(self) -> str:
        """The value for the SDK's `domain`."""
        return self._server.endpoint

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.port

    def close(self) -> None:
        """Stop the server; a second call does nothing."""
        self._server.close()

    def put(self, asset: DataAsset) -> None:
        """Add a data asset, or replace the one with its id, without a request; it may hold `archived`."""
        with self._lock:
            self._assets[asset["id"]] = copy.deepcopy(asset)

    def remove(self, data_asset_id: str) -> None:
        """Take a data asset away without a request."""
        with self._lock:
            del self._assets[data_asset_id]

    def data_assets(self) -> dict[str, DataAsset]:
        """Every data asset by id, with `archived`, as it stands now."""
        with self._lock:
            return {key: {"archived": False, **copy.deepcopy(asset)} for key, asset in self._assets.items()}

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; it is in the log before the answer goes out."""
        size = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(size) if size else b""
        method, data_asset_id, operation = _route(environ)
        fault = self.faults.strike(operation, data_asset_id)
        headers = [("Content-Type", "application/json")]
        if fault is not None and fault.status is not None:
            status, answer = fault.status, _message("The sandbox was told to fail.")
            if fault.retry_after_s is not None:
                headers.append(("Retry-After", str(fault.retry_after_s)))
        elif not self._authorised(environ):
            status, answer = 401, _message("Unauthorized")
        else:
            status, answer = self._serve(operation, data_asset_id, environ, body)
        self.log.append(CodeOceanRequest(method, data_asset_id, operation, status))
        content = b"" if answer is None else json.dumps(answer).encode()
        start_response(f"{status} sandbox", [*headers, ("Content-Length", str(len(content)))])
        return [content]

    def _authorised(self, environ: Environ) -> bool:
        scheme, _, encoded = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
        wanted = base64.b64encode(f"{self.token}:".encode()).decode()
        return scheme.lower() == "basic" and encoded == wanted

    def _serve(self, operation: str, data_asset_id: str, environ: Environ, body: bytes) -> tuple[int, Any]:
        """Status and JSON answer (None: no body) of an authorised request."""
        with self._lock:
            if operation in ("SearchDataAssets", "CreateDataAsset"):
                try:
                    asked = json.loads(body)
                except ValueError:
                    return 400, _message("The body is not JSON")
                return self._search(asked) if operation == "SearchDataAssets" else self._create(asked)
            if operation == "Other" or data_asset_id not in self._assets:
                return 404, _message("Not found")
            match operation:
                case "ArchiveDataAsset":
                    return self._archive(data_asset_id, str(environ.get("QUERY_STRING", "")))
                case "DeleteDataAsset":
                    del self._assets[data_asset_id]
                    return 204, None
                case _:
                    return 200, public(self._assets[data_asset_id])

    def _search(self, search: dict[str, Any]) -> tuple[int, Any]:
        limit = search.get("limit") or DEFAULT_LIMIT
        if not isinstance(limit, int) or not 0 <= limit <= MAX_LIMIT:
            return 400, _message(f"limit must be a number up to {MAX_LIMIT}")
        found = matching(self._assets.values(), search)
        return 200, page(found, search, self.max_page, self.repeat_across_pages)

    def _archive(self, data_asset_id: str, query: str) -> tuple[int, Any]:
        wanted = parse_qs(query).get("archive", [""])[0].lower()
        if wanted not in ("true", "false"):
            return 400, _message("archive must be true or false")
        self._assets[data_asset_id]["archived"] = wanted == "true"
        return 204, None

    def _create(self, asked: dict[str, Any]) -> tuple[int, Any]:
        """Create from S3; the answer says `draft`, the next look finds it `ready`, as with the real one."""
        source = (asked.get("source") or {}).get("aws")
        if not source or not asked.get("name") or not asked.get("mount"):
            return 400, _message("name, mount and source.aws are required")
        asset: DataAsset = {
            "id": str(uuid.uuid4()),
            "created": int(time.time()),
            "name": asked["name"],
            "mount": asked["mount"],
            "last_used": 0,
            "owner": "sandbox",
            "state": "ready",
            "type": "dataset",
            "description": asked.get("description") or "",
            "tags": asked.get("tags") or [],
            "custom_metadata": asked.get("custom_metadata") or {},
            "source_bucket": {
                "origin": "aws",
                "bucket": source["bucket"],
                "prefix": source.get("prefix") or "",
                "external": bool(source.get("keep_on_external_storage")),
            },
        }
        self._assets[asset["id"]] = asset
        return 200, public(asset) | {"state": "draft"}


def _message(text: str) -> dict[str, str]:
    return {"message": text}


def _route(environ: Environ) -> tuple[str, str, str]:
    """Method, data asset (or empty) and operation of a request."""
    method, path = str(environ["REQUEST_METHOD"]), str(environ.get("PATH_INFO", ""))
    if path != _ROOT and not path.startswith(f"{_ROOT}/"):
        return method, "", "Other"
    parts = [unquote(part) for part in path.removeprefix(_ROOT).strip("/").split("/") if part]
    match method, parts:
        case "POST", []:
            return method, "", "CreateDataAsset"
        case "POST", ["search"]:
            return method, "", "SearchDataAssets"
        case "GET", [data_asset_id]:
            return method, data_asset_id, "GetDataAsset"
        case "DELETE", [data_asset_id]:
            return method, data_asset_id, "DeleteDataAsset"
        case "PATCH", [data_asset_id, "archive"]:
            return method, data_asset_id, "ArchiveDataAsset"
        case _:
            return method, "", "Other"
