"""A plan with a memo is the plan without one."""

from __future__ import annotations

from collections import Counter

import pytest

from property import memo_worlds
from property.memo_worlds import DRIFTS, NIGHTS, nights


def test_a_plan_with_a_memo_is_the_plan_without_one() -> None:
    """Whatever drifted since. `python tests/property/memo_worlds.py 10000` plays more of these worlds."""
    remembered = [nights(seed) for seed in range(100)]
    assert sum(map(bool, remembered)) > 80


@pytest.mark.parametrize("drift", dict.fromkeys(DRIFTS), ids=lambda drift: drift.__name__)
def test_no_drift_is_hidden(drift: memo_worlds.Drift) -> None:
    """Each kind by itself, in assets that are remembered."""
    assert sum(nights(seed, (drift,)) for seed in range(12)) > 12 * NIGHTS / 2


def test_the_drifts_are_many() -> None:
    """One is twice in the list; none else."""
    assert Counter(DRIFTS).most_common(2)[1][1] == 1
