"""One run, told to all who listen: in which order, how often, and with which counts."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import typer

from indexer.cli.run import Run
from indexer.cli.signals import Stopped
from indexer.cli.talk import Talk
from indexer.errors import IndexerError
from indexer.model.event import RunFailed, StageProgress, StageStarted
from indexer.model.run_event import RunEnded, RunEvent, StageAdvanced, StageEnded


class Clock:
    """Stands still until it is set."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@contextmanager
def heard(clock: Clock | None = None) -> Iterator[tuple[Run, list[RunEvent]]]:
    """A run, and all that a listener hears of it."""
    talk, events = Talk(io.StringIO()), list[RunEvent]()
    talk.tune(quiet=True, verbose=False, log_format="text")
    with Run(talk, "plan", clock or Clock()) as run:
        run.listen(events.append)
        yield run, events


def test_a_stage_ends_where_the_next_begins_or_the_work_does() -> None:
    """With what was done and found in it, and the time that it took."""
    clock = Clock()
    with heard(clock) as (run, events):
        with run.work("actions") as observer:
            observer.stage("reading", None)
            observer.advance(3)
            clock.now_s = 1.5
            observer.stage("planning", 2)
            observer.advance(found=4)
        observer.advance()  # who comes too late is not counted
    told = [one for one in events if not isinstance(one, StageStarted)]
    assert told == [
        StageAdvanced(3, None, 0),
        StageEnded("reading", 3, None, 0, 1.5),
        StageAdvanced(1, 2, 4),
        StageEnded("planning", 1, 2, 4, 0.0),
    ]
    assert [type(one) for one in events].index(StageStarted) == 0


def test_how_far_it_is_is_told_every_two_seconds() -> None:
    """Never more often, however many steps there are; each step is there for what draws."""
    clock = Clock()
    with heard(clock) as (run, events), run.work("actions") as observer:
        observer.stage("planning", 1000)
        for step in range(1000):
            clock.now_s = step / 200
            observer.advance(found=2)
    progress = [one for one in events if isinstance(one, StageProgress)]
    assert [(one.done, one.total, one.found) for one in progress] == [(401, 1000, 802), (801, 1000, 1602)]
    assert sum(isinstance(one, StageAdvanced) for one in events) == 1000


def test_threads_are_counted_one_after_the_other() -> None:
    """No step is lost, and no listener hears of one before an earlier one."""
    with heard() as (run, events), run.work("actions") as observer, ThreadPoolExecutor(8) as pool:
        observer.stage("planning", 400)
        list(pool.map(lambda _: observer.advance(found=1), range(400)))
    assert [one.done for one in events if isinstance(one, StageAdvanced)] == list(range(1, 401))


@pytest.mark.parametrize(
    ("exc", "summary"),
    [
        (IndexerError("Too many", "41", "Look."), "Too many"),
        (typer.BadParameter("nonsense"), "Invalid value: nonsense"),
        (ValueError("ours"), "Internal error"),
        (Stopped(15), "Terminated"),
    ],
)
def test_an_error_that_ends_the_run_is_told_and_passed_on(exc: BaseException, summary: str) -> None:
    """In words that a program can show."""
    talk, events = Talk(io.StringIO()), list[RunEvent]()
    run = Run(talk, "plan")
    run.listen(events.append)
    with pytest.raises(type(exc)), run:
        raise exc
    (failed,) = events
    assert isinstance(failed, RunFailed)
    assert failed.summary == summary


def test_an_exit_code_is_no_error() -> None:
    """A command that found drift has not failed; its end is told with the code of the process."""
    talk, events, clock = Talk(io.StringIO()), list[RunEvent](), Clock()
    run = Run(talk, "plan", clock)
    run.listen(events.append)
    with pytest.raises(typer.Exit), run:
        raise typer.Exit(3)
    clock.now_s = 2.0
    talk.at_end(3)
    assert events == [RunEnded(3, 2.0)]
