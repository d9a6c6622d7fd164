"""A fake Code Ocean: searches, and data assets that are created, archived and deleted.

Searches answer pages of at most seven and compare tags without case, as its API may.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import Any

from golden.fakes.http import Request, Response, of_json
from golden.fakes.state import State

MOST_ROWS = 7
DataAsset = dict[str, Any]
NOT_FOUND = of_json({"message": "not found"}, 404)


class CodeOcean:
    """Code Ocean's requests on the state."""

    def __init__(self, state: State) -> None:
        self._state = state

    def answer(self, request: Request) -> Response:
        """One request's answer."""
        if request.path.startswith("/_"):
            return self._state.control(request)
        root, slash, rest = request.path.partition("/api/v1/data_assets")
        if root or not slash:
            return NOT_FOUND
        match request.method, rest.strip("/").split("/"):
            case "POST", ["search"]:
                return self._search(json.loads(request.body))
            case "POST", [""]:
                return self._create(json.loads(request.body))
            case "GET", [wanted] if one := self._held(wanted):
                return of_json(_public(one))
            case "PATCH", [wanted, "archive"] if one := self._held(wanted):
                one["archived"] = request.query.get("archive", "").lower() == "true"
                return self._noted("ArchiveDataAsset", one)
            case "DELETE", [wanted] if one := self._held(wanted):
                self._state.data_assets.remove(one)
                return self._noted("DeleteDataAsset", one)
            case _:
                return NOT_FOUND

    def _held(self, wanted: str) -> DataAsset | None:
        return next((one for one in self._state.data_assets if one["id"] == wanted), None)

    def _noted(self, operation: str, one: DataAsset) -> Response:
        self._state.journal.append({"op": operation, "id": one["id"]})
        return Response(204)

    def _search(self, asked: dict[str, Any]) -> Response:
        found = [_public(one) for one in self._state.data_assets if _matches(one, asked)]
        if name := asked.get("sort_field"):
            down = asked.get("sort_order") == "desc"
            found.sort(key=lambda one: (one.get(name) is None, one.get(name)), reverse=down)
        start = int(asked.get("next_token") or asked.get("offset") or 0)
        end = start + min(int(asked.get("limit") or 100), MOST_ROWS)
        more = end < len(found)
        return of_json(
            {
                "has_more": more,
                "results": found[start:end],
                **({"next_token": str(end)} if more else {}),
            }
        )

    def _create(self, asked: dict[str, Any]) -> Response:
        source = (asked.get("source") or {}).get("aws")
        if not source or not asked.get("name"):
            return of_json({"message": "name and source.aws expected"}, 400)
        one = {
            "id": str(uuid.uuid4()),
            "created": int(time.time()),
            "name": asked["name"],
            "mount": asked.get("mount") or asked["name"],
            "last_used": 0,
            "owner": "owner-1",
            "state": "ready",
            "type": "dataset",
            "files": 1,
            "size": 1,
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
        self._state.data_assets.append(one)
        self._noted("CreateDataAsset", one)
        return of_json(_public(one))


def _public(one: DataAsset) -> DataAsset:
    """What the API shows of it."""
    return {name: value for name, value in one.items() if name not in ("archived", "origin")}


def _origin(one: DataAsset) -> str:
    source = one.get("source_bucket")
    return str(one.get("origin") or ("external" if source and source.get("external") else "internal"))


def _matches(one: DataAsset, asked: dict[str, Any]) -> bool:
    if asked.get("type") and one.get("type") != asked["type"]:
        return False
    if asked.get("origin") and _origin(one) != asked["origin"]:
        return False
    if asked.get("archived") is not None and bool(one.get("archived")) != asked["archived"]:
        return False
    if not all(_passes(one, condition) for condition in asked.get("filters") or []):
        return False
    terms = re.findall(r'(\w+):("[^"]*"|\S+)', asked.get("query") or "")
    tags = {value.strip('"').lower() for name, value in terms if name == "tag"}
    names = {value.strip('"').lower() for name, value in terms if name == "name"}
    return (not tags or bool(tags & {str(tag).lower() for tag in one.get("tags") or []})) and (
        not names or any(name in one["name"].lower() for name in names)
    )


def _passes(one: DataAsset, condition: dict[str, Any]) -> bool:
    """A search's filter on a field, without case; a list passes by any of its values."""
    name = condition.get("key")
    value = (
        one.get(name)
        if name in ("name", "description", "tags")
        else (one.get("custom_metadata") or {}).get(name)
    )
    have = {str(each).lower() for each in (value if isinstance(value, list) else [value]) if each is not None}
    wanted = {str(each).lower() for each in condition.get("values") or [condition.get("value")]}
    return bool(have & wanted) != bool(condition.get("exclude"))
