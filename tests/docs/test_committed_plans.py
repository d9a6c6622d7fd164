"""The plans in plans/ are whole, and can be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pages import ROOT

from indexer.model.action import action_id
from indexer.runs.loading import load_plan
from shared import warm

PLANS = sorted((ROOT / "plans").glob("*.json"))


def test_there_is_an_example() -> None:
    assert ROOT / "plans" / "example-sandbox.json" in PLANS


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.name)
def test_a_committed_plan_loads_and_its_digests_hold(path: Path) -> None:
    plan, digest, *_ = load_plan(path)
    assert len(digest) == 64
    assert all(action.id == action_id(action) for action in plan.actions)
    assert plan.summary.complete


@pytest.mark.parametrize("output", ["text", "json", "markdown"])
@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.name)
def test_show_reads_a_committed_plan(path: Path, output: str) -> None:
    shown = warm.run(["show", str(path), "--format", output], ROOT, os.environ)
    assert shown.returncode == 0, shown.stderr
    assert load_plan(path).plan.actions[0].location in shown.stdout
