"""Object actions of one asset: read what must be read, guard, archive, journal, write under its condition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from indexer.applier.contents import LiveRecords, SourceChangedError, Sources, content_of_file
from indexer.applier.current import carrying_out
from indexer.applier.evidence import Evidence
from indexer.applier.guard import (
    SATISFIED,
    Judgement,
    judge_copy,
    judge_delete,
    judge_put,
    pinned,
    stale,
)
from indexer.applier.ledger import Ledger
from indexer.applier.proof import Condition, ConditionsIgnoredError, Proof
from indexer.errors import SystemFaultError
from indexer.model.action import CopyObject, DeleteObject, ObjectAction, PutObject
from indexer.model.content import Absent, ObjectSource, RecordFieldSource, RecordSource
from indexer.model.generation import DATE_PLACEHOLDER
from indexer.model.outcome import AfterImage, BeforeImage
from indexer.model.ports import ObjectReader, ObjectWriter, PreconditionFailed
from indexer.model.snapshot import ObjectBody
from indexer.model.values import sha256

ATTEMPTS = 3
"""How often a write that lost a race is judged again."""
REFUSES_WHAT_HOLDS = (
    "this server refuses a condition that holds: nothing else has changed the file "
    "(try `indexer doctor --write-probe`)"
)
FROM_RECORD = (RecordFieldSource, RecordSource)
"""Sources of contents that are read from the live record."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Put:
    """Bytes on their way to a key."""

    key: str
    body: bytes
    judge: Callable[[ObjectBody | None], Judgement]
    """Precondition × what is at the key."""
    condition: Condition
    """`create`: there must be nothing, and a first try needs no look."""


@dataclass(frozen=True, slots=True)
class ObjectApplier:
    """Carries out object actions."""

    reader: ObjectReader
    writer: ObjectWriter
    sources: Sources
    evidence: Evidence
    proof: Proof
    ledger: Ledger

    def apply(self, actions: Sequence[ObjectAction], records: LiveRecords | SystemFaultError) -> None:
        """One asset's actions, in order. `records`: its live records, after their own actions, or why they are unread."""
        for action in actions:
            if self.ledger.ready(action):
                with carrying_out(action.id):
                    self._carry_out(action, records)

    def _carry_out(self, action: ObjectAction, records: LiveRecords | SystemFaultError) -> None:
        try:
            match action:
                case PutObject():
                    self._put_content(action, records)
                case CopyObject():
                    self._copy(action)
                case DeleteObject():
                    self._delete(action)
            self.ledger.noted("s3")
        except SourceChangedError as exc:
            self.ledger.judged(action, stale(str(exc)))
        except SystemFaultError as exc:
            self.ledger.noted("s3", exc)
            # Not only this bucket: the same server is likely to be behind the others, and no promise holds on it.
            if isinstance(exc, ConditionsIgnoredError):
                self.ledger.halt(exc.what)
            self._after_fault(action, exc)

    def _put_content(self, action: PutObject, records: LiveRecords | SystemFaultError) -> None:
        if isinstance(records, SystemFaultError):
            if isinstance(action.content.source, FROM_RECORD):
                self.ledger.failed(action, records.what)
                return
            records = {}
        body = content_of_file(action, records, self.sources)
        if body is None:
            gone, key = "its content is not what it was when the plan was reviewed", action.target.key
            self.ledger.judged(action, stale(gone), _image(key, self.reader.get(action.target.bucket, key)))
            return
        condition: Condition = "create" if isinstance(action.precondition, Absent) else "replace"
        self._put(
            action, _Put(action.target.key, body, lambda live: judge_put(action, live, body), condition)
        )

    def _copy(self, action: CopyObject) -> None:
        """Read and put, not S3's own copy: only a put demands on every server that nothing is replaced."""
        source = _source(action)
        read = self.reader.get(source.bucket, source.key)
        body, key = _reviewed(action, source, read), _key_of_copy(action, read)
        if body is not None:
            self._put(action, _Put(key, body, lambda live: judge_copy(action, live), condition="create"))
            return
        live = self.reader.get(action.target.bucket, key)
        if self.ledger.judged(action, judge_copy(action, live), _image(key, live)):
            self.ledger.judged(action, stale("the file that it copies was changed"))

    def _put(self, action: PutObject | CopyObject, put: _Put) -> None:
        bucket = action.target.bucket
        for attempt in range(1, ATTEMPTS + 1):
            # Nothing should be there, so a look would nearly always be wasted: the condition itself tells.
            blind = attempt == 1 and put.condition == "create" and not self.ledger.look_first
            blind = blind and self.proof.given(bucket, put.condition)
            looked_at = self.ledger.clock()
            live = None if blind else self.reader.get(bucket, put.key)
            if not self._may(action, put.judge(live), put.key, live):
                return
            with self.proof.alone(bucket, put.condition):
                if self._put_once(action, put, live, looked_at, attempt):
                    return
        self._given_up(action, put.judge, put.key)

    def _put_once(
        self,
        action: PutObject | CopyObject,
        put: _Put,
        live: ObjectBody | None,
        looked_at: datetime,
        attempt: int,
    ) -> bool:
        """Was it written? Settled then."""
        bucket, digest = action.target.bucket, sha256(put.body)
        if live is not None:
            self._prove(action, put.condition, put.key, live)
        self.ledger.intend(action, self._before(live), AfterImage(key=put.key, sha256=digest))
        # The ETag that the look found, not the planned one: an undo may know only the bytes (`HasBytes`).
        etag = live.etag if live else None
        answer = self._sent(action, looked_at, lambda: self.writer.put(bucket, put.key, put.body, etag))
        if isinstance(answer, PreconditionFailed):
            return False
        left = AfterImage(key=put.key, etag=answer, sha256=digest)
        try:
            self.proof.ask(bucket, put.condition, put.key, put.body)
        except ConditionsIgnoredError as exc:
            # Ours, and perhaps over somebody else's: whoever reads the result must hear of it, were it the last write.
            self.ledger.failed(action, exc.what, attempts=attempt, written=left)
            raise
        except SystemFaultError:
            self.ledger.written(action, left, attempts=attempt)
            raise
        self.ledger.written(action, left, attempts=attempt)
        return True

    def _delete(self, action: DeleteObject) -> None:
        bucket, key = action.target.bucket, action.target.key
        for attempt in range(1, ATTEMPTS + 1):
            looked_at = self.ledger.clock()
            live = self.reader.get(bucket, key)
            if not self._may(action, judge_delete(action, live), key, live) or live is None:
                return
            with self.proof.alone(bucket, "delete"):
                if self._delete_once(action, live, looked_at, attempt):
                    return
        self._given_up(action, lambda live: judge_delete(action, live), key)

    def _delete_once(self, action: DeleteObject, live: ObjectBody, looked_at: datetime, attempt: int) -> bool:
        """Was it deleted? Settled then."""
        bucket, key = action.target.bucket, action.target.key
        self._prove(action, "delete", key, live)
        self.ledger.intend(action, self._before(live), AfterImage())
        if self._sent(action, looked_at, lambda: self.writer.delete(bucket, key, live.etag)) is not None:
            return False
        self.ledger.written(action, attempts=attempt)
        return True

    def _may(self, action: ObjectAction, judgement: Judgement, key: str, live: ObjectBody | None) -> bool:
        """May it be written, by its precondition and by what it rests on elsewhere? Settled where not."""
        if not self.ledger.judged(action, judgement, _image(key, live)):
            return False
        against = _elsewhere(lambda: self.evidence.against(action))
        return not against or self.ledger.judged(action, stale(against))

    def _prove(self, action: ObjectAction, condition: Condition, key: str, live: ObjectBody) -> None:
        """On what is about to be replaced or deleted. Settled where it fails: what is there tells nothing then."""
        if self.proof.given(action.target.bucket, condition):
            return
        left = AfterImage() if condition == "delete" else AfterImage(key=key, sha256=sha256(live.body))
        self.ledger.intend(action, self._before(live), left)
        try:
            self.proof.ask(action.target.bucket, condition, key, live.body)
        except SystemFaultError as exc:
            self.ledger.failed(action, exc.what)
            raise
        self.ledger.refused(action)

    def _sent(self, action: ObjectAction, looked_at: datetime, write: Callable[[], T]) -> T:
        """Send it. Refused was never ours; but it may be the echo of our own first try, which a look will tell.

        Raises SourceChangedError, where the look has grown old and what it rests on elsewhere is not so any more.
        """
        try:
            if against := _elsewhere(lambda: self.evidence.since(looked_at, action)):
                raise SourceChangedError(against)
        except (SourceChangedError, SystemFaultError):
            self.ledger.refused(action)  # it was not sent
            raise
        try:
            answer = write()
        except SystemFaultError as exc:
            if exc.refused:
                self.ledger.refused(action)
            raise
        if isinstance(answer, PreconditionFailed) and not answer.unsure:
            self.ledger.refused(action)
        return answer

    def _given_up(
        self, action: ObjectAction, judge: Callable[[ObjectBody | None], Judgement], key: str
    ) -> None:
        """Refused again and again: either somebody else is always quicker, or the server is wrong."""
        live = self.reader.get(action.target.bucket, key)
        if self.ledger.judged(action, judge(live), _image(key, live)):
            self.ledger.failed(action, REFUSES_WHAT_HOLDS, attempts=ATTEMPTS)

    def _after_fault(self, action: ObjectAction, fault: SystemFaultError) -> None:
        """Where an answer was lost, a look tells whether the write was carried out."""
        if action.id in self.ledger.outcomes:
            return  # the fault came behind the write, from the proof
        sent = self.ledger.unanswered(action)
        if sent is not None:
            key = sent.after.key if sent.after is not None and sent.after.key else action.target.key
            with suppress(SystemFaultError):
                image = _image(key, self.reader.get(action.target.bucket, key))
                if sent.shows_in(image):
                    self.ledger.judged(action, SATISFIED, image)
                    return
        self.ledger.failed(action, fault.what)

    def _before(self, live: ObjectBody | None) -> BeforeImage:
        if live is None:
            return BeforeImage(kind="absent")
        return self.ledger.kept("object", live.body, live.etag)


def _elsewhere(look: Callable[[], T]) -> T:
    """A look at whichever system: a fault of it is not this bucket's."""
    try:
        return look()
    except SystemFaultError as exc:
        raise SystemFaultError(exc.summary, exc.detail, exc.hint) from exc


def _image(key: str, live: ObjectBody | None) -> AfterImage | None:
    return None if live is None else AfterImage(key=key, etag=live.etag, sha256=sha256(live.body))


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
