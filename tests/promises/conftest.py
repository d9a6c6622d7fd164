"""The promises that hold where systems meet, each played as a story against the embedded servers.

One system alone keeps its promises in the folders of its own; here a run is refused, dies, is gone on with or is taken
back, while others write to what it rests on. Real servers, real drivers, real planner and applier; where the answer
to a call must be lost or a process must die just then, the driver is wrapped (`mishaps`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resilience.arena import Arena, arena


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Arena]:
    """Empty systems of this test's own, with a configuration that names all three."""
    with arena(tmp_path) as made:
        made.configure()
        yield made
