"""Folders without a record, and Code Ocean results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from indexer.model.generation import V2, record_id
from indexer.model.settings import CollectionSettings
from indexer.model.values import to_bytes
from shared.builders import (
    BUCKET,
    COLLECTIONS,
    RESULTS,
    apply_to,
    by_kind,
    location,
    plan_of,
    record,
    rules,
    stored_mount,
    stored_result,
    world_of,
)
from shared.memory.world import World

DERIVED = {"data_level": "derived", "schema_version": "1.0.4", "modality": [{"abbreviation": "SPIM"}, {}, 7]}


def world_with(description: object, **files: bytes) -> World:
    """One asset in step, in both generations, and a folder without a record."""
    world = world_of(record("known"))
    world.add("v2", record("known", V2))
    body = description if isinstance(description, bytes) else to_bytes(description)
    world.put(BUCKET, "new/data_description.json", body)
    for name, content in files.items():
        world.put(BUCKET, f"new/{name}.json", content)
    return world


@pytest.mark.parametrize(
    ("description", "finding"),
    [
        ({"data_level": "raw"}, "raw-unregistered"),
        ({"data_level": "simulated"}, "data-level-unknown"),
        ({"data_level": None}, "data-level-unknown"),
        ({"data_level": "Derived"}, "data-level-unknown"),
        ({}, "data-level-unknown"),
        (b"{broken", "data-description-corrupt"),
        (b"null", "data-description-corrupt"),
        (b"[1]", "data-description-corrupt"),
        (b'"derived"', "data-description-corrupt"),
        (b"[" * 100_000, "data-description-corrupt"),
    ],
    ids=repr,
)
def test_what_is_not_ours_is_counted_or_found(description: object, finding: str) -> None:
    """Raw assets are registered on upload: they are counted, not listed."""
    plan = plan_of(world_with(description))
    assert plan.actions == ()
    assert plan.summary.findings == {finding: 1}
    assert [one.kind for one in plan.findings] == ([] if finding == "raw-unregistered" else [finding])


def test_a_folder_without_a_description_is_found() -> None:
    """Nothing tells what it is."""
    world = world_of(record("known"))
    world.put(BUCKET, "new/subject.json", b"{}")
    assert plan_of(world).summary.findings == {"data-description-missing": 1}


@pytest.mark.parametrize(
    ("version", "with_v2", "generation"),
    [
        ("1.0.4", True, "v1"),
        ("2.0.0", True, "v2"),
        ("10.1", True, "v2"),
        ("2.0.0", False, "v1"),
        (None, True, "v1"),
        (2, True, "v1"),
        ("two", True, "v1"),
    ],
)
def test_the_schema_version_chooses_the_generation(version: object, with_v2: bool, generation: str) -> None:
    """v2 from major 2 on, where it is configured."""
    collections = dict(COLLECTIONS) if with_v2 else {"v1": COLLECTIONS["v1"]}
    world = world_with({"data_level": "derived", "schema_version": version})
    plan = plan_of(world, with_rules=rules(collections=collections))
    (insert,) = by_kind(plan.actions, "insert-record")
    assert insert.target.generation == generation
    assert insert.target.record_id == record_id(location("new"))


V2_ALONE = {"v2": COLLECTIONS["v2"]}


@pytest.mark.parametrize(
    "version", ["1.9", "2\u0660.0", "\u0662.0", "\u00b2.0", "0x2.0", " 2.0", "+2", "", 2, 2.1, None]
)
def test_without_v1_an_older_asset_has_no_place(version: object) -> None:
    """A finding, and neither a record nor a data asset: its major is no text of ASCII digits worth 2 or more."""
    world = world_with({"data_level": "derived", "schema_version": version}, subject=b"{}")
    plan = plan_of(world, with_rules=rules(collections=V2_ALONE, register_data_assets=True))
    assert plan.actions == ()
    assert plan.summary.findings == {"generation-unconfigured": 1}


@pytest.mark.parametrize("version", ["2.0", "2", "02.1", "10.0", f"{'9' * 5000}.0"])
def test_without_v1_a_newer_asset_goes_into_v2(version: str) -> None:
    """As ever."""
    plan = plan_of(
        world_with({"data_level": "derived", "schema_version": version}),
        with_rules=rules(collections=V2_ALONE),
    )
    (insert,) = by_kind(plan.actions, "insert-record")
    assert insert.target.generation == "v2"


def test_without_v1_an_older_result_has_no_place() -> None:
    """Results without a data description are of v1, too; one that is registered already is nobody's finding."""
    world = results_world()
    world.records["v1"].clear()
    world.add("v2", record("r-old", V2, bucket=RESULTS, name="result r-old"))
    plan = plan_of(world, RESULTS, with_rules=rules(collections=V2_ALONE))
    assert plan.actions == ()
    assert [(one.kind, one.location) for one in plan.findings] == [
        ("generation-unconfigured", "s3://results/r-new")
    ]


@pytest.mark.parametrize(
    ("described", "tags"),
    [
        ({"modality": [{"abbreviation": "SPIM"}, {"abbreviation": "pophys"}]}, ("SPIM", "pophys")),
        ({"modality": {"abbreviation": "SPIM"}}, ("SPIM",)),
        ({"modality": "ecephys"}, ("ecephys",)),
        ({"modality": ["ecephys", {"abbreviation": "SPIM"}, "ecephys"]}, ("ecephys", "SPIM")),
        ({"modalities": [{"abbreviation": "SPIM"}], "modality": "ecephys"}, ("SPIM",)),
        ({"modalities": [], "modality": "ecephys"}, ()),
        ({"modalities": None, "modality": "ecephys"}, ("ecephys",)),
        ({"modality": [{"name": "x"}, 7, None, "", {"abbreviation": 7}]}, ()),
        ({"modality": 7}, ()),
        ({}, ()),
    ],
)
def test_tags_are_the_level_and_the_modalities(described: dict[str, Any], tags: tuple[str, ...]) -> None:
    """Of `modalities` or, where that is not there, `modality`: text, an object, or a list of either."""
    world = world_with({"data_level": "derived"} | described)
    plan = plan_of(world, with_rules=rules(register_data_assets=True))
    (create,) = by_kind(plan.actions, "create-data-asset")
    assert create.content.tags == ("derived", *tags)


def test_a_derived_asset_is_registered_with_its_files() -> None:
    """Record, originals, root files in our bytes, metadata file; a corrupt core file is left out and found."""
    world = world_with(DERIVED, subject=b'{"n":1}', rig=b"{broken", model=b"{}")
    plan = plan_of(world)
    assert [(action.kind, getattr(action.target, "key", "")) for action in plan.actions] == [
        ("insert-record", ""),
        ("copy-object", "new/original_metadata/subject.20260115.json"),
        ("copy-object", "new/original_metadata/data_description.20260115.json"),
        ("copy-object", "new/original_metadata/rig.20260115.json"),
        ("put-object", "new/subject.json"),
        ("delete-object", "new/rig.json"),
        ("put-object", "new/metadata.nd.json"),
    ]
    (insert,) = by_kind(plan.actions, "insert-record")
    assert [one.field for one in insert.content.fields] == ["subject", "data_description"]
    assert set(plan.summary.findings) == {"core-file-corrupt"}
    assert "new/model.json" not in [getattr(action.target, "key", "") for action in plan.actions]


def test_a_generation_that_does_not_sync_leaves_the_files() -> None:
    """v2 is off for S3: the record is registered, and nothing else."""
    plan = plan_of(world_with({"data_level": "derived", "schema_version": "2.1"}, subject=b"{}"))
    assert [action.kind for action in plan.actions] == ["insert-record"]


def test_a_value_that_no_record_holds_is_left_out_with_its_file() -> None:
    """Found, and neither copied nor deleted."""
    plan = plan_of(world_with(DERIVED, subject=b'{"n": 99999999999999999999}'))
    assert set(plan.summary.findings) == {"value-unserialisable"}
    assert not [action for action in plan.actions if "subject" in getattr(action.target, "key", "")]


def test_a_value_that_no_record_holds_stays_left_alone(tmp_path: Path) -> None:
    """Where it has an original too: plan after apply is empty."""
    world = world_with(DERIVED, session=b'{"n": 99999999999999999999}')
    world.put(BUCKET, "new/original_metadata/session.20200101.json", b"{}")
    apply_to(world, plan_of(world), tmp_path)
    assert plan_of(world).actions == ()


@pytest.mark.parametrize("mounted", [True, False])
def test_a_data_asset_is_created_once(mounted: bool) -> None:
    """Where registration is switched on and none has the location; first, and known after apply."""
    world = world_with(DERIVED)
    if mounted:
        world.mount(stored_mount("da-1", "new/"))
    plan = plan_of(world, with_rules=rules(register_data_assets=True))
    creates = by_kind(plan.actions, "create-data-asset")
    (insert,) = by_kind(plan.actions, "insert-record")
    if mounted:
        assert creates == []
        assert insert.content.links == ("da-1",)
    else:
        (create,) = creates
        assert plan.actions[0] == create
        assert insert.after == (create.id,)
        assert (create.content.name, create.content.mount) == ("new", "new")
        assert create.content.tags == ("derived", "SPIM")
        assert "external_links" in insert.content.known_after_apply


def test_no_data_asset_is_created_unless_asked() -> None:
    """The switch is off by default."""
    plan = plan_of(world_with(DERIVED))
    assert not by_kind(plan.actions, "create-data-asset")


def test_an_asset_with_a_record_in_the_other_generation_is_not_new() -> None:
    """A prefix without a record in any generation."""
    world = world_with(DERIVED)
    world.add("v2", record("new", V2))
    assert not by_kind(plan_of(world).actions, "insert-record")


@pytest.mark.parametrize(
    ("system", "nth"),
    [("records.rows", 1), ("records.rows", 2), ("records.unusable_rows", 2), ("objects.prefixes", 1)],
)
def test_nothing_is_registered_without_whole_reads(system: str, nth: int) -> None:
    """No record seen is not no record."""
    world = world_with(DERIVED)
    world.fail(system, nth)
    plan = plan_of(world)
    assert not by_kind(plan.actions, "insert-record")
    assert not plan.summary.complete


def test_no_data_asset_is_created_when_code_ocean_was_not_seen() -> None:
    """Otherwise there might be two."""
    world = world_with(DERIVED)
    world.fail("data_assets.search")
    plan = plan_of(world, with_rules=rules(register_data_assets=True))
    assert not by_kind(plan.actions, "create-data-asset")


# results


def results_world(**changed: Any) -> World:
    """Two wanted results: one registered, one new."""
    world = World()
    world.buckets |= {BUCKET: {}, RESULTS: {}}
    world.mount(stored_result("r-old"), stored_result("r-new", **changed))
    world.add("v1", record("r-old", bucket=RESULTS, name="result r-old"))
    world.put(RESULTS, "r-new/subject.json", b'{"n": 1}')
    return world


def test_a_wanted_result_is_registered() -> None:
    """Named as the data asset, linked to itself, built from its core files; nothing goes to S3."""
    (insert,) = plan_of(results_world(), RESULTS).actions
    assert insert.kind == "insert-record"
    assert (insert.reason, insert.location) == ("result-unregistered", "s3://results/r-new")
    assert (insert.content.name, insert.content.links) == ("result r-new", ("r-new",))
    assert [one.field for one in insert.content.fields] == ["subject"]


@pytest.mark.parametrize(
    ("changed", "findings"),
    [
        ({"state": "draft"}, {"result-not-ready": 1}),
        ({"has_computation": False}, {"result-without-computation": 1}),
        ({"tags": ("other",)}, {}),
        ({"archived": True}, {}),
        ({"type": "dataset"}, {}),
        ({"bucket": "somewhere", "prefix": "x"}, {}),
    ],
)
def test_what_is_not_wanted_is_not_registered(changed: dict[str, Any], findings: dict[str, int]) -> None:
    """Not ready, or without a computation: findings of their own."""
    plan = plan_of(results_world(**changed), RESULTS)
    assert plan.actions == ()
    assert plan.summary.findings == findings


@pytest.mark.parametrize("changed", [{"state": "failed"}, {"has_computation": False}])
def test_an_unfit_results_record_is_left_alone(changed: dict[str, Any]) -> None:
    """The predecessor deletes it."""
    world = results_world(**changed)
    world.add("v1", record("r-new", bucket=RESULTS))
    assert plan_of(world, RESULTS).actions == ()


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_result_that_is_gone_loses_its_record(generation: str) -> None:
    """Archived, untagged or deleted is gone, in either generation."""
    world = results_world(archived=True)
    world.records["v1"].clear()
    shape = {"v1": "v1", "v2": "v2"}[generation]
    world.add(shape, record("r-gone", bucket=RESULTS), record("r-old", bucket=RESULTS, _id="old"))  # type: ignore[arg-type]
    (delete,) = plan_of(world, RESULTS).actions
    assert (delete.kind, delete.location) == ("delete-record", "s3://results/r-gone")
    assert delete.target.generation == generation


def test_one_empty_search_deletes_nothing() -> None:
    """The predecessor deletes every result record."""
    world = results_world()
    world.data_assets.clear()
    plan = plan_of(world, RESULTS)
    assert plan.actions == ()
    assert plan.summary.findings == {"read-suspiciously-empty": 1}
    assert not plan.summary.complete
    (delete,) = plan_of(world, RESULTS, allow_empty=("codeocean",)).actions
    assert delete.kind == "delete-record"


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_search_that_fails_deletes_nothing(nth: int) -> None:
    """Any page of either search."""
    world = results_world(tags=("processed",))
    world.page_size = 1
    world.add("v1", record("r-gone", bucket=RESULTS))
    world.mount(stored_result("r-third"))
    world.add("v1", record("r-third", bucket=RESULTS))
    world.fail("data_assets.search", nth)
    assert not by_kind(plan_of(world, RESULTS).actions, "delete-record")


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_generation_that_was_not_read_registers_and_deletes_nothing(generation: str) -> None:
    """The result may be registered there."""
    world = results_world()
    world.add("v1", record("r-gone", bucket=RESULTS))
    world.fail("records.rows", 1 if generation == "v1" else 2)
    assert plan_of(world, RESULTS).actions == ()


def test_two_records_of_one_result_are_a_finding() -> None:
    """Nothing is deleted."""
    world = results_world(archived=True)
    world.add("v1", record("r-x", bucket=RESULTS), record("r-x", bucket=RESULTS, _id="second"))
    plan = plan_of(world, RESULTS)
    assert plan.actions == ()
    assert plan.summary.findings == {"location-duplicate": 1}


def test_results_know_no_lookback() -> None:
    """An old record of a gone result goes."""
    world = results_world(archived=True)
    world.add("v1", record("r-gone", bucket=RESULTS, modified="2001-01-01T00:00:00Z"))
    assert len(plan_of(world, RESULTS, lookback_days=1).actions) == 1


def test_v2_alone_may_rule_the_files() -> None:
    """Of the synced generations that hold an asset, the first has it."""
    world = World()
    world.add("v2", record("a", V2, subject={"n": 1}))
    world.put(BUCKET, "a/x", b"")
    collections = {
        "v1": COLLECTIONS["v1"],
        "v2": CollectionSettings(database="metadata_index_v2", collection="data_assets", sync_to_s3=True),
    }
    keys = [one.target.key for one in plan_of(world, with_rules=rules(collections=collections)).actions]
    assert "a/subject.json" in keys
