"""One run's ledger with all that it tells, for tests of one step of the applier at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

from indexer.applier.current import current_action_id
from indexer.applier.history import JOURNAL_FILE, read_lines
from indexer.applier.journal import Journal
from indexer.applier.ledger import Ledger
from indexer.disk import DiskFolder
from indexer.model.action import Action
from indexer.model.observer import Observer
from indexer.model.outcome import AfterImage, BeforeImage, Outcome
from indexer.model.plan import Plan
from indexer.model.snapshot import ObjectBody
from indexer.model.values import sha256
from shared.forgery import forged, put
from shared.memory.objects import MemoryObjectReader
from shared.memory.stored import START
from shared.memory.world import World

PLAN = "plan-0001"


def action_of(document: dict[str, Any] | None = None, **changed: Any) -> Action:
    return Plan.model_validate(forged([(document or put()) | changed])).actions[0]


def told(action: Action, status: Any, detail: str = "", **rest: Any) -> Outcome:
    """An outcome of a moment."""
    return Outcome(
        action_id=action.id, status=status, detail=detail, started_at=START, ended_at=START, **rest
    )


class Clock:
    """A second goes by between one look at it and the next."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class Watcher(Observer):
    """Counts how far a run has got, and remembers what came of each action."""

    def __init__(self) -> None:
        self.steps, self.found = 0, 0
        self.told: list[tuple[str, str]] = []

    def stage(self, name: str, total: int | None) -> None:
        raise AssertionError("the ledger knows no stages")

    def advance(self, steps: int = 1, found: int = 0) -> None:
        self.steps += steps
        self.found += found

    def settled(self, action: Action, outcome: Outcome) -> None:
        self.told.append((action.id, outcome.status))


class Bodies:
    """An archive that remembers what it keeps."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def keep(self, body: bytes) -> str:
        self.held[sha256(body)] = body
        return sha256(body)

    def read(self, name: str) -> bytes | None:
        return self.held.get(name)


class Run:
    """One run's ledger with all that it tells."""

    def __init__(
        self, folder: Path, run_id: str = "run-1", clock: Callable[[], datetime] | None = None
    ) -> None:
        self.folder = DiskFolder(folder)
        self.journal = Journal(self.folder, run_id, PLAN)
        self.watcher, self.archive, self.stop = Watcher(), Bodies(), Event()
        self.ledger = Ledger(
            self.journal,
            self.archive,
            "archive",
            clock or Clock(),
            self.watcher,
            self.stop,
        )

    def __enter__(self) -> Run:
        self.journal.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self.journal.__exit__(*exc)

    @property
    def told_of(self) -> list[tuple[str, str, Any, Any]]:
        """What the journal has: event, or an outcome's status; action; and both images."""
        lines = [line or {} for line in read_lines(self.folder.read(JOURNAL_FILE) or b"")]
        return [
            (
                line.get("status", line["event"]),
                line["action_id"],
                BeforeImage(**line["before"]) if "before" in line else None,
                AfterImage(**line["after"]) if "after" in line else None,
            )
            for line in lines
        ]


def after_s(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


class Noting(MemoryObjectReader):
    """Notes for which action each file is read."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.noted: list[str | None] = []

    def get(self, bucket: str, key: str) -> ObjectBody | None:
        self.noted.append(current_action_id())
        return super().get(bucket, key)
