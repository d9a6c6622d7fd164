"""Which assets a plan looks at: lookback, locations, duplicates, order."""

from __future__ import annotations

from datetime import timedelta

import pytest

from indexer.model.generation import V2
from indexer.model.values import read_time
from indexer.planner.join import Window, join, window
from shared.builders import (
    BUCKET,
    NOW,
    asset_of,
    at,
    location,
    plan_of,
    planned,
    record,
    row,
    scope,
    world_of,
)
from shared.memory.world import World

EDGE = NOW - timedelta(days=14)


@pytest.mark.parametrize(
    ("modified", "recent"),
    [
        (EDGE.isoformat(), True),
        ((EDGE - timedelta(microseconds=1)).isoformat(), False),
        ("2026-01-01T12:00:00Z", True),
        ("2026-01-01T11:59:59.999999Z", False),
        ("2026-01-01T13:00:00+02:00", False),
        ("2026-01-01T11:00:00-02:00", True),
        ("2026-01-01T12:00:00", True),
        (EDGE, True),
        (EDGE.replace(tzinfo=None), True),
        (EDGE - timedelta(milliseconds=1), False),
        ("2099-01-01T00:00:00Z", True),
        ("2000-01-01", False),
        (None, True),
        ("soon", True),
        ("", True),
        (1_700_000_000, True),
    ],
    ids=repr,
)
def test_times_compare_as_instants(modified: object, recent: bool) -> None:
    """Not as text; missing, null and unreadable count as recent, and so does the future."""
    assert window(NOW, scope(BUCKET, lookback_days=14)).recent(row(modified=modified)) is recent
    assert window(NOW, scope(BUCKET)).recent(row(modified=modified))


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("2024-05-01T12:00:00Z", at(2024, 5, 1, 12)),
        ("2024-05-01T12:00:00.5+02:00", at(2024, 5, 1, 10) + timedelta(milliseconds=500)),
        ("0001-01-01T00:00:00+14:00", None),
        (7, None),
    ],
)
def test_a_time_is_an_instant_or_none(value: object, read: object) -> None:
    """Whatever stands there, nothing raises."""
    assert read_time(value) == read


@pytest.mark.parametrize("lookback", [None, 14])
def test_gone_assets_of_older_records_are_hidden_by_the_lookback(lookback: int | None) -> None:
    """Only records within it are looked at."""
    world = world_of(record("here"))
    world.add("v1", record("gone", modified="2001-01-01T00:00:00Z"))
    plan = plan_of(world, lookback_days=lookback, codeocean=False)
    assert [action.kind for action in plan.actions] == ([] if lookback else ["delete-record"])


def test_one_recent_record_does_not_make_the_other_generations_files_recent() -> None:
    """The record that rules the files is old: they are not looked at."""
    world = world_of(record("a", modified="2001-01-01T00:00:00Z"))
    world.put(BUCKET, "a/metadata.nd.json", b"old")
    world.add("v2", record("a", V2))
    assert plan_of(world, lookback_days=14).actions == ()


@pytest.mark.parametrize(
    "place",
    [None, 7, "", "s3://bucket", "s3://bucket/", "s3://bucket/a/b", "s3://bucket/a//", "s3:///a", "bucket/a"],
)
def test_an_unusable_location_is_a_finding_and_nothing_else(place: object) -> None:
    """The record is neither synced nor deleted."""
    world = world_of(record("a"))
    world.add("v1", record("odd", location=place))
    plan = plan_of(world)
    assert plan.actions == ()
    assert plan.summary.findings == {"location-invalid": 1}
    assert "id-odd" in plan.findings[0].detail


def test_a_location_in_another_bucket_is_not_ours() -> None:
    """`s3://bucket-two` is not `s3://bucket`."""
    world = world_of(record("a"))
    world.add("v1", record("a", _id="other", location="s3://bucket-two/a"))
    plan = plan_of(world)
    assert (plan.actions, plan.findings) == ((), ())


@pytest.mark.parametrize("second", ["s3://bucket/a", "s3://bucket/a/"])
def test_two_records_of_one_location_are_a_finding_and_nothing_else(second: str) -> None:
    """In any generation, after dropping a trailing slash: nothing is planned for that location."""
    world = world_of(record("a", subject={"n": 1}), record("b", subject={"n": 1}))
    world.add("v1", record("a", _id="second", location=second))
    world.add("v2", record("a", V2, links={"Code Ocean": ["x"]}))
    for prefix in ("a", "b"):
        world.put(BUCKET, f"{prefix}/subject.json", b"{}")
    plan = plan_of(world, allow_empty=("codeocean",))
    assert {action.location for action in plan.actions} == {"s3://bucket/b"}
    assert [finding.kind for finding in plan.findings] == ["location-duplicate"]
    assert "id-a, second" in plan.findings[0].detail


def test_a_gone_asset_with_two_records_is_left_alone() -> None:
    """Neither is deleted."""
    world = world_of(record("b"))
    world.add("v1", record("a"), record("a", _id="second"))
    assert plan_of(world).actions == ()


def test_a_trailing_slash_is_the_same_asset() -> None:
    """On either side."""
    world = world_of(record("a", location="s3://bucket/a/"))
    assert plan_of(world).actions == ()


@pytest.mark.parametrize("name", ["other", None, 7, ""])
def test_another_name_is_a_finding_and_the_asset_is_synced(name: object) -> None:
    """It counts by its location."""
    plan = planned(asset_of(record(name=name), {}), links=False)
    assert [finding.kind for finding in plan.findings] == ["name-mismatch"]
    assert [action.kind for action in plan.actions] == ["put-object"]


def test_the_order_of_s3_does_not_lose_an_asset() -> None:
    """S3 lists `a-b/` before `a/`, DocDB `a` before `a-b`; neither is taken for gone or new."""
    names = ["a", "a-b", "a.b", "a b", "a+", "aa", "a0", "a/"[:-1] + "~"]
    rows = [row(name) for name in sorted(names)]
    prefixes = sorted(names, key=lambda name: f"{name}/")
    assert sorted(names) != prefixes
    joined = join(BUCKET, rows, prefixes, {}, Window(), links=False)
    assert [asset.location for asset, _ in joined.assets()] == sorted(map(location, names))
    assert all(len(asset.rows) == 1 and listed for asset, listed in joined.assets())
    world = world_of(*map(record, names))
    world.page_size = 1
    assert plan_of(world).actions == ()


def test_both_generations_meet_at_their_location() -> None:
    """v1 first; v1 has the files where both sync to S3."""
    joined = join(BUCKET, [row("a", "v2"), row("a")], ["a"], {}, Window(), links=False)
    assert [one.generation for one in next(joined.assets())[0].rows] == ["v1", "v2"]


def test_globs_choose_assets_by_their_prefix() -> None:
    """Case counts; nothing else is looked at, and findings without a location are left out."""
    world = World()
    for prefix in ("a1", "A2", "b1"):
        world.add("v1", record(prefix))
        world.put(BUCKET, f"{prefix}/x", b"")
    world.add("v1", record("odd", location=None))
    plan = plan_of(world, assets=("a*", "b?"))
    assert {action.location for action in plan.actions} == {"s3://bucket/a1", "s3://bucket/b1"}
    assert plan.findings == ()


def test_a_glob_is_unmatched_where_no_bucket_has_anything_for_it() -> None:
    """A folder without a record counts, and so does a record without a folder, or one too old to be looked at."""
    world = world_of(record("gone"), record("old", modified="2020-01-01T00:00:00Z"))
    world.put(BUCKET, "unregistered/x", b"")
    globs = ("nothing*", "gone", "old", "unreg*", "Gone", "s3://elsewhere/*", "nothing*")
    assert plan_of(world, assets=globs, lookback_days=7).summary.unmatched == (
        "nothing*",
        "Gone",
        "s3://elsewhere/*",
    )
    assert plan_of(world, assets=globs[1:4], lookback_days=7).summary.unmatched is None


def test_an_odd_prefix_is_no_asset() -> None:
    """A key that starts with a slash has a folder without a name."""
    world = world_of(record("a"))
    world.put(BUCKET, "/data_description.json", b'{"data_level": "derived"}')
    plan = plan_of(world)
    assert (plan.actions, plan.findings) == ((), ())
