"""What every suite shares."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from indexer.masking import forget
from shared.aws_files import keep_what_botocore_reads
from shared.memory.world import World

pytest_plugins = ["shared.quick", "shared.scratch", "peers.fixtures"]
ORDER = {"resilience": 0, "docs": 1, "golden": 2, "end_to_end": 3, "promises": 4}
"""Folders whose tests take longest."""


def pytest_configure() -> None:
    """What depends on the machine that a run happens to be on."""
    # No property depends on how long it takes: on a busy machine 200 ms are over before anything was wrong.
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")
    keep_what_botocore_reads()
    # A run in a shell's background is started with Ctrl-C ignored, and all its children would be.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits longest comes first, so that in the end no core waits for it alone."""
    items.sort(key=lambda item: ORDER.get(item.path.parent.name, len(ORDER)))


@pytest.fixture(autouse=True)
def no_secrets() -> Iterator[None]:
    """What one test hides would be blotted out of the words of the next."""
    yield
    forget()


@pytest.fixture
def world() -> World:
    """Three empty systems in memory."""
    return World()
