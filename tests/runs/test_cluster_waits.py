"""Waiting for a cluster: as long as the run may, and no longer."""

from __future__ import annotations

from typing import Any

from indexer.errors import SystemFaultError
from indexer.runs.cluster import Cluster


class Future:
    """A shard at work: done after so many looks, if ever."""

    def __init__(self, looks: int | None) -> None:
        self.looks = looks

    def done(self) -> bool:
        if self.looks is None:
            return False
        self.looks -= 1
        return self.looks < 0

    def result(self) -> str:
        return "done"


class Client:
    """A cluster of one worker, whose shards take so many looks each."""

    def __init__(self, *looks: int | None) -> None:
        self.looks = list(looks)
        self.cancelled: list[Any] = []

    def nthreads(self) -> dict[str, int]:
        return {"tls://worker": 1}

    def submit(self, *_: Any, **__: Any) -> Future:
        return Future(self.looks.pop(0))

    def cancel(self, futures: list[Any]) -> None:
        self.cancelled += futures


def test_what_is_in_flight_is_waited_for_until_patience_ends() -> None:
    """A worker that hangs does not hold the command up for ever; what the others did is there."""
    client, said = Client(2, None, 0), iter([False, False, False, *[True] * 9])
    spread = Cluster(client).spread(str, ["one", "two", "three"], lambda: next(said))
    found = dict(spread)
    assert (found["one"], found["three"]) == ("done", "done")
    assert isinstance(found["two"], SystemFaultError)
    assert "undo knows of it" in str(found["two"])
