"""Record actions carried out on a world in memory, one batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from indexer.applier.contents import Filters, Sources
from indexer.applier.evidence import Evidence
from indexer.applier.records import RecordApplier
from indexer.model.action import Action
from indexer.model.generation import GenerationName
from indexer.model.outcome import Outcome
from indexer.model.ports import ObjectReader, Readers, RecordReader, RecordWrite, WriteError
from indexer.model.values import fingerprint
from shared.forgery import as_read, in_collection, update
from shared.ledgers import Run, action_of
from shared.memory.records import MemoryRecordWriter
from shared.memory.stored import START
from shared.memory.world import World

Answer = Callable[[GenerationName, Sequence[RecordWrite]], tuple[WriteError, ...]]


def changed(
    body: Mapping[str, Any],
    *,
    generation: GenerationName = "v1",
    removed: Sequence[str] = (),
    **fields: Any,
) -> Action:
    """An update of a record: what it read of these fields, and what it sets them to."""
    new = [
        {"field": name, "source": {"kind": "inline", "value": value}, "sha256": fingerprint(value)}
        for name, value in fields.items()
    ]
    read = {
        name: None if body.get(name) is None else fingerprint(body[name]) for name in ("location", *fields)
    }
    return action_of(
        update(
            at=body["location"],
            target=in_collection(generation, body["_id"]),
            rests_on=None,
            precondition=as_read(fields=read),
            content={"fields": new, "removed_links": list(removed), "known_after_apply": ["last_modified"]},
        )
    )


class Answering(MemoryRecordWriter):
    """Remembers each batch; the first ones are answered as it is told, then it writes."""

    def __init__(self, world: World, *answers: Answer) -> None:
        super().__init__(world)
        self._answers = list(answers)
        self.batches: list[tuple[GenerationName, list[RecordWrite]]] = []

    def write(self, generation: GenerationName, writes: Sequence[RecordWrite]) -> tuple[WriteError, ...]:
        """One batch."""
        self.batches.append((generation, list(writes)))
        answer = self._answers.pop(0) if self._answers else super().write
        return answer(generation, writes)


class Records(Run):
    """A run that carries out record actions. Its clock stands still, unless another is given."""

    def __init__(
        self,
        folder: Path,
        world: World,
        *answers: Answer,
        exact: bool = True,
        objects: ObjectReader | None = None,
        records: RecordReader | None = None,
        run_id: str = "run-1",
        clock: Callable[[], datetime] = lambda: START,
    ) -> None:
        super().__init__(folder, run_id, clock)
        readers = world.readers()
        readers = Readers(objects or readers.objects, records or readers.records, readers.data_assets)
        self.writer, self.filters = Answering(world, *answers), Filters(exact)
        self.applier = RecordApplier(
            readers.records,
            self.writer,
            Sources(readers.objects, readers.records, lambda _: self.archive),
            Evidence(readers, "original_metadata", clock),
            ("v1", "v2"),
            self.ledger,
            self.filters,
        )

    def __enter__(self) -> Records:
        super().__enter__()
        return self

    def carried_out(self, *actions: Any) -> list[Outcome]:
        """What comes of a batch of these."""
        self.applier.apply(actions)
        return [self.ledger.outcomes[one.id] for one in actions]
