"""What becomes of a command when its work is done."""

from __future__ import annotations

import subprocess
import sys

from workbench import BUCKET, Workbench

from shared.patience import PATIENCE_S

WATCHED = """
import sys
from pymongo.periodic_executor import PeriodicExecutor
joined = PeriodicExecutor.join
def watched(self, timeout=None):
    sys.stderr.write("waited for a monitor\\n")
    joined(self, timeout)
PeriodicExecutor.join = watched
from indexer.cli import main
main(["plan", "--bucket", sys.argv[1]])
"""


def test_nobody_waits_for_threads_that_sleep(workbench: Workbench) -> None:
    """The driver's monitors sleep for half a second at a time: it would be the longest part of a small plan."""
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    finished = subprocess.run(
        [sys.executable, "-c", WATCHED, BUCKET],
        cwd=workbench.folder,
        env=workbench.env,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert "no drift" in finished.stdout + finished.stderr
    assert "waited" not in finished.stderr


def test_the_next_plan_looks_at_the_same_assets(workbench: Workbench) -> None:
    """With the lookback of the plan that was applied: without it, the next one would look at everything."""
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.remove("asset/subject.json")
    workbench.plan("--bucket", BUCKET, "--asset", "a*", "--lookback-days", "99999")
    applied = workbench.run("apply", "plan.json")
    assert applied.returncode == 0, applied.stderr
    assert f"→ indexer plan --bucket {BUCKET} --asset 'a*' --lookback-days 99999  #" in applied.stderr
