"""A run whose lease another one has taken over writes nothing more."""

from __future__ import annotations

import pytest

from indexer import apply, load_plan
from indexer.model.observer import Observer
from indexer.runs.config_file import load_config
from resilience.arena import BUCKET, Arena

ASSETS = 40
"""More than one batch of them."""


def test_a_run_whose_lease_was_stolen_ends_before_its_next_batch(
    world: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not tried is skipped, and says why: both would write the same assets."""
    monkeypatch.setattr("indexer.systems.leases.LOOK_S", 0.0)
    for name, value in world.sandbox.environment().items():
        monkeypatch.setenv(name, value)
    for number in range(ASSETS):
        world.insert_in_step(f"asset_{number:02}")
        world.put(f"asset_{number:02}/metadata.nd.json", b"stale")
    config = world.folder / "indexer.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("[docdb]\n", '[docdb]\nlease_collection = "leases"\n'), encoding="utf-8")
    world.plan_everything()

    class Thief(Observer):
        def settled(self, action: object, outcome: object) -> None:
            world.database()["leases"].update_one({"_id": BUCKET}, {"$set": {"owner": "they"}})

    result = apply(
        load_plan(world.folder / "plan.json"),
        load_config(config),
        results=world.folder / "run",
        observer=Thief(),
        parallel=1,  # one batch at a time
    )
    assert result.summary == {"applied": 32, "skipped": ASSETS - 32}
    assert "taken over the lease" in result.outcomes[-1].detail
    assert world.database()["leases"].find_one({"_id": BUCKET}) is not None
