"""The `_id`s of records: as a plan names them, and how two of them are compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from indexer.model.values import HIDDEN, Foreign, Oid, UnserialisableError, check_storable, hidden

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
"""As Extended JSON writes them."""
IdKey = str | tuple[str]
"""By which ids are compared: text is its own, so that a million of them take no more room."""


def id_in_plan(record_id: object) -> Any:
    """An `_id` as a plan names it: text and plain numbers as they are, all else in canonical MongoDB Extended JSON.

    Raises UnserialisableError for what no plan can name: it would read back as another value.
    """
    form = _id_form(record_id)
    check_storable(form)
    return form


def _id_form(value: object) -> Any:
    match value:
        case Mapping():
            # In Extended JSON such a key says a type: the id would read back as another value (decision 31).
            if any(key.startswith("$") for key in value):
                raise UnserialisableError("a key that begins with a dollar has another meaning in a plan")
            return {key: _id_form(item) for key, item in value.items()}
        case list():
            return [_id_form(item) for item in value]
    return _scalar_form(value)


def _scalar_form(value: object) -> Any:
    match value:
        case None | bool() | str():
            return value
        case int():  # a BSON long comes as a class of its own; a document is compared with its types
            return value if type(value) is int else {"$numberLong": str(int(value))}
        case float():
            return {"$numberDouble": NOT_FINITE.get(str(value), repr(value))}
        case datetime():
            at = value if value.tzinfo else value.replace(tzinfo=UTC)
            return {"$date": {"$numberLong": str((at - EPOCH) // timedelta(milliseconds=1))}}
        case Oid():
            return {"$oid": value.hex}
        case Foreign() if value.type_name == HIDDEN:
            raise hidden(value)
        case Foreign():
            form = json.loads(value.extended_json)
            if "$regularExpression" in form:
                raise UnserialisableError("a pattern would match other ids")
            return form
    raise UnserialisableError(f"a {type(value).__name__}")


def id_from_plan(value: object) -> object:
    """The `_id` that a plan names. Raises nothing: what is no id will match no record."""
    match value:
        case {"$oid": str() as text}:
            return Oid(text)
        case {"$date": {"$numberLong": str() as text}}:
            with suppress(ValueError, OverflowError):  # beyond Python's times it stays what it is
                return EPOCH + timedelta(milliseconds=int(text))
        case {"$numberDouble": str() as text}:
            with suppress(ValueError):
                return float(text)
        case list():
            return [id_from_plan(item) for item in value]
        case dict() if not any(key.startswith("$") for key in value):
            return {key: id_from_plan(item) for key, item in value.items()}
    return Foreign(next(iter(value), ""), json.dumps(value)) if isinstance(value, dict) else value


def id_key(record_id: object) -> IdKey:
    """What two `_id`s share where they are one: however each was read, or named by a plan. Key order counts."""
    if isinstance(record_id, str):
        return record_id
    # In a tuple, so that no other id can pass for the text of one; not sorted, since key order counts to the database.
    try:
        return (json.dumps(_id_form(record_id)),)
    except UnserialisableError:
        return (repr(record_id),)
