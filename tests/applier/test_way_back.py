"""A run is taken back by its folder, however often its plan was applied and however the last time ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from indexer.model.action import content_id
from indexer.model.plan import Plan, plan_digest
from indexer.runs.files import plan_text
from indexer.runs.loading import load_plan
from indexer.runs.undo import undo
from shared.builders import (
    BUCKET,
    Warned,
    apply_to,
    by_kind,
    outcome_of,
    plan_of,
    record,
    rules,
    statuses,
    world_of,
)
from shared.memory.stored import Crash
from shared.memory.world import World

REGISTER = rules(register_data_assets=True)
STAMPS = ("last_modified", "_last_modified")


def drifting_world() -> World:
    """Files to replace, to make and to delete, records to change, to make and to delete."""
    world = world_of(record("a", subject={"n": 1}, rig={"r": 1}), record("b"))
    world.put(BUCKET, "a/subject.json", b'"replaced"')
    del world.buckets[BUCKET]["a/rig.json"]
    world.put(BUCKET, "b/session.json", b'{"s": 1}')
    world.put(BUCKET, "b/procedures.json", b"broken")
    world.put(BUCKET, "new/data_description.json", b'{"data_level": "derived"}')
    world.add("v1", record("gone", subject={"keep": "me"}))
    return world


def drifting() -> tuple[Plan, World]:
    world = drifting_world()
    return plan_of(world), world


def but_stamps(world: World) -> dict[str, Any]:
    """All that the systems hold, but for the stamps of the records' last writes."""
    state = world.state()
    for held in state["records"].values():
        for body in held.values():
            for name in STAMPS:
                body.pop(name, None)
    return state


def taken_back(world: World, folder: Path) -> dict[str, int]:
    """Plan the way back from a folder, and go it; outcomes by status."""
    back = undo(folder)
    assert back.impossible == ()
    return apply_to(world, back.plan, folder / "back").summary


def test_a_second_run_that_was_stopped_at_once_takes_nothing_from_the_first(tmp_path: Path) -> None:
    """Its result names what the first run wrote."""
    plan, world = drifting()
    before = but_stamps(world)
    apply_to(world, plan, tmp_path)
    stop = Event()
    stop.set()
    assert set(statuses(apply_to(world, plan, tmp_path, stop=stop))) == {"skipped"}
    assert set(taken_back(world, tmp_path)) == {"applied"}
    assert but_stamps(world) == before


def test_a_plan_of_a_later_minor_version_can_be_taken_back(tmp_path: Path) -> None:
    """Its digest covers fields that are ignored here; the run keeps them all the same."""
    plan, world = drifting()
    before = but_stamps(world)
    document = json.loads(plan_text(plan))
    document |= {"format_version": "1.9", "later": {"field": 1}}
    document["actions"][0]["later"] = True
    document["actions"][0]["id"] = content_id(document["actions"][0])
    document["digest"] = plan_digest(document)
    (tmp_path / "later.json").write_text(json.dumps(document))
    reviewed = load_plan(tmp_path / "later.json")
    apply_to(world, reviewed, tmp_path / "run")
    assert set(taken_back(world, tmp_path / "run")) == {"applied"}
    assert but_stamps(world) == before


@pytest.mark.parametrize("times", [1, 2])
def test_a_run_that_was_killed_can_be_taken_back_once_another_was_stopped(tmp_path: Path, times: int) -> None:
    """A result is there, and nothing more is written for it; of what was in flight it says that it is not known."""
    plan, world = drifting()
    before = but_stamps(world)
    world.crash_before = len(plan.actions) // 2
    with pytest.raises(Crash):
        apply_to(world, plan, tmp_path)
    world.heal()
    written = len(world.writes)
    stop = Event()
    stop.set()
    for _ in range(times):
        apply_to(world, plan, tmp_path, stop=stop)
    assert len(world.writes) == written > 0
    back = undo(tmp_path)
    assert len(back.impossible) < len(plan.actions) // 2
    apply_to(world, back.plan, tmp_path / "back")
    assert but_stamps(world) == before


def test_what_is_stale_the_second_time_was_written_the_first_time(tmp_path: Path) -> None:
    """A curator changed the record since: the file that came from it is still ours, and goes back."""
    plan, world = drifting()
    apply_to(world, plan, tmp_path)
    world.records["v1"]["'id-a'"] |= {"subject": {"curated": 1}}
    again = apply_to(world, plan, tmp_path)
    put = next(one for one in by_kind(plan.actions, "put-object") if one.target.key == "a/subject.json")
    assert outcome_of(again, put).status == "stale"
    apply_to(world, undo(tmp_path).plan, tmp_path / "back")
    assert world.buckets[BUCKET]["a/subject.json"].body == b'"replaced"'
    assert world.records["v1"]["'id-a'"]["subject"] == {"curated": 1}


Break = Callable[[World], None]
UNKNOWN: list[tuple[str, str, Break]] = [
    (
        "delete-object",
        "b/procedures.json",
        lambda w: w.before("objects.delete", lambda: w.fail("objects.get", times=None)),
    ),
    ("delete-record", "/gone", lambda w: w.fail("records.by_id", 2, times=None)),
]


@pytest.mark.parametrize(("kind", "name", "act"), UNKNOWN, ids=[row[0] for row in UNKNOWN])
def test_what_failed_and_may_have_been_done_comes_back(
    tmp_path: Path, kind: str, name: str, act: Break
) -> None:
    """The answer was lost, and no look told: the journal has the before-image."""
    plan, world = drifting()
    before = but_stamps(world)
    action = next(
        one for one in by_kind(plan.actions, kind) if getattr(one.target, "key", one.location).endswith(name)
    )
    if kind == "delete-object":
        world.fail("objects.delete", committed=True)
    act(world)
    result = apply_to(world, plan, tmp_path)
    world.heal()
    assert outcome_of(result, action).status == "failed"
    apply_to(world, undo(tmp_path).plan, tmp_path / "back")
    where = ("objects", BUCKET, name) if kind == "delete-object" else ("records", "v1", "'id-gone'")
    system, place, key = where
    assert but_stamps(world)[system][place][key] == before[system][place][key]


@pytest.mark.parametrize("committed", [True, False])
def test_what_a_run_may_have_left_is_taken_back_where_it_is_there(tmp_path: Path, committed: bool) -> None:
    """The journal says what the write would leave: an undo finds it, or finds that there is nothing to do."""
    plan, world = drifting()
    before = but_stamps(world)
    world.fail("objects.put", committed=committed)
    world.before("objects.put", lambda: world.fail("objects.get", times=None))
    apply_to(world, plan, tmp_path)
    world.heal()
    back = undo(tmp_path)
    assert back.impossible == ()
    assert set(apply_to(world, back.plan, tmp_path / "back").summary) <= {"applied", "satisfied"}
    assert but_stamps(world) == before


def test_without_the_journal_what_failed_is_not_known(tmp_path: Path) -> None:
    """It is said, not passed over: it may have been carried out."""
    plan, world = drifting()
    world.fail("objects.put", committed=True)
    world.before("objects.put", lambda: world.fail("objects.get", times=None))
    result = apply_to(world, plan, tmp_path)
    (tmp_path / "journal.jsonl").unlink()
    said = "\n".join(undo(tmp_path).impossible)
    failed = [one.action_id for one in result.outcomes if one.status == "failed"]
    assert failed
    assert all(one in said for one in failed)


def test_a_run_that_was_killed_is_taken_back_from_its_journal(tmp_path: Path) -> None:
    """At any step, without a result."""
    steps = len(drifting()[0].actions)
    for step in range(1, steps):
        for sent in (True, False):
            plan, world = drifting()
            before = but_stamps(world)
            world.crash_after, world.crash_before = (step, None) if sent else (None, step)
            folder = tmp_path / f"{step} {sent}"
            with pytest.raises(Crash):
                apply_to(world, plan, folder)
            world.heal()
            back = undo(folder)
            assert back.impossible == ()
            assert "did not get to its end" in " ".join(back.notes)
            assert set(apply_to(world, back.plan, folder / "back").summary) <= {"applied", "satisfied"}
            assert but_stamps(world) == before


def test_an_undo_overwrites_nobody_who_edits_the_record_at_that_moment(tmp_path: Path) -> None:
    """A run's update pins the fields that it read, an undo's the whole record: so does its write, last-modified first."""
    plan, world = drifting()
    apply_to(world, plan, tmp_path)

    def curate() -> None:
        world.records["v1"]["'id-b'"] |= {"session": {"curated": 1}, "last_modified": "2026-02-01T00:00:00Z"}

    back = undo(tmp_path).plan
    (update,) = by_kind(back.actions, "update-record")
    world.before("records.write", curate)
    assert outcome_of(apply_to(world, back, tmp_path / "back"), update).status == "stale"
    assert world.records["v1"]["'id-b'"]["session"] == {"curated": 1}


def test_what_was_sent_and_is_stale_by_now_is_taken_back_all_the_same(tmp_path: Path) -> None:
    """The run died when S3 had the file; since then the record was changed that it came from, but the file is ours."""
    body = record("a", subject={"n": 1})
    world = world_of(body)
    world.put(BUCKET, "a/metadata.nd.json", b'"replaced"')
    plan = plan_of(world)
    world.crash_after = len(plan.actions)
    with pytest.raises(Crash):
        apply_to(world, plan, tmp_path)
    world.heal()
    world.add("v1", body | {"subject": {"curated": 1}})
    assert "stale" in statuses(apply_to(world, plan, tmp_path))
    apply_to(world, undo(tmp_path).plan, tmp_path / "back")
    assert world.buckets[BUCKET]["a/metadata.nd.json"].body == b'"replaced"'


@pytest.mark.parametrize("loss", ["torn", "gone"])
def test_a_journal_that_is_damaged_costs_no_good_result(tmp_path: Path, loss: str) -> None:
    """Applied again, nothing is left to do, and the result of before still counts."""
    plan, world = drifting()
    before = but_stamps(world)
    apply_to(world, plan, tmp_path)
    journal, said = tmp_path / "journal.jsonl", list[str]()
    if loss == "gone":
        journal.unlink()
    else:
        lines = journal.read_text().splitlines()
        lines[len(lines) // 2] = lines[len(lines) // 2][:40]
        journal.write_text("\n".join(lines))
    assert set(apply_to(world, plan, tmp_path, observer=Warned(said)).summary) == {"satisfied"}
    assert len(said) == (1 if loss == "torn" else 0)
    back = undo(tmp_path)
    assert len(back.impossible) == (1 if loss == "torn" else 0)
    assert set(apply_to(world, back.plan, tmp_path / "back").summary) == {"applied"}
    assert but_stamps(world) == before


RETIRE = rules(metadata_file="remove")


def test_a_retirement_of_metadata_files_is_taken_back(tmp_path: Path) -> None:
    """The files go, other files do not; the way back brings every byte again, what was not in step too."""
    world = world_of(record("a", subject={"n": 1}), record("b"))
    world.put(BUCKET, "b/data.bin", b"data")
    world.put(BUCKET, "b/metadata.nd.json", b"somebody's")
    before = world.state()
    plan = plan_of(world, with_rules=RETIRE)
    assert {(one.kind, one.reason) for one in plan.actions} == {("delete-object", "metadata-file-retired")}
    assert apply_to(world, plan, tmp_path).summary == {"applied": 2}
    assert [key for key in world.buckets[BUCKET] if key.endswith("metadata.nd.json")] == []
    assert plan_of(world, with_rules=RETIRE).actions == ()
    assert taken_back(world, tmp_path) == {"applied": 2}
    assert world.state() == before


def test_a_retired_file_that_came_back_is_not_replaced_by_an_undo(tmp_path: Path) -> None:
    """Somebody wrote it anew: theirs stays, and the undo says so. One that changed before is not retired."""
    world = world_of(record("a"), record("b"))
    for name in "ab":
        world.put(BUCKET, f"{name}/data.bin", b"data")
    plan = plan_of(world, with_rules=RETIRE)
    world.put(BUCKET, "b/metadata.nd.json", b"changed")
    assert sorted(statuses(apply_to(world, plan, tmp_path))) == ["applied", "stale"]
    world.put(BUCKET, "a/metadata.nd.json", b"theirs")
    assert taken_back(world, tmp_path) == {"stale": 1}
    files = {key: one.body for key, one in world.buckets[BUCKET].items()}
    assert files["a/metadata.nd.json"] == b"theirs"
    assert files["b/metadata.nd.json"] == b"changed"


def test_a_metadata_file_that_is_all_of_its_folder_is_not_retired(tmp_path: Path) -> None:
    """Without it the next plan would take the asset for gone, and its record with it; neither plan nor apply does that."""
    world = world_of(record("alone"), record("data"), record("missing", subject={"n": 1}))
    world.put(BUCKET, "data/raw/data.bin", b"data")
    del world.buckets[BUCKET]["missing/subject.json"]
    del world.buckets[BUCKET]["missing/original_metadata/subject.20200101.json"]
    plan = plan_of(world, with_rules=RETIRE)
    assert {one.location for one in plan.actions} == {f"s3://{BUCKET}/data", f"s3://{BUCKET}/missing"}
    del world.buckets[BUCKET]["data/raw/data.bin"]
    result = apply_to(world, plan, tmp_path)
    (kept,) = (one for one in result.outcomes if one.status != "applied")
    assert (kept.status, "nothing else is in its folder" in kept.detail) == ("stale", True)
    assert [key for key in world.buckets[BUCKET] if key.endswith("metadata.nd.json")] == [
        "alone/metadata.nd.json",
        "data/metadata.nd.json",
    ]
    assert plan_of(world, with_rules=RETIRE).actions == ()


def test_both_of_two_data_assets_go_and_one_that_lags_is_waited_for(tmp_path: Path) -> None:
    """Two runs created one each; the search does not show the second one at once."""
    world = drifting_world()
    plan = plan_of(world, with_rules=REGISTER)
    apply_to(world, plan, tmp_path)
    (create,) = by_kind(plan.actions, "create-data-asset")
    (made,) = [one for one in world.data_assets.values() if one.prefix == "new"]
    twin = replace(made, id="da-twin")
    world.mount(twin)
    journal = tmp_path / "journal.jsonl"
    journal.write_text(
        journal.read_text().replace(f'"data_asset_id": "{made.id}"', '"data_asset_id": "da-twin"')
    )
    back = undo(tmp_path).plan
    gone = {one.target.data_asset_id for one in by_kind(back.actions, "delete-data-asset")}
    assert gone == {made.id, "da-twin"}
    hidden = world.data_assets.pop("da-twin")
    world.before("data_assets.search", lambda: world.mount(hidden), nth=2)
    assert set(apply_to(world, back, tmp_path / "back").summary) == {"applied"}
    assert [one for one in world.data_assets.values() if one.prefix == "new"] == []
    assert create.id
