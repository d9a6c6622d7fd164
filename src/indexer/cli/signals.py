"""Ctrl-C, SIGTERM and SIGHUP: what the first one does, and what the second."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
Handler = Callable[[int, FrameType | None], None]


class Stopped(BaseException):
    """A signal asked the process to stop. No Exception, so that nothing on the way takes it for a fault."""

    def __init__(self, number: int) -> None:
        super().__init__("Interrupted" if number == signal.SIGINT else "Terminated")
        self.status = 128 + number


@contextmanager
def stoppable() -> Iterator[None]:
    """The first signal unwinds the command; a second one, while it still tidies up, ends it at once."""
    stopped = False

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal stopped
        if stopped:
            _exit(number)
        stopped = True
        raise Stopped(number)

    with _handling(stop):
        yield


@contextmanager
def tidying() -> Iterator[None]:
    """As `stoppable`, where tidying up is short and must not be cut short: further signals are ignored."""
    stopped = False

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            raise Stopped(number)

    with _handling(stop):
        yield


@contextmanager
def finishing(event: threading.Event, warn: Callable[[], None]) -> Iterator[None]:
    """The first signal sets the event: what is in flight finishes. A second one ends the process at once."""

    def stop(number: int, _: FrameType | None) -> None:
        if event.is_set():
            _exit(number)
        event.set()
        warn()

    with _handling(stop):
        yield


def _exit(number: int) -> NoReturn:
    """At once; a cursor that a progress bar hides is shown again."""
    if os.isatty(2):
        os.write(2, b"\x1b[?25h\n")
    os._exit(128 + number)


@contextmanager
def _handling(handler: Handler) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, handler)
        for number in STOPPING
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
