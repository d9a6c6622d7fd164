"""The three streams of a process: one that was closed before it began must not end it, nor be taken by a file of ours."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from typing import TextIO

from indexer.errors import IndexerError

STREAMS = (("stdin", 0, "r", os.O_RDWR), ("stdout", 1, "w", os.O_RDONLY), ("stderr", 2, "w", os.O_RDWR))
"""How each is opened where it was closed: what is said to nobody is no fault, but data must not seem to be written."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def open_closed_streams() -> None:
    """Let those that were closed (`>&-`) lead nowhere. Else the next file that is opened would be stdout."""
    for name, number, mode, access in STREAMS:
        if getattr(sys, name) is not None:
            continue
        nowhere = os.open(os.devnull, access)
        if nowhere != number and not _is_open(number):
            os.dup2(nowhere, number)
            os.close(nowhere)
            nowhere = number
        setattr(sys, name, open(nowhere, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - as long as we


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def terminal_size(stream: TextIO) -> os.terminal_size | None:
    """Columns and rows of the terminal that a stream leads to; None: it is none. As with others, COLUMNS and LINES go first."""
    if not stream.isatty():
        return None
    try:
        own = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        own = os.terminal_size((0, 0))

    def told(name: str, known: int, usual: int) -> int:
        value = os.environ.get(name, "")
        return (int(value) if value.isdecimal() else 0) or known or usual

    return os.terminal_size((told("COLUMNS", own.columns, 80), told("LINES", own.lines, 24)))


def writable_stdout() -> int:
    """The number of a stdout that can be written. Raises OSError where it was closed, or is open for reading only."""
    number = sys.stdout.fileno()
    if fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return number


def check_stdout() -> None:
    """Raise IndexerError where data could not be written: asked before long work, not after it."""
    try:
        writable_stdout()
    except OSError as exc:
        raise unwritten(exc) from exc


def unwritten(exc: OSError) -> IndexerError:
    """Why stdout could not be written, in words. From now on it leads nowhere: the process's end must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    detail, hint = f"stdout: {exc.strerror}", "Look at where it leads."
    if exc.errno == errno.EBADF:
        detail, hint = "stdout is closed", "Open it, or lead it to /dev/null."
    elif exc.errno in NO_ROOM:
        hint = "Make room."
    return IndexerError("The output cannot be written", detail, hint)
