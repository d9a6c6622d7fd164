"""Every golden case against the real command: plan, apply, plan again, apply again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from golden.case import CASES, load
from golden.run import run
from golden.systems import CaseSystems


@pytest.fixture(scope="module")
def systems() -> Iterator[CaseSystems]:
    """S3, Code Ocean and DocDB, each loaded with its case's state."""
    running = CaseSystems()
    yield running
    running.close()


@pytest.mark.parametrize("name", CASES)
def test_reaches_the_recorded_end_state(name: str, systems: CaseSystems, tmp_path: Path) -> None:
    """`plan` writes nothing, `apply` reaches the end state byte for byte, and both again find nothing to do."""
    assert run(load(CASES[name].read_text(encoding="utf-8")), systems, tmp_path) == []
