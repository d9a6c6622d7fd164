"""What the process says: talk on stderr, as text or as JSON lines; data on stdout."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TextIO

import typer

from indexer import masking
from indexer.applier.current import current_action_id
from indexer.cli.streams import terminal_size, unwritten
from indexer.errors import IndexerError
from indexer.render.safe import safe, safe_json

if TYPE_CHECKING:
    from indexer.model.run_event import Listener
    from indexer.render.paint import Paint
    from indexer.render.reader import Reader

BLOCK = 64 * 1024
"""Characters that are written at once."""
CLOSED_PIPE = 141
"""As a shell reports a command that SIGPIPE ended."""
ARROW = "→ "
"""Behind it stands what to do next: our own words."""


class Talk:
    """The process's voice. Never says a secret that is known; tells what every line in JSON names.

    Warnings, errors and libraries' lines quote other people's text: what it could do to a screen is made visible.
    """

    def __init__(self, stream: TextIO, json_lines: bool = False) -> None:
        self._stream = stream
        self._lock = threading.RLock()
        self.quiet = self.verbose = self.detailed = self.tuned = False
        self.json_lines = json_lines
        self.run_id = uuid.uuid4().hex
        self.plan_id: str | None = None
        self.at_end: Callable[[int], None] = lambda _: None
        """Is told the exit status, once nothing else is left to say."""

    @classmethod
    def for_process(cls, typed: Sequence[str]) -> Talk:
        """A voice on this process's stderr.

        Where the command line cannot be read at all, what was typed tells how to say so.
        """
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        options = {*typed, *map("=".join, pairwise(typed))}
        return cls(sys.stderr, "--log-format=json" in options)

    def tune(
        self, *, quiet: bool, verbose: bool, log_format: Literal["text", "json"], detailed: bool = False
    ) -> None:
        """Obey the options."""
        self.quiet, self.verbose, self.json_lines = quiet, verbose, log_format == "json"
        self.detailed, self.tuned = detailed or verbose, True
        if verbose:
            from indexer.cli.logs import listen

            listen(self.log)

    def hide(self, secret: str) -> None:
        """Never say this; of a URI with credentials, neither the URI nor the password."""
        masking.hide(secret)

    @property
    def paint(self) -> Paint:
        """Colour where stderr is a terminal."""
        return paint_for(self._stream)

    @property
    def columns(self) -> int | None:
        """Those of the terminal; None: it is none, and no line is broken."""
        size = None if self.json_lines else terminal_size(self._stream)
        return None if size is None else size.columns

    @property
    def on_terminal(self) -> bool:
        """Does a person look at it just now?"""
        return not self.json_lines and self._stream.isatty() and os.environ.get("TERM") != "dumb"

    def say(self, message: str, style: str = "", **figures: Any) -> None:
        """One line for whoever looks on; `figures` are the same for a program."""
        if not self.quiet:
            self._emit("info", message, figures, style)

    def lines(self, lines: Iterable[str]) -> None:
        """Several lines for people only, coloured already; JSON says it in figures."""
        if not self.quiet and not self.json_lines:
            for line in lines:
                self._write(line)

    def warn(self, message: str, **figures: Any) -> None:
        """Something to know even where all goes on; said even when quiet."""
        self._emit("warning", message, figures, "yellow", foreign=True)

    def alarm(self, message: str, lines: Iterable[str], **figures: Any) -> None:
        """A warning in several lines for people, coloured already, and in one for programs."""
        if self.json_lines:
            self.warn(message, **figures)
            return
        for line in lines:
            self._write_masked(self.masked_but_hint(line))

    def steps(self, steps: Iterable[str]) -> None:
        """What to type next: for people only."""
        if not self.quiet and not self.json_lines:
            for step in steps:
                from indexer.render.paint import step_rows

                rows = step_rows(self.masked_but_hint(f"{ARROW}{safe(step)}"), self.columns)
                self._write_masked("\n".join(rows))

    def note(self, message: str, **figures: Any) -> None:
        """One line for programs; people see it with --detail."""
        if self.json_lines or self.detailed:
            self.say(message, "dim", **figures)

    def detail(self, message: str, **figures: Any) -> None:
        """What is done, one by one: only where it is asked for."""
        if self.detailed and not self.quiet:
            self._emit("info", f"{self._time()}{message}", figures, "dim", foreign=True)

    def error(self, message: str, **figures: Any) -> None:
        """Said even when quiet."""
        self._emit("error", message, figures, "", foreign=True)

    def fail(self, exc: IndexerError) -> None:
        """An error: what, which, and the next thing to do."""
        if self.json_lines:
            said = IndexerError(exc.summary, self.masked(exc.detail))
            parts = {"summary": said.summary, "detail": said.detail, "hint": self.masked_hint(exc.hint)}
            self._write_masked(self._json("error", said.what, {**parts, "exit_code": exc.exit_code}))
            return
        self._write(f"{self.paint('Error:', 'alarm')} {safe(exc.what)}")
        if exc.hint:
            self._write_masked(self.masked_but_hint(f"{ARROW}{safe(exc.hint.rstrip())}"))

    def log(self, level: str, name: str, message: str) -> None:
        """A line of a library's own log."""
        self._emit(level, f"{name}: {message}", {"logger": name}, "dim", foreign=True)

    def progress(self, found_noun: str) -> AbstractContextManager[Listener | None]:
        """What shows progress as this stderr can; None where it is quiet."""
        from indexer.render.progress import ProgressBar, progress_lines

        if self.quiet:
            return nullcontext()
        if self.on_terminal and not self.detailed:
            return ProgressBar(found_noun)
        return nullcontext(progress_lines(self._tell_progress, found_noun, timed=self.detailed))

    def _tell_progress(self, line: str, figures: dict[str, Any]) -> None:
        self.say(f"{self._time()}{line}", **figures)

    def _time(self) -> str:
        """What a line in a log begins with; one in JSON has it as a field."""
        return "" if self.json_lines else f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} "

    def shout(self, message: str) -> None:
        """A warning out of a signal handler, past all locks and buffers, which it may have interrupted."""
        line = self._json("warning", message, {}) if self.json_lines else message
        with contextlib.suppress(OSError, ValueError):
            os.write(
                self._stream.fileno(), f"\n{line}\n".encode() if self.on_terminal else f"{line}\n".encode()
            )

    def _emit(
        self, level: str, message: str, figures: dict[str, Any], style: str, *, foreign: bool = False
    ) -> None:
        if not self.json_lines:
            lines = [message] if foreign else message.split("\n")
            self._write(self.paint("\n".join(map(safe, lines)), style))
            return
        self._write(self._json(level, message, figures))

    def _json(self, level: str, message: str, figures: dict[str, Any]) -> str:
        """A line for programs, with the ids of what it is about."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        ids = {"run_id": self.run_id, "plan_id": self.plan_id, "action_id": current_action_id()}
        known = {name: value for name, value in ids.items() if value is not None}
        line = {"at": at, "level": level, "message": message, **known, **figures}
        return safe_json(json.dumps(line, ensure_ascii=False, default=str))

    def masked(self, text: str) -> str:
        """The text without any secret that this voice knows."""
        return masking.masked(text)

    def masked_hint(self, hint: str) -> str:
        """A hint without any secret; but a password that is an ordinary word may be one of our own words there."""
        return masking.masked_hint(hint)

    def masked_but_hint(self, line: str) -> str:
        """The line without any secret, in the hint at its end only as far as that goes."""
        said, arrow, hint = line.rpartition(ARROW)
        return f"{self.masked(said)}{arrow}{self.masked_hint(hint)}" if arrow else self.masked(line)

    def _write(self, text: str) -> None:
        self._write_masked(self.masked(text))

    def _write_masked(self, text: str) -> None:
        if (columns := self.columns) is not None:
            from indexer.render.paint import fitting

            text = "\n".join(fitting(text.split("\n"), columns))
        try:
            with self._lock:
                self._stream.write(f"{text}\n")
                self._stream.flush()
        except (OSError, ValueError):
            return  # nobody listens: no reason to stop working


def paint_for(stream: TextIO) -> Paint:
    """Colour where the stream is a terminal and nobody minds (https://no-color.org), or somebody insists.

    A CI's log is no terminal and shows colours all the same: there one sets FORCE_COLOR or CLICOLOR_FORCE.
    """
    from indexer.render.paint import Paint

    if os.environ.get("NO_COLOR"):
        return Paint(colour=False)
    forced = any(os.environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE"))
    return Paint(colour=forced or (stream.isatty() and os.environ.get("TERM") != "dumb"))


def screen(stream: TextIO) -> Reader:
    """Whoever reads the stream: a person, where it is a terminal, on a screen of so many columns."""
    from indexer.render.reader import Reader

    size = terminal_size(stream)
    return Reader(paint_for(stream), wrap=None if size is None else size.columns)


def printed(lines: Iterable[str], hanging: int | None = None) -> None:
    """Write lines to stdout, on a terminal in rows that fit it, each as soon as it is there."""
    from indexer.render.paint import fitted

    size = terminal_size(sys.stdout)
    columns = None if size is None else size.columns
    stream(f"{row}\n" for line in lines for row in fitted(line, columns, hanging))


def stream(pieces: Iterable[str]) -> None:
    """Write to stdout as `data` does, in blocks; on a terminal each piece as soon as it is there."""
    block: list[str] = []
    room = BLOCK
    for piece in pieces:
        block.append(piece)
        room -= len(piece)
        if room < 0 or sys.stdout.isatty():
            data("".join(block))
            block.clear()
            room = BLOCK
    data("".join(block))


def data(text: str) -> None:
    """Write to stdout, in UTF-8 whatever the locale; ends the process quietly where nobody reads it."""
    try:
        sys.stdout.flush()
        rest = memoryview(text.encode("utf-8", "backslashreplace"))
        while rest:  # unbuffered (PYTHONUNBUFFERED), a write may be short
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(CLOSED_PIPE) from None
    except OSError as exc:
        raise unwritten(exc) from exc
