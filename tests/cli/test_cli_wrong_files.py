"""A file that is not what a command takes: said in words, with what it is and which command wants it."""

from __future__ import annotations

from pathlib import Path

from indexer.runs.files import plan_text
from shared.commands import Run
from shared.rendered import plan_of, put


def test_an_undo_of_a_plan_is_told_that_it_is_one(indexer: Run, tmp_path: Path) -> None:
    """The likeliest mistake with two files side by side."""
    (tmp_path / "plan.json").write_text(plan_text(plan_of([put()])), encoding="utf-8")
    done = indexer("undo", "plan.json", "--out", "undo.json")
    assert done.returncode == 5
    assert "Field required" not in done.stderr
    assert "it has actions, not outcomes" in done.stderr
    assert "It is a plan, for `indexer show` and `indexer apply`." in done.stderr


def test_no_bucket_is_said_in_words_that_fit_every_command(indexer: Run, configured: Path) -> None:
    """The gate plans nothing."""
    for command in ("plan", "drift"):
        done = indexer(command)
        assert done.returncode == 2
        assert "--all for every configured one" in done.stderr
        assert "plan them all" not in done.stderr


def test_a_summary_that_cannot_be_written_is_known_before_anything_is_read(
    indexer: Run, configured: Path, tmp_path: Path
) -> None:
    """An unset variable makes an empty name; nobody runs the systems here, so anything later would be another error."""
    (tmp_path / "folder").mkdir()
    for name in ("", "folder", "no/such/folder.md"):
        done = indexer("drift", "--all", "--summary", name)
        assert done.returncode == 2, name
        assert "--summary" in done.stderr
