"""Two plans side by side, and the verdict of the gate, as HTML pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from reports import AT, change, comparison_html, delete, everything, plan_of, put, update, verdict_html

from indexer.model.action import with_id
from indexer.model.content import HasEtag
from indexer.model.drift import Rule
from indexer.model.loses import Loses
from indexer.model.plan import Finding

if TYPE_CHECKING:
    from playwright.sync_api import Page

View = Callable[..., "Page"]


def page_of_two(view: View, fragment: str = "") -> Page:
    """A new deletion, a write that is altered, one that is gone and one that is still there; a new finding."""
    altered = with_id(put("b_1").model_copy(update={"precondition": HasEtag(etag="f" * 16)}))
    gone = delete("d_1").model_copy(update={"loses": Loses(fields=7)})
    finding = Finding(kind="name-mismatch", location="s3://b/x", detail="the name differs")
    newer = plan_of([delete("c_1"), altered, update("e_1", change())], findings=[finding])
    return view(comparison_html(newer, plan_of([put("b_1"), gone, update("e_1", change())])), fragment)


def test_what_is_new_comes_first_and_what_is_gone_last(view: View) -> None:
    """Each with a word that says so; what is still there is only counted."""
    page = page_of_two(view)
    assert page.locator("#assets .location b").all_inner_texts() == ["c_1", "b_1", "d_1"]
    assert page.locator("#assets .badge").all_inner_texts() == ["1 new", "1 altered", "1 gone"]
    assert page.locator(".counts .figure").all_inner_texts() == [
        "1 new",
        "1 altered",
        "1 gone",
        "1 still there",
    ]
    assert "apply" not in page.inner_text("main")


def test_new_altered_and_gone_are_filters(view: View) -> None:
    """An altered one says what it was; what is gone loses nothing any more."""
    page = page_of_two(view)
    page.locator(".counts").get_by_role("link", name="altered").click()
    page.locator("#found", has_text="1 of 3 assets").wait_for()
    assert "was: core-file-stale · 1.2 kB · if still ETag 01234567…" in page.inner_text("#assets")
    assert "show has no words for that" in page.inner_text("#choice")
    page = page_of_two(view, "#change=gone")
    assert "loses" not in page.inner_text("#assets summary")


def test_the_filters_of_show_go_for_both_plans(view: View) -> None:
    """They are added to the command that compares."""
    page = page_of_two(view, "#effect=delete")
    assert page.locator("#choice code").all_inner_texts() == [
        "indexer show plan.json --against older.json --effect delete"
    ]


def test_findings_that_are_new_are_folded(view: View) -> None:
    """With their number, and what each is."""
    page = page_of_two(view)
    page.get_by_text("New findings 1").click()
    assert "s3://b/x: the name differs" in page.inner_text(".fold[open]")


def test_a_verdict_lists_what_is_unexpected(view: View) -> None:
    """What a rule expects is not there; a rule that has expired is open, findings are folded."""
    today = AT.date()
    expects = Rule(asset="ecephys_700105*", owner="me", why="known", until=today)
    expired = Rule(asset="*", reason="field-missing", owner="me", why="soon", until=today - timedelta(days=1))
    page = view(verdict_html(everything(), expects, expired))
    page.locator("#found", has_text="4 of 4 assets, 4 actions, 1 withheld").wait_for()
    assert "ecephys_700105" not in page.inner_text("#assets")
    assert "until 2026-11-21 (me: soon)" in page.inner_text(".fold[open]")
    page.get_by_text("2 unexpected findings").click()
    assert "location-invalid record 5f" in page.inner_text("main")
    assert page.locator("code", has_text="indexer").count() == 0
