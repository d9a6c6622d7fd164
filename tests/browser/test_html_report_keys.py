"""The HTML report without a mouse: a few keys go through the list."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from reports import everything, large, plan_html, plan_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

View = Callable[..., "Page"]

FOCUSED = "() => document.activeElement.closest('#assets > li')?.querySelector('.location b').textContent"


def focused(page: Page) -> str:
    """The asset that has the focus, up to its first number."""
    return "_".join((page.evaluate(FOCUSED) or "").split("_")[:2])


def test_j_and_k_go_from_asset_to_asset(view: View) -> None:
    """From the first on, and no further than the ends."""
    page = view(plan_html(everything()))
    seen = []
    for key in "jjjjjjkkkkk":
        page.keyboard.press(key)
        seen.append(focused(page).partition("_")[2])
    assert seen == [
        *("700105", "700106", "700103", "700102", "700104", "700104"),
        *("700102", "700103", "700106", "700105", "700105"),
    ]


def test_j_goes_on_into_the_next_slice(view: View) -> None:
    """What is not shown yet is shown then."""
    page = view(plan_html(large(1200)))
    page.locator("#assets > li > details > summary").nth(199).focus()
    page.keyboard.press("j")
    assert page.locator("#assets > li").count() == 300
    assert focused(page) == "ecephys_000101"


def test_enter_and_o_open_and_close(view: View) -> None:
    """The asset that has the focus; inside of it too."""
    page = view(plan_html(everything()))
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.locator("#assets details[open] .body").wait_for()
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Tab")
    page.keyboard.press("o")
    assert page.locator("#assets details[open]").count() == 0


def test_slash_searches_and_escape_clears(view: View) -> None:
    """First the search, then the filters."""
    page = view(plan_html(everything()), "#effect=change")
    page.keyboard.press("/")
    assert page.locator("#q").evaluate("(q) => q === document.activeElement")
    page.keyboard.type("700102")
    page.locator("#found", has_text="1 of 5 assets").wait_for()
    assert page.locator("#q").input_value() == "700102"
    page.keyboard.press("Escape")
    page.locator("#found", has_text="2 of 5 assets").wait_for()
    page.keyboard.press("Escape")
    page.locator("#found", has_text="5 of 5 assets").wait_for()


def test_a_question_mark_shows_the_keys(view: View) -> None:
    """In a dialog that Escape closes, and a button beside the theme opens."""
    page = view(plan_html(everything()), "#effect=change")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    assert "the next asset" in keys.inner_text()
    page.keyboard.press("j")
    assert focused(page) == ""
    page.keyboard.press("Escape")
    keys.wait_for(state="hidden")
    page.locator("#found", has_text="2 of 5 assets").wait_for()
    page.get_by_role("button", name="Keys").click()
    page.get_by_role("button", name="Close", exact=True).click()
    keys.wait_for(state="hidden")


def test_keys_that_are_typed_into_the_search_are_text(view: View) -> None:
    """None of them does anything else there."""
    page = view(plan_html(everything()))
    page.keyboard.press("/")
    page.keyboard.type("jko?/")
    assert page.locator("#q").input_value() == "jko?/"
    assert page.get_by_role("dialog").count() == 0


def test_keys_do_nothing_where_there_is_no_list(view: View) -> None:
    """And complain of nothing."""
    page = view(plan_html(plan_of()))
    for key in ("j", "k", "o", "/", "Escape"):
        page.keyboard.press(key)
    assert "no action to list" in page.inner_text("#actions")
