"""What a shell completes beside names of options and files: buckets of the configuration here, and our words.

Nothing is said and nothing fails here: somebody is in the middle of typing.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

if TYPE_CHECKING:
    from indexer.model.choosing import Facet


def buckets(incomplete: str) -> list[str]:
    """The configured buckets that begin so; --config is not looked at."""
    return _beginning(_configured(), incomplete)


def facet(name: Facet) -> Callable[[str], list[str]]:
    """Completes what actions are chosen by: `system`, `action`, `effect` or `reason`."""

    def words(incomplete: str) -> list[str]:
        from indexer.model.choosing import FACETS

        return _beginning(FACETS[name], incomplete)

    return words


def choices(incomplete: str) -> list[str]:
    """What a part of a plan is chosen by, as bare words: a shell may take what stands after a `=` for a word of its own."""
    from indexer.model.choosing import FACETS

    return _beginning((word for words in FACETS.values() for word in words), incomplete)


def statuses(incomplete: str) -> list[str]:
    """What may come of an action."""
    from indexer.model.outcome import Status
    from indexer.render.selection import IN_PLANS

    return _beginning((*get_args(Status), *IN_PLANS), incomplete)


def explained(incomplete: str) -> list[str]:
    """Every word that can be explained."""
    from indexer.model.vocabulary import every_word

    return _beginning(dict.fromkeys(one.word for one in every_word()), incomplete)


def _beginning(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]


def _configured() -> list[str]:
    """The names alone, unchecked: pydantic would take half a second to say the same."""
    import tomllib

    document: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        document = tomllib.loads(Path("indexer.toml").read_text(encoding="utf-8-sig"))
    held = document.get("buckets")
    with contextlib.suppress(ValueError):
        held = json.loads(os.environ["INDEXER_BUCKETS"]) if os.environ.get("INDEXER_BUCKETS") else held
    codeocean = document.get("codeocean")
    results = codeocean.get("results_bucket") if isinstance(codeocean, dict) else None
    return [name for name in [*(held if isinstance(held, list) else ()), results] if isinstance(name, str)]
