"""One run at a time in a folder: it holds the folder's lock, which the system gives back however the process ends."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime

from indexer.applier.history import LOCK_FILE, PULSE_PREFIX
from indexer.disk import UnsafeFileError
from indexer.errors import IndexerError, RefusedError
from indexer.model.ports import RunFolder

IN_USE = "The run's folder is in use"
NO_LOCKS = (
    "the file system of the results folder has no locks: see that no other run writes there at the same time"
)


@contextmanager
def held_alone(folder: RunFolder, run_id: str, at: datetime) -> Iterator[bool]:
    """Hold a run's folder from before its first write on. Gives whether its file system has locks.

    Raises IndexerError where another run of it, or its undo, goes on.
    """
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "run_id": run_id, "since": at.isoformat()}
    with ExitStack() as until_the_end:
        try:
            locks = until_the_end.enter_context(folder.locked(LOCK_FILE, json.dumps(holder).encode()))
            if locks:
                _end_the_workers_of_the_dead(folder)
        except BlockingIOError as exc:
            hint = "Let that one end, or stop it; then apply again. For a run beside it name another folder with --results."
            raise IndexerError(IN_USE, _who_holds(folder), hint) from exc
        except OSError as exc:
            hint = "Make room there and see that you may write to it, or name another folder with --results."
            kind = RefusedError if isinstance(exc, UnsafeFileError) else IndexerError
            raise kind("The run's folder cannot be written to", f"{folder}: {exc.strerror}", hint) from exc
        yield locks


@contextmanager
def at_rest(folder: RunFolder) -> Iterator[bool]:
    """Keep runs out of a folder while it is read for an undo, or is taken back. Gives whether a lock shows that none goes on.

    Raises IndexerError where one goes on: what it has written is known only at its end.
    """
    with ExitStack() as until_the_end:
        locks = False
        try:
            locks = until_the_end.enter_context(folder.locked(LOCK_FILE))
        except BlockingIOError as exc:
            hint = "Let it end, or stop it with Ctrl-C; then take it back."
            raise IndexerError("The run is still going on", _who_holds(folder), hint) from exc
        except OSError as exc:
            if isinstance(exc, UnsafeFileError):
                raise RefusedError("The run's folder is not used", f"{folder}: {exc.strerror}") from exc
            # Who may not open the lock may read the run all the same: it is told of what is there.
        yield locks


def _who_holds(folder: RunFolder) -> str:
    """The folder, and the process that holds it, as far as it has said so."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        one = json.loads(folder.read(LOCK_FILE) or b"")
        return f"{folder}: by process {int(one['pid'])} on {one['host']!s:.100}, since {one['since']!s:.40}"
    return f"{folder}: by another process"


def _end_the_workers_of_the_dead(folder: RunFolder) -> None:
    """Nobody else's command lives: a cluster's workers that still wait for a sign of it end at once, not when they give up."""
    for name in folder.names():
        if name.startswith(PULSE_PREFIX):
            folder.remove(name)
