"""The real command in a process of its own, in an empty directory, without anything that leads to real systems."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared import warm
from shared.commands import Finished, Run
from shared.patience import PATIENCE_S


@pytest.fixture
def variables() -> dict[str, str]:
    """The environment without our and AWS's settings."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "INDEXER_"))}
    return own | {"AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture
def indexer(tmp_path: Path, variables: dict[str, str]) -> Run:
    """`indexer(*arguments)` in an empty directory."""
    return lambda *arguments, **more: warm.run(arguments, tmp_path, variables | more)


@pytest.fixture
def indexer_anew(tmp_path: Path, variables: dict[str, str]) -> Run:
    """The same by a new interpreter, which imports all that it needs; what is deprecated is an error."""

    def run(*arguments: str, **more: str) -> Finished:
        return subprocess.run(
            [sys.executable, "-m", "indexer", *arguments],
            cwd=tmp_path,
            env=variables | {"PYTHONWARNINGS": "error::DeprecationWarning"} | more,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE_S,
            check=False,
        )

    return run


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    """An indexer.toml of systems that nobody runs."""
    file = tmp_path / "indexer.toml"
    file.write_text(
        'buckets = ["bucket"]\n'
        "[docdb]\n"
        'uri = "mongodb://user:hunter2secret@127.0.0.1:9/?serverSelectionTimeoutMS=200"\n'
        "[docdb.v1]\n"
    )
    return file
