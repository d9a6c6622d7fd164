"""A plan's whole differences, and what its words mean, in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from reports import everything

from indexer.model.whole import Whole
from indexer.render.formats import rendered
from indexer.render.of_plan import plan_report
from indexer.render.reader import Reader

if TYPE_CHECKING:
    from playwright.sync_api import Page

View = Callable[..., "Page"]
NOTE = "<img src=x onerror=alert(1)> a red mouse"
WHOLE = Whole(
    f'{{\n   "note": "{NOTE}"\n}}', f'{{\n   "note": "{NOTE.replace("red", "blue")}"\n}}', ("so",), ("gone",)
)


def html(whole: Whole) -> str:
    return rendered(plan_report(everything(), whole=lambda _: whole), "html", Reader(whole=True))


def test_what_changed_is_marked_in_its_line(view: View) -> None:
    """Other people's text is text; what is no longer as planned is said beside it."""
    page = view(html(WHOLE))
    page.locator("#open").click()
    first = page.locator(".actions > li").first
    assert first.locator(".whole del").inner_text() == f'-    "note": "{NOTE}"'
    assert first.locator(".whole del mark").all_inner_texts() == ["red"]
    assert first.locator(".whole ins mark").all_inner_texts() == ["blue"]
    assert first.locator(".doubt").inner_text() == "not as planned: gone"
    assert page.locator(".whole img").count() == 0


def test_a_whole_difference_is_searched_too(view: View) -> None:
    """As the short ones are."""
    page = view(html(WHOLE))
    page.locator("#q").fill("blue mouse")
    page.locator("#found", has_text="5 of 5 assets").wait_for()
    page.locator("#q").fill("green mouse")
    page.locator("#none").wait_for(state="visible")


def test_a_word_says_what_it_means_where_the_pointer_rests(view: View) -> None:
    """Kinds, reasons and findings, in the list and beside it."""
    page = view(html(WHOLE))
    page.locator("#open").click()
    for place in (
        ".actions .kind",
        ".actions .dim span",
        ".facets a[data-filter=reason]",
        "#findings .kinds summary",
    ):
        titles = [one.get_attribute("title") or "" for one in page.locator(place).all()]
        assert titles, place
        assert all("What to do: " in title for title in titles), place
