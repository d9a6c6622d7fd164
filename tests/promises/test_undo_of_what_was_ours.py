"""Undo takes back what this run wrote, and nothing that was so already: a refused write was never ours."""

from __future__ import annotations

from promises.mishaps import carry_out, journal_of, kinds
from resilience.arena import BUCKET, Arena, our_bytes

KEY = "asset/original_metadata/subject.20250501.json"


def drifted(world: Arena) -> dict[str, object]:
    """A record whose original and metadata file are missing; the plan that makes both."""
    record = world.insert_in_step("asset", subject={"subject_id": "1"})
    world.remove(KEY)
    world.remove("asset/metadata.nd.json")
    plan = world.plan_everything()
    assert kinds(plan) == ["copy-object", "put-object"]
    return record


def test_a_second_run_elsewhere_has_nothing_to_take_back(world: Arena) -> None:
    """All was so already when it came: its undo is empty, and the first run's work stays."""
    drifted(world)
    for run in ("r1", "r2"):
        done = world.run("apply", "plan.json", "--results", run)
        assert done.returncode == 0, done.stderr
    after = world.state()
    done = world.run("undo", "r2", "--out", "undo.json")
    assert done.returncode == 0, done.stderr
    assert world.load("undo.json")["actions"] == []
    assert world.state() == after


def test_what_another_program_made_is_not_taken_back(world: Arena) -> None:
    """Between plan and apply it wrote the same bytes: our writes are refused, and what is there is its own."""
    record = drifted(world)
    original = next(one for one in world.load("plan.json")["actions"] if one["kind"] == "copy-object")
    world.put(original["target"]["key"], our_bytes(record["subject"]))
    world.put("asset/metadata.nd.json", our_bytes(record))
    before = world.state()
    done = world.run("apply", "plan.json", "--results", "run")
    assert done.returncode == 0, done.stderr
    assert set(world.load("run/result.json")["summary"]) == {"satisfied"}
    assert all(one.get("before") is None for one in world.load("run/result.json")["outcomes"])
    done = world.run("undo", "run", "--out", "undo.json")
    assert done.returncode == 0, done.stderr
    assert world.load("undo.json")["actions"] == []
    assert world.state() == before


def test_the_journal_says_which_writes_were_refused(world: Arena) -> None:
    """Whatever becomes of the result: an intent that was refused is answered for."""
    drifted(world)
    with world.opened() as systems:
        world.put("asset/metadata.nd.json", b"theirs")
        result = carry_out(world, systems, "run")
    assert sorted(one.status for one in result.outcomes) == ["applied", "stale"]
    told = [line["event"] for line in journal_of(world, "run") if line.get("action_id")]
    assert told == ["intent", "outcome", "intent", "refused", "outcome"]
    (world.folder / "run/result.json").unlink()
    done = world.run("undo", "run", "--out", "undo.json")
    assert done.returncode in (0, 4), done.stderr
    assert kinds(world.load("undo.json")) == ["delete-object"]
    assert world.sandbox.s3.objects(BUCKET)["asset/metadata.nd.json"] == b"theirs"
