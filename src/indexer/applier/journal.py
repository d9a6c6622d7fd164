"""What a run writes down as it goes: an intent before each write, and what came of it. Source: DESIGN, "Files".

| event      | is on disk                  | says                                                               |
|------------|-----------------------------|--------------------------------------------------------------------|
| `started`  | before the first write      | the run, and the plan that it carries out                          |
| `intent`   | before the write            | what the write replaces, kept by then, and what it will leave      |
| `refused`  | before the next write       | the system answered that the intended write was not carried out    |
| `outcome`  | before the next write       | what came of the action; the images, where we wrote                |
| `finished` | at the end                  | the run got to its end                                             |

Lines reach the disk in their order, so the wait for an intent is one for all that stands before it. Threads share a wait.

An intent that nothing answers may have been carried out: its process died, or its answer was lost.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from threading import Lock, local
from typing import Any
from zlib import crc32

from indexer.applier.history import JOURNAL_FILE, SHARD_PREFIX, History, read_history
from indexer.disk import UnsafeFileError
from indexer.errors import IndexerError, RefusedError
from indexer.model.outcome import AfterImage, BeforeImage, Outcome
from indexer.model.ports import Lines, RunFolder


class Journal:
    """Append-only JSON lines, each on disk before the write that it stands before. Safe for threads."""

    def __init__(self, folder: RunFolder, run_id: str, plan_id: str, *, shard: int | None = None) -> None:
        """`shard`: one of a worker's, with a file of its own beside the run's, which no other writer shares."""
        self._folder, self._run_id, self._plan_id = folder, run_id, plan_id
        own = f"{SHARD_PREFIX}{run_id[:8]}-{shard or 0:06}-{uuid.uuid4().hex[:8]}.jsonl"
        self._name = JOURNAL_FILE if shard is None else own
        self._file = {} if shard is None else {"shard": own.removeprefix(SHARD_PREFIX).removesuffix(".jsonl")}
        self._count = 0
        self._lock = Lock()
        self._lines: Lines | None = None
        self._waits = local()
        self.earlier = read_history(folder, plan_id)
        """What earlier runs of this plan wrote: their before-images stay the true ones."""

    @property
    def mark(self) -> int:
        """The run's own, below a thousand: two runs that stamp the same record on a clock that is behind differ by it."""
        return crc32(self._run_id.encode()) % 1_000

    @property
    def rerun(self) -> bool:
        """The plan was carried out before, to its end or not."""
        return self.earlier.journal or bool(self.earlier.writes)

    def __enter__(self) -> Journal:
        try:
            self._lines = self._folder.lines(self._name)
        except OSError as exc:
            raise _unwritable(self._folder, exc) from exc
        return self

    def __exit__(self, *_: object) -> None:
        if self._lines is not None:
            with suppress(OSError):  # of what could not be written, its writer was told
                self._lines.close()

    def started(
        self,
        at: datetime,
        plan_digest: str,
        part: Mapping[str, Sequence[str]] | None = None,
        sanction: Mapping[str, Any] | None = None,
    ) -> None:
        """The run begins. `part`: what it was asked for, where that is not the whole plan. `sanction`: by whose word."""
        asked = {} if part is None else {"part": part}
        self._add(event="started", at=at.isoformat(), plan_digest=plan_digest, **asked, **(sanction or {}))
        self.sync()

    def intent(self, action_id: str, at: datetime, before: BeforeImage, after: AfterImage | None) -> None:
        """This write comes next; what it replaces is kept already. `after`: what it will leave, as far as is known."""
        images = {"before": before.model_dump(mode="json", exclude_none=True)}
        if after is not None:
            images["after"] = after.model_dump(mode="json", exclude_none=True)
        self._add(event="intent", action_id=action_id, at=at.isoformat(), **images)
        if not getattr(self._waits, "later", False):
            self.sync()

    def refused(self, action_id: str, at: datetime) -> None:
        """The system said that the intended write was not carried out: what is there now is not ours."""
        self._add(event="refused", action_id=action_id, at=at.isoformat())

    def outcome(self, outcome: Outcome) -> None:
        """What came of an action. It is on disk with the next intent, or when whoever carries the action out syncs."""
        self._add(event="outcome", **outcome.model_dump(mode="json", exclude_none=True))

    def finished(self, at: datetime) -> None:
        """The run got to its end."""
        self._add(event="finished", at=at.isoformat())
        self.sync()

    @contextmanager
    def together(self) -> Iterator[None]:
        """This thread's intents in it are on disk at its end, at the price of one: none is carried out before."""
        self._waits.later = True
        try:
            yield
        finally:
            self._waits.later = False
        self.sync()

    def sync(self) -> None:
        """All that was said by now is on disk. Raises IndexerError, RefusedError."""
        try:
            self._open.sync()
        except OSError as exc:
            raise _unwritable(self._folder, exc) from exc

    def history(self) -> History:
        """What was written by now, or may have been: by this run too."""
        return read_history(self._folder, self._plan_id)

    @property
    def _open(self) -> Lines:
        if self._lines is None:
            raise AssertionError("the journal is not open")
        return self._lines

    def _add(self, **line: Any) -> None:
        try:
            with self._lock:
                # Numbered, so that one that is taken out later leaves a gap; a shard's lines get into one file with the run's.
                ids = {"run_id": self._run_id, "plan_id": self._plan_id, **self._file, "n": self._count}
                self._open.add(json.dumps({**ids, **line}, ensure_ascii=False))
                self._count += 1
        except OSError as exc:
            raise _unwritable(self._folder, exc) from exc


def _unwritable(folder: RunFolder, exc: OSError) -> IndexerError:
    kind = RefusedError if isinstance(exc, UnsafeFileError) else IndexerError
    return kind(
        "The run's journal cannot be written",
        f"{folder}: {exc.strerror}",
        "Make room there and see that you may write to it, or name another folder with --results.",
    )
