"""A run that died, was gone on with, or lost an answer is taken back as a whole or with words, and no value is lost."""

from __future__ import annotations

import pytest

from indexer_sandbox.faults import Fault
from promises.mishaps import (
    Call,
    Died,
    Strike,
    carry_out,
    dies_after,
    dies_before,
    kinds,
    loses_the_answer,
    status_of,
    striking,
)
from resilience.arena import BUCKET, Arena, our_bytes

ROOT = f"{BUCKET}/asset/session.json"
SESSION = our_bytes({"session": 7})


def adopting(world: Arena) -> dict[str, object]:
    """An uploaded file that its record is to adopt; the plan: record, original, root file, metadata file."""
    world.insert_in_step("asset", subject={"subject_id": "1"})
    world.put("asset/session.json", b'{"session":7}')
    plan = world.plan_everything()
    assert kinds(plan) == ["update-record", "copy-object", "put-object", "put-object"]
    return plan


def session_lives(world: Arena) -> bool:
    """In the record, or in the root file: where the next plan finds it."""
    in_record = (world.records().find_one({"name": "asset"}) or {}).get("session") is not None
    return in_record or ROOT in world.state()


def next_plan(world: Arena) -> list[str]:
    return kinds(world.plan_everything("next.json"))


def test_the_journal_knows_more_than_an_older_result(world: Arena) -> None:
    """Interrupted at once, which wrote a result; applied again and killed: the undo takes back what the second run wrote."""
    plan = adopting(world)
    before = world.state()
    run = f"plan.results/{plan['plan_id'][:8]}"
    assert set(world.apply_everything(plan, stop=True)["summary"]) == {"skipped"}
    with world.opened() as systems, pytest.raises(Died):
        carry_out(world, striking(systems, "writers.objects", "put", dies_after, nth=2), run)
    done = world.run("undo", run, "--out", "undo.json")
    assert done.returncode == 0, done.stderr
    assert kinds(world.load("undo.json")) == ["put-object", "delete-object", "update-record"]
    done = world.run("apply", "undo.json")
    assert done.returncode == 0, done.stderr
    assert world.state() == before


@pytest.mark.parametrize(("nth", "death"), [(1, dies_before), (3, dies_after)])
def test_a_run_without_a_result_is_taken_back_from_any_point(world: Arena, nth: int, death: Strike) -> None:
    """Nothing has to be carried out first to its end."""
    adopting(world)
    before = world.state()
    with world.opened() as systems, pytest.raises(Died):
        carry_out(world, striking(systems, "writers.objects", "put", death, nth=nth), "run")
    assert not (world.folder / "run/result.json").exists()
    assert world.run("undo", "run", "--out", "undo.json").returncode == 0
    assert world.run("apply", "undo.json").returncode == 0
    assert world.state() == before


def test_begun_here_and_finished_there_keeps_what_both_made(world: Arena) -> None:
    """The undo of the first half alone would take the field out beside an original: it is stale, and nothing is lost."""
    adopting(world)
    with world.opened() as systems:
        with pytest.raises(Died):
            carry_out(world, striking(systems, "writers.records", "write", dies_after), "r1")
        assert "failed" not in carry_out(world, systems, "r2").summary
    assert world.run("undo", "r1", "--out", "undo.json").returncode == 0
    assert kinds(world.load("undo.json")) == ["update-record"]
    done = world.run("apply", "undo.json")
    assert done.returncode == 4, done.stderr
    assert "original by now" in done.stdout + done.stderr
    assert session_lives(world)
    assert "delete-object" not in next_plan(world)


def test_a_copy_whose_answer_was_lost_is_taken_back_with_its_record(world: Arena) -> None:
    """Nobody could look what came of it: both go, by the bytes that it would have left, or both stay."""
    plan = adopting(world)
    before = world.state()
    with world.opened() as systems:

        def lost_for_good(call: Call) -> None:
            world.sandbox.s3.faults.add(Fault("GetObject", 403, count=None))
            loses_the_answer(call)

        result = carry_out(world, striking(systems, "writers.objects", "put", lost_for_good), "run")
    world.sandbox.s3.faults.clear()
    assert status_of(result, plan, "copy-object") == "failed"
    done = world.run("undo", "run", "--out", "undo.json")
    assert done.returncode == 0, done.stderr
    assert world.run("apply", "undo.json").returncode == 0
    assert world.state() == before
    assert session_lives(world)


def test_what_cannot_be_taken_back_keeps_what_it_rests_on(world: Arena) -> None:
    """The root file's before-image is gone from the archive: nothing before it is undone, and undo exits with 4."""
    adopting(world)
    with world.opened() as systems:
        carry_out(world, systems, "run")
    after = world.state()
    for image in (world.folder / "run/archive").iterdir():
        if image.read_bytes() == b'{"session":7}':
            image.unlink()
    done = world.run("undo", "run", "--out", "undo.json")
    assert done.returncode == 4
    assert "Cannot be taken back" in done.stderr
    world.run("apply", "undo.json")
    assert {key: body for key, body in world.state().items() if "metadata.nd.json" not in key} == {
        key: body for key, body in after.items() if "metadata.nd.json" not in key
    }
    assert "delete-object" not in next_plan(world)


def test_an_adoption_is_not_undone_once_another_plan_made_the_original(world: Arena) -> None:
    """Plan 1 adopts, its copy is refused; plan 2 makes the original; undo of run 1 is stale, and no root file goes."""
    plan = adopting(world)
    world.sandbox.s3.faults.add(Fault("PutObject", 403, count=2, contains="/original_metadata/"))
    with world.opened() as systems:
        assert status_of(carry_out(world, systems, "r1"), plan, "copy-object") == "failed"
    plan = world.plan_everything("plan2.json")
    assert "copy-object" in kinds(plan)
    with world.opened() as systems:
        carry_out(world, systems, "r2", "plan2.json")
    assert world.run("undo", "r1", "--out", "undo.json").returncode == 0
    done = world.run("apply", "undo.json")
    assert done.returncode == 4, done.stderr
    assert (world.records().find_one({"name": "asset"}) or {})["session"] == {"session": 7}
    assert next_plan(world) == []
