"""Files that are not what they should be: refused with a reason, before anything is read or written."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.runs.files import plan_text
from shared.commands import Run
from shared.rendered import plan_of, put


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    """A plan with one action."""
    file = tmp_path / "plan.json"
    file.write_text(plan_text(plan_of([put()])), encoding="utf-8")
    return file


@pytest.mark.parametrize("command", ["show", "apply"])
@pytest.mark.parametrize(
    ("damage", "status", "says"),
    [
        (lambda text: None, 1, "No such file"),
        (lambda text: "", 5, "cut short"),
        (lambda text: text[: len(text) // 2], 5, "cut short"),
        (lambda text: text.replace("subject.json", "rig.json"), 5, "digest"),
        (lambda text: text.replace('"1.0"', '"2.0"'), 5, "unknown format"),
        (lambda text: "[]", 5, "format_version"),
    ],
)
def test_damaged_plan(
    indexer: Run, configured: Path, plan_file: Path, command: str, damage: object, status: int, says: str
) -> None:
    """Nothing of it is shown or applied."""
    text = damage(plan_file.read_text(encoding="utf-8"))  # type: ignore[operator]
    plan_file.unlink() if text is None else plan_file.write_text(text, encoding="utf-8")
    finished = indexer(command, "plan.json")
    assert (finished.returncode, finished.stdout) == (status, "")
    assert says in finished.stderr
    assert "→ " in finished.stderr


def test_out_of_bounds_plan_is_refused(indexer: Run, configured: Path, plan_file: Path) -> None:
    """Before a system is asked at all: nobody runs the ones that are configured here."""
    configured.write_text(configured.read_text().replace('"bucket"', '"another"'))
    finished = indexer("apply", "plan.json")
    assert finished.returncode == 5
    assert "Nothing was written" in finished.stderr


def test_taken_results_folder(indexer: Run, configured: Path, plan_file: Path) -> None:
    """A journal of another plan is left alone."""
    (plan_file.parent / "taken").mkdir()
    (plan_file.parent / "taken" / "journal.jsonl").write_text('{"plan_id": "other"}\n')
    finished = indexer("apply", "plan.json", "--results", "taken")
    assert finished.returncode == 2
    assert "--results" in finished.stderr


@pytest.mark.parametrize(("out", "says"), [("no/plan.json", "no directory"), (".", "is a directory")])
def test_unwritable_plan_is_told_before_reading(indexer: Run, configured: Path, out: str, says: str) -> None:
    """DocDB, which does not answer here, was not asked yet."""
    finished = indexer("plan", "--all", "--out", out)
    assert finished.returncode == 1
    assert says in finished.stderr
    assert "DocDB" not in finished.stderr


def test_unreachable_system_never_shows_its_password(indexer: Run, configured: Path) -> None:
    """Not even with --verbose."""
    finished = indexer("plan", "--all", "--verbose")
    assert finished.returncode == 1
    assert "DocDB cannot be reached" in finished.stderr
    assert "hunter2secret" not in finished.stderr
    assert not (configured.parent / "plan.json").exists()
