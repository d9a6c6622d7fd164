"""Faults that nobody foresaw end in two lines, and in a traceback only for those who ask for it."""

from __future__ import annotations

import io

import pytest

from indexer.cli.app import status_of
from indexer.cli.talk import Talk


def fault() -> int:
    raise LookupError("of all things")


@pytest.mark.parametrize("verbose", [False, True])
def test_unforeseen_fault(*, verbose: bool) -> None:
    """What, and what to do; where it was only with --verbose."""
    stream = io.StringIO()
    talk = Talk(stream)
    talk.verbose = verbose
    assert status_of(fault, talk) == 1
    told = stream.getvalue()
    assert "Error: Internal error: LookupError: of all things\n→ " in told
    assert ("Traceback" in told) is verbose
    assert ("--verbose" in told) is not verbose
