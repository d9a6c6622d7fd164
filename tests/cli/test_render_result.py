"""What came of a plan."""

from __future__ import annotations

from indexer.render.of_result import result_report
from indexer.render.paint import PLAIN
from indexer.render.text import outline, report_text
from shared.rendered import delete, put, result_of

FIRST, SECOND = put("a"), delete("b")
ACTIONS = {FIRST.id: FIRST, SECOND.id: SECOND}


def test_headline_counts_every_status() -> None:
    """In the order from good to bad."""
    result = result_of((FIRST, "failed", "503"), (SECOND, "applied", ""))
    assert result_report(result, ACTIONS).headline == "2 actions: 1 applied, 1 failed."


def test_table_is_by_reason_and_status() -> None:
    """Only statuses that occur have a column."""
    report = result_report(result_of((FIRST, "stale", ""), (SECOND, "applied", "")), ACTIONS)
    lines = list(outline(report, PLAIN))
    assert lines[0].split() == ["actions", "applied", "stale"]
    assert lines[1].split() == ["asset-gone", "1", "·"]
    assert lines[3].split() == ["total", "1", "1"]


def test_causes_come_before_what_was_skipped_for_them() -> None:
    """And an action named by its id is named in words."""
    result = result_of(
        (SECOND, "skipped", f"action {FIRST.id}, which it rests on, did not succeed"),
        (FIRST, "failed", "503"),
    )
    lines = list(outline(result_report(result, ACTIONS), PLAIN))[4:]
    assert lines[0] == "  failed put-object s3://bucket/a subject.json"
    assert lines[3].strip() == "put-object subject.json, which it rests on, did not succeed"


def test_more_than_the_limit_is_counted() -> None:
    """A terminal is no place for a thousand lines."""
    actions = [put(f"a{number}") for number in range(30)]
    result = result_of(*((action, "stale", "") for action in actions))
    lines = list(outline(result_report(result, {action.id: action for action in actions}), PLAIN))[3:]
    assert (len(lines), lines[-1]) == (21, "  and 10 more")


def test_without_its_plan_a_result_is_still_shown() -> None:
    """By the actions' ids."""
    text = "\n".join(report_text(result_report(result_of((FIRST, "applied", "")), {}), PLAIN))
    assert FIRST.id in text
