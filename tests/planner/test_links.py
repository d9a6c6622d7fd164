"""Links: read generously, written in one form; only a difference of the set is drift."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from indexer.model.generation import V1, V2, Generation
from indexer.model.links import InvalidLinksError, read_links
from indexer.model.values import to_bytes
from indexer.planner.links import desired_links
from shared.builders import (
    BUCKET,
    asset_of,
    by_kind,
    mounted,
    plan_of,
    planned,
    record,
    stored_mount,
    world_of,
)
from shared.memory.world import World

CO = "Code Ocean"


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (None, set()),
        ({}, set()),
        ({CO: None}, set()),
        ({CO: []}, set()),
        ({CO: "a"}, {"a"}),
        ({CO: ["a", "b", "a"]}, {"a", "b"}),
        ({"Dandi": ["x"]}, set()),
        ({CO: ["a"], "Dandi": {"odd": 1}}, {"a"}),
        ([], set()),
        ([{CO: "a"}, {"Dandi": "x"}], {"a"}),
        ([{CO: ["a", "b"]}, {CO: "c"}, {}], {"a", "b", "c"}),
        ([{CO: None}], set()),
    ],
)
def test_links_are_read_in_every_form(value: object, ids: set[str]) -> None:
    """Absent, null, text for a list of one, and v1's old list of dicts."""
    assert read_links(value) == ids


@pytest.mark.parametrize(
    "value",
    ["a", 7, True, ["a"], [{CO: "a"}, "b"], {CO: [1]}, {CO: 7}, {CO: {"a": 1}}, [{CO: [None]}], [None]],
)
def test_what_is_no_links_is_a_finding(value: object) -> None:
    """It is left alone, and the rest of the asset goes on."""
    with pytest.raises(InvalidLinksError):
        read_links(value)
    body = record(links=value, subject={"n": 1})
    asset = replace(asset_of(body, {}, ["subject"]), data_assets=(mounted("da-1"),))
    plan = planned(asset)
    assert [finding.kind for finding in plan.findings] == ["links-invalid"]
    assert not by_kind(plan.actions, "update-record")
    assert [action.target.key for action in plan.actions] == ["asset/subject.json", "asset/metadata.nd.json"]


@pytest.mark.parametrize(
    ("value", "wanted", "written"),
    [
        ({CO: ["b", "a"]}, ["a", "b"], None),
        ({CO: "a"}, ["a"], None),
        ([{CO: "a"}, {"Dandi": "x"}], ["a"], None),
        (None, [], None),
        ({"Dandi": ["x"]}, [], None),
        (None, ["b", "a", "b"], {CO: ["a", "b"]}),
        ({CO: ["a"]}, [], {CO: []}),
        ({CO: ["old"], "Dandi": ["x"]}, ["a"], {CO: ["a"], "Dandi": ["x"]}),
        ({"Dandi": "x"}, ["a"], {CO: ["a"], "Dandi": "x"}),
        ([{CO: "old"}, {"Dandi": "x"}, {"Dandi": ["x", "y"]}], ["a"], {CO: ["a"], "Dandi": ["x", "y"]}),
        ([], ["a"], {CO: ["a"]}),
    ],
)
def test_links_become_the_sorted_set(
    value: object, wanted: list[str], written: dict[str, Any] | None
) -> None:
    """Other platforms' entries stay; the old form is folded; the same set is no drift in any form."""
    assert desired_links(value, wanted, upgraded=False) == written
    if written is not None:
        assert desired_links(written, wanted, upgraded=True) is None


@pytest.mark.parametrize(
    ("value", "wanted", "written"),
    [
        ([{CO: "a"}, {"Dandi": "x"}], ["a"], {CO: ["a"], "Dandi": ["x"]}),
        ([{CO: ["b", "a"]}, {CO: "a"}], ["a", "b"], {CO: ["a", "b"]}),
        ([{CO: "old"}], ["a"], {CO: ["a"]}),
        ([{CO: "old"}], [], {CO: []}),
        ([{"Dandi": "x"}], [], None),
        ([{CO: []}], [], None),
        ([], [], None),
        ({CO: "a"}, ["a"], None),
        ({CO: ["b", "a"]}, ["a", "b"], None),
    ],
)
def test_of_what_is_upgraded_a_list_with_ids_is_folded(
    value: object, wanted: list[str], written: dict[str, Any] | None
) -> None:
    """The upgrader takes links over from an object only, and empties v2's otherwise."""
    assert desired_links(value, wanted, upgraded=True) == written
    if written is not None:
        assert desired_links(written, wanted, upgraded=True) is None


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("modified", ["2001-01-01T00:00:00Z", "2026-01-10T00:00:00Z"])
def test_links_are_folded_beside_a_v2_record_only(beside: bool, modified: str) -> None:
    """At any age, as links go; no id is removed by it."""
    world = world_of(record("a", links=[{CO: "da-1"}, {"Dandi": "x"}], modified=modified))
    if beside:
        world.add("v2", record("a", V2, links={CO: ["da-1"]}))
    world.mount(stored_mount("da-1", "a"))
    plan = plan_of(world, lookback_days=14)
    updates = by_kind(plan.actions, "update-record")
    assert [(one.reason, one.target.generation) for one in updates] == [("links-format", "v1")] * beside
    assert [one.content.removed_links for one in updates] == [None] * beside


def test_a_list_in_v2_stays_as_it_is() -> None:
    """The upgrader replaces it; of the same ids only v1's form matters."""
    world = world_of(record("a", links={CO: ["da-1"]}))
    world.add("v2", record("a", V2, links=[{CO: "da-1"}]))
    world.mount(stored_mount("da-1", "a"))
    assert plan_of(world).actions == ()


def test_both_generations_follow_code_ocean() -> None:
    """The predecessor: v1 only."""
    world = world_of(record("a"))
    world.add("v2", record("a", V2, links={CO: ["old"]}))
    world.mount(stored_mount("da-1", "a/"), stored_mount("da-2", "a"))
    updates = by_kind(plan_of(world).actions, "update-record")
    values = {one.target.generation: one.content.fields[0].source.value for one in updates}
    assert values == {"v1": {CO: ["da-1", "da-2"]}, "v2": {CO: ["da-1", "da-2"]}}


def test_links_know_no_lookback() -> None:
    """And a record that this plan changes is in scope whole, however old."""
    world = world_of(
        record("a", modified="2001-01-01T00:00:00Z"), record("b", modified="2001-01-01T00:00:00Z")
    )
    world.put(BUCKET, "a/metadata.nd.json", b"old")
    world.put(BUCKET, "b/metadata.nd.json", b"old")
    world.mount(stored_mount("da-1", "a"))
    plan = plan_of(world, lookback_days=14)
    assert {action.location for action in plan.actions} == {"s3://bucket/a"}
    assert [action.kind for action in plan.actions] == ["update-record", "put-object"]


@pytest.mark.parametrize("shape", [V1, V2])
def test_links_that_cannot_be_read_are_found_at_any_age(shape: Generation) -> None:
    """And nothing else of an older asset is looked at: neither its files nor whether it is gone."""
    old = "2001-01-01T00:00:00Z"
    world = world_of(record("fresh"))
    for prefix in ("gone", "there"):
        world.add(shape.name, record(prefix, shape, links=7, modified=old, name="other"))
    world.put(BUCKET, "fresh/metadata.nd.json", to_bytes(record("fresh")))
    world.put(BUCKET, "there/metadata.nd.json", b"old")
    world.mount(stored_mount("da-1", "there"))
    plan = plan_of(world, lookback_days=14)
    assert plan.actions == ()
    assert [(one.kind, one.location) for one in plan.findings] == [
        ("links-invalid", "s3://bucket/gone"),
        ("links-invalid", "s3://bucket/there"),
    ]
    assert plan_of(world, lookback_days=14, codeocean=False).findings == ()


def test_archived_data_assets_are_no_links() -> None:
    """None found and the record has some: an empty list."""
    world = world_of(record("a", links={CO: ["da-1"]}), record("b", links={CO: ["da-2"]}))
    world.mount(stored_mount("da-1", "a"), stored_mount("da-2", "b"))
    world.data_assets["da-1"].archived = True
    (update,) = by_kind(plan_of(world).actions, "update-record")
    assert (update.location, update.content.fields[0].source.value) == ("s3://bucket/a", {CO: []})


def test_links_are_left_alone_without_code_ocean() -> None:
    """Not configured is not empty."""
    world = world_of(record("a", links={CO: ["da-1"]}))
    assert plan_of(world, codeocean=False).actions == ()


@pytest.mark.parametrize("nth", [1, 2])
def test_a_search_that_failed_removes_no_link(nth: int) -> None:
    """Cut short is not empty, and neither is a page missing."""
    world = world_of(record("a", links={CO: ["da-1"]}), record("b", links={CO: ["da-2"]}))
    world.mount(stored_mount("da-1", "a"), stored_mount("da-2", "b"))
    world.page_size = 1
    world.fail("data_assets.search", nth)
    plan = plan_of(world)
    assert plan.actions == ()
    assert not plan.summary.complete
    assert "read-incomplete" in plan.summary.findings


def test_a_search_that_finds_nothing_is_doubted() -> None:
    """Records hold links: an empty answer looks wrong, unless it was said to be right."""
    world: World = world_of(record("a", links={CO: ["da-1"]}))
    plan = plan_of(world)
    assert plan.actions == ()
    assert plan.summary.findings == {"read-suspiciously-empty": 1}
    (update, *_) = plan_of(world, allow_empty=("codeocean",)).actions
    assert update.reason == "links-stale"
