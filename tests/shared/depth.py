"""How deep a search goes: chance is tried anew in each run, so that few examples become many in time."""

from __future__ import annotations

import os

SHARE = 1 if os.environ.get("INDEXER_TEST_LONG") else 4


def examples(most: int) -> int:
    """A quarter of them, unless INDEXER_TEST_LONG is set."""
    return most // SHARE
