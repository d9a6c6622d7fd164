"""How far a run is: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from time import monotonic
from types import TracebackType
from typing import Any, Protocol

EVERY_S = 2.0
Tell = Callable[[str, dict[str, Any]], None]
"""Takes a line and the same in figures."""


class Progress(Protocol):
    """How it is shown how far a run is."""

    def stage(self, name: str, total: int | None) -> None:
        """A new stage."""
        ...

    def advance(self, steps: int = 1, found: int = 0) -> None:
        """Steps of it are done."""
        ...


class LineProgress:
    """A line for each stage, and at most one every two seconds within it. Safe for threads.

    `timed`: and one for each that has ended, with the time it took.
    """

    def __init__(
        self, tell: Tell, found_noun: str, clock: Callable[[], float] = monotonic, *, timed: bool = False
    ) -> None:
        self._tell, self._noun, self._clock, self._timed = tell, found_noun, clock, timed
        self._lock = Lock()
        self._name = ""
        self._total: int | None = None
        self._done = self._found = 0
        self._began_at = self._told_at = 0.0

    def __enter__(self) -> LineProgress:
        return self

    def __exit__(self, *_: object) -> None:
        """The last stage has ended."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._timed and self._name:
            took_s = self._clock() - self._began_at
            figures = {**self._figures(), "took_s": round(took_s, 3)}
            self._tell(f"{self._name}: {self._done:,} in {took_s:.1f} s", figures)

    def stage(self, name: str, total: int | None) -> None:
        """Tell that a stage begins."""
        with self._lock:
            self._end()
            self._name, self._total, self._done, self._found = name, total, 0, 0
            self._began_at = self._told_at = self._clock()
            self._tell(name if total is None else f"{name}: {total:,}", self._figures())

    def advance(self, steps: int = 1, found: int = 0) -> None:
        """Tell how far it is, where the last line is two seconds old."""
        with self._lock:
            self._done += steps
            self._found += found
            if self._clock() - self._told_at < EVERY_S:
                return
            self._told_at = self._clock()
            of = "" if self._total is None else f" of {self._total:,}"
            noun = f", {self._found:,} {self._noun}" if self._found else ""
            self._tell(f"{self._name}: {self._done:,}{of}{noun}", self._figures())

    def _figures(self) -> dict[str, Any]:
        return {"stage": self._name, "done": self._done, "total": self._total, "found": self._found}


class BarProgress:
    """One line that moves, gone when the run is over. Safe for threads, since rich is."""

    def __init__(self, found_noun: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._noun = found_noun
        self._rich = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._lock = Lock()
        self._task = self._rich.add_task("starting", total=None, figures="")
        self._total: int | None = None
        self._done = self._found = 0

    def __enter__(self) -> BarProgress:
        self._rich.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._rich.stop()

    def stage(self, name: str, total: int | None) -> None:
        """Begin the bar anew."""
        with self._lock:
            self._total, self._done, self._found = total, 0, 0
            self._rich.remove_task(self._task)
            self._task = self._rich.add_task(name, total=total, figures=self._figures())

    def advance(self, steps: int = 1, found: int = 0) -> None:
        """Move the bar."""
        with self._lock:
            self._done += steps
            self._found += found
            self._rich.update(self._task, advance=steps, figures=self._figures())

    def _figures(self) -> str:
        of = "" if self._total is None else f"/{self._total:,}"
        found = f" · {self._found:,} {self._noun}" if self._found else ""
        return f"{self._done:,}{of}{found}" if self._done or of else ""


class SilentProgress:
    """Tells nothing."""

    def __enter__(self) -> SilentProgress:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to tidy up."""

    def stage(self, name: str, total: int | None) -> None:
        """Nothing."""

    def advance(self, steps: int = 1, found: int = 0) -> None:
        """Nothing."""
