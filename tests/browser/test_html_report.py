"""What a person finds in the HTML report, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from reports import (
    BUCKET,
    OTHER,
    change,
    delete,
    everything,
    held,
    plan_html,
    plan_of,
    put,
    result_html,
    result_in_part,
)

from indexer.model.content import Change
from indexer.model.findings import FINDINGS
from indexer.model.loses import Loses
from indexer.model.plan import Finding
from indexer.model.reasons import REASONS
from indexer.render.explained import plain_words

if TYPE_CHECKING:
    from playwright.sync_api import Page

View = Callable[..., "Page"]


def folders(page: Page) -> list[str]:
    """The listed assets' names up to their first number, in order."""
    return ["_".join(name.split("_")[:2]) for name in page.locator("#assets .location b").all_inner_texts()]


def found(page: Page, words: str) -> None:
    """Waits until the live region says so."""
    page.locator("#found", has_text=words).wait_for()


def test_the_head_says_what_it_is_and_what_to_type(view: View) -> None:
    """Title, headline, when, by what, under which limits, and the command."""
    page = view(plan_html(everything()))
    head = page.inner_text("header")
    assert "Plan f00dcafe" in head
    assert "6 actions on 4 assets of 1,200: 1 create, 3 change, 2 delete." in head
    assert "made 2026-11-22 03:00 UTC by indexer 1.2.3" in head
    assert "indexer apply plan.json" in page.inner_text(".next")
    page.get_by_text("About").click()
    about = page.inner_text(".facts")
    for words in (BUCKET, OTHER, "of any age", "sync", "100 deletions, 10 % of a bucket", "1,200 assets"):
        assert words in about


def test_counts_stand_beside_the_list(view: View) -> None:
    """By system, bucket, reason and action, each with what its actions do in words."""
    page = view(plan_html(everything()))
    assert page.locator(".facets h2").all_inner_texts() == ["System", "Bucket", "Reason", "Action"]
    rows = page.locator(".facets section").first.locator("a").all_text_contents()
    assert ["".join(row.split()) for row in rows] == [
        "S331create,2change",
        "DocDB31change,1delete,1withheld",
        "CodeOcean11delete",
    ]


def test_the_list_begins_on_the_first_screen(view: View) -> None:
    """In its upper half, below a head of a few lines; and its filters stay in sight when it is scrolled."""
    page = view(plan_html(everything()), viewport={"width": 1280, "height": 900})
    assert page.locator("#assets > li").first.bounding_box()["y"] < 450  # type: ignore[index]
    page.get_by_role("button", name="Open all shown").click()
    page.locator("#assets > li").last.scroll_into_view_if_needed()
    page.set_viewport_size({"width": 1280, "height": 400})
    page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function("() => scrollY > 100")
    assert page.locator("#q").bounding_box()["y"] >= 0  # type: ignore[index]


def test_findings_say_how_many_are_only_counted(view: View) -> None:
    """The listed ones by kind, and the number of the rest."""
    findings = view(plan_html(everything())).locator("#findings")
    findings.get_by_text("Findings").click()
    assert "name-mismatch 41 40 only counted" in findings.inner_text()
    findings.get_by_text("name-mismatch").click()
    assert f"s3://{BUCKET}/ecephys_700102: the name differs" in findings.inner_text()


def test_withheld_actions_show_their_policy(view: View) -> None:
    """The figure and the limit: above the list, and at each action."""
    page = view(plan_html(everything()))
    why = "41 of 120 records (34 %) exceed the limit of 10 %"
    assert f"1 action withheld by max_delete_percent: {why}" in page.inner_text("#withheld-why")
    assert "a higher --max-delete-percent" in page.inner_text("#withheld-why")
    page.locator(".counts").get_by_role("link", name="withheld").click()
    found(page, "1 of 5 assets, 0 actions, 1 withheld")
    assert why in page.inner_text("#assets .body")


def test_a_plan_that_is_incomplete_is_loud(view: View) -> None:
    """The banner names the read and its why, and the next step is to plan again."""
    page = view(plan_html(plan_of([put("a_1")], unread="S3 denies access", assets=["a b*"])))
    assert "Not everything could be read" in page.inner_text(".alarm h2")
    assert "S3 denies access" in page.inner_text(".alarm li")
    assert "S3 denies access" in page.inner_text(".coverage .unread")
    step = page.locator(".next code").first.inner_text()
    assert step == f"indexer plan --bucket {BUCKET} --bucket {OTHER} --asset 'a b*'"


def test_a_part_of_a_plan_says_so(view: View) -> None:
    """Neither the counts nor the command may be taken for the whole."""
    page = view(plan_html(plan_of([put("a_1")]), part_of=900))
    assert "Only what was asked for: 1 of 900 actions." in page.inner_text("main")
    assert "carries out the plan: all 900 actions, not only these" in page.inner_text(".next")


def test_an_empty_plan_says_that_there_is_nothing_to_do(view: View) -> None:
    """No list, no filters, no command; and the theme can be chosen all the same."""
    page = view(plan_html(plan_of()))
    assert "Nothing to do: 1,200 assets looked at, no drift." in page.inner_text("header")
    assert "apply plan.json" not in page.inner_text("main")
    assert "no action to list" in page.inner_text("#actions")
    assert page.locator("#tools, #none").filter(visible=True).count() == 0
    page.get_by_label("Theme").select_option("dark")
    assert page.locator("#none").is_hidden()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("SmartSPIM", ["SmartSPIM_700104"]),
        ("smartspim SPECIES", ["SmartSPIM_700104"]),
        ("session.json", []),
        ("subject.json", ["behavior_700103", "ecephys_700102", "SmartSPIM_700104"]),
        ("field-missing", ["ecephys_700102"]),
        ("archive-data-asset", ["ecephys_700105"]),
        ("subject.species", ["SmartSPIM_700104"]),
        ("µm deeper", ["ecephys_700102"]),
        ("max_delete_percent", ["ecephys_700106"]),
    ],
)
def test_search_narrows_the_list(view: View, words: str, expected: list[str]) -> None:
    """By location, target, reason, kind, policy, path and value; all words, in any case."""
    page = view(plan_html(everything()))
    page.get_by_role("searchbox").fill(words)
    found(page, f"{len(expected)} of 5 assets")
    assert sorted(folders(page), key=str.lower) == sorted(expected, key=str.lower)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("bucket", OTHER, "1 of 5 assets, 1 action"),
        ("system", "docdb", "3 of 5 assets, 2 actions, 1 withheld"),
        ("reason", "core-file-missing", "1 of 5 assets, 1 action"),
        ("effect", "delete", "2 of 5 assets, 2 actions, 1 withheld"),
        ("kind", "put-object", "3 of 5 assets, 3 actions"),
        ("withheld", "1", "1 of 5 assets, 0 actions, 1 withheld"),
    ],
)
def test_each_count_is_a_filter(view: View, field: str, value: str, expected: str) -> None:
    """One click sets it, and the address repeats it; the next takes it away."""
    page = view(plan_html(everything()))
    link = page.locator(f"[data-filter={field}][data-value='{value}']")
    link.click()
    found(page, expected)
    assert page.url.endswith(f"#{field}={value}")
    assert link.get_attribute("aria-current") == "true"
    link.click()
    found(page, "5 of 5 assets, 6 actions, 1 withheld")
    assert link.get_attribute("aria-current") is None


def test_counts_of_one_side_widen_and_those_of_several_narrow(view: View) -> None:
    """Alternatives, as on the command line; each that is set has a button that removes it."""
    page = view(plan_html(everything()), "#reason=core-file-missing")
    filters = page.locator(".facets")
    filters.get_by_role("link", name="field-missing").click()
    found(page, "2 of 5 assets, 2 actions")
    filters.get_by_role("link", name="DocDB").click()
    found(page, "1 of 5 assets, 1 action")
    page.get_by_role("button", name="Remove the filter system: DocDB").click()
    found(page, "2 of 5 assets, 2 actions")


def test_counts_follow_the_other_filters(view: View) -> None:
    """Each says how many there would be; those of the same side are still there to be chosen."""
    page = view(plan_html(everything()), "#system=codeocean")
    count = page.locator(".facets a b")
    shown = dict(
        zip(
            page.locator(".facets a").evaluate_all("(all) => all.map((one) => one.dataset.value)"),
            count.all_inner_texts(),
            strict=True,
        )
    )
    assert (shown["codeocean"], shown["docdb"], shown["s3"]) == ("1", "3", "3")
    assert (shown["asset-gone"], shown["core-file-stale"], shown["put-object"]) == ("1", "0", "0")


def test_a_link_restores_what_was_asked_for(view: View) -> None:
    """Search, filter and theme; what is asked for and is not there shows nothing rather than all."""
    fragment = "#q=subject&reason=core-file-stale&theme=dark"
    page = view(plan_html(everything()), fragment)
    found(page, "2 of 5 assets, 2 actions")
    assert page.get_by_role("searchbox").input_value() == "subject"
    assert page.get_by_role("button", name="Remove the filter reason: core-file-stale").is_visible()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.evaluate("() => { location.hash = '#reason=links-stale' }")
    found(page, "0 of 5 assets, 0 actions")


def test_nothing_matches_offers_a_way_out(view: View) -> None:
    """One button clears search and filters."""
    page = view(plan_html(everything()), "#q=zebra&effect=delete&withheld=1")
    assert page.get_by_text("Nothing matches.").is_visible()
    page.get_by_role("button", name="Clear the filters").click()
    found(page, "5 of 5 assets, 6 actions, 1 withheld")
    assert page.get_by_text("Nothing matches.").is_hidden()
    assert page.get_by_role("button", name="Clear filters").is_disabled()


def test_deletions_come_first(view: View) -> None:
    """Assets that lose something before others, an asset's deletions before its other actions, and what goes with each."""
    lost = delete("z_1").model_copy(update={"loses": Loses(name="z", size=1234, fields=18)})
    page = view(plan_html(plan_of([put("a_1"), put("z_1"), lost], withheld=[held(delete("m_1"))])))
    assert folders(page) == ["z_1", "m_1", "a_1"]
    first = page.locator("#assets > li").first
    words = "loses: named z · 1.2 kB · 18 fields"
    assert f"- delete-record v1 record id-z_1 {words}" in first.inner_text()
    first.locator("summary").click()
    actions = first.locator(".actions > li")
    actions.nth(1).wait_for()
    assert "- delete-record" in actions.nth(0).inner_text()
    assert words in actions.nth(0).inner_text()
    assert "~ put-object" in actions.nth(1).inner_text()


def test_words_say_what_they_mean(view: View) -> None:
    """Where somebody points at them, and as text in what is opened: once for each reason of an asset."""
    reason, finding = REASONS["core-file-stale"], FINDINGS["name-mismatch"]
    tip = plain_words(f"{reason.found} {reason.why} What to do: {reason.to_do}")
    plan = plan_of([put("a_1"), put("a_1", change())], [Finding(kind="name-mismatch", detail="x")])
    page = view(plan_html(plan))
    assert page.locator(".facets a[data-value=core-file-stale]").get_attribute("title") == tip
    assert page.locator(".body").inner_text().count(tip) == 1
    page.get_by_text("Findings").click()
    page.locator("#findings").get_by_text("name-mismatch").click()
    shown = page.inner_text("#findings")
    for words in (finding.found, finding.why, finding.to_do):
        assert plain_words(words) in shown


def test_an_open_asset_shows_its_differences(view: View) -> None:
    """Sign, kind, target, condition, and each value with its sign; nothing is built before."""
    differences = (change(), change("notes", '"2 µm deeper"', None), Change(path="x", after="1"))
    page = view(plan_html(plan_of([put("a_1", *differences, omitted=7), delete("a_2")])))
    assert page.locator(".body").count() == 0
    page.get_by_text("a_1").click()
    body = page.locator(".body")
    body.wait_for()
    text = body.inner_text()
    for words in (
        "~ put-object subject.json",
        "core-file-stale · 1.2 kB · if still ETag 01234567…",
        'subject.sex\n- "Female"\n+ "Male"',
        'notes\n- "2 µm deeper"',
        "x\n+ 1",
        "and 7 more differences",
    ):
        assert words in text
    assert body.locator("del mark").first.inner_text() == "Fem"
    assert page.locator(".body").count() == 1


def test_the_rest_of_an_asset_is_one_click_away(view: View) -> None:
    """A filter hides actions that may be the cause."""
    page = view(plan_html(everything()), "#reason=field-missing")
    assert page.locator(".actions > li").count() == 1
    page.get_by_role("button", name="Show 1 other action of this asset").click()
    assert page.locator(".actions > li").count() == 2


def test_all_shown_can_be_opened_and_closed(view: View) -> None:
    """What is open stays open while the filters change."""
    page = view(plan_html(everything()))
    page.get_by_role("button", name="Open all shown").click()
    page.locator("#assets details[open]").nth(4).wait_for()
    assert page.locator(".actions > li").count() == 7
    page.locator(".counts").get_by_role("link", name="change").click()
    assert page.locator("#assets details[open]").count() == 2
    page.get_by_role("button", name="Close all").click()
    assert page.locator("#assets details[open]").count() == 0


def test_a_result_shows_first_what_failed(view: View) -> None:
    """The banner, what was said most often, and the list with the worst on top."""
    page = view(result_html(*result_in_part()))
    assert page.locator(".alarm li").all_inner_texts() == [
        "1 failed: refused by the system",
        "1 stale: changed by somebody else since the plan; left alone",
        "1 skipped: not tried",
    ]
    assert "1× failed: S3 answered 403 AccessDenied" in page.inner_text(".whys")
    assert folders(page)[0] == "behavior_700103"
    first = page.locator("#assets > li").first
    assert "1 failed" in first.inner_text()
    assert "S3 answered 403 AccessDenied" in first.inner_text()
    first.locator("summary").click()
    first.locator(".body").wait_for()
    assert "took 1.5 s · 3 attempts" in first.inner_text()
    assert "3 min 12 s" in page.inner_text("header")


def test_a_result_says_what_to_type(view: View) -> None:
    """Apply again for what failed, plan again for what was stale, where it was."""
    page = view(result_html(*result_in_part()))
    assert page.locator(".next code").all_inner_texts() == [
        "indexer apply plan.json",
        f"indexer plan --bucket {BUCKET} --bucket {OTHER}",
    ]


@pytest.mark.parametrize(("status", "count"), [("failed", 1), ("stale", 1), ("skipped", 1), ("applied", 2)])
def test_a_result_is_filtered_by_status(view: View, status: str, count: int) -> None:
    """By its count; what was written says what it kept."""
    page = view(result_html(*result_in_part()))
    page.locator(".counts").get_by_role("link", name=status).click()
    found(page, f"{count} action")
    page.get_by_role("button", name="Open all shown").click()
    assert page.locator(".actions .badge").all_inner_texts() == [status] * count
    kept = page.get_by_text("the object from before is kept as ab12ab12ab12…").count()
    assert kept == (count if status == "applied" else 0)


def test_the_cause_of_what_was_skipped_is_in_words(view: View) -> None:
    """Not by an id that nobody can look up."""
    page = view(result_html(*result_in_part()), "#status=skipped")
    assert "rests on put-object subject.json" in page.inner_text("#assets")


def test_a_result_without_its_plan_lists_ids(view: View) -> None:
    """The counts, the words and the ids are still there."""
    result, _ = result_in_part()
    page = view(result_html(result, {}), "#status=failed")
    text = page.inner_text("#assets")
    assert "The plan is not at hand" in text
    assert result.outcomes[0].action_id in text
    assert "S3 answered 403 AccessDenied" in text


def test_a_result_that_succeeded_is_calm(view: View) -> None:
    """No banner; the next step is to see that all is in step."""
    result, actions = result_in_part(statuses=["applied"] * 6)
    page = view(result_html(result, actions))
    assert page.locator(".alarm").count() == 0
    assert "see that all is in step" in page.inner_text(".next")


def test_an_action_of_a_plan_that_only_withholds_is_listed(view: View) -> None:
    """Nothing to do, and yet something to look at."""
    page = view(plan_html(plan_of(withheld=[held(delete("a_1"))])))
    assert "Nothing to do: 1 action withheld by policy." in page.inner_text("header")
    found(page, "1 of 1 asset, 0 actions, 1 withheld")
