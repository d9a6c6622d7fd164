"""What the README tells a new user to type, typed as it stands there, in a new directory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import fenced, read, section

from patience import PATIENCE_S

BIN = Path(sys.executable).parent


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "new"
    path.mkdir()
    return path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A new user's: the command is on the path, nothing leads to other systems."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "INDEXER_"))}
    return own | {"PATH": f"{BIN}{os.pathsep}{own['PATH']}", "HOME": str(tmp_path)}


@pytest.fixture
def blocks() -> tuple[str, str]:
    """What is typed in the first terminal, and in the second."""
    first, second = fenced(section(read("README.md"), "Try it on a sandbox"), "sh")
    return first, second


@pytest.fixture
def exported(
    blocks: tuple[str, str], directory: Path, environment: dict[str, str], tmp_path: Path
) -> Iterator[str]:
    """The `export` lines that the first terminal printed; what it runs is stopped as by Ctrl-C."""
    printed = tmp_path / "printed"
    with printed.open("wb") as out, (tmp_path / "said").open("wb") as err:
        terminal = subprocess.Popen(
            ["sh", "-ec", f"exec {blocks[0].strip()}"], cwd=directory, env=environment, stdout=out, stderr=err
        )
    try:
        yield _exports(terminal, printed)
    finally:
        terminal.send_signal(signal.SIGINT)
        terminal.wait(timeout=PATIENCE_S)


def _exports(terminal: subprocess.Popen[bytes], printed: Path) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and terminal.poll() is None:
        lines = [line for line in printed.read_text().splitlines(keepends=True) if line.startswith("export ")]
        if lines and lines[-1].endswith("\n"):
            return "".join(lines)
        time.sleep(0.1)
    raise AssertionError("the sandbox printed no export lines")


def test_every_command_of_the_walk_through_succeeds(
    blocks: tuple[str, str], exported: str, directory: Path, environment: dict[str, str]
) -> None:
    """The last plan finds nothing to do: with --detailed-exitcode it would not exit with 0 else."""
    typed = f"{exported}{blocks[1]}"
    finished = subprocess.run(
        ["sh", "-ec", typed],
        cwd=directory,
        env=environment,
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert finished.returncode == 0, finished.stderr.decode()
    assert b"asset-gone" in finished.stdout
    assert (directory / "plan.json").is_file()
    assert list((directory / "plan.results").glob("*/result.json"))


def test_every_command_and_option_that_a_page_shows_exists() -> None:
    """Each is known to the command's `--help`."""
    known = read("docs/commands.md")
    for page in ("README.md", "CONTRIBUTING.md", "plans/README.md", *_docs()):
        for line in re.findall(r"^(?:\$ )?indexer ([a-z]+)(.*)$", read(page), re.MULTILINE):
            command, rest = line
            usage = section(known, f"indexer {command}")
            for option in re.findall(r"(?<!\S)(--[a-z-]+)", rest):
                assert f"{option}" in usage, f"{page}: indexer {command} {option}"


def _docs() -> list[str]:
    return [f"docs/{path.name}" for path in (Path(__file__).parents[2] / "docs").glob("*.md")]
