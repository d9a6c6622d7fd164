"""Readers → rows, with coverage: what could not be read is said, and never looks empty."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from indexer.errors import SystemFaultError
from indexer.model.plan import CoverageRow
from indexer.model.snapshot import SystemName

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What came of reading all pages of something."""

    rows: tuple[T, ...]
    coverage: CoverageRow
    fault: SystemFaultError | None = None
    """Why it is not whole."""
    suspicious: bool = False
    """It answered "nothing" where another system shows that there should be something."""

    @property
    def whole(self) -> bool:
        """May anything rest on what it does not show?"""
        return self.coverage.complete

    def doubted(self, why: str) -> Read[T]:
        """The same read, no longer believed to be whole where it answered "nothing"."""
        # Something is no empty answer, and a fault says more than a doubt would.
        if self.rows or not self.whole:
            return self
        coverage = self.coverage.model_copy(update={"complete": False, "why": why})
        return replace(self, coverage=coverage, suspicious=True)


def read_all(
    pages: Callable[[], Iterable[Sequence[T]]], system: SystemName, scope: str, seen: Callable[[int], None]
) -> Read[T]:
    """Read every page; after a fault, what was read so far, marked incomplete. `seen` is told the count."""
    rows: list[T] = []
    try:
        for page in pages():
            rows.extend(page)
            seen(len(page))
    except SystemFaultError as exc:
        coverage = CoverageRow(
            system=system, scope=scope, complete=False, count=len(rows), why=exc.what, hint=exc.hint
        )
        return Read(tuple(rows), coverage, exc)
    return Read(tuple(rows), CoverageRow(system=system, scope=scope, complete=True, count=len(rows)))
