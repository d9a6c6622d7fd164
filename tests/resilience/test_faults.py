"""One request in five fails, in every way there is, and what comes of it is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from resilience.arena import Arena, Shares, State, arena

SEED_ASSETS = 30


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> State:
    """The end state of a run without faults."""
    with arena(Path(tmp_path_factory.mktemp("undisturbed"))) as world:
        world.seeded(assets=SEED_ASSETS)
        world.apply_everything(world.plan_everything())
        return world.end_state()


def test_the_end_state_is_that_of_a_run_without_faults(world: Arena, undisturbed: State) -> None:
    """Plan and apply finish, a second plan is empty, and nothing was registered twice."""
    world.seeded(assets=SEED_ASSETS)
    with world.proxies(Shares.mixed(0.2), seed=7) as proxies:
        plan = world.plan_command(**proxies.env)
        assert plan["summary"]["complete"]
        since = len(world.sandbox.s3.log)
        world.until_applied(**proxies.env)
        assert world.written_twice(since) == []
        for proxy in proxies:
            assert proxy.failures > 0
    world.assert_in_step()
    assert world.end_state() == undisturbed
