"""What the HTML report offers to be copied: addresses of what it shows, and commands for what is selected."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from reports import (
    BUCKET,
    OTHER,
    delete,
    everything,
    held,
    plan_html,
    plan_of,
    put,
    result_html,
    result_in_part,
)

from indexer.model.choosing import parse_term, takes_all

if TYPE_CHECKING:
    from playwright.sync_api import Page

View = Callable[..., "Page"]

ASSET = f"s3://{BUCKET}/ecephys_700102_2024-03-03_09-44-26"
MAY_COPY = {"permissions": ["clipboard-read", "clipboard-write"]}
PASTED = "() => navigator.clipboard.readText()"


def commands(page: Page) -> list[str]:
    return page.locator("#choice code").all_inner_texts()


def test_a_link_leads_to_an_asset(view: View) -> None:
    """It is opened, it has the focus, and nothing is filtered out."""
    page = view(plan_html(everything()), f"#asset={ASSET}")
    page.locator("#assets details[open] .body").wait_for()
    assert page.locator("#assets > li").count() == 5
    assert page.evaluate("() => document.activeElement.tagName") == "SUMMARY"
    assert "put-object" in page.locator("#assets details[open]").inner_text()


def test_a_link_leads_to_an_action(view: View) -> None:
    """It has the focus; a link that comes while the page is open, too."""
    actions = everything().actions
    page = view(plan_html(everything()), f"#action={actions[1].id}")
    page.wait_for_function("(id) => document.activeElement.dataset.id === id", arg=actions[1].id)
    page.evaluate("(id) => { location.hash = `#action=${id}` }", actions[-1].id)
    page.wait_for_function("(id) => document.activeElement.dataset.id === id", arg=actions[-1].id)


def test_a_link_to_what_is_not_listed_says_so(view: View) -> None:
    """All of the list is there all the same."""
    page = view(plan_html(everything()), "#action=gone")
    page.locator("#found", has_text="The link leads to an action that is not listed here").wait_for()
    assert page.locator("#assets > li").count() == 5


@pytest.mark.parametrize("name", ["Copy the link to this asset", "Copy the link to this action"])
def test_a_link_is_copied(view: View, name: str) -> None:
    """To the clipboard and into the address, and the filters stay as they are."""
    page = view(plan_html(everything()), "#reason=field-missing", **MAY_COPY)
    page.get_by_role("link", name=name).first.click()
    page.get_by_text("# copied").wait_for()
    pasted = page.evaluate(PASTED)
    assert pasted == page.url
    kind = name.rpartition(" ")[2]
    assert f"#{kind}=" in pasted
    assert page.get_by_role("button", name="Remove the filter reason: field-missing").is_visible()


def test_a_command_is_copied(view: View) -> None:
    """As it stands there, without its prompt."""
    page = view(plan_html(everything()), **MAY_COPY)
    page.locator(".next").get_by_role("button", name="Copy").first.click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate(PASTED) == "indexer apply plan.json"


def test_where_a_page_may_not_copy_the_command_is_selected(view: View) -> None:
    """A key does the rest."""
    page = view(plan_html(everything()))
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')) }")
    page.locator(".next").get_by_role("button", name="Copy").first.click()
    page.get_by_role("button", name="Selected").wait_for()
    assert page.evaluate("() => getSelection().toString()") == "indexer apply plan.json"


@pytest.mark.parametrize(
    "fragment",
    [
        "#reason=core-file-stale",
        "#reason=core-file-stale&reason=field-missing&system=s3",
        "#effect=delete&system=codeocean",
        "#kind=put-object&bucket=aind-private-data",
    ],
)
def test_the_command_for_what_is_selected_chooses_just_that(view: View, fragment: str) -> None:
    """The words of `apply --only`, read as the command reads them."""
    plan = everything()
    page = view(plan_html(plan), fragment)
    apply, _ = commands(page)
    words = shlex.split(apply)
    assert words[:3] == ["indexer", "apply", "plan.json"]
    assert set(words[3::2]) == {"--only"}
    terms = [parse_term(word, "--only") for word in words[4::2]]
    chosen = sorted(one.id for one in plan.actions if takes_all(terms, one))
    page.get_by_role("button", name="Open all shown").click()
    page.locator("#assets details:not([open])").first.wait_for(state="detached")
    listed = page.locator(".actions > li:not(.withheld)")
    assert sorted(listed.evaluate_all("(all) => all.map((one) => one.dataset.id)")) == chosen


def test_the_filters_of_show_repeat_all_that_is_selected(view: View) -> None:
    """Search words too, quoted as a shell wants them."""
    page = view(plan_html(everything()), "#kind=put-object&system=s3&q=it%27s+700102")
    page.evaluate('() => { search.value = "json 70010"; changed() }')
    assert commands(page) == [
        "indexer show plan.json --system s3 --action put-object --grep json --grep 70010",
    ]
    page.evaluate('() => { search.value = "µm"; changed() }')
    assert commands(page)[0].endswith("--grep 'µm'")


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        ("#q=subject", "choose without a search: apply has no words for that"),
        ("#effect=delete&withheld=1", "None of these is applied: they are withheld."),
    ],
)
def test_what_apply_has_no_words_for_is_said(view: View, fragment: str, words: str) -> None:
    """No command that would choose something else."""
    page = view(plan_html(everything()), fragment)
    assert words in page.inner_text("#choice")
    assert not any("apply" in one for one in commands(page))


def test_an_asset_says_what_to_type_for_it(view: View) -> None:
    """By its whole location, so that no other bucket's is meant."""
    page = view(plan_html(everything()), f"#asset={ASSET}")
    assert page.locator(".links code").all_inner_texts() == [
        f"indexer show plan.json --asset {ASSET}",
        f"indexer apply plan.json --only asset={ASSET}",
    ]


def test_a_name_that_a_shell_would_read_is_quoted(view: View) -> None:
    """Whatever a folder is called."""
    page = view(plan_html(plan_of([put("it's $(a) b")])))
    show, apply = page.locator(".links code").all_inner_texts()
    assert shlex.split(show)[-1] == f"s3://{BUCKET}/it's $(a) b"
    assert shlex.split(apply)[-1] == f"asset=s3://{BUCKET}/it's $(a) b"


def test_a_name_that_is_only_shown_escaped_is_not_typed(view: View) -> None:
    """It would be another name."""
    page = view(plan_html(plan_of([put("a\u202eb")])))
    assert page.locator(".links code").count() == 0


def test_a_withheld_asset_is_only_shown(view: View) -> None:
    """There is nothing of it to apply."""
    page = view(plan_html(plan_of([put("a_1", bucket=OTHER)], withheld=[held(delete("m_1"))])), "#withheld=1")
    assert page.locator(".links code").all_inner_texts() == [
        f"indexer show plan.json --asset s3://{BUCKET}/m_1"
    ]


def test_a_part_of_a_plan_offers_no_choice_of_apply(view: View) -> None:
    """It would choose from all of the plan, of which the page shows only a part."""
    page = view(plan_html(plan_of([put("a_1")]), part_of=900), "#effect=change")
    assert page.locator("code", has_text="--only").count() == 0
    assert commands(page) == ["indexer show plan.json --effect change"]


def test_a_result_offers_no_choice_of_apply(view: View) -> None:
    """Where its file is not known, nor what it was made from, there is nothing to type."""
    page = view(result_html(*result_in_part()), "#status=failed")
    assert page.locator("#choice code, .links code").count() == 0
