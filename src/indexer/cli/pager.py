"""A long text goes through a pager, as with git; what fits the screen, or goes to no screen, does not."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.streams import terminal_size
from indexer.cli.talk import screen, stream

if TYPE_CHECKING:
    from indexer.render.formats import ReportFormat
    from indexer.render.report import Report

NoPager = Annotated[
    bool,
    typer.Option("--no-pager", help="A long text goes to the terminal, not through $PAGER (default: less)."),
]


@dataclass(frozen=True, slots=True)
class PagerOptions:
    """How a text that is longer than the screen is read."""

    no_pager: NoPager = False


def show_report(report: Report, output: ReportFormat, options: PagerOptions, *, whole: bool = False) -> None:
    """Write a report to stdout; a text of more than two screens begins with a summary, and goes through the pager."""
    from indexer.render.formats import pieces
    from indexer.render.text import SCREENS

    size = terminal_size(sys.stdout)
    if size is None or output != "text":
        stream(pieces(report, output, replace(screen(sys.stdout), whole=whole)))
        return
    lines = iter(pieces(report, output, replace(screen(sys.stdout), whole=whole, rows=size.lines)))
    held = list(islice(lines, SCREENS * size.lines + 1))
    pager = None if options.no_pager or len(held) <= SCREENS * size.lines else _started()
    if pager is None:
        stream(chain(held, lines))
    else:
        _read_in(pager, chain(held, lines))


def _started() -> subprocess.Popen[bytes] | None:
    """The pager that is wished for; None: none is, or it is not there."""
    try:
        command = shlex.split(os.environ.get("PAGER", "less"))
    except ValueError:
        return None
    if not command or command == ["cat"] or shutil.which(command[0]) is None:
        return None
    # Quits where all fits the screen, passes colours on, leaves what was read on the screen.
    environment = {"LESS": "FRX", **os.environ}
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)  # noqa: S603 - the user's own choice
    except OSError:
        return None


def _read_in(pager: subprocess.Popen[bytes], pieces: Iterable[str]) -> None:
    """Give it all; whoever leaves it early has seen enough. It has the keyboard until it ends."""
    assert pager.stdin is not None  # noqa: S101 - as it was started
    try:
        for piece in pieces:
            pager.stdin.write(piece.encode("utf-8", "backslashreplace"))
        pager.stdin.close()
    except BrokenPipeError:
        pass
    finally:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with pager:
                pass
        except BrokenPipeError:
            pass
        finally:
            signal.signal(signal.SIGINT, before)
