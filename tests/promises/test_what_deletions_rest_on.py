"""A deletion, or links that go, rest on what is elsewhere: it is looked at once more before the write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from promises.mishaps import Call, carry_out, kinds, mount, status_of, striking
from resilience.arena import BUCKET, Arena, our_bytes

ORIGINAL = "asset/original_metadata/session.20250501.json"
ROOT = "asset/session.json"


def superfluous(world: Arena) -> None:
    """A root file whose field the record lacks, and whose original is kept: the plan deletes it."""
    world.insert_in_step("asset", subject={"subject_id": "1"})
    world.put(ROOT, b'{"session": 7}')
    world.put(ORIGINAL, b'{"session": 7}')
    assert kinds(world.plan_everything()) == ["delete-object"]


def test_the_last_copy_in_the_bucket_stays(world: Arena) -> None:
    """Somebody has removed the original since the plan."""
    superfluous(world)
    world.remove(ORIGINAL)
    done = world.run("apply", "plan.json")
    assert done.returncode == 4, done.stderr
    assert "its original is gone by now" in done.stdout + done.stderr
    assert world.sandbox.s3.objects(BUCKET)[ROOT] == b'{"session": 7}'


def test_a_file_stays_whose_field_the_record_has_by_now(world: Arena) -> None:
    """Whoever wrote it left the last-modified field as it was."""
    superfluous(world)
    world.records().update_one({"name": "asset"}, {"$set": {"session": {"session": 7}}})
    done = world.run("apply", "plan.json")
    assert done.returncode == 4, done.stderr
    assert "the record has session by now" in done.stdout + done.stderr
    assert ROOT in world.sandbox.s3.objects(BUCKET)


def test_what_still_holds_lets_it_go(world: Arena) -> None:
    """And the next plan is empty."""
    superfluous(world)
    assert world.run("apply", "plan.json").returncode == 0
    assert ROOT not in world.sandbox.s3.objects(BUCKET)
    world.assert_in_step()


def linked(world: Arena, count: int) -> None:
    """Records, each of which is linked to the data asset that mounts it."""
    for number in range(count):
        name = f"asset_{number:02}"
        mount(world, f"da-{number:02}", name)
        world.insert_in_step(name, external_links={"Code Ocean": [f"da-{number:02}"]})


def test_a_configuration_without_code_ocean_removes_no_links(world: Arena) -> None:
    """That nothing mounts an asset is then the word of nobody: the plan is refused whole."""
    linked(world, 2)
    world.sandbox.codeocean.remove("da-00")
    assert kinds(world.plan_everything()) == ["update-record", "put-object"]
    config = world.folder / "indexer.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text[: text.index("[codeocean]")], encoding="utf-8")
    before = world.state()
    done = world.run("apply", "plan.json")
    assert done.returncode == 5, done.stderr
    assert world.state() == before


def test_a_search_that_shows_one_of_forty_empties_no_links(world: Arena) -> None:
    """They are withheld as deletions are; `--max-delete-percent 100 --max-deletes 39` says that it is right."""
    linked(world, 40)
    for number in range(1, 40):
        world.sandbox.codeocean.remove(f"da-{number:02}")
    config = world.folder / "indexer.toml"
    config.write_text(world.sandbox.config_toml(), encoding="utf-8")
    plan = world.plan_command()
    assert plan["actions"] == []
    assert sum(one["action"]["kind"] == "update-record" for one in plan["withheld"]) == 39
    before = world.state()
    assert world.run("apply", "plan.json").returncode == 0
    assert world.state() == before


def test_code_ocean_is_asked_again_once_its_answer_is_old(world: Arena) -> None:
    """A run of hours does not go by what it saw in its first minute: a mount that is back by then keeps its link."""
    linked(world, 3)
    for number in (0, 1):
        world.sandbox.codeocean.remove(f"da-{number:02}")
    plan, started, ticks = world.plan_everything(), datetime.now(UTC), count()

    def and_then_one_comes_back(call: Call) -> Any:
        pages = list(call())
        mount(world, "da-01", "asset_01")
        return iter(pages)

    with world.opened() as systems:
        systems = striking(systems, "readers.data_assets", "mounted", and_then_one_comes_back)
        clock = lambda: started + timedelta(seconds=70 * next(ticks))  # noqa: E731
        result = carry_out(world, systems, "run", clock=clock)
    assert status_of(result, plan, "update-record", "asset_00") == "applied"
    assert status_of(result, plan, "update-record", "asset_01") == "stale"


def test_a_data_asset_that_was_deleted_does_not_come_back(world: Arena) -> None:
    """We archived it, somebody deleted it: its way back is stale, not done."""
    world.insert_in_step("here")
    world.insert_gone("gone")
    mount(world, "da-gone", "gone")
    plan = world.plan_everything()
    assert kinds(plan) == ["archive-data-asset", "delete-record"]
    assert world.run("apply", "plan.json", "--results", "run").returncode == 0
    world.sandbox.codeocean.remove("da-gone")
    assert world.run("undo", "run", "--out", "undo.json").returncode == 0
    done = world.run("apply", "undo.json")
    assert done.returncode == 4, done.stderr
    assert "the data asset was deleted, and cannot come back" in done.stdout + done.stderr
    assert world.records("v2").count_documents({"name": "gone"}) == 1


def test_a_gone_folder_that_is_back_keeps_its_record(world: Arena) -> None:
    """And its data asset."""
    world.insert_in_step("here")
    world.insert_gone("gone")
    mount(world, "da-gone", "gone")
    world.plan_everything()
    world.put("gone/subject.json", our_bytes({"subject_id": "x"}))
    before = world.state()
    assert world.run("apply", "plan.json").returncode == 4
    assert world.state() == before
