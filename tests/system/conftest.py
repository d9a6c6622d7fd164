"""Each test has systems of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from workbench import Workbench, empty_systems


@pytest.fixture
def workbench(tmp_path: Path) -> Iterator[Workbench]:
    """Empty systems of this test's own."""
    work = tmp_path / "work"
    work.mkdir()
    with empty_systems() as sandbox:
        bench = Workbench(sandbox, work)
        yield bench
        bench.close()
