"""How far a run is: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from indexer.model.event import StageProgress, StageStarted
from indexer.model.run_event import Listener, RunEvent, StageAdvanced, StageEnded

TellProgress = Callable[[str, dict[str, Any]], None]
"""Takes a line and the same in figures."""


def progress_lines(tell: TellProgress, found_noun: str, *, timed: bool = False) -> Listener:
    """A line for each stage, and now and then one within it; `timed`: and one with the time it took."""

    def listen(event: RunEvent) -> None:
        match event:
            case StageStarted(stage=name, total=total):
                figures = {"stage": name, "done": 0, "total": total, "found": 0}
                tell(name if total is None else f"{name}: {total:,}", figures)
            case StageProgress(stage=name, done=done, total=total, found=found):
                of = "" if total is None else f" of {total:,}"
                noun = f", {found:,} {found_noun}" if found else ""
                tell(f"{name}: {done:,}{of}{noun}", _figures(event))
            case StageEnded(stage=name, done=done, took_s=took_s) if timed:
                figures = {**_figures(event), "took_s": round(took_s, 3)}
                tell(f"{name}: {done:,} in {took_s:.1f} s", figures)

    return listen


def _figures(at: StageProgress | StageEnded) -> dict[str, Any]:
    return {"stage": at.stage, "done": at.done, "total": at.total, "found": at.found}


class ProgressBar:
    """One line that moves, gone when the work is over."""

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
        self._task = self._rich.add_task("starting", total=None, figures="")

    def __enter__(self) -> ProgressBar:
        self._rich.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._rich.stop()

    def __call__(self, event: RunEvent) -> None:
        """Begin the bar anew, or move it."""
        match event:
            case StageStarted(stage=name, total=total):
                self._rich.remove_task(self._task)
                self._task = self._rich.add_task(name, total=total, figures=self._figures(0, total, 0))
            case StageAdvanced(done=done, total=total, found=found):
                self._rich.update(self._task, completed=done, figures=self._figures(done, total, found))

    def _figures(self, done: int, total: int | None, found: int) -> str:
        of = "" if total is None else f"/{total:,}"
        noun = f" · {found:,} {self._noun}" if found else ""
        return f"{done:,}{of}{noun}" if done or of else ""
