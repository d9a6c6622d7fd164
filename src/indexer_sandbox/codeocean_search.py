"""Code Ocean's search over data assets: the query language, the filters and the pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

DataAsset: TypeAlias = dict[str, Any]

MAX_LIMIT = 1000
DEFAULT_LIMIT = 100

_TERM = re.compile(r'(?:(\w+):)?("[^"]*"|\S+)')


def matching(data_assets: Iterable[DataAsset], search: Mapping[str, Any]) -> list[DataAsset]:
    """The data assets that a search asks for, in its order; archived ones only when it says so."""
    found = [asset for asset in data_assets if _wanted(asset, search)]
    field = search.get("sort_field")
    if field:
        found.sort(key=lambda asset: (asset.get(field) is None, asset.get(field)))
        if search.get("sort_order") == "desc":
            found.reverse()
    return found


def page(found: Sequence[DataAsset], search: Mapping[str, Any], most: int, repeat: bool) -> dict[str, Any]:
    """One page of at most `most` results, as the API answers it.

    With `repeat`, each page after the first one begins with the last result of the page before.
    """
    token = search.get("next_token")
    start = int(token) if token else int(search.get("offset") or 0)
    end = start + min(int(search.get("limit") or DEFAULT_LIMIT), MAX_LIMIT, most)
    shown = found[max(start - 1, 0) if repeat and token else start : end]
    answer: dict[str, Any] = {"has_more": end < len(found), "results": [public(asset) for asset in shown]}
    if end < len(found):
        answer["next_token"] = str(end)
    return answer


def public(asset: DataAsset) -> DataAsset:
    """A data asset as the API shows it, which keeps to itself whether it is archived."""
    return {name: value for name, value in asset.items() if name != "archived"}


def _wanted(asset: DataAsset, search: Mapping[str, Any]) -> bool:
    return (
        bool(asset.get("archived")) == bool(search.get("archived"))
        and search.get("type") in (None, asset.get("type"))
        and search.get("origin") in (None, _origin(asset))
        and _fits_query(asset, search.get("query") or "")
        and all(_fits_filter(asset, wanted) for wanted in search.get("filters") or ())
    )


def _origin(asset: DataAsset) -> str:
    return "external" if (asset.get("source_bucket") or {}).get("external") else "internal"


def _fits_query(asset: DataAsset, query: str) -> bool:
    """One field's terms are alternatives, different fields must all fit; case is ignored."""
    terms: dict[str, list[str]] = {}
    for field, value in _TERM.findall(query):
        terms.setdefault(field.lower(), []).append(value.strip('"').lower())
    return all(any(_fits_term(asset, field, value) for value in values) for field, values in terms.items())


def _fits_term(asset: DataAsset, field: str, value: str) -> bool:
    tags = [str(tag).lower() for tag in asset.get("tags") or ()]
    name = str(asset.get("name", "")).lower()
    match field:
        case "tag":
            return value in tags
        case "name":
            return value in name
        case "":
            return value in name or value in tags or value in str(asset.get("description", "")).lower()
        case _:
            return False


def _fits_filter(asset: DataAsset, wanted: Mapping[str, Any]) -> bool:
    key = str(wanted.get("key"))
    source = asset if key in ("name", "description", "tags") else asset.get("custom_metadata") or {}
    held = source.get(key)
    values = held if isinstance(held, list) else [held]
    have = {str(value).lower() for value in values if value is not None}
    ask = {str(value).lower() for value in wanted.get("values") or [wanted.get("value")]}
    return bool(have & ask) != bool(wanted.get("exclude"))
