"""Object actions carried out on a world in memory, one asset's at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from indexer.applier.contents import Sources
from indexer.applier.evidence import Evidence
from indexer.applier.objects import LiveRecords, ObjectApplier
from indexer.applier.proof import Proof
from indexer.errors import SystemFaultError
from indexer.model.outcome import Outcome
from shared.ledgers import Run
from shared.memory.objects import MemoryObjectWriter
from shared.memory.stored import START
from shared.memory.world import World


class Objects(Run):
    """A run that carries out object actions. Its clock stands still, unless another is given."""

    def __init__(
        self,
        folder: Path,
        world: World,
        *,
        writer: Any = None,
        needed: bool = False,
        run_id: str = "run-1",
        clock: Callable[[], datetime] = lambda: START,
    ) -> None:
        """`needed`: the server's conditions are to be proved."""
        super().__init__(folder, run_id, clock)
        readers, writer = world.readers(), writer or MemoryObjectWriter(world)
        self.applier = ObjectApplier(
            readers.objects,
            writer,
            Sources(readers.objects, readers.records, lambda _: self.archive),
            Evidence(readers, "original_metadata", clock),
            Proof(writer, needed=needed),
            self.ledger,
        )

    def __enter__(self) -> Objects:
        super().__enter__()
        return self

    def carried_out(self, *actions: Any, records: LiveRecords | SystemFaultError) -> list[Outcome]:
        """What comes of these, in order."""
        self.applier.apply(actions, records)
        return [self.ledger.outcomes[one.id] for one in actions]
