"""A record's links to Code Ocean, read generously: in every form that people have written them. Source: DOMAIN, "Links"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from indexer.model.generation import CODE_OCEAN


class InvalidLinksError(ValueError):
    """The links field holds something that cannot be read as links; it is left alone, with a finding."""


def read_links(value: object) -> frozenset[str]:
    """The ids of data assets that a links field names, in any of its forms. Raises InvalidLinksError."""
    return frozenset(_ids(by_platform(value).get(CODE_OCEAN)))


def by_platform(value: object) -> dict[str, Any]:
    """A links field as one object: platform → its entry, as it stands there. Raises InvalidLinksError."""
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
                    # In their order, each once: other platforms' entries belong to others, and their order may matter.
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
    raise InvalidLinksError("an id that is not a string")
