"""Writes to one record, with what was read as their precondition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from indexer.model.action import DeleteRecord, InsertRecord, UpdateRecord
from indexer.model.content import (
    AsRead,
    FieldContent,
    InlineSource,
    NewRecordContent,
    ObjectSource,
    RecordContent,
    RestsOn,
)
from indexer.model.generation import (
    DATA_DESCRIPTION,
    GENERATIONS,
    Generation,
    core_file,
    new_record,
    record_id,
)
from indexer.model.links import read_links
from indexer.model.reasons import Reason
from indexer.model.snapshot import Asset, Record, RecordRow
from indexer.model.values import HIDDEN, Foreign, blanked, fingerprint, hidden, sha256
from indexer.planner.diff import changes
from indexer.planner.losses import record_loses
from indexer.planner.rules import Rules


def update_record(
    asset: Asset,
    row: RecordRow,
    actual: Mapping[str, Any],
    adopted: Mapping[str, Any],
    links: Mapping[str, Any] | None,
    rules: Rules,
) -> UpdateRecord:
    """Set core fields to their root files' values, and the links; the record must be as `actual` says.

    Raises HiddenTypeError.
    """
    generation = GENERATIONS[row.generation]
    new_values = dict(adopted)
    fields = field_contents(asset, adopted)
    if links is not None:
        new_values[generation.links_field] = links
        inline = InlineSource(value=links)
        fields.append(FieldContent(field=generation.links_field, source=inline, sha256=fingerprint(links)))
    old_values = {name: actual[name] for name in new_values if actual.get(name) is not None}
    differences, omitted = changes(old_values, new_values)
    return UpdateRecord(
        location=str(asset.location),
        reason=_reason(actual.get(generation.links_field), adopted, links),
        target=rules.target(row.generation, row.id),
        precondition=AsRead(fields=_as_read(actual, ["location", generation.modified_field, *new_values])),
        rests_on=None
        if links is None
        else RestsOn(mounts=tuple(sorted(one.id for one in asset.data_assets))),
        content=RecordContent(
            fields=tuple(fields),
            removed_links=None if links is None else _removed(actual.get(generation.links_field), links),
            known_after_apply=(generation.modified_field,),
        ),
        changes=differences,
        changes_omitted=omitted,
    )


def _reason(actual: object, adopted: Mapping[str, Any], links: Mapping[str, Any] | None) -> Reason:
    """Why a record is written; the same ids in another form are a matter of format."""
    if adopted or links is None:
        return "field-missing"
    return "links-format" if read_links(actual) == read_links(links) else "links-stale"


def _removed(actual: object, links: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The ids that these links no longer name; None where they name all of them."""
    return tuple(sorted(read_links(actual) - read_links(links))) or None


def delete_record(
    asset: Asset, record: Record, rules: Rules, reason: Literal["asset-gone", "result-gone"]
) -> DeleteRecord:
    """Delete the record that still is, in every field, as it was read. Raises HiddenTypeError."""
    modified_field = GENERATIONS[record.generation].modified_field
    check_told(record.body)
    gone = RestsOn(folder="gone") if reason == "asset-gone" else RestsOn(result="gone")
    return DeleteRecord(
        location=str(asset.location),
        reason=reason,
        target=rules.target(record.generation, record.row.id),
        precondition=AsRead(
            fields=_as_read(record.body, ["location", modified_field]),
            record=fingerprint(record.body),
        ),
        rests_on=gone,
        loses=record_loses(record.body, record.generation, asset.data_assets),
    )


def insert_record(
    asset: Asset,
    generation: Generation,
    name: str,
    values: Mapping[str, Any],
    links: Sequence[str] | None,
    rules: Rules,
    reason: Literal["asset-unregistered", "result-unregistered"],
) -> tuple[InsertRecord, dict[str, Any]]:
    """Register an asset; returns the desired record too, nulls standing for what only the write will tell.

    `links` None: the data asset is created by the same plan, its id known after apply.
    """
    # A result needs no `described`: Code Ocean says whether it is wanted, and it may have no data description.
    if reason == "result-unregistered":
        rests_on = RestsOn(result="wanted")
    else:
        rests_on = RestsOn(described=described(asset), mounts=tuple(sorted(links)) if links else None)
    unknown: tuple[str, ...] = (generation.created_field, generation.modified_field)
    if links is None:
        unknown = (*unknown, generation.links_field)
    body = new_record(generation, asset.location, name, values, tuple(links or ()), None)
    body = blanked(body, unknown)
    action = InsertRecord(
        location=str(asset.location),
        reason=reason,
        target=rules.target(generation.name, record_id(asset.location)),
        rests_on=rests_on,
        content=NewRecordContent(
            name=name,
            links=tuple(sorted(links or ())),
            fields=tuple(field_contents(asset, values)),
            sha256=fingerprint(body),
            known_after_apply=unknown,
        ),
    )
    return action, body


def described(asset: Asset) -> str:
    """What a new asset's data description holds: all that is created for the asset rests on it."""
    return sha256(asset.bodies[core_file(DATA_DESCRIPTION)].body)


def field_contents(asset: Asset, values: Mapping[str, Any]) -> list[FieldContent]:
    """Where each core field's value is read again, and what it must hash to."""
    return [
        FieldContent(
            field=field,
            source=ObjectSource(
                bucket=asset.location.bucket,
                key=asset.location.key(core_file(field)),
                etag=asset.bodies[core_file(field)].etag,
            ),
            sha256=fingerprint(value),
        )
        for field, value in values.items()
    ]


def check_told(value: object) -> None:
    """Raise HiddenTypeError where a type is hidden in it: nobody could say later whether it is still the same."""
    match value:
        case Foreign() if value.type_name == HIDDEN:
            raise hidden(value)
        case Mapping():
            for item in value.values():
                check_told(item)
        case list():
            for item in value:
                check_told(item)


def _as_read(actual: Mapping[str, Any], names: Sequence[str]) -> dict[str, str | None]:
    """What these fields must still be; None stands for null and absent alike. Raises HiddenTypeError."""
    check_told([actual.get(name) for name in names])
    return {name: None if actual.get(name) is None else fingerprint(actual[name]) for name in names}
