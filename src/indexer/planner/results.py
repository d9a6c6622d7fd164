"""Code Ocean results: registered while they are wanted, their records deleted when they are not.

Source: DOMAIN, "Results". Nothing is ever written to the results bucket.
"""

from __future__ import annotations

from collections.abc import Iterable

from indexer.model.generation import DATA_DESCRIPTION, core_file
from indexer.model.location import Location
from indexer.model.plan import Finding
from indexer.model.snapshot import Asset, DataAsset, Folder, MustReadError
from indexer.model.values import NotJsonError, UnserialisableError, from_bytes
from indexer.planner.asset import AssetPlan, Reads, chain
from indexer.planner.records import delete_record, insert_record
from indexer.planner.register import core_values, no_generation
from indexer.planner.rules import Rules, WholeReads


def by_location(results_bucket: str, results: Iterable[DataAsset]) -> dict[Location, tuple[DataAsset, ...]]:
    """Results by their locations, without those that have a source bucket: they are not internal."""
    return {
        Location(results_bucket, one.id): (one,)
        for one in results
        if not one.has_source_bucket and one.id and "/" not in one.id
    }


def needed_result_reads(asset: Asset, whole: WholeReads) -> Reads:
    """A result's folder to register it; whole records to delete them.

    | result found | registered | read                                 |
    |--------------|------------|--------------------------------------|
    | wanted       | no         | the folder                           |
    | no           | yes        | the records, if the search was whole |
    | else         |            | nothing                              |
    """
    if asset.data_assets:
        return Reads(folder=whole.may_register and not asset.rows and _unfit(asset.data_assets[0]) is None)
    if whole.may_delete:
        return Reads(tuple(row.generation for row in asset.rows))
    return Reads()


def plan_result(asset: Asset, rules: Rules, whole: WholeReads) -> AssetPlan:
    """Desired minus actual for one location of the results bucket. Raises MustReadError."""
    if not asset.data_assets:
        if not whole.may_delete:
            return AssetPlan()
        deletes = [
            delete_record(asset, asset.records[row.generation], rules, "result-gone") for row in asset.rows
        ]
        return AssetPlan(tuple(chain([deletes])))
    result = asset.data_assets[0]
    unfit = _unfit(result)
    if unfit is not None:
        return AssetPlan(findings=(unfit.model_copy(update={"location": str(asset.location)}),))
    # A result's record is never compared with its files: nothing is written there, and curators own the record.
    if asset.rows or asset.folder is None:
        return AssetPlan()
    return _register(asset, asset.folder, result, rules)


def _unfit(result: DataAsset) -> Finding | None:
    """Why a result that was found is not registered; a record that it has already is left alone."""
    if result.state != "ready":
        return Finding(kind="result-not-ready", detail=f"{result.name!r} is {result.state}")
    if not result.has_computation:
        return Finding(kind="result-without-computation", detail=f"{result.name!r} names no computation")
    return None


def _register(asset: Asset, folder: Folder, result: DataAsset, rules: Rules) -> AssetPlan:
    version = _schema_version(asset, folder)
    generation = rules.generation_of(version)
    if generation is None:
        return no_generation(asset, version)
    values, findings = core_values(asset, folder, generation, rules)
    insert, _ = insert_record(
        asset, generation, result.name, values, [result.id], rules, "result-unregistered"
    )
    return AssetPlan(tuple(chain([[insert]])), findings)


def _schema_version(asset: Asset, folder: Folder) -> object:
    """Of the result's data description; None where that is missing or cannot be read."""
    name = core_file(DATA_DESCRIPTION)
    if name not in folder.files:
        return None
    if name not in asset.bodies:
        raise MustReadError(name)
    try:
        description = from_bytes(asset.bodies[name].body)
    except (NotJsonError, UnserialisableError):
        return None  # Code Ocean says that it is wanted; its files do not decide that, only where it goes
    return description.get("schema_version") if isinstance(description, dict) else None
