"""A plan as a comment on a pull request."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from indexer.model.content import Change
from indexer.model.plan import Finding, Withheld
from indexer.render.markdown import MAX_CHARACTERS, report_markdown
from indexer.render.of_plan import plan_report
from indexer.render.of_result import result_report
from shared.rendered import delete, plan_of, put, result_of


def test_a_long_plan_is_cut_and_says_so() -> None:
    """GitHub takes 65,536 characters; what is left out is counted."""
    plan = plan_of(
        [put(f"asset-{number:05}", Change(path="x", after="🐭" * 60)) for number in range(3000)],
        [Finding(kind="name-mismatch", location="s3://bucket/a", detail="y" * 500) for _ in range(300)],
        unread="z" * 90_000,
    )
    text = report_markdown(plan_report(plan))
    assert MAX_CHARACTERS * 0.6 < len(text.encode("utf-16-le")) // 2 <= MAX_CHARACTERS
    shown = text.count("# s3://bucket/asset-")
    assert f"{3000 - shown:,} more assets left out here" in text
    assert text.count("<details") == text.count("</details>")


def test_findings_that_are_only_counted_are_named() -> None:
    """The number above the list is that of the list."""
    plan = plan_of()
    counted = plan.summary.model_copy(update={"findings": {"raw-unregistered": 7}})
    text = report_markdown(plan_report(plan.model_copy(update={"summary": counted})))
    assert "7 findings" in text
    assert "raw-unregistered: 7 only counted" in text


def test_a_short_plan_is_whole() -> None:
    """Nothing is left out, and every fence is closed."""
    text = report_markdown(plan_report(plan_of([put(), delete()])))
    assert "left out" not in text
    assert text.count("`" * 8) == 2


def test_values_cannot_break_out_of_their_fence() -> None:
    """Back-ticks, HTML and mentions stay inside."""
    text = report_markdown(
        plan_report(plan_of([put("a", Change(path="x", after="`" * 20 + "</details>@everybody"))]))
    )
    assert text.count("`" * 8) == 2


def test_what_was_withheld_is_no_markup() -> None:
    """A policy and its words are a plan's, and a plan may be anybody's."""
    evil = "<img src=x>`@everybody\n::error::x"
    html = MarkdownIt("commonmark", {"html": True}).render(
        report_markdown(plan_report(plan_of(withheld=[Withheld(action=delete(), policy=evil, detail=evil)])))
    )
    assert "<img" not in html
    assert "@everybody" not in re.sub("<code.*?</code>", "", html, flags=re.DOTALL)


def test_result() -> None:
    """The counts, and what did not succeed."""
    action = put()
    text = report_markdown(result_report(result_of((action, "stale", "changed")), {action.id: action}))
    assert "1 stale" in text
    assert "put-object s3://bucket/asset subject.json" in text
