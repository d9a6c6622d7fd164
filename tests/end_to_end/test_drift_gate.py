"""The gate on real systems: in step, drift, what could not be read; and nothing is ever written."""

from __future__ import annotations

import json

from workbench import BUCKET, Workbench

from indexer_sandbox.faults import Fault

RULE = '[[rule]]\nasset = "asset"\nreason = "core-file-missing"\nowner = "o"\nwhy = "w"\nuntil = 2999-01-01\n'


def test_the_gate_on_a_bucket(workbench: Workbench) -> None:
    """0 in step, 3 on drift, 0 again where a rule expects it; no request is a write, no file is left."""
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.insert_in_step("other", subject={"subject_id": "2"})
    gate = ("drift", "--bucket", BUCKET)
    assert workbench.run(*gate).returncode == 0
    workbench.remove("asset/subject.json")
    before, files = len(workbench.sandbox.s3.log), sorted(workbench.folder.iterdir())
    drifted = workbench.run(*gate, "--format", "json")
    assert drifted.returncode == 3, drifted.stderr
    assert json.loads(drifted.stdout)["totals"]["reasons"] == {"core-file-missing": 1}
    assert f"→ indexer plan --bucket {BUCKET}" in drifted.stderr
    everything = workbench.run("drift", "--all", "--lookback-days", "99999")
    assert "→ indexer plan --all --lookback-days 99999" in everything.stderr
    assert not workbench.sandbox.s3.log.writes(before)
    assert sorted(workbench.folder.iterdir()) == files
    (workbench.folder / "rules.toml").write_text(RULE)
    assert workbench.run(*gate, "--expected", "rules.toml").returncode == 0
    assert workbench.run(*gate, "--asset", "other").returncode == 0


def test_what_could_not_be_read_is_1(workbench: Workbench) -> None:
    """Whether or not there is drift elsewhere, and whatever rules say."""
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.sandbox.s3.faults.add(Fault("ListObjectsV2", status=403, count=None))
    done = workbench.run("drift", "--bucket", BUCKET)
    assert done.returncode == 1
    assert done.stdout.startswith("CANNOT SAY: not everything could be read.")
    assert "Traceback" not in done.stderr


def test_a_database_that_is_down_is_1(workbench: Workbench) -> None:
    """No verdict is better than a wrong one."""
    done = workbench.run(
        "drift", "--bucket", BUCKET, INDEXER_DOCDB__URI="mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=300"
    )
    assert done.returncode == 1
    assert "No unexpected drift" not in done.stdout


def test_policy_does_not_hide_drift(workbench: Workbench) -> None:
    """What a configured mode would withhold differs all the same."""
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.put("asset/subject.json", b"{}")
    done = workbench.run("drift", "--bucket", BUCKET, INDEXER_POLICY__MODE="create-only")
    assert done.returncode == 3, done.stdout
