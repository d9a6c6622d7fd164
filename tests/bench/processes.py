"""What a process and all that it starts hold in memory together, looked at while they run (Linux)."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROC = Path("/proc")
BETWEEN_S = 0.25


class Watch:
    """The most that a process and its descendants held at once, and how many there were."""

    def __init__(self) -> None:
        self.peak_mb = 0.0
        """Libraries that they share count once."""
        self.pids: set[int] = set()

    @contextmanager
    def on(self, pid: int) -> Iterator[None]:
        """Look at it four times a second, as long as the block lasts."""
        over = threading.Event()
        looking = threading.Thread(target=self._look, args=(pid, over), daemon=True)
        looking.start()
        try:
            yield
        finally:
            over.set()
            looking.join()

    def _look(self, pid: int, over: threading.Event) -> None:
        while not over.wait(BETWEEN_S):
            family = [pid, *_descendants(pid)]
            self.pids.update(family)
            self.peak_mb = max(self.peak_mb, _together_mb(map(_held_bytes, family)))


def _descendants(pid: int) -> Iterator[int]:
    for task in (PROC / str(pid) / "task").glob("*/children"):
        try:
            children = [int(one) for one in task.read_text().split()]
        except OSError:  # it has ended
            continue
        for child in children:
            yield child
            yield from _descendants(child)


def _together_mb(held: Iterable[tuple[int, int]]) -> float:
    """All that is their own, and once what they have of files: it is the same for all."""
    own, of_files = zip(*held, strict=True)
    return (sum(own) + max(of_files)) / 1e6


def _held_bytes(pid: int) -> tuple[int, int]:
    """Of a process: what is its own alone, and what it has mapped from files. Zero where it has ended."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    rows = {
        name: int(value.split()[0]) * 1024 for name, _, value in (line.partition(":") for line in lines[1:])
    }
    own = rows.get("Anonymous", 0)
    return own, rows.get("Rss", 0) - own
