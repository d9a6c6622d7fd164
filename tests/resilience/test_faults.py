"""One request in five fails, in every way there is, and what comes of it is the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resilience.arena import Arena, Shares, State, arena

LONG = pytest.mark.skipif(
    not os.environ.get("INDEXER_TEST_LONG"), reason="over a minute: INDEXER_TEST_LONG=1 runs it"
)
SEED_ASSETS = 30


def test_a_little_world_ends_as_without_faults(drifting: Arena, little_end_state: State) -> None:
    """Plan and apply finish, a second plan is empty, and nothing was registered twice."""
    _plan_and_apply(drifting, seed=7)
    assert drifting.end_state() == little_end_state


@LONG
def test_every_kind_of_drift_ends_as_without_faults(world: Arena, tmp_path: Path) -> None:
    """The same for the sandbox's whole seed."""
    world.seeded(assets=SEED_ASSETS)
    _plan_and_apply(world, seed=8)
    with arena(tmp_path / "undisturbed") as other:
        other.seeded(assets=SEED_ASSETS)
        other.apply_everything(other.plan_everything())
        assert world.end_state() == other.end_state()


def _plan_and_apply(world: Arena, seed: int) -> None:
    """With the commands, through the proxies."""
    with world.proxies(Shares.mixed(0.2), seed=seed) as proxies:
        plan = world.plan_command(**proxies.env)
        assert plan["summary"]["complete"]
        since = len(world.sandbox.s3.log)
        world.until_applied(**proxies.env)
        assert proxies.s3.failures > 0
        assert proxies.docdb.failures > 0
    assert world.written_twice(since) == []
    world.assert_in_step()
