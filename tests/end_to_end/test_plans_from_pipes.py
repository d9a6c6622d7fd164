"""`indexer apply` takes a plan from stdin or a pipe; what the run leaves goes to the working directory, never under /dev."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from workbench import Workbench

from indexer_sandbox.faults import Fault
from shared.patience import PATIENCE_S
from shared.warm import command_for_shells


def shell(bench: Workbench, line: str, indexer: str = "") -> subprocess.CompletedProcess[str]:
    """A line as it is typed, in bash; with the command that is warm, where no other is named."""
    command = indexer or command_for_shells() / "indexer"
    typed = ["bash", "-c", f'indexer() {{ {command} "$@"; }}; {line}']
    return subprocess.run(
        typed,
        cwd=bench.folder,
        env=bench.env,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def drift(bench: Workbench) -> None:
    """A file to put, and one that is replaced."""
    bench.insert_in_step("asset", subject={"subject_id": "1"})
    bench.put("asset/subject.json", b"{}")


@pytest.fixture
def drifted(workbench: Workbench) -> Workbench:
    """A world that is out of step."""
    drift(workbench)
    return workbench


@pytest.mark.parametrize(
    "line",
    [
        "cat plan.json | indexer apply -",
        "indexer apply - < plan.json",
        "cat plan.json | indexer apply /dev/stdin",
        "indexer apply /dev/stdin < plan.json",
        "indexer apply /dev/fd/0 < plan.json",
        "indexer apply <(cat plan.json)",
        "cat plan.json | indexer apply - --events -",
        "mkfifo pipe && (cat plan.json > pipe & indexer apply pipe)",
    ],
)
def test_a_plan_from_a_pipe_leaves_its_run_here(drifted: Workbench, line: str) -> None:
    """The result, the plan and the before-images, as for a plan named plan.json; undo works from there."""
    plan_id = drifted.plan(name="plan.json")["plan_id"]
    done = shell(drifted, line)
    assert done.returncode == 0, done.stderr
    run = drifted.folder / "plan.results" / plan_id[:8]
    assert {"result.json", "journal.jsonl", "plan.json"} <= {one.name for one in run.iterdir()}
    assert [one.read_bytes() for one in (run / "archive").iterdir()] == [b"{}"]
    assert not list(Path("/dev").glob("*.results"))
    back = drifted.run("undo", str(run), "--out", "back.json")
    assert back.returncode == 0, back.stderr


def test_what_to_type_next_names_the_plan_that_was_kept(drifted: Workbench) -> None:
    """The pipe is empty by then."""
    plan_id = drifted.plan()["plan_id"]
    drifted.sandbox.s3.faults.add(Fault("PutObject", status=403, count=None))
    done = shell(drifted, "indexer apply - --max-deletes 7 < plan.json")
    assert done.returncode == 4, done.stderr
    kept = f"plan.results/{plan_id[:8]}"
    assert f"indexer apply {kept}/plan.json --results {kept} --max-deletes 7" in done.stderr
    drifted.sandbox.s3.faults.clear()
    drifted.apply(f"{kept}/plan.json")


@pytest.mark.parametrize(
    "line", ["indexer apply - < /dev/null", "echo '{' | indexer apply -", "indexer apply - <&-"]
)
def test_what_is_no_plan_is_refused_in_words(drifted: Workbench, line: str) -> None:
    """A stdin that is empty, cut short, or closed."""
    done = shell(drifted, line)
    assert done.returncode in (1, 5), done.stderr
    assert "The plan cannot be read" in done.stderr
    assert not (drifted.folder / "plan.results").exists()


def test_a_plan_beside_its_results_stays_beside_them(drifted: Workbench) -> None:
    """A file of any other place is no pipe."""
    (drifted.folder / "plans").mkdir()
    plan_id = drifted.plan(name="plans/mine.json")["plan_id"]
    drifted.apply("plans/mine.json")
    assert (drifted.folder / "plans" / "mine.results" / plan_id[:8] / "result.json").exists()
