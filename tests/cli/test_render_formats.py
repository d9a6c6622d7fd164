"""Each subject makes one report; each format takes any report."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest

from indexer.model.content import Change
from indexer.model.drift import ExpectedDrift
from indexer.model.plan import Finding, Withheld
from indexer.planner.compare import compare
from indexer.planner.gate import judge
from indexer.render.formats import ReportFormat, rendered
from indexer.render.of_comparison import comparison_report
from indexer.render.of_plan import plan_report
from indexer.render.of_result import result_report
from indexer.render.of_verdict import verdict_report
from indexer.render.reader import Reader
from shared.rendered import delete, plan_of, put, result_of

PLAN = plan_of(
    [put("asset", Change(path="x", before="1", after="2")), delete()],
    [Finding(kind="name-mismatch", location="s3://bucket/asset", detail="the name differs")],
    [Withheld(action=delete("held"), policy="max_deletes", detail="1 of 0")],
    unread="denied",
)
REPORTS = {
    "plan": plan_report(PLAN),
    "result": result_report(result_of((PLAN.actions[0], "failed", "503")), {}),
    "comparison": comparison_report(compare(PLAN, plan_of([put("asset", etag="9" * 16)]))),
    "verdict": verdict_report(judge(PLAN, ExpectedDrift(), date(2026, 11, 22))),
}


@pytest.mark.parametrize("output", get_args(ReportFormat))
@pytest.mark.parametrize("subject", REPORTS)
def test_every_format_takes_every_report(subject: str, output: ReportFormat) -> None:
    """It has the headline wherever it has one, and reading a report uses nothing of it up."""
    first = rendered(REPORTS[subject], output, Reader())
    assert first == rendered(REPORTS[subject], output, Reader())
    if output != "junit":
        assert REPORTS[subject].headline in first


@pytest.mark.parametrize("output", ["text", "markdown", "html", "sarif", "github"])
def test_no_format_leaves_an_alarm_out(output: ReportFormat) -> None:
    """Whoever reads any of them learns what could not be read."""
    for subject in ("plan", "verdict"):
        assert "folders of bucket: denied" in rendered(REPORTS[subject], output, Reader())
