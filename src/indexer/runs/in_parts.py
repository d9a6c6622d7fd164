"""The JSON of a plan's file, its actions read one at a time: all at once, as dictionaries, they take several times the file.

Only the layout that we write ourselves is read so. Whatever else there is, and all that is wrong in any way, goes to
`json.loads` whole, whose words are then those of the refusal.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from typing import Any

from indexer.model.pieces import Items

OPENING = b'\n "actions": [\n'
BETWEEN = b"\n  },\n  {\n"
CLOSING = b"\n  }\n ]"
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""Where there is none, every text can be written again; where there is one, it may be half of a pair."""


def read_document(body: bytes) -> Any:
    """The value in a file, as `json.loads` reads it, but for its actions, which may be Items. Raises as that does.

    Text with an escaped surrogate is read whole.
    """
    in_parts = None if SURROGATE.search(body) else _in_parts(body)
    return json.loads(body.decode("utf-8-sig")) if in_parts is None else in_parts


def _in_parts(body: bytes) -> dict[str, Any] | None:
    """None where it cannot be told that this reads the same as the whole does."""
    opened = body.find(OPENING)
    closed = body.find(CLOSING, opened)
    if opened < 0 or closed < 0:
        return None
    start, end = opened + len(OPENING), closed + len(b"\n  }")
    # No file can hold this text, so where it comes back from is the array that the actions were cut out of: a value for a
    # value. That each of them is one by itself is looked at, since indents prove nothing.
    mark = secrets.token_hex()
    try:
        document = json.loads((body[:start] + b'"%b"' % mark.encode() + body[end:]).decode("utf-8-sig"))
        if not isinstance(document, dict) or document.get("actions") != [mark]:
            return None
        for _ in _each(body, start, end):
            pass
    except (ValueError, RecursionError):
        return None
    return document | {"actions": Items(lambda: _each(body, start, end))}


def _each(body: bytes, start: int, end: int) -> Iterator[Any]:
    """The values between two of the file's places, one at a time. Raises as `json.loads` does."""
    while start < end:
        at = body.find(BETWEEN, start, end)
        stop = end if at < 0 else at + len(b"\n  }")
        yield json.loads(body[start:stop].decode())
        start = stop + len(b",\n")
