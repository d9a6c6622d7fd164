"""The whole story on a sandbox, by the command that tells it."""

from __future__ import annotations

import ast
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shared.commands import Run
from shared.patience import PATIENCE_S
from shared.terminal import on_terminal


def test_demo_comes_out_as_told_and_leaves_nothing(indexer_anew: Run, tmp_path: Path) -> None:
    """Plan, show, apply, and a second plan with nothing to do."""
    spare = tmp_path / "tmp"
    spare.mkdir()
    finished = indexer_anew("demo", TMPDIR=str(spare))
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr.index("$ indexer apply") < finished.stderr.index("Nothing to do")
    assert list(spare.iterdir()) == []
    assert sorted(tmp_path.iterdir()) == [spare]


def test_sandbox_leaves_nothing_on_ctrl_c(tmp_path: Path, variables: dict[str, str]) -> None:
    """It writes a configuration where it is asked to, and takes it away again."""
    spare, work = tmp_path / "tmp", tmp_path / "work"
    spare.mkdir()
    work.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "indexer", "sandbox", "--assets", "1", "--directory", str(work)],
        env=variables | {"TMPDIR": str(spare)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        printed = ""
        while "AWS_EC2_METADATA_DISABLED" not in printed:
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            printed += line
        assert (work / "indexer.toml").read_text(encoding="utf-8") in printed
        sourced = subprocess.run(
            [
                "/bin/sh",
                "-ec",
                '. ./env.sh; "$0" -c "import os; print(dict(os.environ))"',
                sys.executable,
            ],
            cwd=work,
            env={},
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=True,
        )
        found = ast.literal_eval(sourced.stdout)
        assert found["AWS_ENDPOINT_URL_S3"].startswith("http://127.0.0.1:")
        for name, value in found.items():
            assert not name.startswith("AWS_") or f"export {name}={shlex.quote(value)}\n" in printed
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130
    assert [*spare.iterdir(), *work.iterdir()] == []


@pytest.mark.parametrize("there", ["indexer.toml", "env.sh"])
def test_the_sandbox_overwrites_nothing(there: str, indexer: Run, tmp_path: Path) -> None:
    """It says so before any server is started, and what is there stays."""
    (tmp_path / there).write_text("mine")
    done = indexer("sandbox", "--directory", str(tmp_path))
    assert done.returncode == 2
    assert f"{there} is there already" in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"


def test_the_demo_goes_through_on_a_terminal(tmp_path: Path, variables: dict[str, str]) -> None:
    """Nobody is there to leave a pager."""
    screen = on_terminal(("demo",), tmp_path, variables, columns=100, rows=24)
    assert screen.status == 0
    assert any("That was all of it" in line for line in screen.lines)
