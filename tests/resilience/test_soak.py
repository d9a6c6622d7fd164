"""The quick part of the soak: `python tests/resilience/soak.py ROUNDS` is the long one."""

from __future__ import annotations

from resilience.soak import soak


def test_two_rounds_lose_nothing() -> None:
    """Faults, kills and a curator, until all is in step."""
    figures = soak(2, seed=11, small=True)
    assert figures.problems == []
    assert (figures.rounds, figures.lost) == (2, 0)
    assert figures.faults > 0
