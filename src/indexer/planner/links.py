"""A record's links to Code Ocean: read generously, written in one form. Source: DOMAIN, "Links"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from indexer.model.generation import CODE_OCEAN
from indexer.model.location import Location
from indexer.model.plan import Finding
from indexer.model.snapshot import RecordRow
from indexer.model.values import fingerprint, from_bytes, to_bytes


class InvalidLinksError(ValueError):
    """The links field holds something that is no links; it is left alone and found."""


def links_invalid(location: Location, why: InvalidLinksError) -> Finding:
    """What people are told of such a field."""
    return Finding(kind="links-invalid", location=str(location), detail=f"links cannot be read: {why}")


def read_links(value: object) -> frozenset[str]:
    """The ids of data assets that a links field names, in whatever form. Raises InvalidLinksError."""
    return frozenset(_ids(_by_platform(value).get(CODE_OCEAN)))


def holds_links(row: RecordRow) -> bool:
    """Does the record name any data asset?"""
    try:
        return bool(read_links(row.links))
    except InvalidLinksError:
        return False


def desired_links(value: object, wanted: Iterable[str]) -> dict[str, Any] | None:
    """The links field that names exactly the wanted ids, or None where it already does.

    | value                                   | becomes                                         |
    |-----------------------------------------|-------------------------------------------------|
    | the same set in any form                | None: only a difference of the set is drift     |
    | absent, null                            | `{"Code Ocean": wanted}`                        |
    | dict of platforms                       | the same, with "Code Ocean" replaced            |
    | list of dicts (v1's old form)           | folded into one dict of lists, likewise         |

    Raises InvalidLinksError.
    """
    wanted_ids = sorted(set(wanted))
    if read_links(value) == set(wanted_ids):
        return None
    links = {**_by_platform(value), CODE_OCEAN: wanted_ids}
    if not _is_json(links):
        raise InvalidLinksError("another platform's entry has no form in JSON")
    return links


def _is_json(value: object) -> bool:
    try:
        return fingerprint(from_bytes(to_bytes(value))) == fingerprint(value)
    except ValueError:
        return False


def _by_platform(value: object) -> dict[str, Any]:
    match value:
        case None:
            return {}
        case Mapping():
            return dict(value)
        case list():
            folded: dict[str, list[str]] = {}
            for item in value:
                if not isinstance(item, Mapping):
                    raise InvalidLinksError(f"a list with {type(item).__name__} in it")
                for platform, ids in item.items():
                    held = folded.setdefault(platform, [])
                    held.extend(one for one in _ids(ids) if one not in held)
            return dict(folded)
    raise InvalidLinksError(f"a {type(value).__name__} where an object is expected")


def _ids(value: object) -> list[str]:
    match value:
        case None:
            return []
        case str():
            return [value]
        case list() if all(isinstance(item, str) for item in value):
            return list(value)
    raise InvalidLinksError("an id that is no string")
