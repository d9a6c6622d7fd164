"""What came of each action so far; every step of the applier reads and writes it here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from threading import Event, Lock
from typing import Literal

from indexer.applier.guard import Judgement, Ruling
from indexer.applier.journal import Journal
from indexer.errors import SystemFaultError
from indexer.model.action import Action
from indexer.model.breaker import Breaker
from indexer.model.kinds import system_of
from indexer.model.observer import Observer
from indexer.model.outcome import SUCCEEDED, AfterImage, BeforeImage, OurWrite, Outcome, Status
from indexer.model.ports import Archive
from indexer.model.snapshot import SystemName
from indexer.model.stamps import next_stamp

INTERRUPTED = "the run was interrupted"
ANSWER_LOST = "the answer was lost, and a look shows that it was carried out"


class Ledger:
    """Outcomes by action id, journalled as they come. Safe for threads, one for each action at a time."""

    def __init__(
        self,
        journal: Journal,
        archive: Archive,
        archive_place: str,
        clock: Callable[[], datetime],
        observer: Observer,
        stop: Event,
        why_stopped: Callable[[], str] = lambda: INTERRUPTED,
    ) -> None:
        """`archive_place`: the archive's, as before-images name it. `why_stopped`: asked once `stop` is set."""
        self._journal, self._archive, self._place = journal, archive, archive_place
        self._observer, self._stop, self._why_stopped = observer, stop, why_stopped
        self.clock = clock
        self._lock = Lock()
        self.outcomes: dict[str, Outcome] = {}
        self._sent: dict[str, list[OurWrite]] = {}
        """Of this run's writes those that nothing has answered yet, by action."""
        self._begun: dict[str, datetime] = {}
        self._halted = ""
        self.breaker = Breaker()

    @property
    def look_first(self) -> bool:
        """On a plan's second run most is so already: a look is cheaper than a write that is refused."""
        return self._journal.rerun

    def stamp(self, replaced: object) -> str:
        """The time of a write that comes now, later than the one it replaces; see `next_stamp`."""
        return next_stamp(self.clock(), replaced, self._journal.mark)

    def halt(self, why: str) -> None:
        """Try nothing more in this run."""
        with self._lock:
            self._halted = self._halted or why

    def ready(self, action: Action) -> bool:
        """May it be tried? If not, it is settled as skipped. Settled already: no."""
        if action.id in self.outcomes:
            return False
        # The stop first: what is skipped after Ctrl-C should say so, and not blame a system.
        if self._stop.is_set():
            why = self._why_stopped()
        else:
            why = self._halted or self.breaker.against(system_of(action)) or self._unmet(action)
        if why:
            self._settle(action, "skipped", why)
        return not why

    def _unmet(self, action: Action) -> str:
        """What it rests on and did not succeed; empty where all did."""
        missing = next((one for one in action.after if not self._succeeded(one)), None)
        return "" if missing is None else f"action {missing}, which it rests on, did not succeed"

    def _succeeded(self, action_id: str) -> bool:
        outcome = self.outcomes.get(action_id)
        return outcome is not None and outcome.status in SUCCEEDED

    def kept(
        self, kind: Literal["object", "record", "data-asset"], body: bytes, etag: str | None = None
    ) -> BeforeImage:
        """Archive what a write will replace, durably; the image that names it, and where it is."""
        return BeforeImage(kind=kind, archive=self._archive.keep(body), place=self._place, etag=etag)

    def intend(self, action: Action, before: BeforeImage, after: AfterImage | None = None) -> None:
        """Journal that this write comes next. `after`: what it will leave, as far as that is known."""
        at = self.clock()
        # On disk before the write: a crash in between leaves an intent without a write.
        self._journal.intent(action.id, at, before, after)
        with self._lock:
            self._begun.setdefault(action.id, at)
            self._sent.setdefault(action.id, []).append(OurWrite(before, after, sure=False))

    def together(self) -> AbstractContextManager[None]:
        """In it, intents wait for the disk once, at its end: before the first of their writes."""
        return self._journal.together()

    def sync(self) -> None:
        """What came of actions so far is on disk."""
        self._journal.sync()

    def refused(self, action: Action) -> None:
        """The system said that the last intended write was not carried out: what is there is somebody else's."""
        self._journal.refused(action.id, self.clock())
        with self._lock:
            self._sent[action.id].pop()

    def unanswered(self, action: Action) -> OurWrite | None:
        """The last write of this run that may have been carried out, where there is one."""
        sent = self._sent.get(action.id)
        return sent[-1] if sent else None

    def sent_before(self, action: Action) -> OurWrite | None:
        """The last write of an earlier run of the plan that was carried out, or may have been."""
        earlier = self._journal.earlier.writes.get(action.id)
        return earlier[-1] if earlier else None

    def written(
        self, action: Action, after: AfterImage | None = None, *, attempts: int = 1, detail: str = ""
    ) -> None:
        """Settle as applied: the last intended write was carried out, and left `after`."""
        write = self._sent[action.id][-1]
        self._settle(action, "applied", detail, before=write.before, after=after, attempts=attempts)

    def judged(self, action: Action, judgement: Judgement, live: AfterImage | None = None) -> bool:
        """Settle what needs no write; True where the action may proceed. `live`: what is there now.

        What is so already is nobody's write, unless one of ours was sent, its answer lost, and its content is there. So
        it may be where an action is stale by now: what its content came from was changed since, and the file is ours.
        """
        if judgement.ruling is Ruling.PROCEED:
            return True
        stale = judgement.ruling is Ruling.STALE
        ours = None if stale and live is None else self._shown(action, live)
        if ours is None:
            self._settle(
                action, "stale" if stale else "satisfied", judgement.why, after=None if stale else live
            )
            return False
        # A record is known by its time, and may have been changed since under the same one: an undo needs what we left.
        after = live if ours.after is None or ours.after.modified is None else ours.after
        if stale:
            self._settle(action, "stale", judgement.why, before=ours.before, after=after)
        else:
            status: Status = "applied" if self._sent.get(action.id) else "satisfied"
            self._settle(action, status, ANSWER_LOST, before=ours.before, after=after)
        return False

    def _shown(self, action: Action, live: AfterImage | None) -> OurWrite | None:
        """The last write of ours that nothing has answered, where what is there now is what it left."""
        # Sure ones are settled already; only a write that nothing answered can explain what is there.
        earlier = [one for one in self._journal.earlier.writes.get(action.id, ()) if not one.sure]
        sent = [*earlier, *self._sent.get(action.id, [])]
        return next((one for one in reversed(sent) if one.shows_in(live)), None)

    def failed(
        self, action: Action, why: str, *, attempts: int = 1, written: AfterImage | None = None
    ) -> None:
        """Settle as failed; a write whose answer was lost may have been carried out all the same.

        `written`: what the last intended write has left, where it was carried out and must not pass for a success.
        """
        before = None if written is None else self._sent[action.id][-1].before
        self._settle(action, "failed", why, before=before, after=written, attempts=attempts)

    def noted(self, system: SystemName, fault: SystemFaultError | None = None) -> None:
        """A request has come to its end: a system that does not answer is not asked for ever."""
        self.breaker.note(system, fault)

    def _settle(
        self,
        action: Action,
        status: Status,
        detail: str,
        *,
        before: BeforeImage | None = None,
        after: AfterImage | None = None,
        attempts: int = 1,
    ) -> None:
        now = self.clock()
        outcome = Outcome(
            action_id=action.id,
            status=status,
            detail=detail,
            started_at=self._begun.pop(action.id, now),
            ended_at=now,
            attempts=attempts,
            before=before,
            after=after,
        )
        # Journalled first: the intent of whatever rests on this outcome follows it to the disk.
        self._journal.outcome(outcome)
        with self._lock:
            self.outcomes[action.id] = outcome
            self._sent.pop(action.id, None)
        self._observer.settled(action, outcome)
        self._observer.advance(found=1 if status == "applied" else 0)
