"""Temporary files in memory, where there is enough: the tool flushes what it writes, and a disk takes its time."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

IN_MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 4 * 1024**3
FOLDER = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """For this process and all that it starts; whoever names a TMPDIR keeps it."""
    if "TMPDIR" in os.environ or not IN_MEMORY.is_dir() or shutil.disk_usage(IN_MEMORY).free < ENOUGH_BYTES:
        return
    config.stash[FOLDER] = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="indexer-tests-", dir=IN_MEMORY)
    tempfile.tempdir = None


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing there."""
    if folder := config.stash.get(FOLDER, None):
        shutil.rmtree(folder, ignore_errors=True)
        del os.environ["TMPDIR"]
        tempfile.tempdir = None
