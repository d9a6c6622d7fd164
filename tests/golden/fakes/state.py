"""What the two fakes hold, and how a test loads it, looks at it, and has reads fail.

Control, the same on both ports:

    POST /_load     {"s3": {bucket: {key: {"body"|"body_b64", "last_modified", "etag"?}}}, "codeocean": [...]}
    POST /_fault    [{"op": "ListObjectsV2", "match": "regex on bucket/prefix", "status": 403, "count": 1}]
    GET  /_journal  the writes since the last load, in order
    GET  /_dump     the whole present state
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from golden.fakes.http import Request, Response, of_json


@dataclass(frozen=True, slots=True)
class Stored:
    """An object, dated to the second as S3 dates."""

    body: bytes
    modified_at: datetime
    etag: str
    content_type: str = "binary/octet-stream"
    metadata: dict[str, str] = field(default_factory=dict)


def stored(body: bytes, modified_at: datetime | None = None, etag: str | None = None, **about: Any) -> Stored:
    """An object as it is written; `etag` where it is not the MD5 of the body, as of multipart uploads."""
    at = (modified_at or datetime.now(UTC)).replace(microsecond=0)
    return Stored(body, at, etag or hashlib.md5(body, usedforsecurity=False).hexdigest(), **about)


@dataclass(slots=True)
class State:
    """Buckets, data assets, and the journal of writes."""

    buckets: dict[str, dict[str, Stored]] = field(default_factory=dict)
    data_assets: list[dict[str, Any]] = field(default_factory=list)
    journal: list[dict[str, Any]] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)

    def load(self, state: dict[str, Any]) -> None:
        """Replace all of it."""
        self.buckets = {
            bucket: {key: _loaded(one) for key, one in objects.items()}
            for bucket, objects in state["s3"].items()
        }
        self.data_assets = copy.deepcopy(state["codeocean"])
        self.journal, self.faults = [], []

    def dump(self) -> dict[str, Any]:
        """All of it; bodies in base64."""
        s3 = {
            bucket: {key: {"body_b64": base64.b64encode(one.body).decode()} for key, one in objects.items()}
            for bucket, objects in self.buckets.items()
        }
        return {"s3": s3, "codeocean": self.data_assets}

    def fault(self, operation: str, target: str) -> int | None:
        """The status with which this request shall fail, which is counted."""
        for one in self.faults:
            if one["count"] > 0 and one["op"] == operation and re.search(one["match"], target):
                one["count"] -= 1
                return int(one["status"])
        return None

    def control(self, request: Request) -> Response:
        """A test's own request."""
        match request.path:
            case "/_journal":
                return of_json(self.journal)
            case "/_dump":
                return of_json(self.dump())
            case "/_load":
                self.load(json.loads(request.body))
            case "/_fault":
                self.faults = json.loads(request.body)
            case _:
                return of_json({"error": "unknown control"}, 404)
        return of_json({"ok": True})


def _loaded(one: dict[str, Any]) -> Stored:
    body = (
        base64.b64decode(one["body_b64"])
        if "body_b64" in one
        else one["body"].encode("utf-8", "surrogatepass")
    )
    at = datetime.fromisoformat(one["last_modified"]) if one.get("last_modified") else None
    return stored(body, at if at is None or at.tzinfo else at.replace(tzinfo=UTC), one.get("etag"))
