"""Each test has systems of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resilience.arena import Arena, State, arena

DRIFTING = 4


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Arena]:
    """Empty systems of this test's own."""
    with arena(tmp_path) as made:
        yield made


@pytest.fixture
def drifting(world: Arena) -> Arena:
    """A little world with drift in it."""
    world.drifting(DRIFTING)
    return world


@pytest.fixture(scope="session")
def little_end_state(tmp_path_factory: pytest.TempPathFactory) -> State:
    """What one undisturbed plan and apply make of `drifting`."""
    with arena(tmp_path_factory.mktemp("undisturbed")) as world:
        world.drifting(DRIFTING)
        world.apply_everything(world.plan_everything())
        world.assert_in_step()
        return world.end_state()
