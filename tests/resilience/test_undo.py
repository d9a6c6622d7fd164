"""There and back: what a run wrote is taken back, and what somebody else has written since is not."""

from __future__ import annotations

from resilience.arena import BUCKET, Arena


def test_undo_takes_everything_back_and_undoing_that_does_it_again(world: Arena) -> None:
    """Byte for byte and field for field but for the last-modified stamps; a second undo finds it so."""
    world.drifting(2, register=False)
    before, plan = world.state(), world.plan_everything()
    world.apply_everything(plan)
    after = world.end_state()
    undo = world.undo(plan)
    assert set(world.apply_everything(undo, "undo")["summary"]) == {"applied"}
    assert world.state() == before
    since = len(world.sandbox.s3.log)
    assert set(world.apply_everything(undo, "undo")["summary"]) == {"satisfied"}
    assert not world.sandbox.s3.log.writes(since)
    assert world.state() == before
    redo = world.undo(undo, "undo", "redo.json")
    assert set(world.apply_everything(redo, "redo")["summary"]) == {"applied"}
    assert world.end_state() == after
    world.assert_in_step()


def test_undo_leaves_alone_what_was_changed_since(world: Arena) -> None:
    """A curator's file and a curator's record are stale to it; all else is taken back, data assets too."""
    world.drifting(2)
    before, plan = world.state(), world.plan_everything()
    world.apply_everything(plan)
    theirs = f"{BUCKET}/asset_000/subject.json"
    world.put("asset_000/subject.json", b'{"subject_id": "curated"}')
    world.records().update_one({"_id": "id of asset_001"}, {"$set": {"rig": {"curated": True}}})
    undo = world.undo(plan)
    done = world.run("apply", "undo.json")
    assert done.returncode == 4
    stale = [one["action_id"] for one in world.result(undo, "undo")["outcomes"] if one["status"] == "stale"]
    targets = {action["id"]: action["target"] for action in undo["actions"]}
    assert sorted(targets[one].get("key") or targets[one]["record_id"] for one in stale) == [
        "asset_000/subject.json",
        "id of asset_001",
    ]
    state = world.state()
    assert state[theirs] == b'{"subject_id": "curated"}'
    assert b'{"curated": true}' in state["v1:id of asset_001"]
    untouched = {key for key in before if "asset_00" not in key}
    assert {key: state.get(key) for key in untouched} == {key: before[key] for key in untouched}
    assert {key for key in state if key.startswith("codeocean:")} == set()
