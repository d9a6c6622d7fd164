"""`indexer plan --history` and `drift --history`: somebody else undoes what we write, by the real command."""

from __future__ import annotations

import json

import pytest
from workbench import BUCKET, Workbench

NIGHT = ("plan", "--bucket", BUCKET, "--history", "plan.results")
RULE = '[[rule]]\nasset = "asset"\n{}\nowner = "data-infra"\nwhy = "the old job still runs"\nuntil = 2999-01-01\n'
EXPECTED = RULE.format('reason = "core-file-stale"') + RULE.format('finding = "fought-over"')


@pytest.fixture
def fought(workbench: Workbench) -> Workbench:
    """A file that a run of ours has written, and somebody has put back."""
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.put("asset/subject.json", b"{}")
    done = workbench.run(*NIGHT)
    assert done.returncode == 0, done.stderr
    assert "No past runs are looked at: The place cannot be looked into: plan.results" in done.stderr
    workbench.apply()
    workbench.put("asset/subject.json", b"{}")
    return workbench


def test_it_is_said_on_the_second_night(fought: Workbench) -> None:
    """In the summary, in the file and in what is shown; the plan is as it was otherwise."""
    done = fought.run(*NIGHT)
    assert done.returncode == 0, done.stderr
    assert "1 finding for a person to look at: 1 fought-over" in done.stderr
    plan = json.loads((fought.folder / "plan.json").read_text(encoding="utf-8"))
    (found,) = plan["findings"]
    assert found["location"] == f"s3://{BUCKET}/asset"
    assert "written once (" in found["detail"]
    assert len(plan["actions"]) == 1
    assert "and undone by somebody since" in fought.run("show", "plan.json", "--findings").stdout
    fought.apply()
    assert fought.run(*NIGHT, "--detailed-exitcode").returncode == 0


def test_without_a_history_nothing_is_said(fought: Workbench) -> None:
    fought.run("plan", "--bucket", BUCKET)
    assert json.loads((fought.folder / "plan.json").read_text(encoding="utf-8"))["findings"] == []


def test_it_can_be_expected(fought: Workbench) -> None:
    """A finding fails a gate under --strict only, and a rule may name it."""
    (fought.folder / "rules.toml").write_text(EXPECTED, encoding="utf-8")
    (fought.folder / "drift.toml").write_text(RULE.format('reason = "core-file-stale"'), encoding="utf-8")
    gate = ("drift", "--bucket", BUCKET, "--strict", "--history", "plan.results", "--expected")
    done = fought.run(*gate, "rules.toml")
    assert done.returncode == 0, done.stdout
    done = fought.run(*gate, "drift.toml")
    assert done.returncode == 3
    assert "fought-over" in done.stdout


def test_a_history_in_s3(workbench: Workbench) -> None:
    """Where nightly jobs keep it."""
    workbench.sandbox.s3.create_bucket("our-runs")
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    for night in range(2):
        workbench.put("asset/subject.json", b"{}")
        done = workbench.run("plan", "--bucket", BUCKET, "--history", "s3://our-runs/nightly/")
        assert done.returncode == 0, done.stderr
        assert ("fought-over" in done.stderr) == (night > 0)
        done = workbench.run("apply", "plan.json", "--results", f"s3://our-runs/nightly/{night}")
        assert done.returncode == 0, done.stderr
