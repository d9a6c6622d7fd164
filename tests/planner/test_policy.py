"""Policy: modes, limits, and what rests on what was held back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from indexer.model.action import action_id
from indexer.model.limits import Limits, losses, over_limits
from indexer.model.plan import Plan
from shared.builders import BUCKET, apply_to, by_kind, plan_of, record, rules, stored_mount, world_of
from shared.memory.world import World


def gone_world(gone: int, of: int) -> World:
    """So many of these records have lost their folder."""
    world = world_of(*(record(f"here{number:03}") for number in range(of - gone)))
    world.add("v1", *(record(f"gone{number:03}") for number in range(gone)))
    world.put(BUCKET, "raw/data_description.json", b'{"data_level": "raw"}')
    return world


def held(plan: Plan) -> list[str]:
    return [one.policy for one in plan.withheld]


@pytest.mark.parametrize(
    ("gone", "of", "limits", "policy"),
    [
        (3, 10, {"max_deletes": 3}, None),
        (3, 10, {"max_deletes": 2}, "max_deletes"),
        (1, 10, {"max_deletes": 0}, "max_deletes"),
        (0, 10, {"max_deletes": 0}, None),
        (5, 6, {"max_delete_percent": 10.0}, None),
        (6, 60, {"max_delete_percent": 10.0}, None),
        (6, 59, {"max_delete_percent": 10.0}, "max_delete_percent"),
        (6, 7, {"max_delete_percent": 100.0}, None),
        (6, 60, {"max_delete_percent": 0.0}, "max_delete_percent"),
        (7, 7, {"max_delete_percent": 99.9}, "max_delete_percent"),
        (7, 70, {"max_deletes": 6, "max_delete_percent": 10.0}, "max_deletes"),
    ],
)
def test_limits_hold_all_deletions_back(
    gone: int, of: int, limits: dict[str, Any], policy: str | None
) -> None:
    """At the limit is allowed; over it, none goes ahead, and each is shown. Five never exceed a percentage."""
    plan = plan_of(gone_world(gone, of), codeocean=False, **limits)
    assert len(plan.actions) == (0 if policy else gone)
    assert held(plan) == ([policy] * gone if policy else [])
    assert plan.summary.withheld == len(plan.withheld)


def test_the_detail_names_the_figure_and_the_limit() -> None:
    """So that it can be weighed."""
    plan = plan_of(gone_world(6, 12), codeocean=False, max_delete_percent=10.0)
    assert "6 of 12 records (50 %) in bucket" in plan.withheld[0].detail
    assert "10 %" in plan.withheld[0].detail


def test_archiving_is_held_back_with_its_record() -> None:
    """Over the limit, a gone asset's data assets stay as they are."""
    world = gone_world(2, 10)
    world.mount(stored_mount("da-1", "gone000"))
    plan = plan_of(world, max_deletes=1)
    assert plan.actions == ()
    assert sorted(one.action.kind for one in plan.withheld) == [
        "archive-data-asset",
        "delete-record",
        "delete-record",
    ]


def losing_files(count: int) -> World:
    """So many assets are about to lose a root file that is no JSON."""
    world = world_of(*(record(f"a{number}") for number in range(10)))
    for number in range(count):
        world.put(BUCKET, f"a{number}/subject.json", b"broken")
        world.put(BUCKET, f"a{number}/rig.json", b"broken")
    return world


@pytest.mark.parametrize(("limit", "held_back"), [(6, False), (5, True)])
def test_root_files_are_counted_by_asset(limit: int, held_back: bool) -> None:
    """Two files of one asset are one loss; copies to the originals go ahead either way."""
    plan = plan_of(losing_files(6), max_deletes=limit)
    assert len(by_kind(plan.actions, "delete-object")) == (0 if held_back else 12)
    assert len(by_kind(plan.actions, "copy-object")) == 12
    assert len(plan.withheld) == (12 if held_back else 0)


def new_folders_with_corrupt_files(count: int) -> World:
    """One asset in step, and so many new ones, each with a core file that is no JSON."""
    world = world_of(record("here"))
    for number in range(count):
        world.put(BUCKET, f"new{number}/data_description.json", b'{"data_level": "derived"}')
        world.put(BUCKET, f"new{number}/subject.json", b"")
    return world


@pytest.mark.parametrize(("limit", "held_back"), [(100.0, False), (86.0, False), (85.0, True), (0.0, True)])
def test_assets_that_lose_files_are_measured_against_assets(limit: float, held_back: bool) -> None:
    """Those that the plan registers among them: six of seven, not six of one record."""
    plan = plan_of(new_folders_with_corrupt_files(6), codeocean=False, max_delete_percent=limit)
    assert len(by_kind(plan.actions, "delete-object")) == (0 if held_back else 6)
    for one in plan.withheld:
        assert (one.policy, one.action.kind) == ("max_delete_percent", "delete-object")
        assert "6 of 7 assets' root files (85.7 %) in bucket" in one.detail


def test_new_assets_with_corrupt_files_are_brought_into_step_at_once(tmp_path: Path) -> None:
    """Nothing of them is left for a second plan."""
    world = new_folders_with_corrupt_files(6)
    apply_to(world, plan_of(world, codeocean=False), tmp_path)
    assert plan_of(world, codeocean=False).actions == ()


def test_what_is_measured_against_stands_in_the_plan() -> None:
    """So that it can be counted again from the plan alone."""
    world = world_of(record("a", links={"Code Ocean": ["da-1"]}), record("b"))
    world.add("v1", record("old", links={"Code Ocean": ["da-2"]}, modified="2020-01-01T00:00:00Z"))
    world.put(BUCKET, "old/x", b"")
    world.put(BUCKET, "new/data_description.json", b'{"data_level": "derived"}')
    world.mount(stored_mount("da-1", "a"), stored_mount("da-2", "old"))
    in_scope = plan_of(world, lookback_days=30).summary.by_bucket[BUCKET]
    assert (in_scope.records, in_scope.assets, in_scope.linked_records) == (2, 3, 2)
    of_globs = plan_of(world, assets=("o*",)).summary.by_bucket[BUCKET]
    assert (of_globs.records, of_globs.assets, of_globs.linked_records) == (1, 1, 1)


def linked_world(losing: int, of: int, unlinked: int = 0) -> World:
    """So many of the linked records are mounted by no data asset any more; and some that never were."""
    names = [f"asset{number:03}" for number in range(of)]
    world = world_of(*(record(name, links={"Code Ocean": [f"da-{name}"]}) for name in names))
    for number in range(unlinked):
        world.add("v1", record(f"plain{number}"))
        world.put(BUCKET, f"plain{number}/x", b"")
    world.mount(*(stored_mount(f"da-{name}", name) for name in names[losing:]))
    return world


@pytest.mark.parametrize(
    ("losing", "of", "limits", "policy"),
    [
        (39, 40, {"max_delete_percent": 10.0}, "max_delete_percent"),
        (5, 6, {"max_delete_percent": 10.0}, None),
        (6, 59, {"max_delete_percent": 10.0}, "max_delete_percent"),
        (6, 60, {"max_delete_percent": 10.0}, None),
        (6, 7, {"max_delete_percent": 100.0}, None),
        (3, 10, {"max_deletes": 2}, "max_deletes"),
        (3, 10, {"max_deletes": 3}, None),
    ],
)
def test_removed_links_are_limited_by_themselves(
    losing: int, of: int, limits: dict[str, Any], policy: str | None
) -> None:
    """As deletions are, and measured against the records that hold links; what rests on them is held back, too."""
    plan = plan_of(linked_world(losing, of, unlinked=60), **limits)
    losses = [one for one in plan.withheld if one.action.kind == "update-record"]
    assert len(losses) == (losing if policy else 0)
    assert {one.policy for one in plan.withheld} == ({policy} if policy else set())
    if policy:
        assert not [action for action in plan.actions if action.reason == "metadata-file-stale"]
        share = (
            f"{losing} of {of} records' links"
            if policy == "max_delete_percent"
            else f"{losing} records' links"
        )
        assert share in losses[0].detail


def test_links_of_old_records_count_as_they_are_removed() -> None:
    """Links know no lookback, and so neither does what their removals are measured against."""
    plan = plan_of(linked_world(6, 60), lookback_days=0, max_delete_percent=10.0)
    assert plan.withheld == ()
    assert len(by_kind(plan.actions, "update-record")) == 6


def test_links_that_only_grow_are_not_held_back() -> None:
    """Nothing is lost by them."""
    world = linked_world(0, 40)
    for number in range(40):
        world.mount(stored_mount(f"more-{number}", f"asset{number:03}"))
    plan = plan_of(world, max_delete_percent=0.0)
    assert plan.withheld == ()
    assert len(by_kind(plan.actions, "update-record")) == 40


def test_an_update_that_adopts_and_removes_is_held_back_whole() -> None:
    """Its fields wait for the next plan, as half of what was reviewed is nothing that was reviewed."""
    world = linked_world(6, 12)
    world.put(BUCKET, "asset000/rig.json", b'{"rig": 1}')
    plan = plan_of(world, max_delete_percent=10.0)
    (adopting,) = [one for one in plan.withheld if one.action.reason == "field-missing"]
    assert (adopting.policy, adopting.action.location) == ("max_delete_percent", "s3://bucket/asset000")
    assert not [action for action in plan.actions if action.location == "s3://bucket/asset000"]


def test_data_assets_that_go_without_a_record_count_as_one() -> None:
    """No plan of ours asks for that; one that does is measured all the same."""
    world = gone_world(3, 10)
    world.mount(*(stored_mount(f"da-{number}", f"gone00{number}") for number in range(3)))
    archiving = by_kind(plan_of(world).actions, "archive-data-asset")
    assert losses(archiving) == 3
    assert set(over_limits(archiving, {}, Limits(max_deletes=2))) == {one.id for one in archiving}
    back = [one.model_copy(update={"archive": False}) for one in archiving]
    assert losses(back) == 0


def mixed_world() -> World:
    """An asset with every kind of step, one that needs a new file beside a stale one, a gone one, and a new one."""
    beside = record("c", rig={"r": 1}, instrument={"i": 1})
    world = world_of(record("a", rig={"r": 1}, instrument={"i": 1}), record("b"), beside)
    world.put(BUCKET, "c/rig.json", b"{}")
    for name in ("instrument.json", "original_metadata/instrument.20200101.json"):
        del world.buckets[BUCKET][f"c/{name}"]
    del world.buckets[BUCKET]["a/rig.json"]
    del world.buckets[BUCKET]["a/original_metadata/rig.20200101.json"]
    world.put(BUCKET, "a/instrument.json", b"{}")
    world.put(BUCKET, "a/session.json", b"[1]")
    world.put(BUCKET, "b/subject.json", b"broken")
    world.put(BUCKET, "b/metadata.nd.json", b"old")
    world.put(BUCKET, "new/data_description.json", b'{"data_level": "derived"}')
    world.add("v1", record("gone"))
    return world


def test_upsert_only_deletes_nothing() -> None:
    """What comes after a withheld deletion goes ahead, and still rests on the steps before it."""
    plan = plan_of(mixed_world(), codeocean=False, policy="upsert-only")
    kinds = {action.kind for action in plan.actions}
    assert not kinds & {"delete-object", "delete-record", "archive-data-asset"}
    assert {one.action.kind for one in plan.withheld} == {"delete-object", "delete-record"}
    (copy, metadata) = [action for action in plan.actions if action.location == "s3://bucket/b"]
    assert (copy.kind, metadata.kind) == ("copy-object", "put-object")
    assert metadata.after == (copy.id,)


def test_create_only_changes_nothing_that_exists() -> None:
    """And what rests on a withheld write is withheld with it."""
    plan = plan_of(mixed_world(), codeocean=False, policy="create-only")
    assert {action.kind for action in plan.actions} <= {"insert-record", "copy-object", "put-object"}
    assert all(action.precondition.kind == "absent" for action in plan.actions)
    of_a = [one.action.kind for one in plan.withheld if one.action.location == "s3://bucket/a"]
    assert of_a[0] == "update-record"
    assert not [action for action in plan.actions if action.location == "s3://bucket/a"]
    assert "insert-record" in {action.kind for action in plan.actions}


@pytest.mark.parametrize("mode", ["sync", "upsert-only", "create-only"])
def test_nothing_vanishes_silently(mode: str) -> None:
    """What goes ahead and what is withheld is all that was planned; ids are right, and so are their places."""
    everything = plan_of(mixed_world(), codeocean=False)
    plan = plan_of(mixed_world(), codeocean=False, policy=mode)
    assert len(plan.actions) + len(plan.withheld) == len(everything.actions)
    seen: set[str] = set()
    for action in plan.actions:
        assert action_id(action) == action.id
        assert set(action.after) <= seen
        seen.add(action.id)


@pytest.mark.parametrize("mode", ["sync", "upsert-only", "create-only"])
def test_what_a_mode_allows_is_done_at_once(mode: str, tmp_path: Path) -> None:
    """Once it is applied, the same plan has nothing left but what is withheld."""
    world = mixed_world()
    apply_to(world, plan_of(world, codeocean=False, policy=mode), tmp_path)
    assert plan_of(world, codeocean=False, policy=mode).actions == ()


def test_a_new_file_is_copied_whatever_becomes_of_the_others() -> None:
    """Its copy to the originals rests on it alone; the metadata file on all of them."""
    plan = plan_of(mixed_world(), codeocean=False)
    stale, new, copy = (action for action in plan.actions if action.location == "s3://bucket/c")
    assert (stale.reason, new.reason) == ("core-file-stale", "core-file-missing")
    assert copy.after == (new.id,)


def test_keeping_data_assets_plans_no_archiving() -> None:
    """`on_missing`: archive, delete, or keep."""
    for on_missing, kind in (
        ("archive", "archive-data-asset"),
        ("delete", "delete-data-asset"),
        ("keep", None),
    ):
        world = gone_world(1, 5)
        world.mount(stored_mount("da-1", "gone000"), stored_mount("da-2", "here000"))
        actions = [
            action.kind
            for action in plan_of(world, with_rules=rules(on_missing=on_missing)).actions
            if action.location == "s3://bucket/gone000"
        ]
        assert actions == [*filter(None, [kind]), "delete-record"]


def test_retired_metadata_files_count_as_deletions() -> None:
    """Every asset loses one: withheld until the limits are raised; the rest goes ahead."""
    names = [f"a-{number}" for number in range(8)]
    world = world_of(*map(record, names))
    for name in names:
        world.put(BUCKET, f"{name}/data.bin", b"data")
    world.put(BUCKET, "a-0/session.json", b'{"n": 1}')
    retiring = rules(metadata_file="remove", links=False)
    plan = plan_of(world, with_rules=retiring, max_delete_percent=10.0)
    assert {one.action.reason for one in plan.withheld} == {"metadata-file-retired"}
    assert len(plan.withheld) == len(names)
    assert "field-missing" in plan.summary.reasons
    assert plan_of(world, with_rules=retiring, max_deletes=7).summary.withheld == len(names)
    assert plan_of(world, with_rules=retiring).summary.reasons["metadata-file-retired"] == len(names)
    assert plan_of(world, with_rules=retiring, policy="upsert-only").summary.withheld == len(names)
