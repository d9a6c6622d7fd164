"""The HTML report for everybody: any eyes, any hands, any screen, with and without a script."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from reports import (
    change,
    comparison_html,
    everything,
    plan_html,
    plan_of,
    put,
    result_html,
    result_in_part,
    verdict_html,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

View = Callable[..., "Page"]

PAGES = {
    "plan": lambda: plan_html(everything(), part_of=900),
    "incomplete": lambda: plan_html(plan_of([put("a_1")], unread="S3 denies access")),
    "empty": lambda: plan_html(plan_of()),
    "result": lambda: result_html(*result_in_part()),
    "verdict": lambda: verdict_html(everything()),
    "comparison": lambda: comparison_html(everything(), plan_of([put("a_1")])),
}
LONG = "x" * 300
# In the dark the elements are the same. What passes is not told: it is half of the work.
AXE = {"resultTypes": ["violations"]}
RULES: dict[str, Any] = {"light": AXE, "dark": AXE | {"runOnly": ["color-contrast"]}}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation(view: View, axe: Any, name: str, scheme: str) -> None:
    """Names, roles, order of headings, contrast: closed, folds open, list open, filtered, with the keys, and empty."""
    page = view(PAGES[name](), color_scheme=scheme, bypass_csp=True)
    reports = []

    def look() -> None:
        reports.append(axe.run(page, options=RULES[scheme]))

    look()
    page.locator(".fold").evaluate_all("(all) => { for (const fold of all) fold.open = true }")
    look()
    if page.locator("#tools").is_visible():
        page.get_by_role("button", name="Open all shown").click()
        page.locator(".body").first.wait_for()
        look()
        page.locator("[data-filter]").first.click()
        page.locator(".chip").wait_for()
        look()
        page.keyboard.press("?")
        look()
        page.keyboard.press("Escape")
        page.get_by_role("searchbox").fill("zebra")
        page.get_by_text("Nothing matches.").wait_for()
        look()
    assert [one.generate_report() for one in reports if one.violations_count] == []


def test_a_slash_in_the_search_is_a_slash(view: View) -> None:
    """Locations have many."""
    page = view(plan_html(everything()))
    page.keyboard.press("/")
    page.keyboard.type("data/smart")
    page.locator("#found", has_text="1 of 5 assets").wait_for()


def test_the_first_stop_skips_to_the_actions(view: View) -> None:
    """Past all the figures and charts."""
    page = view(plan_html(everything()))
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Skip to the actions"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.id") == "q"


def test_dark_and_light_differ_and_can_be_chosen(view: View) -> None:
    """As the system wishes, or as the person does; the address remembers."""
    html = plan_html(everything())
    light = view(html, color_scheme="light").screenshot()
    page = view(html, color_scheme="dark")
    dark = page.screenshot()
    assert light != dark
    page.get_by_label("Theme").select_option("light")
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(247, 248, 249)"
    assert page.url.endswith("#theme=light")


@pytest.mark.parametrize("name", PAGES)
def test_a_narrow_screen_never_scrolls_sideways(view: View, name: str) -> None:
    """At 360 pixels, with all assets open."""
    page = view(PAGES[name](), viewport={"width": 360, "height": 740})
    if page.locator("#tools").is_visible():
        page.get_by_role("button", name="Open all shown").click()
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360


def test_long_words_never_scroll_sideways(view: View) -> None:
    """A name without a space, and a value."""
    plan = plan_of([put(LONG, change(LONG, LONG, f"{LONG}y"), bucket=f"b{LONG}")], unread=LONG, assets=[LONG])
    page = view(plan_html(plan), viewport={"width": 360, "height": 740})
    page.get_by_role("button", name="Open all shown").click()
    page.locator(".body").wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360


def test_without_a_script_all_but_the_list_is_there(view: View) -> None:
    """Head, commands, counts, coverage, findings and what was withheld; and where the list is."""
    page = view(plan_html(everything()), java_script_enabled=False)
    page.get_by_text("Coverage").click()
    text = page.inner_text("body")
    for words in (
        "6 actions on 4 assets of 1,200",
        "indexer apply plan.json",
        "Reason",
        "core-file-missing",
        "v1 records of aind-open-data",
        "Findings 82",
        "withheld by max_delete_percent",
        "The list of actions needs JavaScript",
    ):
        assert words in text
    assert page.locator("button, input, select").filter(visible=True).count() == 0


def test_on_paper_there_are_no_controls(view: View) -> None:
    """What is open is printed, in light colours."""
    page = view(plan_html(everything()), color_scheme="dark")
    page.get_by_role("button", name="Open all shown").click()
    page.locator(".body").first.wait_for()
    page.emulate_media(media="print")
    assert page.locator("button, input, select").filter(visible=True).count() == 0
    assert page.locator("ins").first.is_visible()
    assert page.get_by_text("5 of 5 assets, 6 actions, 1 withheld").is_visible()
    assert page.evaluate("() => getComputedStyle(document.body).color") == "rgb(27, 31, 36)"
