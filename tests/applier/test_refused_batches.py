"""One write that DocDB refuses takes no other record's write with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from indexer.errors import SystemFaultError
from indexer.model.generation import GenerationName
from indexer.model.ports import RecordWrite, RecordWriter, UpdateOne, WriteError
from shared.builders import BUCKET, apply_to, plan_of, record, world_of


@dataclass(frozen=True, slots=True)
class PickyWriter:
    """Refuses a whole batch for one write, as drivers do for a document that is too large."""

    inner: RecordWriter
    refused_id: str

    def write(self, generation: GenerationName, writes: Sequence[RecordWrite]) -> tuple[WriteError, ...]:
        """All of it, or nothing."""
        if any(isinstance(one, UpdateOne) and one.id == self.refused_id for one in writes):
            raise SystemFaultError("DocDB refused the request", "the document is too large")
        return self.inner.write(generation, writes)


def test_a_write_that_is_refused_takes_no_other_with_it(tmp_path: Path) -> None:
    """The others of its batch are applied; it has failed, and says why."""
    bodies = [record(name, subject=None) for name in ("a", "b", "c")]
    world = world_of(*bodies)
    for body in bodies:
        world.put(BUCKET, f"{body['name']}/subject.json", b'{"subject_id": "1"}')
        for key in [one for one in world.buckets[BUCKET] if "/original_metadata/subject." in one]:
            del world.buckets[BUCKET][key]
    plan = plan_of(world)
    writers = world.writers()
    picky = PickyWriter(writers.records, str(bodies[1]["_id"]))
    result = apply_to(world, plan, tmp_path, writers=replace(writers, records=picky))
    came = {
        action.location: outcome
        for action, outcome in zip(plan.actions, result.outcomes, strict=True)
        if action.kind == "update-record"
    }
    assert [one.status for one in came.values()] == ["applied", "failed", "applied"]
    assert "too large" in came[f"s3://{BUCKET}/b"].detail
