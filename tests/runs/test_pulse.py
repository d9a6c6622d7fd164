"""A worker hears of its command through a file: it goes on, it is to stop, or nobody knows."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest

from indexer.applier.history import read_history
from indexer.applier.ledger import INTERRUPTED
from indexer.disk import DiskFolder
from indexer.errors import IndexerError
from indexer.runs.pulse import OVER, SILENCE_S, Pulse, beating, pulse_name
from shared.patience import PATIENCE_S

RUN = "f" * 32


class Clock:
    """A worker's own."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_number_that_grows_keeps_a_worker_going(tmp_path: Path) -> None:
    """However far apart the machines' clocks are, and however long it takes."""
    folder, clock = DiskFolder(tmp_path), Clock()
    pulse = Pulse(folder, RUN, clock)
    for number in range(5):
        folder.write(pulse_name(RUN), b"%d" % number)
        assert pulse.look() == ""
        clock.now_s += SILENCE_S - 1
        assert pulse.look() == ""


def test_a_number_that_does_not_grow_is_a_dead_command(tmp_path: Path) -> None:
    """The worker's own clock says how long."""
    folder, clock = DiskFolder(tmp_path), Clock()
    pulse = Pulse(folder, RUN, clock)
    folder.write(pulse_name(RUN), b"7")
    assert pulse.look() == ""
    clock.now_s += SILENCE_S + 0.1
    assert pulse.look() == "the command of this run was not heard of for 20 seconds"


def test_a_folder_that_cannot_be_read_for_a_moment_is_no_end(tmp_path: Path) -> None:
    """A disk over the network may hang; when that lasts, it is a silence like any other."""
    folder, clock = DiskFolder(tmp_path), Clock()
    (tmp_path / pulse_name(RUN)).mkdir()  # cannot be read as a file
    pulse = Pulse(folder, RUN, clock)
    assert pulse.look() == ""
    clock.now_s += SILENCE_S + 0.1
    assert "not heard of" in pulse.look()


def test_a_command_that_is_told_to_stop_says_so_before_the_run_is_over(tmp_path: Path) -> None:
    """First the word, then no file at all; both are heard without waiting, and two runs do not mix."""
    folder, stop, other = DiskFolder(tmp_path), Event(), Pulse(DiskFolder(tmp_path), "other")
    with beating(folder, RUN, lambda: INTERRUPTED if stop.is_set() else ""), beating(folder, "other", str):
        pulse = Pulse(folder, RUN)
        with pulse.stopping() as told:
            assert not told.is_set()
            stop.set()
            assert told.wait(PATIENCE_S)
        assert pulse.why == INTERRUPTED
        with Pulse(folder, RUN).stopping() as at_once:
            assert at_once.is_set()
        assert other.look() == ""
        assert read_history(folder, "plan").journal is False
    assert folder.names() == []
    assert Pulse(folder, RUN).look() == OVER


def test_a_folder_that_cannot_be_written_to_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    """Its workers would hear nothing."""
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(IndexerError, match="cannot be written to"),
        beating(DiskFolder(tmp_path / "file"), RUN, str),
    ):
        pass
