"""Assets that a plan is asked to leave out: not looked at, not counted, and no excuse for what was not seen."""

from __future__ import annotations

import pytest

from indexer.model.location import matches_any
from indexer.planner.compare import compare
from shared.builders import BUCKET, plan_of, record, world_of
from shared.memory.world import World


def drifting() -> World:
    """Two assets whose metadata file is stale, and one that is gone."""
    world = world_of(record("a1"), record("a2"), record("gone"))
    for prefix in ("a1", "a2"):
        world.put(BUCKET, f"{prefix}/metadata.nd.json", b"{}")
    for key in [key for key in world.buckets[BUCKET] if key.startswith("gone/")]:
        del world.buckets[BUCKET][key]
    return world


def located(world: World, **scoped: object) -> set[str]:
    return {action.location.rpartition("/")[2] for action in plan_of(world, **scoped).actions}


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ((), {"a1", "a2", "gone"}),
        (("a1",), {"a2", "gone"}),
        (("a*",), {"gone"}),
        (("gone", "a2"), {"a1"}),
        ((f"s3://{BUCKET}/a1",), {"a2", "gone"}),
        ((f"s3://{BUCKET}/a1/",), {"a2", "gone"}),
        ((f"s3://{BUCKET}/a?/", "gone/"), set()),
        (("A1", "s3://elsewhere/*"), {"a1", "a2", "gone"}),
    ],
)
def test_an_asset_that_matches_is_not_looked_at(exclude: tuple[str, ...], left: set[str]) -> None:
    """By its folder or its whole location, a gone one too."""
    assert located(drifting(), exclude=exclude) == left


def test_what_is_excluded_stays_so_even_where_it_is_asked_for() -> None:
    assert located(drifting(), assets=("a*", "gone"), exclude=("a2",)) == {"a1", "gone"}


def test_limits_are_measured_without_what_is_excluded() -> None:
    """As with `assets`: a share of what the plan looks at."""
    world = drifting()
    world.add("v1", record("linked", links={"Code Ocean": ["x"]}))
    by_asset = plan_of(world, assets=("a1", "gone")).summary
    by_exclusion = plan_of(world, exclude=("a2", "linked")).summary
    assert by_exclusion.by_bucket == by_asset.by_bucket
    assert by_exclusion.by_bucket[BUCKET].linked_records == 0
    assert (by_exclusion.assets, by_exclusion.records) == (2, 2)


def test_what_is_wrong_with_an_excluded_asset_is_nobodys_finding() -> None:
    world = drifting()
    world.add("v1", record("a1", _id="second"))
    assert plan_of(world).summary.findings == {"location-duplicate": 1}
    assert plan_of(world, exclude=("a1",)).summary.findings == {}


def test_a_record_without_a_location_is_found_unless_some_assets_were_asked_for() -> None:
    """No glob can leave it out: nobody asked not to see it."""
    world = drifting()
    world.add("v1", record("odd", location=None))
    assert plan_of(world, exclude=("a*",)).summary.findings == {"location-invalid": 1}
    assert plan_of(world, assets=("a*",), exclude=("a1",)).summary.findings == {}


def test_an_exclusion_that_matches_nothing_may_be_mistyped() -> None:
    """What it was to leave out is in the plan. One that another glob overrules is not mistyped."""
    world = drifting()
    assert plan_of(world, exclude=("a1", "typo", "gone")).summary.unmatched == ("typo",)
    assert plan_of(world, assets=("a1",), exclude=("a2",)).unmatched == ()


def test_a_plan_that_leaves_out_everything_says_nothing() -> None:
    """No asset is in scope: of their drift nobody knows."""
    assert plan_of(drifting(), exclude=("*",)).unmatched == ("*",)
    assert plan_of(drifting(), assets=("a1",), exclude=("a1",)).unmatched == ("a1",)


def test_it_is_typed_again_and_is_another_scope() -> None:
    """In the next plan, and in a comparison."""
    one, other = plan_of(drifting(), exclude=("a1",)), plan_of(drifting())
    assert one.scope.arguments([BUCKET]) == ["--all", "--exclude", "a1"]
    assert not compare(one, other).same_scope


@pytest.mark.parametrize("name", ["a[1]", "what?", "star*"])
def test_a_name_that_reads_as_a_glob_matches_itself(name: str) -> None:
    """Pasted from a report it must not miss its own asset."""
    assert matches_any(f"s3://{BUCKET}/{name}", (name,))
    assert matches_any(f"s3://{BUCKET}/{name}", (f"s3://{BUCKET}/{name}/",))


@pytest.mark.parametrize(("exclude", "complete"), [(("a*", "gone"), True), (("a*",), False)])
def test_a_folder_that_cannot_be_read_matters_only_where_it_is_looked_at(
    exclude: tuple[str, ...], complete: bool
) -> None:
    world = drifting()
    world.fail("objects.listing", times=None)
    assert plan_of(world, exclude=exclude).summary.complete is complete
