"""Values as the HTTP gateway sends them: JSON, which hides BSON's types. What may be one of those keeps no value of its own.

What the gateway makes of a date or an ObjectId is not documented. Likely are Python's text of it and Extended JSON; plain data
may look like either. Not to be seen are a Decimal128, an ObjectId inside a record, and code, where they come as plain text: what
was planned with those is stale when it is applied over the wire, where types are compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from indexer.model.generation import GENERATIONS, GenerationName
from indexer.model.snapshot import RecordRow
from indexer.model.values import HIDDEN, Foreign

# fmt: off
TYPE_KEYS = frozenset({
    "$binary", "$code", "$date", "$dbPointer", "$maxKey", "$minKey", "$numberDecimal", "$numberDouble", "$numberInt",
    "$numberLong", "$oid", "$ref", "$regex", "$regularExpression", "$symbol", "$timestamp", "$undefined", "$uuid",
})
# fmt: on
"""By which Extended JSON says a type. Source: its specification, version 2, and pymongo's older form of it."""
TEXT_OF_TYPE = re.compile(
    r"""\d{4}-\d\d-\d\d\ \d\d:\d\d:\d\d(\.\d{1,6})?([+-]\d\d:\d\d)?  # a datetime
    | b'.*' | b".*"                                                   # binary
    | (Binary|Code|DatetimeMS|DBRef|Int64|MaxKey|MinKey|Regex|Timestamp)\(.*\) | re\.compile\(.*\)
    """,
    re.VERBOSE | re.DOTALL,
)
"""What Python's `str` makes of it."""
OID_TEXT = re.compile(r"[0-9a-f]{24}")
FIRST = "0123456789bBCDIMRTr"
"""With one of these a text of a type begins: nearly no text is looked at further."""


def told(value: Any) -> Any:
    """The same value; what may be of a hidden type becomes a `Foreign` one that nothing can rest on."""
    match value:
        case str():
            return _hidden(value) if value[:1] in FIRST and TEXT_OF_TYPE.fullmatch(value) else value
        case dict():
            if not TYPE_KEYS.isdisjoint(value):
                return _hidden(value)
            return {key: told(item) for key, item in value.items()}
        case list():
            return [told(item) for item in value]
    return value


def told_id(value: Any) -> Any:
    """An `_id`, or a location that is text: what is no text, or the text of an ObjectId, may be of a hidden type."""
    # A number is one of four types, and an object's keys may say one: nearly every `_id` is a UUID in text.
    if not isinstance(value, str) or OID_TEXT.fullmatch(value):
        return _hidden(value)
    return told(value)


def told_row(generation: GenerationName, document: Mapping[str, Any]) -> RecordRow:
    """The light half of a record."""
    shape, location = GENERATIONS[generation], document.get("location")
    return RecordRow(
        generation=generation,
        id=told_id(document["_id"]),
        location=told_id(location) if isinstance(location, str) else told(location),
        name=told(document.get("name")),
        modified=told(document.get(shape.modified_field)),
        links=told(document.get(shape.links_field)),
    )


def told_record(document: Mapping[str, Any]) -> dict[str, Any]:
    """A whole record, which was asked for by its `_id`."""
    return {key: item if key == "_id" else told(item) for key, item in document.items()}


def _hidden(value: Any) -> Foreign:
    return Foreign(HIDDEN, json.dumps(value))
