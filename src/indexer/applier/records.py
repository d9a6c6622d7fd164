"""Record actions of a batch of assets: one read, one conditional batch write, one read of what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from indexer.applier.contents import SourceChangedError, Sources, record_write
from indexer.applier.current import carrying_out
from indexer.applier.evidence import Evidence
from indexer.applier.guard import Judgement, Verdict, judge_insert, judge_record_delete, judge_update, stale
from indexer.applier.ledger import Ledger
from indexer.errors import SystemFaultError
from indexer.model.action import DeleteRecord, InsertRecord, RecordAction, UpdateRecord
from indexer.model.content import NewRecordContent
from indexer.model.generation import GENERATIONS, GenerationName
from indexer.model.location import parse_location
from indexer.model.outcome import AfterImage, BeforeImage
from indexer.model.ports import RecordReader, RecordWrite, RecordWriter
from indexer.model.values import IdKey, fingerprint, id_from_plan, id_key, time_stamp

ATTEMPTS = 5
"""How often a write of which nothing came is judged again."""
Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Sent:
    """A write on its way."""

    action: RecordAction
    write: RecordWrite
    stamp: str
    """What it sets the last-modified field to: by it we know our own hand."""


@dataclass(slots=True)
class _Live:
    """The records that a batch's guards look at."""

    by_id: dict[tuple[GenerationName, IdKey], Body] = field(default_factory=dict)
    by_location: dict[tuple[GenerationName, str], list[Body]] = field(default_factory=dict)

    def of(self, action: RecordAction) -> Body | None:
        """The record that an action names."""
        return self.by_id.get((action.target.generation, id_key(id_from_plan(action.target.record_id))))

    def judge(self, action: RecordAction) -> Judgement:
        """Precondition × live."""
        own = self.of(action)
        match action:
            case InsertRecord():
                # A new asset has a record in no generation; one that comes back has none in its own.
                new = isinstance(action.content, NewRecordContent)
                there = [
                    body
                    for (generation, location), bodies in self.by_location.items()
                    for body in bodies
                    if location == action.location and (new or generation == action.target.generation)
                ]
                # Its id may be taken by a record that has another location.
                return judge_insert(action, there or ([own] if own is not None else []))
            case UpdateRecord():
                return judge_update(action, own)
            case DeleteRecord():
                return judge_record_delete(action, own)


@dataclass(frozen=True, slots=True)
class RecordApplier:
    """Carries out record actions."""

    reader: RecordReader
    writer: RecordWriter
    sources: Sources
    evidence: Evidence
    generations: Sequence[GenerationName]
    """All configured ones: a new record must be in none."""
    ledger: Ledger

    def apply(self, actions: Sequence[RecordAction]) -> None:
        """A batch of actions; each is settled on its own."""
        fault = ""
        refused: dict[str, str] = {}
        for attempt in range(1, ATTEMPTS + 1):
            ready = [action for action in actions if self.ledger.ready(action)]
            if not ready:
                return
            try:
                live = self._read(ready)
                sent = [one for action in ready if (one := self._prepared(action, live)) is not None]
                refused |= self._write(sent, together=attempt == 1)
                self._settle(sent, attempt)
            except SystemFaultError as exc:
                fault = exc.what
                break  # the reader has asked often enough itself; another run looks what came of the writes
        for action in actions:
            if action.id not in self.ledger.outcomes:
                why = fault or refused.get(action.id, "nothing came of the write")
                self.ledger.settle(action, "failed", why, attempts=ATTEMPTS)

    def _read(self, actions: Sequence[RecordAction]) -> _Live:
        """One request for each generation, and one more for the locations of new records."""
        live = _Live()
        new = [parse_location(one.location) for one in actions if isinstance(one, InsertRecord)]
        locations = [location for location in new if location is not None]
        for generation in self.generations:
            targets = [one.target for one in actions if one.target.generation == generation]
            ids = [id_from_plan(target.record_id) for target in targets]
            for body in self.reader.by_id(generation, ids) if ids else ():
                live.by_id[generation, id_key(body["_id"])] = dict(body)
            for body in self.reader.by_location(generation, locations) if locations else ():
                there = generation, str(parse_location(body["location"]))
                live.by_location.setdefault(there, []).append(body)
        return live

    def _prepared(self, action: RecordAction, live: _Live) -> _Sent | None:
        with carrying_out(action.id):
            return self._prepare(action, live)

    def _prepare(self, action: RecordAction, live: _Live) -> _Sent | None:
        """Guard, read the values again, archive what is replaced, journal the intent."""
        record, stamp = live.of(action), time_stamp(self.ledger.clock())
        if not self.ledger.judged(action, live.judge(action), _image(action, record)):
            return None
        try:
            against = self.evidence.against(action)
            if against:
                raise SourceChangedError(against)
            write = record_write(action, record, stamp, self.sources, self.ledger)
        except SourceChangedError as exc:
            self.ledger.judged(action, stale(str(exc)))
            return None
        except SystemFaultError as exc:  # what one asset rests on cannot be read: the others go on
            self.ledger.settle(action, "failed", exc.what)
            return None
        before = BeforeImage(kind="absent")
        if record is not None:
            before = BeforeImage(kind="record", archive=self.ledger.keep(self.reader.archive_form(record)))
        self.ledger.intend(action, before)
        return _Sent(action, write, stamp)

    def _write(self, sent: Sequence[_Sent], *, together: bool) -> dict[str, str]:
        """One batch for each generation; returns the database's words for each action that it refused.

        A lost answer is no outcome: the read afterwards tells. A batch may have been refused for one of its
        writes (a document that is too large): each is a batch of its own then.
        """
        refused: dict[str, str] = {}
        for generation in self.generations:
            own = [one for one in sent if one.action.target.generation == generation]
            for batch in filter(None, [own] if together else [[one] for one in own]):
                try:
                    for error in self.writer.write(generation, [one.write for one in batch]):
                        refused[batch[error.index].action.id] = error.message
                except SystemFaultError as exc:
                    refused |= dict.fromkeys((one.action.id for one in batch), exc.what)
        return refused

    def _settle(self, sent: Sequence[_Sent], attempt: int) -> None:
        """Read back what was written. Of what is as it was before, nothing came: it stays unsettled."""
        if not sent:
            return
        live = self._read([one.action for one in sent])
        for one in sent:
            record = live.of(one.action)
            if _ours(one, record):
                after = _image(one.action, record)
                self.ledger.settle(one.action, "applied", after=after, attempts=attempt)
            elif (judgement := live.judge(one.action)).verdict is not Verdict.PROCEED:
                self.ledger.judged(one.action, judgement, _image(one.action, record))


def _ours(sent: _Sent, record: Body | None) -> bool:
    """Does the record show our own write?"""
    if isinstance(sent.action, DeleteRecord):
        return record is None
    generation = GENERATIONS[sent.action.target.generation]
    return record is not None and record.get(generation.modified_field) == sent.stamp


def _image(action: RecordAction, record: Body | None) -> AfterImage:
    """What an action left behind."""
    if record is None:
        return AfterImage()
    modified = record.get(GENERATIONS[action.target.generation].modified_field)
    return AfterImage(sha256=fingerprint(record), modified=modified if isinstance(modified, str) else None)
