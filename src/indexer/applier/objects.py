"""Object actions of one asset: read what must be read, guard, archive, journal, write under its condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from indexer.applier.guard import judge_copy, judge_delete, judge_put, payload
from indexer.applier.ledger import Ledger
from indexer.errors import SystemFaultError
from indexer.model.action import (
    Absent,
    CopyObject,
    DeleteObject,
    ObjectAction,
    ObjectSource,
    PutObject,
    RecordFieldSource,
    RecordSource,
)
from indexer.model.generation import DATE_PLACEHOLDER, GenerationName
from indexer.model.outcome import AfterImage, BeforeImage
from indexer.model.ports import ObjectReader, ObjectWriter, PreconditionFailed
from indexer.model.snapshot import ObjectBody
from indexer.model.values import sha256

ATTEMPTS = 3
"""How often a write that lost a race is judged again."""
LiveRecords = Mapping[GenerationName, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ObjectApplier:
    """Carries out object actions."""

    reader: ObjectReader
    writer: ObjectWriter
    ledger: Ledger

    def apply(self, actions: Sequence[ObjectAction], records: LiveRecords) -> None:
        """One asset's actions, in order. `records`: its live records, after their own actions."""
        for action in actions:
            if not self.ledger.ready(action):
                continue
            try:
                match action:
                    case PutObject():
                        self._put(action, records)
                    case CopyObject():
                        self._copy(action)
                    case DeleteObject():
                        self._delete(action)
            except SystemFaultError as exc:
                self.ledger.settle(action, "failed", f"{exc.summary}: {exc.detail}")

    def _put(self, action: PutObject, records: LiveRecords) -> None:
        target = action.target
        body = _content(action, records)
        if body is None:
            self.ledger.settle(action, "stale", "the record is not what it was when the plan was reviewed")
            return
        for attempt in range(1, ATTEMPTS + 1):
            live: ObjectBody | None = None
            if attempt > 1 or not isinstance(action.precondition, Absent):
                live = self.reader.get(target.bucket, target.key)
            if not self.ledger.judged(action, judge_put(action, live, body)):
                return
            before = self._before(live)
            started_at = self.ledger.intend(action, before)
            answer = self._put_or_look(action, body, live)
            if not isinstance(answer, PreconditionFailed):
                after = AfterImage(key=target.key, etag=answer, sha256=sha256(body))
                self.ledger.settle(
                    action, "applied", before=before, after=after, started_at=started_at, attempts=attempt
                )
                return
        self.ledger.settle(action, "stale", "the file changed while it was being written", attempts=ATTEMPTS)

    def _put_or_look(
        self, action: PutObject, body: bytes, live: ObjectBody | None
    ) -> str | PreconditionFailed:
        """Write; where the answer is lost, a look tells whether it was written."""
        target = action.target
        try:
            return self.writer.put(target.bucket, target.key, body, live.etag if live else None)
        except SystemFaultError:
            seen = self.reader.get(target.bucket, target.key)
            if seen is not None and seen.body == body:
                return seen.etag
            raise

    def _copy(self, action: CopyObject) -> None:
        source, target = action.content.source, action.target
        if not isinstance(source, ObjectSource):
            raise AssertionError("bounds let only copies of objects pass")
        key, etag = target.key, source.etag
        if etag is None:
            written = self.reader.get(source.bucket, source.key)
            if written is None or sha256(written.body) != action.content.sha256:
                self.ledger.settle(action, "stale", "the file it copies was changed since it was written")
                return
            etag = written.etag
            key = _dated(key, written.modified_at.strftime("%Y%m%d"))
        before = BeforeImage(kind="absent")
        started_at = self.ledger.intend(action, before)
        answer = self.writer.copy(target.bucket, source.key, etag, key)
        if not isinstance(answer, PreconditionFailed):
            after = AfterImage(key=key, etag=answer, sha256=action.content.sha256)
            self.ledger.settle(action, "applied", before=before, after=after, started_at=started_at)
            return
        judgement = judge_copy(action, self.reader.get(target.bucket, key))
        if self.ledger.judged(action, judgement):
            self.ledger.settle(action, "stale", "the file it copies was changed since the plan")

    def _delete(self, action: DeleteObject) -> None:
        target = action.target
        for attempt in range(1, ATTEMPTS + 1):
            live = self.reader.get(target.bucket, target.key)
            if not self.ledger.judged(action, judge_delete(action, live)):
                return
            before = self._before(live)
            started_at = self.ledger.intend(action, before)
            if self.writer.delete(target.bucket, target.key, action.precondition.etag) is None:
                self.ledger.settle(action, "applied", before=before, started_at=started_at, attempts=attempt)
                return
        self.ledger.settle(action, "stale", "the file changed while it was being deleted", attempts=ATTEMPTS)

    def _before(self, live: ObjectBody | None) -> BeforeImage:
        if live is None:
            return BeforeImage(kind="absent")
        return BeforeImage(kind="object", archive=self.ledger.keep(live.body), etag=live.etag)


def _content(action: PutObject, records: LiveRecords) -> bytes | None:
    """The reviewed bytes, read again from their source; None where they are no longer these."""
    match action.content.source:
        case RecordFieldSource(generation=generation, field=field) if generation in records:
            return payload(action.content, records[generation], field)
        case RecordSource(generation=generation) if generation in records:
            return payload(action.content, records[generation], None)
    return None


def _dated(key: str, date: str) -> str:
    head, _, tail = key.rpartition(f".{DATE_PLACEHOLDER}.")
    return f"{head}.{date}.{tail}"
