"""Who does the work of a run, and how much of it at a time: one value, checked where it is made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from indexer.errors import UsageError
from indexer.runs.crew import MOST_WORKERS
from indexer.systems.pace import at_most


@dataclass(frozen=True, slots=True)
class Workforce:
    """This process, others of this machine, or a cluster's. Raises UsageError where it cannot be told, or it is too many."""

    parallel: int | None = None
    """Requests at a time; None: as many as S3 answers quickly."""
    workers: int | None = None
    """Processes of this machine; 1: this one. None: nobody said."""
    dask: str | None = None
    """The address of a cluster's scheduler."""
    dask_cleartext: bool = False
    """It need not be `tls://`."""

    def __post_init__(self) -> None:
        if self.workers is None:
            return
        if not 1 <= self.workers <= MOST_WORKERS:
            detail = f"workers is {self.workers}"
            raise UsageError("That many workers there cannot be", detail, f"Say 1 to {MOST_WORKERS}.")
        if self.dask is not None:
            detail = f"--workers {self.workers} and --dask {self.dask}"
            raise UsageError(
                "The work is for this machine or for a cluster", detail, "Leave out one of them."
            )

    @property
    def may_be_alone(self) -> bool:
        """Is nobody else asked for?"""
        return self.dask is None and self.workers in (None, 1)

    def alone(self) -> Workforce:
        """This process alone, unless somebody else is asked for."""
        return replace(self, workers=1) if self.may_be_alone else self

    def share_of(self, count: int) -> int | None:
        """How many requests at a time each of so many workers may send, of those that the run may."""
        return None if self.parallel is None else -(-at_most(self.parallel) // count)
