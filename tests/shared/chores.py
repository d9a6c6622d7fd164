"""What tests give to workers of this machine: each imports it anew."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from indexer.errors import SystemFaultError, UsageError
from shared.patience import PATIENCE_S


def shouted(words: Iterable[str]) -> Iterator[str]:
    """One after the other, after what its first part asks for."""
    for word in words:
        chore, *places = word.split()
        if chore in CHORES:
            CHORES[chore](*map(Path, places))
        yield word.upper()


def die() -> None:
    """As a machine ends a process that takes too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    """As a library may that goes wrong."""
    os._exit(7)


def send_signals() -> None:
    """Those that a terminal and a service manager send to everybody."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(os.getpid(), number)


def refuse() -> None:
    """In our words."""
    raise UsageError("It is refused", "as it was asked")


def fail() -> None:
    """In nobody's."""
    raise ValueError("badly")


def finish(begun: Path, go: Path, done: Path) -> None:
    """What was begun, as soon as it may go on."""
    begun.touch()
    waited_for(go)
    done.touch()


def hang(begun: Path) -> None:
    """It writes down its number first, whole."""
    new = begun.with_suffix(".new")
    new.write_text(str(os.getpid()))
    new.rename(begun)
    time.sleep(PATIENCE_S)


def waited_for(path: Path) -> None:
    """Wait until it is there."""
    for _ in range(int(PATIENCE_S / 0.01)):
        if path.exists():
            return
        time.sleep(0.01)
    raise SystemFaultError("It never came", str(path))


CHORES = {
    "dies": die,
    "exits": leave,
    "deaf": send_signals,
    "refuses": refuse,
    "fails": fail,
    "waits": waited_for,
    "finishes": finish,
    "hangs": hang,
}


def imported(names: Iterable[str]) -> Iterator[bool]:
    """Is a module of that name there?"""
    return (name in sys.modules for name in names)


def known_to_all(words: Iterable[str]) -> Iterator[bool]:
    """Does everybody on the machine see a word: in this process's arguments, or in its environment?"""
    seen = [Path(f"/proc/self/{name}").read_bytes() for name in ("cmdline", "environ")]
    return (any(word.encode() in one for one in seen) for word in words)


def asked_ahead(numbers: Iterable[int]) -> Iterator[tuple[int, ...]]:
    """Takes all that are waiting before it answers the first; each answer says which those were."""
    taken = tuple(numbers)
    return (taken for _ in taken)
