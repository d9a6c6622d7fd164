"""Colour: on a terminal, or where somebody insists; never against NO_COLOR."""

from __future__ import annotations

import pytest

from shared.commands import Run

COLOURED = "\x1b["


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"CLICOLOR_FORCE": "1", "TERM": "dumb"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"FORCE_COLOR": ""}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_a_log_is_coloured_where_somebody_insists(
    indexer: Run, variables: dict[str, str], coloured: bool
) -> None:
    done = indexer("plan", "--all", **variables)
    assert done.returncode == 2
    assert (COLOURED in done.stderr) == coloured
