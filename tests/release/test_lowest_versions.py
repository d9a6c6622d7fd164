"""The lowest versions that pyproject.toml allows: each dependency names one, and `make lowest` installs exactly these."""

from __future__ import annotations

import tomllib

import pytest
from lowest import PROJECT, lowest

DOCUMENT = tomllib.loads(PROJECT.read_text(encoding="utf-8"))


def test_every_dependency_of_the_package_has_a_lower_bound() -> None:
    """Without one, pip may take a version that never worked."""
    pinned = {line.partition("==")[0] for line in lowest(DOCUMENT)}
    named = {one.partition(">=")[0].partition("[")[0] for one in DOCUMENT["project"]["dependencies"]}
    assert named <= pinned


@pytest.mark.parametrize("line", ["urllib3==2.6.3", "moto==5.1.9", "pymongo==4.18"])
def test_bounds_that_were_too_low_are_those_that_work(line: str) -> None:
    """urllib3's Retry has `retry_after_max` since then; moto's server answers what we ask; nx-27017 needs that pymongo."""
    assert line in list(lowest(DOCUMENT))


def test_two_bounds_of_one_dependency_are_refused() -> None:
    """pip could install neither."""
    with pytest.raises(SystemExit, match="two lower bounds"):
        list(lowest({"project": {"dependencies": ["a>=1"], "optional-dependencies": {"x": ["a[y]>=2"]}}}))
