"""A body of an answer, read as it comes, and under a deadline over all of it.

A client's timeout counts from byte to byte: a body that drips would hold a run up for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

DEADLINE_S = 300
"""For a whole body; a metadata file, or a page of a search, takes a second or two."""
CHUNK_BYTES = 1 << 16


def in_time(read1: Callable[[int], bytes]) -> bytes:
    """All of a body. Raises TimeoutError where it takes too long."""
    parts, until = [], monotonic() + DEADLINE_S
    while part := read1(CHUNK_BYTES):
        parts.append(part)
        if monotonic() > until:
            raise TimeoutError(f"The body did not come to its end within {DEADLINE_S} seconds")
    return b"".join(parts)
