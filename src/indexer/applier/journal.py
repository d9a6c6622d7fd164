"""What a run leaves behind: the journal (intent before a write, outcome after it) and the before-images."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any, TextIO

from pydantic import ValidationError

from indexer.disk import make_folder, sync_folder
from indexer.errors import IndexerError
from indexer.model.outcome import SUCCEEDED, AfterImage, BeforeImage, Outcome

JOURNAL_FILE = "journal.jsonl"
SHARD_FILES = "journal.shard-*.jsonl"
"""Written by the workers of a cluster, each its own; they are taken into the run's journal when they are whole."""
RESULT_FILE = "result.json"
PLAN_FILE = "plan.json"
ARCHIVE_FOLDER = "archive"


class Journal:
    """Append-only JSON lines, each on disk before the next step. Safe for threads."""

    def __init__(self, folder: Path, run_id: str, plan_id: str, shard: int | None = None) -> None:
        """`shard`: one of a cluster's, with a file of its own beside the run's."""
        self._folder, self._run_id, self._plan_id = folder, run_id, plan_id
        self._path = folder / (JOURNAL_FILE if shard is None else SHARD_FILES.replace("*", f"{shard:06}"))
        self._lock = Lock()
        self._file: TextIO | None = None
        self.earlier = earlier_writes(plan_id, folder / JOURNAL_FILE, *sorted(folder.glob(SHARD_FILES)))
        """What earlier runs of this plan wrote, by action: their before-images stay the true ones."""
        self.rerun = earlier_plan_id(folder) is not None
        """The plan was carried out before, to its end or not."""

    def __enter__(self) -> Journal:
        try:
            make_folder(self._folder)
            self._file = self._path.open("a", encoding="utf-8", errors="backslashreplace")
            sync_folder(self._folder)
            if self._file.tell():
                self._file.write("\n")  # a line that a crash tore ends here
        except OSError as exc:
            raise _unwritable(self._folder, exc) from exc
        return self

    def absorb_shards(self) -> None:
        """Take what a cluster's workers journalled into this file; theirs go. None of them may be at work."""
        for path in sorted(self._folder.glob(SHARD_FILES)):
            for line in read_journal(path):
                self._write(json.dumps(line, ensure_ascii=False), durable=False)
            self._write("", durable=True)
            path.unlink(missing_ok=True)

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with suppress(OSError):  # of what could not be written, its writer was told
                self._file.close()

    def started(self, at: datetime, plan_digest: str) -> None:
        """The run begins."""
        self._append(event="started", at=at.isoformat(), plan_digest=plan_digest)

    def intent(self, action_id: str, at: datetime, before: BeforeImage) -> None:
        """This write comes next; what it replaces is kept already."""
        self._append(
            event="intent",
            action_id=action_id,
            at=at.isoformat(),
            before=before.model_dump(mode="json", exclude_none=True),
        )

    def outcome(self, outcome: Outcome) -> None:
        """What came of an action. That nothing was tried need not be on disk at once."""
        durable = outcome.status != "skipped"
        self._append(durable, event="outcome", **outcome.model_dump(mode="json", exclude_none=True))

    def writes(self) -> dict[str, EarlierWrite]:
        """What was written by now, or may have been: by this run too."""
        return earlier_writes(self._plan_id, self._folder / JOURNAL_FILE)

    def finished(self, at: datetime) -> None:
        """The run got to its end."""
        self._append(event="finished", at=at.isoformat())

    def _append(self, durable: bool = True, /, **line: Any) -> None:
        line = {"run_id": self._run_id, "plan_id": self._plan_id, **line}
        self._write(json.dumps(line, ensure_ascii=False), durable)

    def _write(self, text: str, durable: bool) -> None:
        with self._lock:
            if self._file is None:
                raise AssertionError("the journal is not open")
            try:
                self._file.write(text + "\n")
                self._file.flush()
                if durable:
                    os.fsync(self._file.fileno())
            except OSError as exc:
                raise _unwritable(self._folder, exc) from exc


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a journal; one that a crash tore is passed over."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    entry = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(entry, dict):
                    yield entry
    except FileNotFoundError:
        return
    except OSError as exc:
        raise IndexerError(
            "The journal cannot be read", f"{path}: {exc.strerror}", "Check its permissions."
        ) from exc


@dataclass(frozen=True, slots=True)
class EarlierWrite:
    """A write that an earlier run of the same plan made, or was making when it died."""

    before: BeforeImage
    after: AfterImage | None = None


def earlier_writes(plan_id: str, *paths: Path) -> dict[str, EarlierWrite]:
    """Fold the journals: an intent counts unless its own outcome says that nothing was written.

    "failed" doesn't say so, since its answer may have been lost; nor does a later run that wrote nothing.
    """
    writes: dict[str, EarlierWrite] = {}
    made: set[str] = set()
    for entry in chain.from_iterable(map(read_journal, paths)):
        action_id = str(entry.get("action_id"))
        if entry.get("plan_id") != plan_id:
            continue
        try:
            if entry.get("event") == "intent":
                writes.setdefault(action_id, EarlierWrite(BeforeImage.model_validate(entry.get("before"))))
            elif entry.get("event") == "outcome":
                outcome = Outcome.model_validate(entry)
                write = writes.get(action_id)
                if outcome.status in SUCCEEDED and write is not None:
                    writes[action_id] = EarlierWrite(write.before, outcome.after or write.after)
                    made.add(action_id)
                elif outcome.status == "stale" and action_id not in made:
                    writes.pop(action_id, None)
        except ValidationError:
            continue
    return writes


def with_images(outcomes: Sequence[Outcome], journal: Journal) -> tuple[Outcome, ...]:
    """The outcomes of a run; of a write that did not succeed in it, the images that the journal has.

    An earlier run may have made it, or this one, its answer lost: an undo goes by the images alone.
    """
    if all(one.before is not None for one in outcomes):
        return tuple(outcomes)
    known = journal.writes()

    def told(outcome: Outcome) -> Outcome:
        write = known.get(outcome.action_id) if outcome.before is None else None
        return (
            outcome
            if write is None
            else outcome.model_copy(update={"before": write.before, "after": write.after})
        )

    return tuple(map(told, outcomes))


def earlier_plan_id(folder: Path) -> str | None:
    """Which plan's journal a folder holds; None where there is none."""
    first = next(read_journal(folder / JOURNAL_FILE), None)
    return None if first is None else str(first.get("plan_id"))


def _unwritable(path: Path, exc: OSError) -> IndexerError:
    return IndexerError(
        "The run's journal cannot be written",
        f"{path}: {exc.strerror}",
        "Make room there, or name another folder with --results.",
    )
