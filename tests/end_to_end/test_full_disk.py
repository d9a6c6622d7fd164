"""A disk that fills up while a plan is written costs that plan, and nothing else."""

from __future__ import annotations

import subprocess

from workbench import BUCKET, INDEXER, Workbench

from shared.patience import PATIENCE_S


def test_the_old_plan_stays_whole(workbench: Workbench) -> None:
    """Nothing is left beside it, and the error names the file."""
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.put("asset/subject.json", b"{}")
    workbench.plan()
    old = (workbench.folder / "plan.json").read_bytes()
    assert len(old) > 512
    before = sorted(one.name for one in workbench.folder.iterdir())
    # No file may grow beyond one block: the system answers as a full disk does.
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 1 && exec "$@"', "sh", INDEXER, "plan", "--bucket", BUCKET],
        cwd=workbench.folder,
        env=workbench.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "The file cannot be written" in done.stderr
    assert "plan.json" in done.stderr
    assert (workbench.folder / "plan.json").read_bytes() == old
    assert sorted(one.name for one in workbench.folder.iterdir()) == before
