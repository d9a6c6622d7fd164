"""Threads that wait for the disk share a turn, and none of them goes on too early."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event, Lock

import pytest

from indexer.disk import DiskFolder, DiskLines
from indexer.flush import SharedFlush
from shared.patience import PATIENCE_S

THREADS, EACH = 16, 10


def test_nobody_goes_on_before_their_own_write_is_on_disk() -> None:
    """Whoever flushed for whom."""
    written: list[int] = []
    lock = Lock()
    on_disk: set[int] = set()

    def flush() -> None:
        with lock:
            seen = set(written)
        time.sleep(0.002)
        on_disk.update(seen)

    shared = SharedFlush(flush)

    def work(number: int) -> None:
        for at in range(EACH):
            mine = number * EACH + at
            with lock:
                written.append(mine)
            shared.wrote()
            shared.wait()
            assert mine in on_disk

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))


def test_all_who_wrote_during_a_flush_share_the_next() -> None:
    """However many they are, and whenever they come to wait."""
    begun, go_on, flushes = Event(), Event(), [0]

    def flush() -> None:
        begun.set()
        assert go_on.wait(PATIENCE_S)
        flushes[0] += 1

    shared = SharedFlush(flush)
    with ThreadPoolExecutor(THREADS) as pool:
        shared.wrote()
        waiting = [pool.submit(shared.wait)]
        assert begun.wait(PATIENCE_S)
        for _ in range(THREADS - 1):
            shared.wrote()
        waiting += [pool.submit(shared.wait) for _ in range(THREADS - 1)]
        go_on.set()
        for one in waiting:
            one.result(PATIENCE_S)
    assert flushes[0] == 2


def test_one_that_comes_during_a_flush_waits_for_the_next() -> None:
    """The flush that is going on may not hold what was written after it began."""
    begun, go_on, flushes = Event(), Event(), [0]

    def flush() -> None:
        begun.set()
        assert go_on.wait(PATIENCE_S)
        flushes[0] += 1

    shared = SharedFlush(flush)
    with ThreadPoolExecutor(2) as pool:
        shared.wrote()
        first = pool.submit(shared.wait)
        assert begun.wait(PATIENCE_S)
        shared.wrote()
        second = pool.submit(shared.wait)
        go_on.set()
        first.result(PATIENCE_S)
        second.result(PATIENCE_S)
    assert flushes[0] == 2


def test_nothing_to_flush_costs_nothing() -> None:
    flushes: list[None] = []
    shared = SharedFlush(lambda: flushes.append(None))
    shared.wait()
    shared.wrote()
    shared.wait()
    shared.wait()
    assert len(flushes) == 1


def test_after_a_failure_nobody_is_told_that_all_is_well() -> None:
    """The system may call the next flush good, though it lost what the failed one should have written."""
    answers = iter([OSError("no room"), None])

    def flush() -> None:
        if (fault := next(answers)) is not None:
            raise fault

    shared = SharedFlush(flush)
    for _ in range(2):
        shared.wrote()
        with pytest.raises(OSError, match="no room"):
            shared.wait()


def test_lines_of_many_threads_are_whole(tmp_path: Path) -> None:
    """Added under a lock, flushed without."""
    lines, lock, together = DiskLines(tmp_path / "lines"), Lock(), Barrier(THREADS)

    def work(number: int) -> None:
        together.wait()
        for at in range(EACH):
            with lock:
                lines.add(f"{number} {at} " + "x" * 5_000)
            lines.sync()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    lines.close()
    found = sorted(line.rpartition(" ")[0] for line in (tmp_path / "lines").read_text().splitlines() if line)
    assert found == sorted(f"{number} {at}" for number in range(THREADS) for at in range(EACH))


def test_files_that_are_written_at_once_are_all_there(tmp_path: Path) -> None:
    folder = DiskFolder(tmp_path / "archive")
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: folder.write(str(number), b"x" * number), range(100)))
    assert {name: folder.read(name) for name in folder.names()} == {
        str(number): b"x" * number for number in range(100)
    }
