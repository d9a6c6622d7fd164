"""A run's pulse: a small file beside its journal, from which workers on other machines hear when to stop.

The command rewrites it every second with a growing number, and with a word once it is told to stop. A worker stops when
it reads that word, when the file is gone, and when the number does not grow: then the command is dead, or cut off.
How long it has not grown is measured by the worker's own clock alone, so the machines' clocks need not agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from threading import Event, Thread
from time import monotonic

from indexer.applier.history import PULSE_PREFIX
from indexer.errors import IndexerError
from indexer.model.ports import RunFolder

EVERY_S = 1.0
"""Between two beats, and between two looks."""
SILENCE_S = 20.0
"""Long enough for a disk over the network that hangs, short enough that a dead command's workers stop soon."""
STOP = b"stop: "
"""What follows says why."""
OVER = "the run is over"
SILENT = "the command of this run was not heard of for {:.0f} seconds"


def pulse_name(run_id: str) -> str:
    """The file's name: each run has its own, so that two in one folder do not stop each other's workers."""
    return f"{PULSE_PREFIX}{run_id}"


@contextmanager
def beating(folder: RunFolder, run_id: str, against: Callable[[], str]) -> Iterator[None]:
    """Give a sign of life from the first moment on; the file is gone at the end. Raises IndexerError.

    `against`: why the workers are to stop; empty where they may go on.
    """
    name, over = pulse_name(run_id), Event()

    def beat() -> None:
        for number in count(1):
            if over.wait(EVERY_S):
                return
            why = against()
            with suppress(OSError):  # if that lasts, the workers stop on their own
                folder.write(name, STOP + why.encode() if why else b"%d" % number)

    try:
        folder.write(name, b"0")
    except OSError as exc:
        hint = "Make room there and see that you may write to it, or name another folder with --results."
        detail = f"{folder}: {name}: {exc.strerror}"
        raise IndexerError("The run's folder cannot be written to", detail, hint) from exc
    thread = Thread(target=beat, name="pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        with suppress(OSError):
            folder.remove(name)


class Pulse:
    """What a worker hears of the command."""

    def __init__(self, folder: RunFolder, run_id: str, now_s: Callable[[], float] = monotonic) -> None:
        self._folder, self._name, self._now_s = folder, pulse_name(run_id), now_s
        self._heard = b""
        self._heard_at_s = now_s()
        self.why = ""
        """Why nothing more may be tried; empty where it may go on."""

    def look(self) -> str:
        """Look once more; `why`."""
        heard: bytes | None
        try:
            heard = self._folder.read(self._name)
        except OSError:  # nobody can tell: as if nothing had changed
            heard = self._heard
        if heard is None:
            self.why = OVER
        elif heard.startswith(STOP):
            self.why = heard.removeprefix(STOP).decode(errors="replace")
        elif heard != self._heard:
            self._heard, self._heard_at_s = heard, self._now_s()
        elif self._now_s() - self._heard_at_s > SILENCE_S:
            self.why = SILENT.format(SILENCE_S)
        return self.why

    @contextmanager
    def stopping(self) -> Iterator[Event]:
        """An event that is set as soon as the command is not to be followed any more."""
        stop, over = Event(), Event()

        def listen() -> None:
            while not over.wait(EVERY_S):
                if self.look():
                    stop.set()
                    return

        if self.look():  # a shard that waited for its turn
            stop.set()
        thread = Thread(target=listen, name="pulse", daemon=True)
        thread.start()
        try:
            yield stop
        finally:
            over.set()
            thread.join()
