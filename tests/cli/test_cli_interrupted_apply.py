"""Ctrl-C in the middle of an apply, and going on from there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer_sandbox import Sandbox, running
from indexer_sandbox.seed import seed
from shared.commands import Run
from shared.gate import Gate
from shared.patience import PATIENCE_S
from shared.proxy import FaultyProxy


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """Seeded, and the indexer.toml that leads to it."""
    servers = tmp_path / "servers"
    servers.mkdir()
    with running(servers) as started:
        seed(started, assets=1)
        (tmp_path / "indexer.toml").write_text(started.config_toml(), encoding="utf-8")
        yield started


def test_interrupted_apply_is_recorded_and_goes_on(
    tmp_path: Path, indexer: Run, sandbox: Sandbox, variables: dict[str, str]
) -> None:
    """Status 4 and a whole result; applied again, 0; planned again, nothing to do."""
    settings = sandbox.environment()
    assert indexer("plan", "--all", "--detailed-exitcode", **settings).returncode == 3
    proxy = FaultyProxy(sandbox.s3.port, "http")
    gate = proxy.gate = Gate(b"(PUT|DELETE) /", 2)
    through = {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{proxy.port}"}
    with subprocess.Popen(
        [sys.executable, "-m", "indexer", "apply", "plan.json", "--results", "run", "--parallel", "1"],
        cwd=tmp_path,
        env=variables | settings | through,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        gate.reached(process)
        os.kill(process.pid, signal.SIGINT)
        assert process.stderr is not None
        told = ""
        while "Stopping" not in told:
            line = process.stderr.readline()
            assert line, told
            told += line
        gate.open()
        told += process.stderr.read()
        assert process.wait(PATIENCE_S) == 4, told
    proxy.close()
    assert "indexer apply plan.json" in told
    result = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    assert result["summary"]["skipped"] > 0

    again = indexer("apply", "plan.json", "--results", "run", **settings)
    assert again.returncode == 0, again.stderr
    third = indexer("plan", "--all", "--policy", "sync", "--out", "-", **settings)
    assert json.loads(third.stdout)["actions"] == []
    assert third.returncode == 0
