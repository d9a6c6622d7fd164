"""Temporary files in memory, where there is enough: the tool flushes what it writes, and a disk takes its time."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

IN_MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 4 * 1024**3


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """For this process and all that it starts; whoever names a TMPDIR keeps it."""
    if "TMPDIR" in os.environ or not IN_MEMORY.is_dir() or shutil.disk_usage(IN_MEMORY).free < ENOUGH_BYTES:
        return
    folder = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="indexer-tests-", dir=IN_MEMORY)
    tempfile.tempdir = None
    # Registered first it runs last: servers and the warm process put their own folders away before.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
