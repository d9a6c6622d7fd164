"""A system that is down for good ends a run soon."""

from __future__ import annotations

from pathlib import Path

from builders import BUCKET, apply_to, plan_of, record, world_of
from indexer.errors import OutageError
from indexer.model.breaker import FAILURES_IN_A_ROW as LIMITS

FAILURES_IN_A_ROW = LIMITS["s3"]


def test_after_many_failures_in_a_row_the_rest_is_not_tried(tmp_path: Path) -> None:
    """Each failure has cost its retries; what was not tried is skipped and says why."""
    bodies = [record(f"asset-{number:03}", subject={"n": number}) for number in range(3 * FAILURES_IN_A_ROW)]
    world = world_of(*bodies)
    for body in bodies:
        world.put(BUCKET, f"{body['name']}/subject.json", b"{}")
    plan = plan_of(world)
    world.fail("objects.put", times=None, error=OutageError("S3 cannot be reached"))
    result = apply_to(world, plan, tmp_path)
    assert result.summary["failed"] < 2 * FAILURES_IN_A_ROW
    assert result.summary["skipped"] > FAILURES_IN_A_ROW / 2
    assert any("not tried" in outcome.detail for outcome in result.outcomes)
    world.heal()
    assert set(apply_to(world, plan, tmp_path).summary) == {"applied"}
