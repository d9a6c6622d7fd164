"""What was typed wrongly: exit 2, what is wrong, and what to type instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.commands import Run


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        (("plna",), "Did you mean 'plan'?"),
        (("plan", "--bukcet", "b"), "--bucket"),
        (("plan", "--all", "--policy", "snyc"), "'upsert-only'"),
        (("plan", "--all", "--parallel", "0"), "--parallel"),
        (("apply",), "PLAN"),
        (("schema",), "Missing argument 'WHAT'. Choose from: plan, result, expected,"),
        (("show", "x", "--action", "delet-record"), "did you mean delete-record?"),
    ],
)
def test_wrong_usage_exits_2_and_names_the_way_out(indexer: Run, typed: tuple[str, ...], names: str) -> None:
    """Typer's own findings, in our form."""
    finished = indexer(*typed)
    assert (finished.returncode, finished.stdout) == (2, "")
    first, hint = finished.stderr.splitlines()
    assert first.startswith("Error: ")
    assert names in first
    assert hint.startswith("→ `indexer")


def test_no_bucket_named(indexer: Run, configured: Path) -> None:
    """Without --bucket and --all nothing is read."""
    finished = indexer("plan")
    assert finished.returncode == 2
    assert "--all" in finished.stderr


def test_unknown_bucket_names_the_known_ones(indexer: Run, configured: Path) -> None:
    """A bucket that is not ours is never read."""
    finished = indexer("plan", "--bucket", "other")
    assert finished.returncode == 2
    assert "configured: bucket" in finished.stderr


def test_no_configuration(indexer: Run) -> None:
    """The hint says where to get one."""
    finished = indexer("plan", "--all")
    assert finished.returncode == 2
    assert "indexer sandbox" in finished.stderr


def test_unknown_system_to_believe(indexer: Run, configured: Path) -> None:
    """--allow-empty takes the three systems' names."""
    finished = indexer("plan", "--all", "--allow-empty", "s4")
    assert finished.returncode == 2
    assert "s3" in finished.stderr


def test_wrong_usage_as_json(indexer: Run) -> None:
    """Even a command line that cannot be read is answered in the form that it asks for."""
    finished = indexer("plan", "--log-format", "json", "--nonsense")
    (line,) = finished.stderr.splitlines()
    told = json.loads(line)
    assert (told["level"], told["exit_code"], finished.returncode) == ("error", 2, 2)
