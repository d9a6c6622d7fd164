"""What others wrote is data: shown, and obeyed by nobody's terminal, runner, browser or viewer."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from consumers import html_tags, junit_texts, markdown_links, obeyed, sarif_links, texts, unseen
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.cli.events import EventFile
from indexer.cli.talk import Talk
from indexer.errors import IndexerError
from indexer.model.check import Check
from indexer.model.content import Change, RecordTarget
from indexer.model.drift import ExpectedDrift, Rule
from indexer.model.plan import Finding, Plan, Withheld
from indexer.model.run_event import PlanMade
from indexer.planner.compare import compare
from indexer.planner.gate import judge
from indexer.render.checkup import check_line
from indexer.render.formats import ReportFormat, rendered
from indexer.render.of_comparison import comparison_report
from indexer.render.of_plan import plan_report
from indexer.render.of_result import result_report
from indexer.render.of_verdict import verdict_report
from indexer.render.paint import PLAIN, Paint
from indexer.render.reader import Reader
from indexer.render.report import Report
from indexer.render.safe import safe, safe_json
from indexer.render.text import outline
from indexer.runs.files import document_text, plan_document
from shared.rendered import delete, plan_of, put, result_of

PIECES = (
    *("::add-mask::x", "::set-env name=PATH::/tmp", " ::error::gone", "##[stop-commands]x", "##[error]x", "###[group]x"),
    *("##vso[task.setvariable variable=x]y", "##teamcity[message text='x']", "section_start:1700000000:x[a=b]\r\x1b[0K"),
    *("\x1b[2J", "\x9b31m", "\x07", "\r", "\n", "\u2028", "\x85", "\u202e", "\u2066", "\ufeff", "\x00", "\ufffe"),
    *("\u3164", "\u115f", "\u1160", "\uffa0", "\u034f", "\ufe0f", "\U000e0100", "\U000e0041", "\u2800", "\u180b"),
    *("\u17b4", "\xa0", "\u3000", "\u2063", "\ue000", "\U0010ffff", "\u0378", "\u0301", "\u0336" * 9),
    *("[x](https://evil.example)", "\\[x](https://evil.example)", "![x](//evil)", "<img src=//evil onerror=x>", "`", "````````"),
    *("</script><script>x", "-->", "]]>", "| x |", "<!--", "&lt;", "%0A::error::x", "${{ x }}", "@everyone", '"', "'", "{0}"),
    *("a", " ", ":", "#", "[", "]", "\\", "é", "漢", "🐭"),
)  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)
CALM = "calm"
OUR_MARK = "⚠️"
"""With the selector that makes it a picture."""


def plan_with(text: str) -> Plan:
    """A plan in which other people's text stands wherever it can."""
    asset = f"{text}x"
    plan = plan_of(
        [put(asset, Change(path=text, before=text, after=text), etag=text), delete(asset)],
        [Finding(kind="name-mismatch", location=f"s3://bucket/{asset}", detail=text)],
        [Withheld(action=delete(asset), policy="max_deletes", detail=text)],
        unread=text,
    )
    deletion = plan.actions[1].model_copy(
        update={"target": RecordTarget(generation="v1", database=text, collection=text, record_id=text)}
    )
    summary = plan.summary.model_copy(
        update={"findings": {text: 2, "name-mismatch": 1}, "actions": {text: 1}, "reasons": {text: 1}}
    )
    plan = plan.model_copy(update={"actions": (plan.actions[0], deletion), "summary": summary})
    scope = plan.scope.model_copy(update={"buckets": (text,), "assets": (text,)})
    return plan.model_copy(update={"plan_id": text, "tool_version": text, "scope": scope, "undoes": text})


def shown(text: str) -> dict[str, Callable[[], str]]:
    """Everything that we print, by its format, with this text in it."""
    plan = plan_with(text)
    first, second = plan.actions
    actions = {one.id: one for one in plan.actions}
    result = result_of((first, "stale", text), (second, "applied", ""))
    result = result.model_copy(
        update={"run_id": text, "plan_id": text, "archive": text, "summary": {text: 1, "stale": 1}}
    )
    rule = Rule(asset=f"{text}x", owner=f"{text}x", why=f"{text}x", until=date(2026, 1, 1))
    verdict = judge(plan, ExpectedDrift(rule=(rule,)), date(2026, 11, 22), strict=True, lines=(3,))
    reports: list[tuple[str, Callable[[], Report], tuple[ReportFormat, ...]]] = [
        ("plan", lambda: plan_report(plan), ("text", "markdown", "html")),
        ("result", lambda: result_report(result, actions), ("text", "markdown", "html")),
        (
            "verdict",
            lambda: verdict_report(verdict),
            ("text", "markdown", "html", "junit", "sarif", "github"),
        ),
        (
            "comparison",
            lambda: comparison_report(compare(plan, rendered_calm())),
            ("text", "markdown", "html"),
        ),
    ]
    return {
        **{
            f"{name} {output}": lambda made=made, output=output: rendered(made(), output, Reader())
            for name, made, outputs in reports
            for output in outputs
        },
        "plan in colour": lambda: rendered(plan_report(plan), "text", Reader(Paint(colour=True))),
        "plan json": lambda: document_text(plan_document(plan)),
        "result json": lambda: document_text(result.model_dump(mode="json")),
        "outline text": lambda: _lines(outline(plan_report(plan), PLAIN, 100)),
        "checkup text": lambda: check_line(
            Check(name="s3-list", about=text, status="error", detail=text, hint=text), PLAIN
        ),
        "event json": lambda: _event(text),
        "talk": lambda: _said(text, json_lines=False),
        "talk json": lambda: _said(text, json_lines=True),
    }


def rendered_calm() -> Plan:
    """A plan with nothing in it, to compare with."""
    return plan_of()


def _event(text: str) -> str:
    """As the stream of events has it."""
    finding = Finding(kind="name-mismatch", detail=text)
    plan = plan_of(findings=[finding]).model_copy(update={"coverage": ()})
    with TemporaryDirectory() as folder:
        path = Path(folder) / "events"
        with path.open("wb") as stream:
            EventFile(stream, Talk(io.StringIO()))(PlanMade(plan, None))
        return path.read_text()


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _said(text: str, *, json_lines: bool) -> str:
    stream = io.StringIO()
    talk = Talk(stream, json_lines)
    talk.say(text, figure=text)
    talk.warn(text)
    talk.log("warning", "urllib3", text)
    talk.steps([f"indexer plan --asset {text}", text])
    talk.fail(IndexerError("No", text, text))
    return stream.getvalue()


@cache
def our_tags(name: str) -> set[str]:
    """The tags of a page that holds nothing hostile."""
    return html_tags(shown(CALM)[name]())


def _disobedience(name: str, page: str) -> list[Any]:
    """What somebody would obey, follow or not see in it."""
    lines = page.splitlines() if name != "verdict github" else []
    found = [*(one for line in lines for one in obeyed(line)), *unseen(page.replace(OUR_MARK, ""))]
    match name.split():
        case [_, "markdown"]:
            found += markdown_links(page)
        case [_, "html"]:
            found += html_tags(page) - our_tags(name)
        case [_, "json"]:
            for line in [page] if name != "talk json" else page.splitlines():
                json.loads(line)
        case [_, "junit"]:
            found += [one for text in junit_texts(page) for one in unseen(text)]
        case [_, "sarif"]:
            found += sarif_links(page)
            messages = [one["message"]["text"] for one in json.loads(page)["runs"][0]["results"]]
            found += [one for text in messages for one in unseen(text)]
        case [_, "github"]:
            ours = {"::error", "::warning", "::notice"}
            found += [
                one for line in page.splitlines() for one in [*obeyed(line)] or [line] if one not in ours
            ]
    return found


@settings(max_examples=25, deadline=None)
@given(HOSTILE)
def test_nothing_is_obeyed_nothing_is_unseen_no_link_is_foreign(text: str) -> None:
    """In every format, whatever others wrote."""
    for name, made in shown(text).items():
        page = made()
        assert not _disobedience(name, page), f"{name}: {page}"


@pytest.mark.parametrize("piece", PIECES)
def test_each_piece_is_harmless_alone(piece: str) -> None:
    """The same, each by itself at the beginning of its text."""
    for name, made in shown(piece).items():
        assert not _disobedience(name, made()), name


@given(st.text())
def test_json_says_the_same(text: str) -> None:
    """Escapes change the file, and nothing in it."""
    with suppress(UnicodeEncodeError):  # a lone surrogate, which JSON of ours never holds
        text.encode()
        assert json.loads(safe_json(json.dumps({text: text}, ensure_ascii=False))) == {text: text}
        assert set(texts({text: [text]})) <= {text}


@given(HOSTILE)
def test_what_is_safe_stays_as_it_is(text: str) -> None:
    """A text may pass more than once."""
    assert safe(safe(text)) == safe(text)


@pytest.mark.parametrize(
    "text", ["naïve café", "漢字かな交じり", "हिन्दी", "עִבְרִית", "ภาษาไทย", "std::vector", "#1 [x]", "🐭"]
)
def test_words_of_any_script_stay_as_they_are(text: str) -> None:
    """Only what nobody would see, or what a machine would obey, is an escape."""
    assert safe(text) == text
