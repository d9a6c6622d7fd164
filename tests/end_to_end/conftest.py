"""Each test has systems of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from workbench import Workbench, working_at


@pytest.fixture
def workbench(tmp_path: Path) -> Iterator[Workbench]:
    """Empty systems of this test's own."""
    with working_at(tmp_path / "work") as bench:
        yield bench
