"""A record's links to Code Ocean: read generously, written in one form. Source: DOMAIN, "Links"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from indexer.model.generation import CODE_OCEAN
from indexer.model.links import InvalidLinksError, by_platform, read_links
from indexer.model.location import Location
from indexer.model.plan import Finding
from indexer.model.snapshot import Asset, RecordRow
from indexer.model.values import fingerprint, from_bytes, to_bytes


def links_invalid(location: Location, why: InvalidLinksError) -> Finding:
    """What people are told of such a field."""
    return Finding(kind="links-invalid", location=str(location), detail=f"links cannot be read: {why}")


def holds_links(row: RecordRow) -> bool:
    """Does the record name any data asset?"""
    try:
        return bool(read_links(row.links))
    except InvalidLinksError:
        return False


def is_upgraded(asset: Asset, row: RecordRow) -> bool:
    """Is it a v1 record with one of v2 beside it, which the upgrader writes?"""
    return row.generation == "v1" and any(one.generation == "v2" for one in asset.rows)


def desired_links(value: object, wanted: Iterable[str], *, upgraded: bool) -> dict[str, Any] | None:
    """The links field that names exactly the wanted ids, or None where it already does.

    | value                                   | becomes                                         |
    |-----------------------------------------|-------------------------------------------------|
    | list with the same ids, upgraded to v2  | folded into one dict of lists                   |
    | the same set in any form                | None: only a difference of the set is drift     |
    | absent, null                            | `{"Code Ocean": wanted}`                        |
    | dict of platforms                       | the same, with "Code Ocean" replaced            |
    | list of dicts (v1's old form)           | folded into one dict of lists, likewise         |

    The upgrader takes links over from a dict only: for a list it empties v2's, every night. Raises InvalidLinksError.
    """
    wanted_ids = sorted(set(wanted))
    fold = upgraded and isinstance(value, list) and bool(wanted_ids)
    if read_links(value) == set(wanted_ids) and not fold:
        return None
    links = {**by_platform(value), CODE_OCEAN: wanted_ids}
    # A plan holds links as JSON: what does not come back the same would be written changed.
    if not _is_json(links):
        raise InvalidLinksError("another platform's entry has no form in JSON")
    return links


def _is_json(value: object) -> bool:
    try:
        return fingerprint(from_bytes(to_bytes(value))) == fingerprint(value)
    except ValueError:
        return False
