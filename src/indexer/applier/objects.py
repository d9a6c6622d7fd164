"""Object actions of one asset: read what must be read, guard, archive, journal, write under its condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from indexer.applier.contents import SourceChangedError, Sources
from indexer.applier.current import carrying_out
from indexer.applier.evidence import Evidence
from indexer.applier.guard import Verdict, judge_copy, judge_delete, judge_put, payload, pinned, stale
from indexer.applier.ledger import Ledger
from indexer.errors import SystemFaultError
from indexer.model.action import CopyObject, DeleteObject, ObjectAction, PutObject
from indexer.model.content import Absent, ArchiveSource, ObjectSource, RecordFieldSource, RecordSource
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
    sources: Sources
    evidence: Evidence
    ledger: Ledger

    def apply(self, actions: Sequence[ObjectAction], records: LiveRecords) -> None:
        """One asset's actions, in order. `records`: its live records, after their own actions."""
        for action in actions:
            if self.ledger.ready(action):
                with carrying_out(action.id):
                    self._carry_out(action, records)

    def _carry_out(self, action: ObjectAction, records: LiveRecords) -> None:
        try:
            match action:
                case PutObject():
                    self._put(action, records)
                case CopyObject():
                    self._copy(action)
                case DeleteObject():
                    self._delete(action)
        except SystemFaultError as exc:
            self._after_fault(action, records, exc)

    def _put(self, action: PutObject, records: LiveRecords) -> None:
        target = action.target
        body = _content(action, records, self.sources)
        if body is None:
            self.ledger.settle(action, "stale", "its content is not what it was when the plan was reviewed")
            return
        for attempt in range(1, ATTEMPTS + 1):
            live: ObjectBody | None = None
            if attempt > 1 or self.ledger.look_first or not isinstance(action.precondition, Absent):
                live = self.reader.get(target.bucket, target.key)
            if not self.ledger.judged(action, judge_put(action, live, body), _image(target.key, live)):
                return
            self.ledger.intend(action, self._before(live))
            answer = self.writer.put(target.bucket, target.key, body, live.etag if live else None)
            if not isinstance(answer, PreconditionFailed):
                after = AfterImage(key=target.key, etag=answer, sha256=sha256(body))
                self.ledger.settle(action, "applied", after=after, attempts=attempt)
                return
        self.ledger.settle(action, "stale", "the file changed while it was being written", attempts=ATTEMPTS)

    def _copy(self, action: CopyObject) -> None:
        """Read and put, not S3's own copy: only a put demands on every server that nothing is replaced."""
        source, target = _source(action), action.target
        for attempt in range(1, ATTEMPTS + 1):
            read = self.reader.get(source.bucket, source.key)
            body, key = _reviewed(action, source, read), _key_of_copy(action, read)
            if self.ledger.look_first or attempt > 1 or body is None:
                live = self.reader.get(target.bucket, key)
                if not self.ledger.judged(action, judge_copy(action, live), _image(key, live)):
                    return
            if body is None:
                self.ledger.settle(action, "stale", "the file that it copies was changed")
                return
            self.ledger.intend(action, BeforeImage(kind="absent"))
            answer = self.writer.put(target.bucket, key, body, None)
            if not isinstance(answer, PreconditionFailed):
                after = AfterImage(key=key, etag=answer, sha256=action.content.sha256)
                self.ledger.settle(action, "applied", after=after, attempts=attempt)
                return
        self.ledger.settle(action, "stale", "the file changed while it was being copied", attempts=ATTEMPTS)

    def _delete(self, action: DeleteObject) -> None:
        target = action.target
        for attempt in range(1, ATTEMPTS + 1):
            live = self.reader.get(target.bucket, target.key)
            if not self.ledger.judged(action, judge_delete(action, live)) or live is None:
                return
            if against := self.evidence.against(action):
                self.ledger.judged(action, stale(against))
                return
            self.ledger.intend(action, self._before(live))
            if self.writer.delete(target.bucket, target.key, live.etag) is None:
                self.ledger.settle(action, "applied", attempts=attempt)
                return
        self.ledger.settle(action, "stale", "the file changed while it was being deleted", attempts=ATTEMPTS)

    def _after_fault(self, action: ObjectAction, records: LiveRecords, fault: SystemFaultError) -> None:
        """An answer was lost: a look tells whether the write was carried out."""
        try:
            done = self._look(action, records)
        except SystemFaultError:
            done = None
        if done is None:
            self.ledger.settle(action, "failed", fault.what)
        else:
            self.ledger.settle(action, "satisfied", f"the answer was lost ({fault.what})", after=done)

    def _look(self, action: ObjectAction, records: LiveRecords) -> AfterImage | None:
        """What the write left behind, or None where it was not carried out."""
        key = action.target.key
        if isinstance(action, CopyObject):
            source = _source(action)
            key = _key_of_copy(action, self.reader.get(source.bucket, source.key))
        live = self.reader.get(action.target.bucket, key)
        match action:
            case PutObject():
                body = _content(action, records, self.sources)
                done = body is not None and judge_put(action, live, body).verdict is Verdict.SATISFIED
            case CopyObject():
                done = judge_copy(action, live).verdict is Verdict.SATISFIED
            case DeleteObject():
                return AfterImage() if live is None else None
        return _image(key, live) if done else None

    def _before(self, live: ObjectBody | None) -> BeforeImage:
        if live is None:
            return BeforeImage(kind="absent")
        return BeforeImage(kind="object", archive=self.ledger.keep(live.body), etag=live.etag)


def _image(key: str, live: ObjectBody | None) -> AfterImage | None:
    return None if live is None else AfterImage(key=key, etag=live.etag, sha256=sha256(live.body))


def _content(action: PutObject, records: LiveRecords, sources: Sources) -> bytes | None:
    """The reviewed bytes, read again from their source; None where they are no longer these."""
    match action.content.source:
        case ArchiveSource() as source:
            try:
                body = sources.archived(source)
            except SourceChangedError:
                return None
            return body if pinned(action.content, body) else None
        case RecordFieldSource(generation=generation, field=field) if generation in records:
            return payload(action.content, records[generation], field)
        case RecordSource(generation=generation) if generation in records:
            return payload(action.content, records[generation], None)
    return None


def _source(action: CopyObject) -> ObjectSource:
    source = action.content.source
    if not isinstance(source, ObjectSource):
        raise AssertionError("bounds let only copies of objects pass")
    return source


def _reviewed(action: CopyObject, source: ObjectSource, read: ObjectBody | None) -> bytes | None:
    """The bytes that were reviewed, read under the planned ETag (a new file's is not known before); else None."""
    if read is None or source.etag not in (None, read.etag):
        return None
    return read.body if pinned(action.content, read.body) else None


def _key_of_copy(action: CopyObject, source: ObjectBody | None) -> str:
    """The day in the name of a new file's original is known when that file is there."""
    head, placeholder, tail = action.target.key.rpartition(f".{DATE_PLACEHOLDER}.")
    if not placeholder or source is None:
        return action.target.key
    return f"{head}.{source.modified_at:%Y%m%d}.{tail}"
