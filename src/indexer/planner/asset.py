"""One asset: what must be read to plan it, and its plan. The desired record first, the objects from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from indexer.model.action import Action, ArchiveDataAsset, DeleteDataAsset, with_id
from indexer.model.content import DataAssetTarget, Mounted, RestsOn
from indexer.model.generation import GENERATIONS, METADATA_FILE, GenerationName
from indexer.model.links import InvalidLinksError
from indexer.model.plan import Finding
from indexer.model.snapshot import Asset, Folder, Record, RecordRow
from indexer.model.values import UnserialisableError, blanked, record_bytes
from indexer.planner.capacity import check_metadata_key, too_large
from indexer.planner.desired import FieldDesire, desire_fields
from indexer.planner.files import FilePlanner, FileSteps, file_findings
from indexer.planner.join import Window, as_shown, show_id
from indexer.planner.links import desired_links, is_upgraded, links_invalid
from indexer.planner.losses import data_asset_loses
from indexer.planner.records import delete_record, update_record
from indexer.planner.rules import Rules, WholeReads


@dataclass(frozen=True, slots=True)
class Reads:
    """What must be read before an asset can be planned."""

    records: tuple[GenerationName, ...] = ()
    """Whole records of these generations."""
    folder: bool = False


@dataclass(frozen=True, slots=True)
class AssetPlan:
    """One asset's actions, in the order of execution, and its findings."""

    actions: tuple[Action, ...] = ()
    findings: tuple[Finding, ...] = ()


def needed_reads(asset: Asset, listed: bool, rules: Rules, whole: WholeReads, within: Window) -> Reads:
    """What the plan for this asset rests on.

    | records | in the bucket's listing | read                                                          |
    |---------|-------------------------|---------------------------------------------------------------|
    | none    | yes                     | nothing yet: a new asset, whose data description tells more   |
    | some    | no, and it is whole     | the folder, to confirm that it is gone, and the whole records |
    | some    | yes, or it is not whole | the folder and the record that rules its files, if in scope   |
    """
    if not asset.rows:
        return Reads()
    # What a partial listing does not show may be on a page that failed (DOMAIN, "What must never happen" 1).
    if whole.listing and not listed:
        return (
            Reads(tuple(row.generation for row in asset.rows), folder=True) if whole.may_delete else Reads()
        )
    owner = _owner(asset, rules, whole)
    # New links change the record and so the metadata file: such a record is read whole, however old it is.
    if owner is None or not (within.recent(owner) or _links(asset, owner, owner.links, rules)[0] is not None):
        return Reads()
    return Reads((owner.generation,), folder=True)


def plan_asset(asset: Asset, rules: Rules, whole: WholeReads) -> AssetPlan:
    """Desired minus actual for an asset that has records. Raises MustReadError for files it must see."""
    if asset.folder is not None and not asset.folder.exists:
        return _gone(asset, rules) if whole.may_delete else AssetPlan()
    owner = _owner(asset, rules, whole)
    actions: list[Action] = []
    findings = [_misnamed(asset, row) for row in asset.rows if row.name != asset.location.prefix]
    for row in asset.rows:
        record = asset.records.get(row.generation)
        # Only one record may rule the files, else v1's and v2's would overwrite each other's every night.
        if row is owner and record is not None and asset.folder is not None:
            planned = _sync(asset, record, asset.folder, rules)
        else:
            planned = _relink(asset, row, rules)
        actions.extend(planned.actions)
        findings.extend(planned.findings)
    return AssetPlan(tuple(actions), tuple(findings))


def chain(steps: Iterable[Sequence[Action | tuple[Action, ...]]]) -> Iterator[Action]:
    """Give ids, and let each step rest on the one before it, and within a tuple each action on the one before."""
    before: tuple[str, ...] = ()
    for step in steps:
        finished: list[Action] = []
        for row in step:
            after = before
            for action in row if isinstance(row, tuple) else (row,):
                finished.append(with_id(action.model_copy(update={"after": after})))
                after = (finished[-1].id,)
        yield from finished
        # An empty step must not break the chain: without root files the metadata file still waits for the record.
        before = tuple(action.id for action in finished) or before


def object_steps(files: FileSteps) -> tuple[Sequence[Action | tuple[Action, ...]], ...]:
    """The steps in which an asset's objects are written, after its record."""
    return files.copies, files.roots, files.metadata


def _owner(asset: Asset, rules: Rules, whole: WholeReads) -> RecordRow | None:
    """The record that rules the asset's files: of the synced generations that hold it, the first."""
    for generation in rules.synced():
        if generation in whole.unread or generation in whole.empty:
            return None  # it may hold the asset, which would go first
        for row in asset.rows:
            if row.generation == generation:
                return row
    return None


def _misnamed(asset: Asset, row: RecordRow) -> Finding:
    detail = f"{row.generation} record {show_id(row)} is named {as_shown(row.name)}"
    return Finding(kind="name-mismatch", location=str(asset.location), detail=detail)


def _links(
    asset: Asset, row: RecordRow, value: object, rules: Rules
) -> tuple[dict[str, Any] | None, tuple[Finding, ...]]:
    """The links to write, or None; and what is wrong with the present ones."""
    if not rules.links:
        return None, ()
    try:
        wanted = [one.id for one in asset.data_assets]
        return desired_links(value, wanted, upgraded=is_upgraded(asset, row)), ()
    except InvalidLinksError as exc:
        return None, (links_invalid(asset.location, exc),)


def _relink(asset: Asset, row: RecordRow, rules: Rules) -> AssetPlan:
    """A record that rules no files, or is not in scope: only its links are kept in step."""
    links, findings = _links(asset, row, row.links, rules)
    if links is None:
        return AssetPlan((), findings)
    generation = GENERATIONS[row.generation]
    # The light row holds all that a change of links rests on: no whole record is read for it (decision 1).
    actual = {
        "location": row.location,
        generation.modified_field: row.modified,
        generation.links_field: row.links,
    }
    return AssetPlan(tuple(chain([[update_record(asset, row, actual, {}, links, rules)]])), findings)


def _sync(asset: Asset, record: Record, folder: Folder, rules: Rules) -> AssetPlan:
    """The record that rules the files: its fields and links, and the files from the desired record."""
    generation = GENERATIONS[record.generation]
    desires, blocked = desire_fields(generation, record.body, asset, rules)
    links, link_findings = _links(asset, record.row, record.body.get(generation.links_field), rules)
    adopted = {desire.field: desire.value for desire in desires if desire.decision.adopt}
    findings = [*link_findings, *file_findings(asset, desires, blocked)]
    desired = dict(record.body) | adopted
    if links is not None:
        desired[generation.links_field] = links
    updates: list[Action] = []
    unknown: tuple[str, ...] = ()
    if adopted or links is not None:
        updates = [update_record(asset, record.row, record.body, adopted, links, rules)]
        # The write stamps the record, and the metadata file holds that stamp (decision 6).
        unknown = (generation.modified_field,)
    metadata: bytes | None = None
    if rules.metadata_file == "sync":
        try:
            check_metadata_key(asset.location, folder)
            if why := too_large(folder, [METADATA_FILE], rules.largest_file_mb):
                raise UnserialisableError(why)
            metadata = record_bytes(blanked(desired, unknown), _known(desires))
        except UnserialisableError as exc:
            # A blocked core field has a finding of its own, and it is the same value: one is enough.
            if not any(block.in_record for block in blocked):
                findings.append(_unserialisable(asset, record, exc))
    files = FilePlanner(asset, generation, rules).steps(desires, metadata, unknown)
    return AssetPlan(tuple(chain([updates, *object_steps(files)])), tuple(findings))


def _unserialisable(asset: Asset, record: Record, why: UnserialisableError) -> Finding:
    detail = f"{record.generation} record {show_id(record.row)}: {why}"
    return Finding(kind=why.finding, location=str(asset.location), detail=detail)


def _known(desires: Iterable[FieldDesire]) -> dict[str, bytes]:
    """The bytes of the record's fields that root files hold too."""
    return {desire.field: desire.content for desire in desires if desire.content is not None}


def _gone(asset: Asset, rules: Rules) -> AssetPlan:
    """No key is left: the data assets that mount it go first, the records in every generation after them.

    The other way round, a run that stops in between would leave data assets that no record leads to.
    """
    location = str(asset.location)
    mounts: list[Action] = []
    for one in sorted(asset.data_assets, key=lambda one: one.id):
        target = DataAssetTarget(
            data_asset_id=one.id, bucket=asset.location.bucket, prefix=asset.location.prefix
        )
        common: dict[str, Any] = {
            "location": location,
            "reason": "asset-gone",
            "target": target,
            "precondition": Mounted(),
            "rests_on": RestsOn(folder="gone"),
            "loses": data_asset_loses(one, asset.location),
        }
        if rules.on_missing == "archive":
            mounts.append(ArchiveDataAsset(**common))
        elif rules.on_missing == "delete":
            mounts.append(DeleteDataAsset(**common))
    records = [delete_record(asset, asset.records[row.generation], rules, "asset-gone") for row in asset.rows]
    return AssetPlan(tuple(chain([mounts, records])))
