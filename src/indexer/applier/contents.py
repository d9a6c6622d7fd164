"""What an action writes: values read again from where the plan pinned them. Source: DESIGN, promise 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from indexer.applier.guard import payload, pinned
from indexer.applier.ledger import Ledger
from indexer.model.action import DeleteRecord, InsertRecord, PutObject, RecordAction, UpdateRecord
from indexer.model.content import (
    ArchivedRecordContent,
    ArchiveSource,
    FieldContent,
    InlineSource,
    NewRecordContent,
    ObjectSource,
    RecordFieldSource,
    RecordSource,
)
from indexer.model.generation import GENERATIONS, GenerationName, new_record
from indexer.model.ids import id_from_plan, id_key
from indexer.model.location import parse_location
from indexer.model.outcome import AfterImage
from indexer.model.ports import (
    Archive,
    DeleteOne,
    InsertOne,
    ObjectReader,
    RecordReader,
    RecordWrite,
    UpdateOne,
)
from indexer.model.snapshot import NOTHING
from indexer.model.values import NotJsonError, UnserialisableError, blanked, fingerprint, from_bytes

Body = Mapping[str, Any]
LiveRecords = Mapping[GenerationName, Body]
TIMES = {name: (one.created_field, one.modified_field) for name, one in GENERATIONS.items()}
"""By generation the fields that may hold the time of a write."""


class SourceChangedError(Exception):
    """A value, read again from its source, is not what was reviewed."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where contents are read again."""

    objects: ObjectReader
    records: RecordReader
    open_archive: Callable[[str], Archive]

    def archived(self, source: ArchiveSource) -> bytes:
        """A before-image. Raises SourceChangedError where the archive does not hold it."""
        body = self.open_archive(source.archive).read(source.sha256)
        if body is None:
            raise SourceChangedError(f"the archive {source.archive} does not hold {source.sha256[:12]}…")
        return body

    def archived_record(self, source: ArchiveSource) -> Body:
        """A record's before-image. Raises SourceChangedError."""
        try:
            return self.records.from_archive(self.archived(source))
        except ValueError as exc:
            raise SourceChangedError(f"the archived {source.sha256[:12]}… is not a record") from exc

    def value(self, content: FieldContent) -> Any:
        """A field's new value. Raises SourceChangedError where it is not what was reviewed."""
        match content.source:
            case InlineSource(value=value):
                pass
            case ArchiveSource() as source:
                value = self.archived_record(source).get(content.field)
            case ObjectSource() as source:
                value = self._object_value(source)
        if fingerprint(value) != content.sha256:
            raise SourceChangedError(f"the value of {content.field} was changed since the plan")
        return value

    def _object_value(self, source: ObjectSource) -> Any:
        read = self.objects.get(source.bucket, source.key)
        if read is None:
            raise SourceChangedError(f"{source.key} is gone")
        try:
            return from_bytes(read.body)
        except (NotJsonError, UnserialisableError) as exc:
            raise SourceChangedError(f"{source.key} was changed since the plan") from exc


@dataclass(slots=True)
class Filters:
    """How much of a record a run lets the database compare: all of it where it is known to, until it shows that it cannot."""

    exact: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """A write to a record, complete but for its time; what it replaces is `record`."""

    action: RecordAction
    record: Body
    """Empty where there is none."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Of a new record all fields, of a changed one those that are set."""
    stamped: tuple[str, ...] = ()
    """The fields that hold the time of the write."""

    def at(self, stamp: str, *, exact: bool) -> tuple[RecordWrite, AfterImage]:
        """The write at this time, and what it will leave. `exact`: the database compares objects, too."""
        values, record_id = {**self.values, **dict.fromkeys(self.stamped, stamp)}, self.record.get("_id")
        match self.action:
            case InsertRecord():
                return InsertOne(values), _left(values, stamp)
            case UpdateRecord(content=content, precondition=read):
                # The whole record as it will be, untouched keys included: by its fingerprint an undo knows it.
                left = {key: self.record[key] for key in self.record if key not in content.unset} | values
                # What pins the whole record (an undo) lets the database look at all of it that it can compare.
                # What it sets may not be there yet, and must not be then, either.
                held = read.fields if read.record is None else {**self.record, **values}
                unchanged = _unchanged(self.record, held, exact)
                return UpdateOne(record_id, unchanged, values, content.unset), _left(left, stamp)
            case DeleteRecord():
                return DeleteOne(record_id, _unchanged(self.record, self.record, exact)), AfterImage()


def draft(action: RecordAction, live: Body | None, sources: Sources, ledger: Ledger) -> Draft:
    """The write that an action stands for; `live` is the record that its guard let pass.

    Raises SourceChangedError, and SystemFaultError where a source cannot be read.
    """
    record, modified = live or NOTHING, GENERATIONS[action.target.generation].modified_field
    match action:
        case InsertRecord():
            # A record that comes back keeps the time of its creation; only what the plan left open is stamped.
            stamped = tuple(set(action.content.known_after_apply) & {*TIMES[action.target.generation]})
            return Draft(action, record, _new_body(action, sources, ledger), tuple(sorted(stamped)))
        case UpdateRecord(content=content):
            values = {one.field: sources.value(one) for one in content.fields}
            return Draft(action, record, values, (modified,))
        case DeleteRecord():
            return Draft(action, record)


def _left(record: Body, stamp: str) -> AfterImage:
    return AfterImage(sha256=fingerprint(record), modified=stamp)


def _new_body(action: InsertRecord, sources: Sources, ledger: Ledger) -> dict[str, Any]:
    """The new record, null standing for its times."""
    content, generation = action.content, GENERATIONS[action.target.generation]
    location = parse_location(action.location)
    if location is None:
        raise AssertionError("bounds let only usable locations pass")
    match content:
        case ArchivedRecordContent():
            body = {**sources.archived_record(content.source)}
            # The digest below is the plan's own word. These two are not: it must not bring back some other record.
            if parse_location(body.get("location")) != location:
                raise SourceChangedError("the archived record has another location")
            if id_key(body.get("_id")) != id_key(id_from_plan(action.target.record_id)):
                raise SourceChangedError("the archived record has another _id")
        case NewRecordContent():
            values = {one.field: sources.value(one) for one in content.fields}
            links = content.links
            if generation.links_field in content.known_after_apply:
                links = _created_data_assets(action, ledger)
            body = new_record(generation, location, content.name, values, links, None)
    if fingerprint(blanked(body, content.known_after_apply)) != content.sha256:
        raise SourceChangedError("the record would not be what was reviewed")
    return body


def _created_data_assets(action: InsertRecord, ledger: Ledger) -> tuple[str, ...]:
    outcomes = (ledger.outcomes[one] for one in action.after)
    return tuple(
        outcome.after.data_asset_id
        for outcome in outcomes
        if outcome.after is not None and outcome.after.data_asset_id is not None
    )


def _unchanged(live: Body, fields: Mapping[str, Any], exact: bool) -> dict[str, Any]:
    """What the database itself must still find of these fields: what each holds, null and absent as null.

    Not `exact`: text, times and null alone. Not every server can compare objects and lists; these are left to the guard
    and to the last-modified field then. So are, always, names that a filter would read as a path or an operator.
    """
    return {
        field: live.get(field)
        for field in fields
        if field not in ("_id", "") and "." not in field and not field.startswith("$")
        if exact or live.get(field) is None or isinstance(live.get(field), str | datetime)
    }


def content_of_file(action: PutObject, records: LiveRecords, sources: Sources) -> bytes | None:
    """The reviewed bytes, read again from their source; None where they are no longer these."""
    match action.content.source:
        case ArchiveSource() as source:
            try:
                body = sources.archived(source)
            except SourceChangedError:
                return None
            return body if pinned(action.content, body) else None
        case RecordFieldSource(generation=generation, field=field) if generation in records:
            return payload(action.content, records[generation], field)
        case RecordSource(generation=generation) if generation in records:
            return payload(action.content, records[generation], None)
    return None
