"""What a run keeps is found again: in two archives, beside a damaged journal, or without one."""

from __future__ import annotations

from typing import Any

import pytest

from promises.mishaps import Died, carry_out, dies_before, kinds, striking
from resilience.arena import BUCKET, Arena


def drifted(world: Arena) -> dict[str, Any]:
    """Four files that differ; the plan puts them right."""
    for name in ("a", "b"):
        world.insert_in_step(name, subject={"subject_id": name})
        world.put(f"{name}/subject.json", f'"{name} was here"'.encode())
        world.put(f"{name}/metadata.nd.json", f'"{name} was there"'.encode())
    plan = world.plan_everything()
    assert kinds(plan) == 4 * ["put-object"]
    return plan


def taken_back(world: Arena, before: dict[str, bytes], run: str = "run") -> None:
    """Undo the run: all is as before."""
    done = world.run("undo", run, "--out", "undo.json")
    assert done.returncode == 0, done.stderr
    done = world.run("apply", "undo.json", "--undoes", run)
    assert done.returncode == 0, done.stderr
    assert world.state() == before


def test_images_in_two_archives_are_found(world: Arena) -> None:
    """The first became unwritable in mid-run, and `--archive` named another one, as the hint says."""
    drifted(world)
    before = world.state()
    with world.opened() as systems, pytest.raises(Died):
        carry_out(world, striking(systems, "writers.objects", "put", dies_before, nth=3), "run")
    elsewhere = world.folder / "elsewhere"
    done = world.run("apply", "plan.json", "--results", "run", "--archive", str(elsewhere))
    assert done.returncode == 0, done.stderr
    assert any((world.folder / "run/archive").iterdir())
    assert any(elsewhere.iterdir())
    taken_back(world, before)


@pytest.mark.parametrize("damage", ["torn in the middle", "gone", "empty"])
def test_a_damaged_journal_costs_no_good_result(world: Arena, damage: str) -> None:
    """Applied again, which writes nothing: the result keeps what the first run wrote, and undo takes all of it back."""
    drifted(world)
    before = world.state()
    assert world.run("apply", "plan.json", "--results", "run").returncode == 0
    journal = world.folder / "run/journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    match damage:
        case "torn in the middle":
            torn = len(lines) // 2
            journal.write_bytes(b"".join((*lines[:torn], lines[torn][:20] + b"\n", *lines[torn + 1 :])))
        case "gone":
            journal.unlink()
        case _:
            journal.write_bytes(b"")
    done = world.run("apply", "plan.json", "--results", "run")
    assert done.returncode == 0, done.stderr
    assert world.load("run/result.json")["summary"] == {"satisfied": 4}
    done = world.run("undo", "run", "--out", "undo.json")
    assert len(world.load("undo.json")["actions"]) == 4
    assert (done.returncode, "cannot be read" in done.stderr) in ((0, False), (4, True))
    assert world.run("apply", "undo.json").returncode == 0
    assert world.state() == before


def test_lines_that_nobody_can_read_are_said(world: Arena) -> None:
    """Without a result, what they told of is not known: undo says so, and exits with 4."""
    drifted(world)
    with world.opened() as systems, pytest.raises(Died):
        carry_out(world, striking(systems, "writers.objects", "put", dies_before, nth=4), "run")
    journal = world.folder / "run/journal.jsonl"
    lines = [line for line in journal.read_bytes().splitlines(keepends=True) if line.strip()]
    journal.write_bytes(b"".join((*lines[:2], b"garbage\n", *lines[3:])))
    done = world.run("undo", "run", "--out", "undo.json")
    assert done.returncode == 4, done.stderr
    assert "lines that cannot be read" in done.stderr


def test_an_undo_taken_back_leaves_no_drift(world: Arena) -> None:
    """The metadata file is put back in step with the record as it is by then, not with the time that it had before."""
    world.insert_in_step("asset", subject={"subject_id": "1"})
    world.put("asset/session.json", b'{"session":7}')
    world.put("asset/rig.json", b"no json")
    world.plan_everything()
    world.configure(register=False)
    assert world.run("apply", "plan.json", "--results", "run").returncode == 0
    for number, run in enumerate(("run", "back")):
        plan = ("back.json", "again.json")[number]
        assert world.run("undo", run, "--out", plan).returncode == 0
        done = world.run("apply", plan, "--results", plan.removesuffix(".json"))
        assert done.returncode == 0, done.stderr
    world.assert_in_step()
    assert b'"session"' in world.sandbox.s3.objects(BUCKET)["asset/metadata.nd.json"]


def test_an_undo_of_a_registration_taken_back_leaves_no_drift(world: Arena) -> None:
    """Record and metadata file are new both times."""
    world.insert_in_step("other")
    world.put("new/data_description.json", b'{"data_level": "derived"}')
    world.configure(register=False)
    world.plan_everything()
    assert world.run("apply", "plan.json", "--results", "run").returncode == 0
    assert world.run("undo", "run", "--out", "back.json").returncode == 0
    assert world.run("apply", "back.json", "--results", "back").returncode == 0
    assert world.run("undo", "back", "--out", "again.json").returncode == 0
    assert world.run("apply", "again.json", "--results", "again").returncode == 0
    world.assert_in_step()
