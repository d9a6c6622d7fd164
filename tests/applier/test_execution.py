"""Carrying a plan out: each action as planned, in order, and doing it twice."""

from __future__ import annotations

from pathlib import Path

from drifting import REGISTER, drifting_world, find, new_id, plan_and_world, sorted_state

from indexer.model.action import Action
from shared.builders import (
    BUCKET,
    RESULTS,
    apply_to,
    at,
    outcome_of,
    plan_of,
    record,
    statuses,
    stored_mount,
    stored_result,
    world_of,
)
from shared.memory.exploding import exploding_writers
from shared.memory.world import World


def test_everything_is_applied_and_then_in_step(tmp_path: Path) -> None:
    """One write for each action."""
    plan, world = plan_and_world()
    result = apply_to(world, plan, tmp_path)
    assert set(statuses(result)) == {"applied"}
    assert len(world.writes) == len(plan.actions)
    assert plan_of(world, with_rules=REGISTER).actions == ()


def test_a_second_run_writes_nothing(tmp_path: Path) -> None:
    """With writers that explode."""
    plan, world = plan_and_world()
    apply_to(world, plan, tmp_path)
    result = apply_to(world, plan, tmp_path, writers=exploding_writers())
    assert set(statuses(result)) == {"satisfied"}


def test_a_second_run_elsewhere_changes_nothing(tmp_path: Path) -> None:
    """Without the first run's journal, conditions alone see to it."""
    plan, world = plan_and_world()
    apply_to(world, plan, tmp_path / "one")
    before = repr(world)
    result = apply_to(world, plan, tmp_path / "two")
    assert set(statuses(result)) == {"satisfied"}
    assert repr(world) == before


def test_an_empty_plan_writes_nothing(tmp_path: Path) -> None:
    """A no-op never writes."""
    world = world_of(record("a"))
    plan = plan_of(world)
    assert plan.actions == ()
    apply_to(world, plan, tmp_path, writers=exploding_writers())


def test_assets_in_parallel_end_the_same(tmp_path: Path) -> None:
    """Sixteen threads, one journal."""
    plan, world = plan_and_world()
    alone = drifting_world()
    apply_to(alone, plan, tmp_path / "one")
    result = apply_to(world, plan, tmp_path / "sixteen", parallel=16)
    assert set(statuses(result)) == {"applied"}
    assert repr(sorted_state(world)) == repr(sorted_state(alone))


def test_an_update_is_stamped_with_the_time_of_the_write(tmp_path: Path) -> None:
    """Other programs poll on it; the metadata file holds it too."""
    plan, world = plan_and_world()
    apply_to(world, plan, tmp_path, at=at(2027, 1, 2, 3))
    stamp = "2027-01-02T03:00:00.000000Z"
    assert world.records["v1"]["'id-b'"]["last_modified"] == stamp
    assert world.records["v2"]["'id-c'"]["_last_modified"] == stamp
    assert stamp.encode() in world.buckets[BUCKET]["b/metadata.nd.json"].body
    assert world.records["v1"][repr(new_id())]["created"] == stamp


def test_a_created_data_asset_is_the_new_records_link(tmp_path: Path) -> None:
    """Its id is known after apply."""
    plan, world = plan_and_world()
    apply_to(world, plan, tmp_path)
    (created,) = [one.id for one in world.data_assets.values() if one.prefix == "new"]
    assert world.records["v1"][repr(new_id())]["external_links"] == {"Code Ocean": [created]}


def test_a_mount_that_somebody_made_meanwhile_is_as_good(tmp_path: Path) -> None:
    """Never are there two."""
    plan, world = plan_and_world()
    world.mount(stored_mount("da-theirs", "new/"))
    result = apply_to(world, plan, tmp_path)
    assert outcome_of(result, find(plan, "create-data-asset")).status == "satisfied"
    assert world.records["v1"][repr(new_id())]["external_links"] == {"Code Ocean": ["da-theirs"]}


def test_a_copy_of_a_new_file_is_dated_with_its_write(tmp_path: Path) -> None:
    """The day is known after apply."""
    plan, world = plan_and_world()
    world.now = at(2031, 12, 31, 23)
    result = apply_to(world, plan, tmp_path)
    copied = find(plan, "copy-object", "rig.<date>.json")
    after = outcome_of(result, copied).after
    assert after is not None
    assert after.key == "a/original_metadata/rig.20311231.json"
    assert after.key in world.buckets[BUCKET]


def test_a_result_that_came_back_keeps_its_record(tmp_path: Path) -> None:
    """What a deletion rests on is looked at again."""
    world = World()
    world.buckets |= {BUCKET: {}, RESULTS: {}}
    world.mount(stored_result("r-other"))
    world.add("v1", record("r-1", bucket=RESULTS), record("r-other", bucket=RESULTS))
    plan = plan_of(world, RESULTS)
    (delete,) = plan.actions
    world.mount(stored_result("r-1"))
    assert outcome_of(apply_to(world, plan, tmp_path), delete).status == "stale"
    assert "'r-1'" not in world.records["v1"]
    assert "'id-r-1'" in world.records["v1"]


def test_a_result_that_is_gone_by_now_is_not_registered(tmp_path: Path) -> None:
    """What a registration rests on is looked at again: another plan would only delete the record."""
    world = World()
    world.buckets |= {BUCKET: {}, RESULTS: {}}
    world.mount(stored_result("r-1"), stored_result("r-other"))
    world.add("v1", record("r-other", bucket=RESULTS))
    plan = plan_of(world, RESULTS)
    (insert,) = plan.actions
    world.data_assets["r-1"].archived = True
    assert outcome_of(apply_to(world, plan, tmp_path), insert).status == "stale"
    assert set(world.records["v1"]) == {"'stranger'", "'id-r-other'"}


def test_a_new_record_is_not_linked_to_what_no_longer_mounts_it(tmp_path: Path) -> None:
    """The next plan registers it with what is there then."""
    world = world_of(record("other"))
    world.put(BUCKET, "new/data_description.json", b'{"data_level": "derived"}')
    world.mount(stored_mount("da-1", "new"))
    plan = plan_of(world)
    insert = find(plan, "insert-record")
    world.data_assets["da-1"].archived = True
    assert outcome_of(apply_to(world, plan, tmp_path), insert).status == "stale"
    assert set(world.records["v1"]) == {"'stranger'", "'id-other'"}


def test_every_action_has_one_outcome_in_the_plans_order(tmp_path: Path) -> None:
    """Whatever becomes of it."""
    plan, world = plan_and_world()
    world.fail("objects", times=None)
    result = apply_to(world, plan, tmp_path)
    assert [one.action_id for one in result.outcomes] == [one.id for one in plan.actions]


def test_actions_of_one_asset_never_overtake_each_other(tmp_path: Path) -> None:
    """The record, then copies, then root files, then the metadata file."""
    plan, world = plan_and_world()
    apply_to(world, plan, tmp_path, parallel=8)
    order = [write.target for write in world.writes]
    of_b: list[Action] = [one for one in plan.actions if one.location == "s3://bucket/b"]
    names = [
        f"{one.target.bucket}/{one.target.key}" if hasattr(one.target, "key") else "'id-b'"  # type: ignore[union-attr]
        for one in of_b
    ]
    assert [one for one in order if one in names] == names
