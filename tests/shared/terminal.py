"""A command on a terminal of some size, and what stands there in the end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.patience import PATIENCE_S
from shared.warm import command_for_shells

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Screen:
    """What was printed, with stdout and stderr as they came, without colours."""

    status: int
    lines: tuple[str, ...]
    coloured: bool

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.lines)


def on_terminal(
    arguments: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    *,
    columns: int,
    rows: int = 50,
    until: str = "",
    then: Callable[[subprocess.Popen[bytes]], None] | None = None,
) -> Screen:
    """Run `indexer` there. `then` is called once `until` was printed: for a command that ends only when it is told to."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    # Without a progress bar, which draws over itself; with colours all the same.
    own = {name: value for name, value in env.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [str(command_for_shells() / "indexer"), *arguments],
        cwd=folder,
        env=own | {"TERM": "dumb", "FORCE_COLOR": "1"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    printed = b""
    while part := _read(ours):
        printed += part
        if then is not None and until.encode() in printed:
            then(process)
            then = None
    os.close(ours)
    text = printed.decode("utf-8")
    lines = CONTROL.sub("", text).replace("\r\n", "\n").splitlines()
    return Screen(process.wait(PATIENCE_S), tuple(lines), "\x1b[" in text)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end is closed
        return b""
