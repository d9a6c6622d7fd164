"""The HTML report holds other people's names and values; none of them does anything."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from reports import (
    change,
    everything,
    held,
    plan_html,
    plan_of,
    put,
    result_html,
    result_in_part,
    result_of,
    update,
)

from indexer.model.plan import Finding, Plan

if TYPE_CHECKING:
    from playwright.sync_api import Page

View = Callable[..., "Page"]

HOSTILE = [
    "</script><img src=x onerror=pwned=1>",
    "</script/x><img src=x onerror=pwned=1>",
    "</script\t",
    "<!--<script>",
    "<script>pwned=1</script>",
    "\"' onmouseover='pwned=1' x=\"",
    "&lt;b&gt;&amp;",
    "{{ 7 * 7 }} {% raw %} {# x #} ${pwned=1}",
    "line\u2028separator\u2029and\r\n\x1b[2J\x00",
    "\u202egnp.exe\u2066",
    "half a pair \ud800",
    "__proto__",
]
VOID = {"meta", "input", "link", "path", "rect"}


def hostile_plan(text: str) -> Plan:
    """A plan in which somebody wrote this wherever a plan takes text."""
    plan = plan_of(
        actions=[
            put(f"a_{text}", change(text, text, None), bucket=text),
            update(text.replace("\ud800", ""), change(text, None, text)),
        ],
        findings=[Finding(kind="name-mismatch", location=text, detail=text)],
        withheld=[held(put(text)).model_copy(update={"policy": text, "detail": text})],
        unread=text,
        assets=[text],
    )
    scope = plan.scope.model_copy(update={"buckets": (text,)})
    return plan.model_copy(update={"tool_version": text, "undoes": text, "scope": scope})


def nothing_happened(page: Page) -> None:
    """No element came of a text, and no script ran."""
    page.get_by_role("button", name="Open all shown").click()
    page.locator(".body").first.wait_for()
    assert page.evaluate("() => typeof pwned") == "undefined"
    assert page.locator("img, iframe, object, body link, [onmouseover], [onerror]").count() == 0
    assert page.locator("script").count() == 2


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_a_plan_is_only_shown(view: View, text: str) -> None:
    """As it is written, or escaped where it could not be seen."""
    page = view(plan_html(hostile_plan(text)))
    nothing_happened(page)
    seen = page.inner_text("body")
    assert not re.search(r"[\x00\x1b\u2028\u2029\u202e\u2066\ud800]", seen)
    if text.isprintable():
        assert seen.count(text) >= 10


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_a_result_is_only_shown(view: View, text: str) -> None:
    """The detail of an outcome is what a foreign system answered."""
    action = put(text)
    result = result_of((action, "failed", text)).model_copy(update={"archive": text, "run_id": text})
    nothing_happened(view(result_html(result, {action.id: action})))
    nothing_happened(view(result_html(result, {})))


def test_hostile_text_in_the_address_is_only_shown(view: View) -> None:
    """A link may ask for anything."""
    page = view(plan_html(everything()), "#reason=%3Cimg%20src=x%20onerror=pwned=1%3E&q=%3Cb%3E&__proto__=1")
    assert page.evaluate("() => typeof pwned") == "undefined"
    assert page.get_by_text("Nothing matches.").is_visible()


def test_the_policy_lets_nothing_else_run(view: View) -> None:
    """What somebody adds to the page, and what it would ask for, is blocked."""
    html = plan_html(everything()).replace(
        "<main>", "<main><script>pwned=1</script><style>body{display:none}</style>", 1
    )
    page = view(html, blocks=True)
    assert page.evaluate("() => typeof pwned") == "undefined"
    assert page.locator("body").is_visible()


def test_the_policy_names_what_is_in_the_page() -> None:
    """The digests are those of the style and the script as they stand between their tags."""
    html = plan_html(everything())
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        body = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)[-1]
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}';" in html


def test_the_page_refers_to_nothing_outside() -> None:
    """No address but fragments of itself, and the icon, which is in its address."""
    html = plan_html(everything())
    addresses = set(re.findall(r'(?:src|href)="(#|[^"]*)', html))
    assert addresses - {"#"} == {
        address for address in addresses if address.startswith("data:image/svg+xml;base64,")
    }
    assert len(addresses) == 2
    assert "http://" not in html
    assert "https://" not in html


class Tags(HTMLParser):
    """Fails where an element is not closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("text", ["plain", *HOSTILE])
def test_the_page_is_well_formed(text: str) -> None:
    """Every element is closed in its turn, and the page can be written as UTF-8."""
    tags = Tags()
    html = plan_html(hostile_plan(text))
    tags.feed(html.encode().decode())
    assert tags.open == []
    assert html.count("</html>") == 1


def test_the_data_are_plain_json() -> None:
    """Nothing in them that HTML could take for markup."""
    html = result_html(*result_in_part())
    data = re.search(r'<script id="report" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert data is not None
    assert data[1].isascii()
    assert not set(data[1]) & set("<>&")
    assert len(json.loads(data[1])["assets"]) == 4
