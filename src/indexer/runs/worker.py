"""A worker of this machine: a process that does what comes through its pipe, one thing after the other, and ends with it.

It is started by `workers.py`, and imports what its tasks need: no command line, no screen. It prints nothing.
"""

from __future__ import annotations

import gc
import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from indexer.errors import IndexerError, SystemFaultError
from indexer.masking import said

END = b""
"""Nothing more is to be done."""


def serve(pipe: Connection[Any, Any], imports: Iterable[str]) -> None:
    """Carry out what comes, until the end is said. Each message is a task and a shard, both pickled; so is each answer."""
    inbox: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_listen, args=(pipe, inbox), daemon=True).start()
    gc.disable()
    for name in imports:
        import_module(name)
    gc.freeze()  # what is imported stays: to look through it again and again takes a tenth of the start
    gc.enable()
    message = inbox.get()
    while message != END:
        work = _Work(inbox, message)
        for answer in work.answers():
            pipe.send_bytes(pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))
        message = inbox.get() if work.other is None else work.other


def _listen(pipe: Connection[Any, Any], inbox: SimpleQueue[bytes]) -> None:
    """In a thread of its own, so that the end of the pipe is heard in the middle of a shard, too."""
    try:
        while True:
            inbox.put(pipe.recv_bytes())
    except (EOFError, OSError):
        # Nobody is there any more: this process dies as a thread of the command would have died with it.
        os._exit(1)


class _Work:
    """One task, and its shards, as long as another one waits: between two of them no request is waited for."""

    def __init__(self, inbox: SimpleQueue[bytes], message: bytes) -> None:
        self._inbox = inbox
        self._task, self._shard = pickle.loads(message)  # noqa: S301 - of the command that started this process
        self._unanswered = 1
        self.other: bytes | None = None
        """A message that came, and is no shard of this task."""

    def answers(self) -> Iterator[object]:
        """What came of each shard, in order: at the latest once no other one waits. A fault is an answer, too."""
        task: Callable[[Iterable[Any]], Iterator[object]]
        fault: IndexerError | None = None
        try:
            task = pickle.loads(self._task)  # noqa: S301
            for answer in task(self._shards()):
                self._unanswered -= 1
                yield answer
        except IndexerError as exc:
            fault = exc
        except Exception as exc:  # noqa: BLE001 - what a worker cannot do is told where somebody listens
            detail = f"{type(exc).__name__}: {said(exc, 300)}"
            fault = SystemFaultError("A worker could not do its work", detail)
        for _ in range(self._unanswered):
            yield fault

    def _shards(self) -> Iterator[Any]:
        shard = self._shard
        while True:
            yield pickle.loads(shard)  # noqa: S301
            try:
                message = self._inbox.get_nowait()
            except Empty:
                return
            if message == END:
                self.other = message
                return
            task, shard = pickle.loads(message)  # noqa: S301
            if task != self._task:
                self.other = message
                return
            self._unanswered += 1
