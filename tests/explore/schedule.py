"""What happens at which point of a small world's story; a schedule can be typed, and pasted into a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "dies", "power", "torn", "full", "purged", "fails", "lost", "ignoring", "retried", "refused", "lags", "partial",
    "hides", "waits", "clock", "acts", "runs", "yields",
]  # fmt: skip
"""dies: the process ends before this step; what it wrote stands. power: the same, and what was not fsynced is gone.
torn: the process ends in the middle of this line. full: the disk, or the archive's bucket, refuses it.
purged: the before-image that was kept last is gone from the archive, as where a lifecycle rule clears it.
fails: the call is not carried out. lost: it is, and its answer is lost. ignoring: S3's server knows no conditions.
retried: the client sends it twice, and the second try is refused. refused: the database refuses one document.
lags: the search shows what was there before the last create. partial: this answer
lacks a data asset, or all, and looks whole. hides: so do all answers, until the nights. waits: ten minutes pass.
clock: this machine's jumps; the systems' stay right; at night it is set. acts: somebody else does a step.
runs: another run of ours begins, and gets to its end unless it yields. yields: it lets the first one go on.
"""
KINDS: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]
Then = Literal["again", "undo", "half", "both", "redo"]
"""What the operator does after the run: applies the plan again; takes the run back; begins to, and leaves it there;
applies it again and takes both back; takes it back, and the taking back as well.
"""
THENS: tuple[Then, ...] = Then.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens at the n-th point of an actor of ours."""

    actor: str
    """plan, apply, again, second, undo, redo."""
    point: int
    kind: Kind
    what: str = ""
    """Of `clock`, back or ahead; of `acts`, the step; of `runs`, which run; of `partial` and `hides`, the data asset that is not shown, or `all`."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A world, what happens in it, and what the operator does afterwards."""

    world: str
    events: tuple[Event, ...] = ()
    then: Then = "again"

    def __str__(self) -> str:
        """As it is typed: `asset-gone: apply@3 fails, apply@7 acts curator-edits; undo`."""
        events = ", ".join(
            f"{one.actor}@{one.point} {one.kind}{' ' if one.what else ''}{one.what}" for one in self.events
        )
        return f"{self.world}: {events}; {self.then}"


def parse(text: str) -> Schedule:
    """The schedule that was printed so. Raises ValueError."""
    world, _, rest = text.partition(":")
    events, _, then = rest.rpartition(";")
    if then.strip() not in THENS:
        raise ValueError(f"it does not end in what comes then: {text!r}")
    return Schedule(
        world.strip(),
        tuple(_event(one) for one in events.split(",") if one.strip()),
        then.strip(),  # type: ignore[arg-type]
    )


def _event(text: str) -> Event:
    where, kind, *what = text.split()
    actor, _, point = where.partition("@")
    if kind not in KINDS:
        raise ValueError(f"there is no event {kind!r}")
    return Event(actor, int(point), kind, " ".join(what))  # type: ignore[arg-type]
