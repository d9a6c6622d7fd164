"""The explorer finds what it must find; `make planted` plants all faults of the table."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from explore.faults import FAULTS, Fault
from explore.planted import found

SAMPLE = ("a refused put was ours", "copies before the record", "an upload is not adopted")


def test_the_table_names_each_fault_once() -> None:
    """And has enough of them."""
    assert len({one.name for one in FAULTS}) == len(FAULTS) >= 40


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.name)
def test_each_can_still_be_planted(fault: Fault) -> None:
    """Its line stands there once, as the table has it."""
    assert Path(importlib.import_module(fault.module).__file__ or "").read_text().count(fault.old) == 1


@pytest.mark.parametrize("name", SAMPLE)
def test_a_planted_fault_is_found(name: str) -> None:
    """In a process of its own, within some hundred schedules."""
    assert found(next(one for one in FAULTS if one.name == name), most=1_500)
