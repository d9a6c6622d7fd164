"""A journal against the protocol of runs: an intent before each write, an outcome after it, nothing claimed twice."""

from __future__ import annotations

from typing import Any

import pytest

from indexer.applier.protocol import protocol_problems


def line(event: str, action_id: str | None = None, run: str = "r1", **more: Any) -> dict[str, Any]:
    named = {} if action_id is None else {"action_id": action_id}
    return {"run_id": run, "plan_id": "p", "event": event, **named, **more}


STARTED, FINISHED = line("started"), line("finished")
ABSENT = {"kind": "absent"}
INTENT = line("intent", "a", before=ABSENT)
APPLIED = line("outcome", "a", status="applied", before=ABSENT)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [STARTED, INTENT, APPLIED, FINISHED],
        [STARTED, INTENT],
        [STARTED, INTENT, line("refused", "a"), line("outcome", "a", status="stale"), FINISHED],
        [STARTED, INTENT, line("refused", "a"), INTENT, APPLIED, FINISHED],
        [STARTED, INTENT, INTENT, APPLIED, FINISHED],
        [STARTED, INTENT, INTENT, line("refused", "a"), APPLIED, FINISHED],
        [STARTED, line("outcome", "a", status="satisfied"), FINISHED],
        [
            STARTED,
            INTENT,
            line("started", run="r2"),
            line("outcome", "a", "r2", status="satisfied", before=ABSENT),
            line("finished", run="r2"),
        ],
        [STARTED, line("of a later version", "a"), FINISHED],
    ],
    ids=[
        "nothing", "one-write", "died-after-an-intent", "refused", "refused-and-tried-again", "tried-twice",
        "the-second-try-refused-the-first-one-carried-out",
        "nothing-to-do", "a-second-run-finds-the-first-one's-write", "unknown-event",
    ],
)  # fmt: skip
def test_what_a_run_may_write_is_no_problem(lines: list[dict[str, Any]]) -> None:
    """Also where a run died, was refused, or found what an earlier one had done."""
    assert list(protocol_problems(lines)) == []


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([STARTED, APPLIED], "written without an intent"),
        ([STARTED, INTENT, line("refused", "a"), APPLIED], "written without an intent"),
        ([STARTED, INTENT, APPLIED, APPLIED], "had its outcome before"),
        ([STARTED, INTENT, APPLIED, INTENT], "had its outcome before"),
        ([STARTED, line("refused", "a")], "nothing was sent"),
        ([STARTED, INTENT, FINISHED], "a has no outcome"),
        ([STARTED, line("outcome", "a", status="satisfied", before=ABSENT)], "nobody intended"),
        ([STARTED, line("intent", "a")], "does not say what the write replaces"),
        ([STARTED, line("intent", "a", before={"kind": "object"})], "was not kept"),
        ([INTENT], "had not started"),
        ([STARTED, STARTED], "had started before"),
        ([STARTED, FINISHED, line("outcome", "a", status="skipped")], "had finished before"),
    ],
)
def test_what_no_run_writes_is_told(lines: list[dict[str, Any]], problem: str) -> None:
    """By line, event and action."""
    told = list(protocol_problems(lines))
    assert any(problem in one for one in told), told
    assert told[0].startswith("line ")
