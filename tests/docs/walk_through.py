"""Type what a page tells its readers to type: its `sh` blocks, in their order, beside a sandbox.

A `text` block after an `sh` block is what a reader sees: each of its lines must come in the output, in that order, with
`…` standing for anything. `console` blocks are for reading and are not typed.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from shared.patience import PATIENCE_S

BIN = Path(sys.executable).parent
FENCED = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Step:
    """One block that is typed, and what is shown of its output; nothing where that is empty."""

    typed: str
    shown: str = ""


def steps(text: str) -> list[Step]:
    """What a page tells its readers to type, one step for each block."""
    found: list[Step] = []
    for block in FENCED.finditer(text):
        body = re.sub(rf"^{block['indent']}", "", block["body"], flags=re.MULTILINE)
        if block["language"] == "sh":
            found.append(Step(body))
        elif block["language"] == "text" and found:
            found[-1] = replace(found[-1], shown=found[-1].shown + body)
    return found


def missing(shown: str, printed: str) -> str | None:
    """The first line that is shown and was not printed after the ones before it; None when all were."""
    lines = iter(printed.splitlines())
    for line in filter(str.strip, shown.splitlines()):
        pattern = re.compile(".*".join(map(re.escape, line.rstrip().split("…"))))
        if not any(pattern.fullmatch(one.rstrip()) for one in lines):
            return line
    return None


def newcomer(home: Path, *folders: Path) -> dict[str, str]:
    """A new user's environment: the command is on the path (or in these folders), nothing leads to other systems."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "INDEXER_"))}
    return own | {"PATH": os.pathsep.join(map(str, (*folders, BIN, own["PATH"]))), "HOME": str(home)}


@contextmanager
def first_terminal(
    typed: str, directory: Path, environment: Mapping[str, str], scratch: Path
) -> Iterator[dict[str, str]]:
    """The environment with what the sandbox exported; what was typed is stopped as by Ctrl-C."""
    printed = scratch / "printed"
    with printed.open("wb") as out, (scratch / "said").open("wb") as err:
        terminal = subprocess.Popen(
            ["sh", "-ec", f"exec {typed.strip()}"], cwd=directory, env=environment, stdout=out, stderr=err
        )
    try:
        yield {**environment, **_exported(terminal, printed)}
    finally:
        terminal.send_signal(signal.SIGINT)
        terminal.wait(timeout=PATIENCE_S)


def _exported(terminal: subprocess.Popen[bytes], printed: Path) -> dict[str, str]:
    """The variables of the `export` lines, once all of them are there."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and terminal.poll() is None:
        lines = re.findall(r"^export (.*\n)", printed.read_text(), re.MULTILINE)
        if lines:
            return dict(one.split("=", 1) for one in shlex.split("".join(lines)))
        time.sleep(0.1)
    raise AssertionError("the sandbox printed no export lines")


def follow(page: list[Step], directory: Path, environment: Mapping[str, str]) -> str:
    """Type every step; all that was printed. AssertionError where one fails, or does not print what is shown."""
    whole = ""
    for step in page:
        finished = subprocess.run(
            ["sh", "-ec", step.typed],
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
            timeout=PATIENCE_S,
        )
        printed, whole = finished.stdout, whole + finished.stdout
        assert finished.returncode == 0, f"exit code {finished.returncode}\n{step.typed}\n{printed}"
        line = missing(step.shown, printed)
        assert line is None, f"not printed: {line!r}\n{step.typed}\n{printed}"
    return whole
