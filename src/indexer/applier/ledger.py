"""What came of each action so far; every step of the applier reads and writes it here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from threading import Event, Lock

from indexer.applier.guard import Judgement, Verdict
from indexer.applier.journal import Journal
from indexer.model.action import Action
from indexer.model.outcome import SUCCEEDED, AfterImage, BeforeImage, Outcome, Status
from indexer.model.ports import Archive, Progress

FAILURES_IN_A_ROW = 32
"""After so many, each having cost its retries, the rest is not tried."""
Watch = Callable[[Action, Outcome], None]
"""Is told of each outcome once the journal has it."""


def nobody(_: Action, __: Outcome) -> None:
    """Watches nothing."""


class Ledger:
    """Outcomes by action id, journalled as they come. Safe for threads."""

    def __init__(
        self,
        journal: Journal,
        archive: Archive,
        clock: Callable[[], datetime],
        progress: Progress,
        stop: Event,
        watch: Watch = nobody,
    ) -> None:
        self._journal, self._archive, self._progress, self._stop = journal, archive, progress, stop
        self._watch = watch
        self.clock = clock
        self._lock = Lock()
        self.outcomes: dict[str, Outcome] = {}
        self._failures_in_a_row = 0
        self._intents: dict[str, tuple[datetime, BeforeImage]] = {}

    @property
    def look_first(self) -> bool:
        """On a plan's second run most is so already: a look is cheaper than a write that is refused."""
        return self._journal.rerun

    def ready(self, action: Action) -> bool:
        """May it be tried? If not, it is settled as skipped. Settled already: no."""
        if action.id in self.outcomes:
            return False
        if self._stop.is_set():
            self.settle(action, "skipped", "the run was interrupted")
            return False
        if self._failures_in_a_row >= FAILURES_IN_A_ROW:
            self.settle(action, "skipped", f"not tried, after {FAILURES_IN_A_ROW} failures in a row")
            return False
        missing = next((one for one in action.after if not self._succeeded(one)), None)
        if missing is None:
            return True
        self.settle(action, "skipped", f"action {missing}, which it rests on, did not succeed")
        return False

    def _succeeded(self, action_id: str) -> bool:
        outcome = self.outcomes.get(action_id)
        return outcome is not None and outcome.status in SUCCEEDED

    def keep(self, body: bytes) -> str:
        """Archive a before-image; returns the sha256 that names it."""
        return self._archive.keep(body)

    def intend(self, action: Action, before: BeforeImage) -> None:
        """Journal that this write comes next; its outcome will carry the before-image."""
        at = self.clock()
        self._journal.intent(action.id, at, before)
        with self._lock:
            self._intents[action.id] = (at, before)

    def judged(self, action: Action, judgement: Judgement, live: AfterImage | None = None) -> bool:
        """Settle what needs no write; True where the action may proceed. `live`: what is there now."""
        match judgement.verdict:
            case Verdict.PROCEED:
                return True
            case Verdict.SATISFIED:
                self.settle(action, "satisfied", after=live)
            case Verdict.STALE:
                self.settle(action, "stale", judgement.why)
        return False

    def settle(
        self,
        action: Action,
        status: Status,
        detail: str = "",
        *,
        after: AfterImage | None = None,
        attempts: int = 1,
    ) -> None:
        """Journal what came of an action.

        What was written carries the before-image of its intent; what an earlier run of the plan wrote, or
        this one before its answer was lost, keeps the true one.
        """
        now = self.clock()
        started_at, before = self._intents.pop(action.id, (now, None))
        earlier = self._journal.earlier.get(action.id)
        if status == "satisfied" and earlier is not None:
            before, after = earlier.before, earlier.after or after
        outcome = Outcome(
            action_id=action.id,
            status=status,
            detail=detail,
            started_at=started_at,
            ended_at=now,
            attempts=attempts,
            before=before if status in SUCCEEDED else None,
            after=after,
        )
        self._journal.outcome(outcome)
        with self._lock:
            self.outcomes[action.id] = outcome
            if status == "failed":
                self._failures_in_a_row += 1
            elif status != "skipped":
                self._failures_in_a_row = 0
        self._watch(action, outcome)
        self._progress.advance(found=1 if status == "applied" else 0)
