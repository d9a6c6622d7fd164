"""The scheduler: it counts the points of each actor, and lets happen what the schedule has for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Semaphore, Thread

from explore.folder import TornError
from explore.schedule import Event
from explore.stage import Stage
from shared.memory.stored import Crash

A_WHILE = timedelta(minutes=10)
AT_ONCE = {"apply", "second"}
"""Actors that may be under way at the same time, on the same machine: a power cut ends both."""
JUMPS = {"back": timedelta(days=-30), "ahead": timedelta(days=365)}
"""Of a clock: behind what records were last modified at, and beyond any lookback."""


@dataclass(slots=True)
class Director:
    """One schedule being played. Only one actor moves at any time."""

    stage: Stage
    events: Sequence[Event]
    acts: Callable[[str], None]
    """Lets somebody else do a step."""
    runs: Callable[[str], None]
    """Carries out a second run of ours, from beginning to end."""
    cut_power: Callable[[], None]
    purge: Callable[[], None]
    """The archive loses what it was given last."""
    counts: Counter[str] = field(default_factory=Counter)
    dead: set[str] = field(default_factory=set)
    passed: list[tuple[str, int, str]] = field(default_factory=list)
    """Every point: actor, number, name."""
    struck: Counter[str] = field(default_factory=Counter)
    """Events that came about, by kind."""
    _second: Thread | None = None
    _first_goes: Semaphore = field(default_factory=lambda: Semaphore(0))
    _second_goes: Semaphore = field(default_factory=lambda: Semaphore(0))
    _errors: list[BaseException] = field(default_factory=list)

    def point(self, actor: str, name: str) -> str:
        """One step of an actor; what becomes of it."""
        number = self.counts[actor]
        self.counts[actor] += 1
        if actor in self.dead:
            raise Crash
        self.passed.append((actor, number, name))
        self.stage.now += timedelta(milliseconds=10)
        fate = ""
        for event in self.events:
            if event.actor == actor and event.point == number:
                self.struck[event.kind] += 1
                fate = self._happens(event) or fate
        return fate

    def _happens(self, event: Event) -> str:
        match event.kind:
            case "dies" | "power" | "torn":
                self.dead.add(event.actor)
                if event.kind == "power":
                    self.dead |= AT_ONCE if event.actor in AT_ONCE else set()
                    self.cut_power()
                raise TornError if event.kind == "torn" else Crash
            case "acts":
                self.acts(event.what)
            case "purged":
                self.purge()
            case "waits" | "clock" | "hides":
                self._changes(event)
            case "runs":
                self._begin(event.what)
            case "ignoring":
                pass  # it is so from the beginning
            case "yields":
                self._yield()
            case _:
                return event.kind + event.what
        return ""

    def _changes(self, event: Event) -> None:
        """Something around our runs is different from now on."""
        match event.kind:
            case "waits":
                self.stage.now += A_WHILE
            case "clock":
                self.stage.off = JUMPS[event.what]
            case _:
                self.stage.hidden |= self.stage.known_as(event.what)

    def _begin(self, what: str) -> None:
        """The second run; in a thread of its own only where it will let the first one go on."""
        if not any(event.kind == "yields" for event in self.events):
            self.runs(what)
            return
        self._second = Thread(target=self._run_second, args=(what,), daemon=True)
        self._second.start()
        self._first_goes.acquire()

    def _run_second(self, what: str) -> None:
        try:
            self.runs(what)
        except BaseException as exc:  # noqa: BLE001 it is raised again where the first actor ends
            self._errors.append(exc)
        finally:
            self._first_goes.release()

    def _yield(self) -> None:
        if self._second is not None:
            self._first_goes.release()
            self._second_goes.acquire()

    def ended(self) -> None:
        """The first actor is at its end: what waits for it goes on to its own."""
        if self._second is not None:
            second, self._second = self._second, None
            self._second_goes.release()
            second.join()
        if self._errors:
            raise self._errors.pop()
