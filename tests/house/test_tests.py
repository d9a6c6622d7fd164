"""The tests have a house too: no file that nobody reads to its end, and one place for what they share."""

from __future__ import annotations

from pathlib import Path

from shared.quick import goes_outside

TESTS = Path(__file__).resolve().parents[1]
MOST_LINES = 500


def test_no_file_is_longer_than_one_reads() -> None:
    """Two subjects are two files."""
    lines = {file: file.read_text(encoding="utf-8").count("\n") for file in TESTS.rglob("*.py")}
    assert len(lines) > 200
    assert [file.name for file, count in lines.items() if count > MOST_LINES] == []


def test_what_is_shared_has_a_folder() -> None:
    """Beside the folders stands nothing but pytest's own."""
    assert [file.name for file in TESTS.glob("*.py")] == ["conftest.py"]


def test_the_planner_is_quick_and_the_whole_command_is_not() -> None:
    """Else `make quick` would run nothing, or everything, and nobody would see it."""
    assert not any(goes_outside(file) for file in (TESTS / "planner").glob("test_*.py"))
    assert all(goes_outside(file) for file in (TESTS / "golden").glob("test_golden*.py"))
    assert goes_outside(TESTS / "end_to_end" / "test_doctor.py")
    assert goes_outside(TESTS / "approvals" / "test_kms_approvals.py")
    assert not goes_outside(TESTS / "conftest.py")
