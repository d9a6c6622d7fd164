"""What a command says at its end: in the singular where it is one, and never more than is so."""

from __future__ import annotations

from workbench import Workbench


def one_stale_file(bench: Workbench) -> None:
    """A root file that is not what the record says."""
    bench.insert_in_step("asset", subject={"subject_id": "1"})
    bench.put("asset/subject.json", b"{}")


def test_one_action_is_one_action(workbench: Workbench) -> None:
    """From the plan to its undo, in every line."""
    one_stale_file(workbench)
    planned = workbench.run("plan", "--bucket", "aind-open-data")
    applied = workbench.run("apply", "plan.json", "--results", "run")
    undone = workbench.run("undo", "run", "--out", "undo.json")
    said = [done.stdout + done.stderr for done in (planned, applied, undone)]
    assert "Plan: 1 action on 1 asset of 1: 1 change." in said[0]
    assert "Done: 1 action: 1 applied." in said[1]
    assert "Plan: 1 action on 1 asset takes the run back. Nothing is changed yet." in said[2]
    assert not [text for text in said if "1 actions" in text or "1 assets" in text]


def test_a_plan_of_withheld_actions_alone_is_not_said_to_be_in_step(workbench: Workbench) -> None:
    """It did nothing; what it holds back, why, and how to see it are said."""
    one_stale_file(workbench)
    workbench.plan("--bucket", "aind-open-data", "--policy", "create-only")
    done = workbench.run("apply", "plan.json", "--results", "run")
    assert done.returncode == 0
    assert "Done: no action." in done.stderr
    assert "Not carried out: 1 action withheld by create-only: " in done.stderr
    assert "plan again with --policy sync" in done.stderr
    assert "see that all is in step" not in done.stderr
    step = "indexer show run/plan.json --status withheld"
    assert f"→ {step}" in done.stderr
    assert "Withheld by policy" in workbench.run(*step.split()[1:]).stdout


def test_a_runs_folder_is_shown_as_its_result(workbench: Workbench) -> None:
    """As `apply` prints it, with its slash and without."""
    one_stale_file(workbench)
    workbench.plan()
    workbench.run("apply", "plan.json", "--results", "run")
    whole = workbench.run("show", "run/result.json").stdout
    assert "1 applied" in whole
    assert {workbench.run("show", name).stdout for name in ("run", "run/")} == {whole}
