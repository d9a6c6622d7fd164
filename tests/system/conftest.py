"""Each test has systems of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from workbench import Workbench

from indexer.sandbox import running


@pytest.fixture
def workbench(tmp_path: Path) -> Iterator[Workbench]:
    """Empty systems of this test's own."""
    servers, work = tmp_path / "servers", tmp_path / "work"
    servers.mkdir()
    work.mkdir()
    with running(servers) as sandbox:
        bench = Workbench(sandbox, work)
        yield bench
        bench.close()
