"""Every golden case against the real command: plan, apply, plan again, apply again."""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import golden_runner
import pytest

from patience import PATIENCE_S

HERE = Path(__file__).parent
CASES = golden_runner.case_files([str(HERE / "cases")])
# The recorded runner leaves its relay's sockets to the end of the process.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)
INDEXER = str(Path(sys.executable).with_name("indexer"))
golden_runner.TIMEOUT_S = PATIENCE_S


@pytest.fixture(scope="module")
def systems() -> Iterator[golden_runner.Systems]:
    """S3, Code Ocean and DocDB for the cases that this process runs, each loaded with its case's state."""
    running = golden_runner.Systems(os.getpid(), [INDEXER], sys.executable)
    yield running
    running.close()
    close_what_the_runner_leaves(running)


def close_what_the_runner_leaves(running: golden_runner.Systems) -> None:
    """The recorded runner ends with its process; here other tests follow, which would be blamed for its leaks."""
    running.db.close()
    for process in running.procs:
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
    if running.tap is not None:
        running.tap.sock.shutdown(socket.SHUT_RDWR)
        running.tap.sock.close()
    for relaying in [one for one in threading.enumerate() if one.name.endswith(("(pump)", "(accept)"))]:
        relaying.join(timeout=PATIENCE_S)
        assert not relaying.is_alive()
    gc.collect()


@pytest.mark.parametrize("name", sorted(CASES))
def test_reaches_the_recorded_end_state(name: str, systems: golden_runner.Systems) -> None:
    """`plan` writes nothing, `apply` reaches the end state byte for byte, and both again find nothing to do."""
    problems, _ = golden_runner.run_case(name, CASES[name], systems, skip_second=False, keep=None)
    if problems is None:
        pytest.skip("this DocDB server cannot hold what the case needs")
    assert problems == []
