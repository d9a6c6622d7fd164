"""Who does the work in shards: processes of this machine, or a cluster's. Both are given it in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from indexer.errors import IndexerError, SystemFaultError

MOST_WORKERS = 64
"""Processes of one machine."""
ENDING_S = 30.0
"""Workers hear within two seconds that they are to stop; the rest is for the requests in flight."""
LOOK_EVERY_S = 0.05
"""Between two looks at what is in flight, and whether it is still waited for."""
STILL_AT_WORK = "What it has written by then is in its journal: undo knows of it, and applying again goes on."
S = TypeVar("S")
R = TypeVar("R")
Task = Callable[[Iterable[S]], Iterator[R]]
"""On a worker: from shards, each of which is taken when it is there, to what came of each, in order."""


class Crew(Protocol):
    """Workers, however many and wherever they are."""

    def spread(
        self, task: Task[S, R], shards: Iterable[S], gave_up: Callable[[], bool] = ...
    ) -> Iterator[tuple[S, R | IndexerError]]:
        """Carry out a task for each shard; in their order, few in flight. What a shard failed with is returned.

        Nothing that is in flight is waited for once `gave_up` says so.
        """

    def check(self, question: Callable[[], None]) -> None:
        """Ask every worker that may be another program, or see other folders. Raises what a worker raises, or SystemFaultError."""


def not_waited_for() -> SystemFaultError:
    """What became of a shard that is in flight once the run gives up."""
    detail = "the run was to stop, and it was waited for long enough"
    return SystemFaultError("A worker did not come to an end", detail, STILL_AT_WORK)
