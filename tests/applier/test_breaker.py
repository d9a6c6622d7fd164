"""A system that is down for good ends a run soon."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.errors import AccessDeniedError, OutageError, SystemFaultError
from indexer.model.breaker import FAILURES_IN_A_ROW as LIMITS
from shared.builders import BUCKET, apply_to, plan_of, record, world_of
from shared.memory.world import World

FAILURES_IN_A_ROW = LIMITS["s3"]


def drifted(assets: int) -> World:
    """Assets of which each needs a file written."""
    bodies = [record(f"asset-{number:03}", subject={"n": number}) for number in range(assets)]
    world = world_of(*bodies)
    for body in bodies:
        world.put(BUCKET, f"{body['name']}/subject.json", b"{}")
    return world


def test_after_many_failures_in_a_row_the_rest_is_not_tried(tmp_path: Path) -> None:
    """Each failure has cost its retries; what was not tried is skipped and says why."""
    world = drifted(3 * FAILURES_IN_A_ROW)
    plan = plan_of(world)
    world.fail("objects.put", times=None, error=OutageError("S3 cannot be reached"))
    result = apply_to(world, plan, tmp_path)
    assert result.summary["failed"] < 2 * FAILURES_IN_A_ROW
    assert result.summary["skipped"] > FAILURES_IN_A_ROW / 2
    assert any("not tried" in outcome.detail for outcome in result.outcomes)
    world.heal()
    assert set(apply_to(world, plan, tmp_path).summary) == {"applied"}


@pytest.mark.parametrize(
    "fault", [AccessDeniedError("S3 denies access"), SystemFaultError("S3 keeps this in an archive")]
)
def test_what_is_refused_is_the_object_s_own(tmp_path: Path, fault: SystemFaultError) -> None:
    """However many in a row, the next one is tried: applying again would never get past them."""
    world = drifted(3 * FAILURES_IN_A_ROW)
    plan = plan_of(world)
    refused = 2 * FAILURES_IN_A_ROW
    world.fail("objects.get", times=refused, error=fault)
    result = apply_to(world, plan, tmp_path)
    assert result.summary["failed"] <= refused
    assert result.summary["applied"] >= FAILURES_IN_A_ROW
    assert not any("not tried" in outcome.detail for outcome in result.outcomes)


def test_a_batch_whose_records_cannot_be_read_is_one_failure(tmp_path: Path) -> None:
    """One request for 32 assets: the next batch is asked for."""
    world = drifted(4 * FAILURES_IN_A_ROW)
    plan = plan_of(world)
    world.fail("records.by_location", times=2, error=OutageError("DocDB cannot be reached"))
    result = apply_to(world, plan, tmp_path)
    assert result.summary["applied"] >= 2 * FAILURES_IN_A_ROW
    assert {one.detail for one in result.outcomes if one.status == "failed"} == {"DocDB cannot be reached"}
    assert set(apply_to(world, plan, tmp_path).summary) == {"applied", "satisfied"}
