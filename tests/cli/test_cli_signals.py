"""Ctrl-C, SIGTERM: the first and the second one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from indexer.cli.signals import Stopped, finishing, stoppable, tidying
from shared.patience import PATIENCE_S


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_first_signal_unwinds(number: signal.Signals, status: int) -> None:
    """As an exception that no `except Exception` on the way takes for a fault."""
    with pytest.raises(Stopped) as stopped, stoppable():
        os.kill(os.getpid(), number)
    assert stopped.value.status == status


def test_handlers_are_put_back() -> None:
    """What was there before is there afterwards."""
    before = signal.getsignal(signal.SIGINT)
    with stoppable(), tidying():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_apply_goes_on_after_the_first_signal() -> None:
    """It is only asked to stop: what is in flight finishes."""
    stop, warned = threading.Event(), []
    with finishing(stop, lambda: warned.append("once")):
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.is_set()
    assert warned == ["once"]


def test_further_signals_do_not_cut_tidying_short() -> None:
    """The sandbox stops its servers in peace."""
    with pytest.raises(Stopped), tidying():
        _tidy_up()


def _tidy_up() -> None:
    try:
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        os.kill(os.getpid(), signal.SIGINT)


def test_second_signal_ends_the_process_at_once() -> None:
    """Whatever it is waiting for."""
    waits = (
        "import os, signal, threading\n"
        "from indexer.cli.signals import finishing\n"
        "with finishing(threading.Event(), lambda: None):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    threading.Event().wait(3600)\n"
    )
    assert subprocess.run([sys.executable, "-c", waits], check=False, timeout=PATIENCE_S).returncode == 130
