"""A stream that was closed before the command began: no traceback, and no work left undone; pipes and folders to show."""

from __future__ import annotations

import json

import pytest
from test_plans_from_pipes import drifted, shell
from workbench import BUCKET, Workbench

__all__ = ["drifted"]


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_the_work_is_done_all_the_same(drifted: Workbench, closed: str) -> None:
    """A plan, its apply, and the gate's verdict."""
    planned = shell(drifted, f"indexer plan --bucket {BUCKET} --detailed-exitcode {closed}")
    assert planned.returncode == 3, planned.stderr
    assert json.loads((drifted.folder / "plan.json").read_text())["actions"]
    applied = shell(drifted, f"indexer apply plan.json {closed}")
    assert applied.returncode == 0, applied.stderr
    assert list(drifted.folder.glob("plan.results/*/result.json"))
    for line in (f"drift --bucket {BUCKET} --allow-empty docdb", "show plan.json"):
        done = shell(drifted, f"indexer {line} {closed}")
        assert done.returncode == 0, (line, done.stderr)
        assert "Traceback" not in done.stderr + done.stdout


def test_nothing_that_is_said_ends_up_in_a_file_of_ours(drifted: Workbench) -> None:
    """The first file that is opened would take the number of the stream that was closed."""
    shell(drifted, f"indexer plan --bucket {BUCKET} -v 2>&- >&-")
    assert json.loads((drifted.folder / "plan.json").read_text())["plan_id"]


@pytest.mark.parametrize(
    "line",
    [
        "cat plan.json | indexer show -",
        "cat plan.json | indexer show /dev/stdin",
        "indexer show <(cat plan.json)",
        "indexer show plan.json --against <(cat plan.json)",
        "indexer apply plan.json && cat plan.results/*/result.json | indexer show -",
        "indexer apply plan.json && indexer show plan.results/*",
    ],
)
def test_what_is_shown_may_come_from_a_pipe_or_be_a_folder(drifted: Workbench, line: str) -> None:
    """As `apply` and `undo` take them."""
    drifted.plan(name="plan.json")
    done = shell(drifted, line)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_a_configuration_with_a_byte_order_mark_is_read(drifted: Workbench) -> None:
    """As some editors write it; the rules of the gate, too."""
    file = drifted.folder / "indexer.toml"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert drifted.run("config", "show").returncode == 0


def test_the_summary_is_written_before_what_nobody_reads(drifted: Workbench) -> None:
    """A reader that is satisfied early, as `head` is, must not cost the step's summary."""
    shell(drifted, f"indexer drift --bucket {BUCKET} --summary summary.md --format json | true")
    assert "unexpected action" in (drifted.folder / "summary.md").read_text()
