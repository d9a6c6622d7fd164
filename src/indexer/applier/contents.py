"""What a record action writes: values read again from where the plan pinned them. Source: DESIGN, promise 3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from indexer.applier.ledger import Ledger
from indexer.model.action import DeleteRecord, FieldContent, InlineSource, InsertRecord, UpdateRecord
from indexer.model.generation import GENERATIONS, new_record
from indexer.model.location import parse_location
from indexer.model.ports import DeleteOne, InsertOne, ObjectReader, RecordWrite, UpdateOne
from indexer.model.values import (
    NotJsonError,
    UnserialisableError,
    fingerprint,
    from_bytes,
    masked,
    sha256,
    to_bytes,
)

Body = Mapping[str, Any]


class SourceChangedError(Exception):
    """A value, read again from its source, is not what was reviewed."""


def record_write(
    action: InsertRecord | UpdateRecord | DeleteRecord,
    live: Body | None,
    stamp: str,
    objects: ObjectReader,
    ledger: Ledger,
) -> RecordWrite:
    """The write that an action stands for; `live` is the record that its guard let pass.

    Raises SourceChangedError, and SystemFaultError where a source cannot be read.
    """
    match action:
        case InsertRecord():
            return InsertOne(_new_body(action, stamp, objects, ledger))
        case UpdateRecord():
            modified = GENERATIONS[action.target.generation].modified_field
            values = {one.field: _value(one, objects) for one in action.content.fields}
            unchanged = _unchanged(live or {}, action.precondition.fields)
            return UpdateOne((live or {}).get("_id"), unchanged, {**values, modified: stamp})
        case DeleteRecord():
            return DeleteOne((live or {}).get("_id"), _unchanged(live or {}, live or {}))


def _new_body(action: InsertRecord, stamp: str, objects: ObjectReader, ledger: Ledger) -> dict[str, Any]:
    generation, content = GENERATIONS[action.target.generation], action.content
    location = parse_location(action.location)
    if location is None:
        raise AssertionError("bounds let only usable locations pass")
    values = {one.field: _value(one, objects) for one in content.fields}
    links = content.links
    if generation.links_field in content.known_after_apply:
        links = _created_data_assets(action, ledger)
    body = new_record(generation, location, content.name, values, links, stamp)
    if fingerprint(masked(body, content.known_after_apply)) != content.sha256:
        raise SourceChangedError("the record would not be what was reviewed")
    return body


def _created_data_assets(action: InsertRecord, ledger: Ledger) -> tuple[str, ...]:
    outcomes = (ledger.outcomes[one] for one in action.after)
    return tuple(
        outcome.after.data_asset_id
        for outcome in outcomes
        if outcome.after is not None and outcome.after.data_asset_id is not None
    )


def _value(content: FieldContent, objects: ObjectReader) -> Any:
    source = content.source
    if isinstance(source, InlineSource):
        value = source.value
    else:
        read = objects.get(source.bucket, source.key)
        if read is None:
            raise SourceChangedError(f"{source.key} is gone")
        try:
            value = from_bytes(read.body)
        except (NotJsonError, UnserialisableError) as exc:
            raise SourceChangedError(f"{source.key} was changed since the plan") from exc
    try:
        digest = sha256(to_bytes(value))
    except UnserialisableError as exc:
        raise SourceChangedError(f"the value of {content.field} was changed since the plan") from exc
    if digest != content.sha256:
        raise SourceChangedError(f"the value of {content.field} was changed since the plan")
    return value


def _unchanged(live: Body, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What the database itself must still find: of these fields, text as it is, null and absent as null.

    Objects and lists are left to the guard and to the last-modified field: not every server can compare them.
    """
    return {
        field: live.get(field)
        for field in fields
        if field != "_id" and (live.get(field) is None or isinstance(live.get(field), str))
    }
