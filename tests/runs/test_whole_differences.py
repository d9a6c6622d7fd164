"""Whole differences, read from live systems: what each action would write, over what, and whether that still holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.errors import RefusedError
from indexer.model.action import Action
from indexer.model.generation import V2
from indexer.model.plan import Plan
from indexer.model.whole import Whole
from indexer.runs.undo import undo
from indexer.runs.whole import AHEAD, check_shown, reader_of
from indexer.threads import pool_of
from shared.builders import (
    BUCKET,
    apply_to,
    at,
    bounds,
    plan_of,
    record,
    rules,
    stored_mount,
    world_of,
)
from shared.memory.world import World

KEY = "asset/subject.json"


def wholes(world: World, plan: Plan, shown: Plan | None = None) -> dict[str, Whole]:
    """Each action's difference, by kind and the end of its target's name."""
    shown = shown or plan
    reader = reader_of(plan, shown, world.readers(), bounds(), pool_of(1, "show"))
    return {_name(one): reader.of(one) for one in (*shown.actions, *(held.action for held in shown.withheld))}


def _name(action: Action) -> str:
    target = action.target
    return f"{action.kind} {getattr(target, 'key', '').rpartition('/')[2]}".strip()


def stale(value: object = None) -> World:
    """One asset in step but for a root file."""
    world = world_of(record(subject={"name": "red", "n": 1}))
    world.put(BUCKET, KEY, b'{"name": "blue", "n": 1}' if value is None else value)  # type: ignore[arg-type]
    return world


def test_a_file_is_shown_as_it_is_and_as_it_will_be() -> None:
    """Both in our form, so that only what they say differs; nothing is written and nothing doubted."""
    world = stale()
    plan, before = plan_of(world), world.state()
    whole = wholes(world, plan)["put-object subject.json"]
    assert whole == Whole('{\n   "n": 1,\n   "name": "blue"\n}', '{\n   "n": 1,\n   "name": "red"\n}')
    assert world.state() == before


def test_a_file_that_somebody_changed_since_is_no_longer_what_was_planned() -> None:
    """What is there now is shown, with why the action would be stale."""
    world = stale()
    plan = plan_of(world)
    world.put(BUCKET, KEY, b'{"name": "green"}')
    whole = wholes(world, plan)["put-object subject.json"]
    assert whole.before == '{\n   "name": "green"\n}'
    assert whole.doubts == ("the file was changed since the plan",)


def test_a_record_that_somebody_changed_since_gives_other_contents() -> None:
    """It would not be what was reviewed; what it would be now is shown."""
    world = stale()
    plan = plan_of(world)
    world.add("v1", record(subject={"name": "yellow"}))
    whole = wholes(world, plan)["put-object subject.json"]
    assert whole.after == '{\n   "name": "yellow"\n}'
    assert whole.doubts == ("its content is not what it was when the plan was reviewed",)


def test_the_same_value_in_other_bytes_says_how_it_is_written() -> None:
    """There is no line to show."""
    world = stale(b'{"name": "red", "n": 1}')
    whole = wholes(world, plan_of(world))["put-object subject.json"]
    assert whole.before == whole.after
    (words,) = whole.words
    assert words.startswith(
        'the same value in other bytes: order of keys ("name" first → "n" first), indent ('
    )


def test_what_was_applied_is_so_already(tmp_path: Path) -> None:
    """And its undo shows the difference from the archive, the other way round."""
    world = stale()
    plan = plan_of(world)
    forth = wholes(world, plan)["put-object subject.json"]
    apply_to(world, plan, tmp_path, at=at(2026, 6, 1))
    assert wholes(world, plan)["put-object subject.json"].words == ("it is so already",)
    back = wholes(world, undo(tmp_path).plan)["put-object subject.json"]
    assert (back.before, back.after, back.doubts) == (forth.after, forth.before, ())


def test_an_adopted_field_goes_through_record_files_and_back(tmp_path: Path) -> None:
    """Nothing of a plan is doubted for what an earlier action of the plan itself brings about; nor is any of its undo."""
    world = world_of(record())
    world.put(BUCKET, KEY, b'{"a": 1}')
    world.put(BUCKET, "asset/rig.json", b"not JSON")
    plan = plan_of(world)
    found = wholes(world, plan)
    assert {one.doubts for one in found.values()} == {()}
    assert found["copy-object subject.20260115.json"].words == ("the same bytes as subject.json",)
    update = found["update-record"]
    assert update.before is not None
    assert '"subject"' not in update.before
    assert '"a": 1' in (update.after or "")
    assert '"last_modified": "(known after apply)"' in (update.after or "")
    metadata = found["put-object metadata.nd.json"]
    assert metadata.after == update.after
    assert found["delete-object rig.json"] == Whole("not JSON", None)
    apply_to(world, plan, tmp_path, at=at(2026, 6, 1))
    back = wholes(world, undo(tmp_path).plan)
    assert {one.doubts for one in back.values()} == {()}
    assert back["update-record"].after is not None
    assert '"subject"' not in back["update-record"].after


def test_a_new_asset_is_shown_whole() -> None:
    """Record, data asset, files."""
    world = world_of(record("known"))
    world.add("v2", record("known", V2))
    world.put(BUCKET, "new/data_description.json", b'{"data_level": "derived", "schema_version": "1.0"}')
    plan = plan_of(world, with_rules=rules(register_data_assets=True))
    found = wholes(world, plan)
    assert found["create-data-asset"] == Whole()
    assert found["insert-record"].before is None
    assert '"Code Ocean"' not in (found["insert-record"].after or "")
    assert '"external_links": "(known after apply)"' in (found["insert-record"].after or "")
    assert {one.doubts for one in found.values()} == {()}


def test_a_gone_asset_that_is_back_is_doubted() -> None:
    """The record is shown whole, since all of it would be lost."""
    world = world_of(record("kept"))
    world.add("v1", record("gone", subject={"a": 1}))
    world.mount(stored_mount("da-1", "gone"))
    plan = plan_of(world)
    found = wholes(world, plan)
    assert '"a": 1' in (found["delete-record"].before or "")
    assert found["delete-record"].after is None
    assert {one.doubts for one in found.values()} == {()}
    world.put(BUCKET, "gone/data.bin", b"x")
    world.data_assets.clear()
    found = wholes(world, plan)
    assert found["delete-record"].doubts == ("the asset's folder is there by now",)
    assert found["archive-data-asset"].doubts == (
        "no search shows the data asset any more",
        "the asset's folder is there by now",
    )


def test_what_cannot_be_read_says_so_and_is_counted() -> None:
    """Never taken for an absence."""
    world = stale()
    plan = plan_of(world)
    world.deny("objects")
    reader = reader_of(plan, plan, world.readers(), bounds(), pool_of(1, "show"))
    whole = reader.of(plan.actions[0])
    assert whole.unread
    assert whole.doubts[0].startswith("it could not be read: ")
    assert reader.unread == 1


def test_only_what_is_shown_is_read() -> None:
    """The other actions of an asset count for what comes of them; other assets are left alone."""
    world = World()
    world.buckets[BUCKET] = {}
    for number in range(3 * AHEAD):
        world.add("v1", record(f"a{number:02}", _id=f"id{number}", subject={"n": number}))
        world.put(BUCKET, f"a{number:02}/data.bin", b"x")
    plan = plan_of(world)
    shown = plan.model_copy(update={"actions": plan.actions[:2], "withheld": ()})
    world.calls.clear()
    assert len(wholes(world, plan, shown)) == 2
    assert world.calls["records.by_location"] == 1


@pytest.mark.parametrize(
    "forged",
    [
        lambda one: one.model_copy(update={"target": one.target.model_copy(update={"bucket": "private"})}),
        lambda one: one.model_copy(update={"target": one.target.model_copy(update={"key": "other/secret"})}),
        lambda one: one.model_copy(update={"location": "s3://private/asset"}),
    ],
)
@pytest.mark.parametrize("withheld", [False, True])
def test_a_plan_cannot_have_other_places_shown(forged: Callable[[Action], Action], withheld: bool) -> None:
    """It may have been made by anybody, and what is shown may become a comment that others read."""
    world = stale()
    plan = plan_of(world, **({"policy": "create-only"} if withheld else {}))
    check_shown(plan, bounds(), None)
    if withheld:
        held = tuple(one.model_copy(update={"action": forged(one.action)}) for one in plan.withheld)
        plan = plan.model_copy(update={"withheld": held})
    else:
        plan = plan.model_copy(update={"actions": tuple(map(forged, plan.actions))})
    with pytest.raises(RefusedError):
        check_shown(plan, bounds(), None)
