"""Every core of this machine: workers that this process starts, each a fresh interpreter at the other end of a pipe.

The pipe is private: what goes through it (the configuration with its secrets, records, plans) is seen by nobody else, and
it ends with either side. Nothing listens, and nothing is on disk, in arguments or in the environment.
"""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, TypeVar

from indexer.errors import IndexerError, SystemFaultError
from indexer.runs.crew import ENDING_S, LOOK_EVERY_S, STILL_AT_WORK, Task, not_waited_for
from indexer.runs.worker import END

PROGRAM = """
import sys
from multiprocessing.connection import Connection
pipe = Connection(int(sys.argv[1]))
sys.path[:], modules = pipe.recv()
from indexer.runs.worker import serve
serve(pipe, modules)
"""
"""Imports what this process would import, and never the caller's `__main__`, which may be a notebook, or unguarded."""
DEAF_TO = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
"""A terminal and a service manager send these to all processes; it is the command that finishes what is in flight."""
IDLE_S = 5.0
"""So long may a worker that has nothing to do take to end."""
HELD_A_WORKER = 16
"""Shards that are in flight, or have landed and wait for an earlier one: this bounds the memory."""
S = TypeVar("S")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Duty:
    """What workers are for."""

    ahead: int
    """Shards that a worker has in hand."""
    ending_s: float
    """So long is a worker that is at work waited for, where the run ends."""
    hint: str
    """What to do where a worker was lost."""
    imports: tuple[str, ...] = ()
    """What its tasks need: it is there before the first of them comes."""


SYSTEMS = ("indexer.systems.s3", "indexer.systems.s3_connection", "indexer.systems.docdb")
PLANNING = Duty(
    4,
    0.0,
    "Nothing was written. Plan again, with --workers 1 if memory is short.",
    ("indexer.runs.shards", *SYSTEMS),
)
# One at a time: what a worker that is lost had not begun is another one's.
APPLYING = Duty(1, ENDING_S, STILL_AT_WORK, ("indexer.runs.shards_of_actions", *SYSTEMS))


@dataclass(slots=True)
class _Slot:
    """A shard that is on its way."""

    message: bytes
    answer: Any = None
    landed: bool = False

    def land(self, answer: object) -> None:
        self.message, self.answer, self.landed = b"", answer, True


@dataclass(slots=True, eq=False)
class _Worker:
    """One process, and what it has in hand."""

    process: subprocess.Popen[bytes]
    pipe: Connection[Any, Any]
    flying: deque[_Slot] = field(default_factory=deque)
    """It answers in this order."""

    @classmethod
    def started(cls, imports: tuple[str, ...]) -> _Worker:
        """Started; it takes half a second until it listens. Raises SystemFaultError."""
        ours, theirs = Pipe()
        with _deaf(), theirs:
            try:
                process = subprocess.Popen(  # noqa: S603 - this very interpreter
                    # -P: whatever lies in the working directory is not imported.
                    [sys.executable, "-P", "-c", PROGRAM, str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            except OSError as exc:
                ours.close()
                hint = "Leave it to this process, with --workers 1."
                raise SystemFaultError("A worker cannot be started", str(exc.strerror), hint) from exc
        with suppress(OSError):  # it has died: that is found where it is given work
            ours.send((sys.path, imports))
        return cls(process, ours)

    def dismiss(self) -> None:
        """It ends after what it has in hand."""
        with suppress(OSError):
            self.pipe.send_bytes(END)

    def end(self, patience_s: float) -> int:
        """Wait for its end, and then no longer: nothing of it is left. How it ended, as `Popen.returncode` says it."""
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.pipe.close()


class Workers:
    """Processes of this machine, at work for this one alone."""

    def __init__(self, duty: Duty) -> None:
        self._duty, self._ending_s = duty, duty.ending_s
        self.there: list[_Worker] = []
        self._fault = IndexerError("There is no worker")

    def start(self, count: int) -> None:
        """So many more. Raises SystemFaultError."""
        for _ in range(count):
            self.there.append(_Worker.started(self._duty.imports))

    def end(self) -> None:
        """Of all of them: who has nothing in hand ends at once."""
        for one in self.there:
            one.dismiss()
        for one in self.there:
            one.end(self._ending_s if one.flying else IDLE_S)

    def check(self, question: Callable[[], None]) -> None:
        """There is nothing to ask: they are on this machine, and have what this process has."""

    def spread(
        self, task: Task[S, R], shards: Iterable[S], gave_up: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[S, R | IndexerError]]:
        """As a `Crew` does. The shards of a worker that is lost are another one's, but for the one that it was at."""
        told = _pickled(task)
        order: deque[tuple[S, _Slot]] = deque()
        for shard in shards:
            slot = _Slot(_pickled((told, _pickled(shard))))
            order.append((shard, slot))
            self._give(slot)
            while order and not self._room(len(order)):
                yield from self._next(order, gave_up)
        while order:
            yield from self._next(order, gave_up)

    def _next(
        self, order: deque[tuple[S, _Slot]], gave_up: Callable[[], bool]
    ) -> Iterator[tuple[S, R | IndexerError]]:
        """Those that are next and have landed; where none has, one moment is waited."""
        if order[0][1].landed:
            while order and order[0][1].landed:
                shard, slot = order.popleft()
                yield shard, slot.answer
        elif gave_up():
            self._ending_s = 0.0
            yield order.popleft()[0], not_waited_for()
        else:
            busy: dict[Any, _Worker] = {one.pipe: one for one in self.there if one.flying}
            for pipe in wait(busy, LOOK_EVERY_S):
                # One that died with another was found and heard to its end when it was given the other's shards.
                if busy[pipe] in self.there:
                    self._hear(busy[pipe])

    def _room(self, held: int) -> bool:
        """Is there a worker for another shard, and room for its answer?"""
        ready = any(len(one.flying) < self._duty.ahead for one in self.there)
        return ready and held < HELD_A_WORKER * len(self.there)

    def _give(self, slot: _Slot) -> None:
        """To whoever has the least in hand; where nobody is left, it lands as the last fault."""
        while self.there:
            one = min(self.there, key=lambda one: len(one.flying))
            try:
                one.pipe.send_bytes(slot.message)
            except OSError:
                while one in self.there:  # what it had answered is heard first
                    self._hear(one)
            else:
                one.flying.append(slot)
                return
        slot.land(self._fault)

    def _hear(self, one: _Worker) -> None:
        """A worker's next answer, or its end."""
        try:
            answer = pickle.loads(one.pipe.recv_bytes())  # noqa: S301 - of a process that this one has started
        except (EOFError, OSError):
            self._lose(one)
        else:
            one.flying.popleft().land(answer)

    def _lose(self, one: _Worker) -> None:
        """Its first shard has failed; what it had not begun is given to others."""
        self.there.remove(one)
        how = _ended(one.end(IDLE_S))
        self._fault = SystemFaultError(
            "A worker was lost", f"process {one.process.pid} {how}", self._duty.hint
        )
        if one.flying:
            one.flying.popleft().land(self._fault)
        while one.flying:
            self._give(one.flying.popleft())


def _ended(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:  # a real-time signal has no name
        name = f"signal {-status}"
    why = ": a machine that runs out of memory does so" if name == "SIGKILL" else ""
    return f"was killed by {name}{why}"


def _pickled(value: object) -> bytes:
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


@contextmanager
def open_workers(count: int, duty: Duty) -> Iterator[Workers]:
    """Workers, for as long as the block lasts. Raises SystemFaultError."""
    workers = Workers(duty)
    try:
        workers.start(count)
        yield workers
    finally:
        workers.end()


@contextmanager
def _deaf() -> Iterator[None]:
    """What is started within never hears those signals; what comes meanwhile, this thread hears afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, DEAF_TO)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
