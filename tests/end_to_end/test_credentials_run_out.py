"""Credentials that run out in the middle of the night: what was done is recorded, and the rest is said to be left."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from workbench import BUCKET, Workbench

SCRIPT = """
import datetime, json, pathlib, sys
count = pathlib.Path({count!r})
asked = int(count.read_text()) if count.exists() else 0
count.write_text(str(asked + 1))
if asked >= {good}:
    sys.exit("the login has run out")
soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1)  # so that each request asks anew
print(json.dumps({{"Version": 1, "AccessKeyId": "x", "SecretAccessKey": "x", "Expiration": soon.isoformat()}}))
"""


def run_out_after(good: int, folder: Path) -> Mapping[str, str]:
    """The environment in which a process gives credentials so many times."""
    (folder / "give.py").write_text(SCRIPT.format(count=str(folder / "count"), good=good))
    config = folder / "aws"
    config.write_text(
        f"[default]\nregion = us-west-2\ncredential_process = {sys.executable} {folder / 'give.py'}\n"
    )
    return {"AWS_CONFIG_FILE": str(config)}


@pytest.fixture
def drifted(workbench: Workbench) -> Workbench:
    for number in range(8):
        workbench.insert_in_step(f"asset-{number}", subject={"subject_id": str(number)})
        workbench.put(f"asset-{number}/subject.json", b"{}")
    workbench.plan()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del workbench.env[name]
    return workbench


def test_in_the_middle_of_an_apply_the_result_is_written(drifted: Workbench, tmp_path: Path) -> None:
    """Exit 4; applying again goes on from there."""
    done = drifted.run("apply", "plan.json", "--parallel", "1", **run_out_after(8, tmp_path))
    assert done.returncode == 4, done.stderr
    [result] = drifted.folder.glob("plan.results/*/result.json")
    summary = json.loads(result.read_text())["summary"]
    assert summary["applied"]
    assert summary["failed"]
    assert "the login has run out" in done.stderr
    (tmp_path / "count").unlink()
    again = drifted.run("apply", "plan.json", **run_out_after(10_000, tmp_path))
    assert again.returncode == 0, again.stderr


def test_a_plan_says_it_and_is_no_proof(drifted: Workbench, tmp_path: Path) -> None:
    done = drifted.run("plan", "--bucket", BUCKET, "--detailed-exitcode", **run_out_after(2, tmp_path))
    assert done.returncode == 1
    assert "S3 needs credentials" in done.stderr
    assert "Internal error" not in done.stderr


def test_the_doctor_goes_on_with_its_other_checks(drifted: Workbench, tmp_path: Path) -> None:
    done = drifted.run("doctor", **run_out_after(0, tmp_path))
    assert done.returncode == 1
    assert "the login has run out" in done.stdout
    assert "codeocean-token" in done.stdout
    assert "docdb-collection" in done.stdout
