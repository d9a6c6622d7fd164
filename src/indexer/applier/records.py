"""Record actions of a batch of assets: one read, one conditional batch write, one read of what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from indexer.applier.contents import Body, Draft, Filters, SourceChangedError, Sources, draft
from indexer.applier.current import carrying_out
from indexer.applier.evidence import Evidence
from indexer.applier.guard import Judgement, judge_insert, judge_record_delete, judge_update, stale
from indexer.applier.ledger import ANSWER_LOST, Ledger
from indexer.errors import IndexerError, OutageError, SystemFaultError
from indexer.model.action import DeleteRecord, InsertRecord, RecordAction, UpdateRecord
from indexer.model.content import NewRecordContent
from indexer.model.generation import GENERATIONS, GenerationName
from indexer.model.ids import IdKey, id_from_plan, id_key
from indexer.model.location import parse_location
from indexer.model.outcome import AfterImage, BeforeImage
from indexer.model.ports import RecordReader, RecordWrite, RecordWriter
from indexer.model.values import fingerprint

ATTEMPTS = 5
"""How often a write of which nothing came is judged again."""
NOTHING_CAME = "nothing came of the write"


@dataclass(frozen=True, slots=True)
class _Sent:
    """A write on its way."""

    action: RecordAction
    write: RecordWrite


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
    filters: Filters
    """The run's own."""

    def apply(self, actions: Sequence[RecordAction]) -> None:
        """A batch of actions; each is settled on its own."""
        said: dict[str, str] = {}
        for attempt in range(1, ATTEMPTS + 1):
            ready = [action for action in actions if self.ledger.ready(action)]
            if not ready:
                return
            try:
                looked_at = self.ledger.clock()
                live = self._read(ready)
                drafts = [one for action in ready if (one := self._drafted(action, live)) is not None]
                # Once: a server that cannot compare whole values finds nothing, again and again (decision 5).
                exact = attempt == 1 and self.filters.exact
                stamped = self._stamped_together(drafts, exact=exact)
                founded = [one for one in stamped if self._is_founded(one.action, looked_at)]
                answered = self._write(founded, together=attempt == 1, said=said)
                self._settle(answered, attempt)
                self.filters.exact &= not (exact and self._in_vain(founded))
                self.ledger.noted("docdb")
            except SystemFaultError as exc:
                self.ledger.noted("docdb", exc)
                said |= dict.fromkeys((action.id for action in ready), exc.what)
                break  # the reader has asked often enough itself; another run looks what came of the writes
        # Given up last, when every try is over: a refusal in one round may be settled by the look of the next.
        for action in actions:
            if action.id not in self.ledger.outcomes:
                self.ledger.failed(action, said.get(action.id, NOTHING_CAME), attempts=ATTEMPTS)

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
            # In every generation: another program may have registered the asset in the other one (decision 12).
            for body in self.reader.by_location(generation, locations) if locations else ():
                there = generation, str(parse_location(body["location"]))
                live.by_location.setdefault(there, []).append(body)
        return live

    def _drafted(self, action: RecordAction, live: _Live) -> Draft | None:
        """Guard, look at what it rests on elsewhere, read the values again. None where it is settled."""
        with carrying_out(action.id):
            record = live.of(action)
            if not self.ledger.judged(action, live.judge(action), _image(action, record)):
                return None
            try:
                made = draft(action, record, self.sources, self.ledger)
                # Last of all reads: a machine may sleep between two of them, and a look is what grows old.
                if against := self.evidence.against(action):
                    raise SourceChangedError(against)
                return made
            except SourceChangedError as exc:
                self.ledger.judged(action, stale(str(exc)))
            except SystemFaultError as exc:  # what one asset rests on cannot be read: the others go on
                self.ledger.failed(action, exc.what)
            return None

    def _in_vain(self, sent: Sequence[_Sent]) -> bool:
        """Did nothing come of a change, though its record is as it demands? Then the database cannot compare it.

        Of one whose answer was lost nobody knows.
        """
        return any(
            one.action.id not in self.ledger.outcomes and self.ledger.unanswered(one.action) is None
            for one in sent
            if not isinstance(one.action, InsertRecord)
        )

    def _stamped_together(self, drafts: Sequence[Draft], *, exact: bool) -> list[_Sent]:
        """A batch's writes, their intents on disk. Where one cannot be kept, none is sent, and the journal says so."""
        stamped: list[_Sent] = []
        try:
            with self.ledger.together():
                for one in drafts:
                    stamped.append(self._stamped(one, exact=exact))
        except IndexerError:
            for sent in stamped:
                with suppress(IndexerError):
                    self.ledger.refused(sent.action)
            raise
        return stamped

    def _is_founded(self, action: RecordAction, looked_at: datetime) -> bool:
        """Does it rest on what it should, though the look may have grown old? Settled where not: it is not sent."""
        try:
            against = self.evidence.since(looked_at, action)
        except SystemFaultError as exc:
            self.ledger.refused(action)
            self.ledger.failed(action, exc.what)
            return False
        if against:
            self.ledger.refused(action)
            self.ledger.judged(action, stale(against))
        return not against

    def _stamped(self, one: Draft, *, exact: bool) -> _Sent:
        """Give the write its time, keep what it replaces, journal the intent. All that is slow was done before."""
        modified = GENERATIONS[one.action.target.generation].modified_field
        # A record that an undo brings back is later than the deleted one, too: caches have seen that one's time.
        replaced = (one.record or one.values).get(modified)
        write, left = one.at(self.ledger.stamp(replaced), exact=exact)
        before = BeforeImage(kind="absent")
        if one.record:
            before = self.ledger.kept("record", self.reader.archive_form(one.record))
        self.ledger.intend(one.action, before, left)
        return _Sent(one.action, write)

    def _write(
        self, sent: Sequence[_Sent], *, together: bool, said: dict[str, str]
    ) -> list[tuple[_Sent, bool]]:
        """One batch for each generation; returns each write, and whether it was answered.

        `said` takes the database's words for each action that it refused. A batch may have been refused for one of
        its writes (a document that is too large): each is a batch of its own then.
        """
        answered: list[tuple[_Sent, bool]] = []
        for generation in self.generations:
            own = [one for one in sent if one.action.target.generation == generation]
            for batch in filter(None, [own] if together else [[one] for one in own]):
                try:
                    errors = self.writer.write(generation, [one.write for one in batch])
                    said |= {batch[error.index].action.id: error.message for error in errors if error.message}
                    missed = {error.index for error in errors}
                except SystemFaultError as exc:
                    self.ledger.noted("docdb", exc)
                    if not isinstance(exc, OutageError):  # it may have been the filter
                        self.filters.exact = False
                    said |= dict.fromkeys((one.action.id for one in batch), exc.what)
                    answered.extend((one, False) for one in batch)
                    continue
                for at, one in enumerate(batch):
                    if at in missed:
                        self.ledger.refused(one.action)
                answered.extend((one, at not in missed) for at, one in enumerate(batch))
        return answered

    def _settle(self, answered: Sequence[tuple[_Sent, bool]], attempt: int) -> None:
        """Read back what was written. Of what is as it was before, nothing came: it stays unsettled."""
        if not answered:
            return
        # The batch's answer only counts; a read tells of each write, and of those whose answer was lost (decision 3).
        live = self._read([one.action for one, _ in answered])
        for one, was_answered in answered:
            record = live.of(one.action)
            sent = self.ledger.unanswered(one.action)
            if sent is not None and sent.shows_in(_image(one.action, record)):
                detail = "" if was_answered else ANSWER_LOST
                self.ledger.written(one.action, sent.after, attempts=attempt, detail=detail)
                continue
            if sent is not None and was_answered:
                self.ledger.refused(one.action)
            self.ledger.judged(one.action, live.judge(one.action), _image(one.action, record))


def _image(action: RecordAction, record: Body | None) -> AfterImage:
    """What there is now, as an action would leave it."""
    if record is None:
        return AfterImage()
    modified = record.get(GENERATIONS[action.target.generation].modified_field)
    return AfterImage(sha256=fingerprint(record), modified=modified if isinstance(modified, str) else None)
