"""A command in a terminal, recorded as an animated SVG.

What the command prints is shown line by line; long waits are cut to a moment. The picture needs no script: a page may
show it as an image.
"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import time
from dataclasses import dataclass
from html import escape

from rich.console import Console
from rich.style import Style
from rich.terminal_theme import DIMMED_MONOKAI as THEME
from rich.text import Text

COLUMNS, ROWS = 92, 26
CELL, LINE, MARGIN, BAR = 7.8, 17, 14, 30
"""Pixels: a character's width, a line's height, the space around the text, the window's title bar."""
LONGEST_WAIT_S = 1.2
LEAST_WAIT_S = 0.06
REST_S = 6
"""How long the end stands before it begins again."""


@dataclass(frozen=True, slots=True)
class Printed:
    """One line, and how long after the one before it came."""

    text: Text
    after_s: float


def recorded(command: list[str]) -> list[Printed]:
    """What a command prints on a terminal of this size, in its colours. RuntimeError where it fails."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
    lines: list[Printed] = []
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        rest, last = b"", time.monotonic()
        while part := _read(ours):
            *whole, rest = (rest + part).split(b"\n")
            for line in whole:
                now = time.monotonic()
                lines.append(Printed(_final(line.decode("utf-8", "replace")), now - last))
                last = now
        os.close(ours)
    if process.returncode:
        raise RuntimeError(f"{command[0]} exited with {process.returncode}")
    return lines


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end is closed
        return b""


def _final(line: str) -> Text:
    """A line as it stands in the end: of a progress bar that draws over itself, the last."""
    return Text.from_ansi(line.rstrip("\r").rpartition("\r")[2])


def picture(lines: list[Printed]) -> str:
    """The SVG. Each line comes at its time; when the window is full, all move up."""
    times, now = [], 0.0
    for line in lines:
        now += min(max(line.after_s, LEAST_WAIT_S), LONGEST_WAIT_S)
        times.append(now)
    whole = now + REST_S
    width, height = COLUMNS * CELL + 2 * MARGIN, ROWS * LINE + 2 * MARGIN + BAR
    drawn = "\n".join(_line(at, line.text) for at, line in enumerate(lines))
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img" aria-label="indexer demo in a terminal">
<style>
text {{ font: 13px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; fill: {THEME.foreground_color.hex}; }}
.t {{ animation: {whole:.1f}s steps(1) infinite; }}
{_keyframes(times, whole)}
@media (prefers-reduced-motion: reduce) {{ .t {{ animation: none; }} .up {{ transform: translateY(-{_above(len(lines))}px); }} }}
</style>
<rect width="100%" height="100%" rx="8" fill="{THEME.background_color.hex}"/>
<circle cx="18" cy="16" r="5" fill="#ff5f57"/><circle cx="36" cy="16" r="5" fill="#febc2e"/><circle cx="54" cy="16" r="5" fill="#28c840"/>
<svg x="{MARGIN}" y="{BAR + MARGIN}" width="{COLUMNS * CELL:.0f}" height="{ROWS * LINE}">
<g class="t up">
{drawn}
</g>
</svg>
</svg>
"""


def _above(shown: int) -> int:
    """So far a window that shows so many lines has moved."""
    return max(0, shown - ROWS) * LINE


def _keyframes(times: list[float], whole: float) -> str:
    """When each line is there, and where the text stands."""
    seen = [
        f"@keyframes l{at} {{ 0% {{ opacity: 0 }} {100 * one / whole:.2f}% {{ opacity: 1 }} }}"
        for at, one in enumerate(times)
    ]
    seen += [f"#l{at} {{ animation-name: l{at} }}" for at in range(len(times))]
    moves = " ".join(
        f"{100 * one / whole:.2f}% {{ transform: translateY(-{_above(at + 1)}px) }}"
        for at, one in enumerate(times)
        if at >= ROWS
    )
    return "\n".join(
        [*seen, f"@keyframes up {{ 0% {{ transform: none }} {moves} }}", ".up { animation-name: up }"]
    )


def _line(at: int, text: Text) -> str:
    """One line, each piece in its colour."""
    console = Console(width=COLUMNS, color_system="truecolor", force_terminal=True)
    spans, column = [], 0
    for segment in text.render(console):
        piece, style = segment.text.rstrip("\n"), segment.style or Style()
        if piece.strip():
            spans.append(f'<tspan x="{column * CELL:.1f}"{_look(style)}>{escape(piece)}</tspan>')
        column += segment.cell_length
    return f'<text class="t" id="l{at}" y="{(at + 1) * LINE - 4}">{"".join(spans)}</text>'


def _look(style: Style) -> str:
    colour = (
        f' fill="{style.color.get_truecolor(THEME).hex}"'
        if style.color and not style.color.is_default
        else ""
    )
    return colour + (' font-weight="bold"' if style.bold else "") + (' opacity="0.6"' if style.dim else "")
