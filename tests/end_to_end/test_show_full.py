"""`indexer show --full` on real servers: what would change, whole, and whether that still holds; it writes nothing."""

from __future__ import annotations

import pytest
from workbench import BUCKET, Workbench

from indexer.model.values import to_bytes


def drifted(bench: Workbench) -> None:
    """A file in which one word of a long note is not the record's."""
    note = "x " * 200
    bench.insert_in_step("asset", subject={"note": f"{note}red {note}"})
    bench.put("asset/subject.json", to_bytes({"note": f"{note}blue {note}"}))


@pytest.mark.parametrize("output", ["text", "markdown", "html"])
def test_the_word_that_differs_is_shown_and_nothing_written(workbench: Workbench, output: str) -> None:
    """Though the plan itself says less."""
    drifted(workbench)
    workbench.plan()
    before = workbench.sandbox.s3.objects(BUCKET)
    done = workbench.run("show", "plan.json", "--full", "--format", output)
    assert done.returncode == 0, done.stderr
    assert "red" in done.stdout
    assert "blue" in done.stdout
    assert "NOT AS PLANNED" not in done.stdout
    assert workbench.sandbox.s3.objects(BUCKET) == before


def test_what_somebody_changed_since_the_plan_is_told(workbench: Workbench) -> None:
    """A plan may be days old when it is looked at."""
    drifted(workbench)
    workbench.plan()
    workbench.put("asset/subject.json", b'{"note": "by hand"}')
    done = workbench.run("show", "plan.json", "--full", "--asset", "asset")
    assert "NOT AS PLANNED: the file was changed since the plan" in done.stdout
    assert "by hand" in done.stdout


def test_an_undo_is_shown_from_the_archive(workbench: Workbench) -> None:
    """Wherever that lies: in the run's folder, or where the run that is named says."""
    drifted(workbench)
    workbench.sandbox.s3.create_bucket("before-images")
    workbench.plan()
    workbench.run("apply", "plan.json", "--results", "run", "--archive", "s3://before-images/runs")
    workbench.run("undo", "run", "--out", "undo.json")
    refused = workbench.run("show", "undo.json", "--full")
    assert refused.returncode == 5, refused.stderr
    done = workbench.run("show", "undo.json", "--full", "--undoes", "run")
    assert done.returncode == 0, done.stderr
    assert [line[:7] for line in done.stdout.splitlines() if {"red", "blue"} & set(line.split())] == [
        "      -",
        "      +",
    ]


def test_a_plan_that_leads_elsewhere_is_refused(workbench: Workbench) -> None:
    """The configuration says what is ours to show."""
    drifted(workbench)
    workbench.plan()
    text = (workbench.folder / "indexer.toml").read_text(encoding="utf-8")
    (workbench.folder / "indexer.toml").write_text(text.replace(f'"{BUCKET}"', '"another"'), encoding="utf-8")
    done = workbench.run("show", "plan.json", "--full")
    assert done.returncode == 5
    assert done.stdout == ""


@pytest.mark.parametrize("more", [("--format", "json"), ("--against", "plan.json")])
def test_what_full_cannot_be_combined_with_is_wrong_usage(
    workbench: Workbench, more: tuple[str, str]
) -> None:
    """Said before anything is read."""
    drifted(workbench)
    workbench.plan()
    done = workbench.run("show", "plan.json", "--full", *more)
    assert done.returncode == 2
    assert "--full shows one plan" in done.stderr


def test_a_result_has_no_differences_any_more(workbench: Workbench) -> None:
    """What it replaced is in its archive, and its undo shows that."""
    drifted(workbench)
    workbench.plan()
    workbench.run("apply", "plan.json", "--results", "run")
    done = workbench.run("show", "run", "--full")
    assert done.returncode == 2
    assert "indexer undo" in done.stderr


def test_differences_that_cannot_be_read_are_no_success(workbench: Workbench) -> None:
    """Each says so where it stands, and the exit status says it, too."""
    drifted(workbench)
    workbench.plan()
    workbench.sandbox.s3.close()
    done = workbench.run("show", "plan.json", "--full")
    assert done.returncode == 1
    assert "it could not be read" in done.stdout
