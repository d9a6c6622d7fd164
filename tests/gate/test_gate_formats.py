"""The verdict in each format, read by who reads it: a JUnit parser, SARIF's schema, a Markdown renderer."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from judged import HOSTILE, TODAY, blind_verdict, busy_verdict, calm_verdict, rules
from junitparser import JUnitXml
from markdown_it import MarkdownIt

from indexer.model.content import Change
from indexer.model.drift import Verdict
from indexer.model.plan import Finding
from indexer.model.reasons import REASONS
from indexer.planner.gate import judge
from indexer.render.annotations import report_annotations
from indexer.render.junit import SHOWN, report_junit
from indexer.render.markdown import MAX_CHARACTERS, report_markdown
from indexer.render.of_verdict import verdict_report
from indexer.render.paint import PLAIN
from indexer.render.reader import Where
from indexer.render.sarif import report_sarif
from indexer.render.text import report_text
from shared.rendered import plan_of, put

# SARIF's own schema, as the npm package @microsoft/sarif-multitool-linux 5.7.0 (MIT) carries it.
SARIF = Draft202012Validator(
    json.loads((Path(__file__).parent / "sarif-2.1.0.json").read_text(encoding="utf-8"))
)
RULES = "plans/expected-drift.toml"
COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")
VERDICTS = [
    calm_verdict(),
    busy_verdict(),
    busy_verdict(strict=True),
    busy_verdict(unread="denied"),
    blind_verdict(),
]


@cache
def huge_verdict() -> Verdict:
    """More of everything than any format shows."""
    actions = [put(f"asset-{number:05}", Change(path="x", after="🐭" * 60)) for number in range(3_000)]
    findings = [Finding(kind="name-mismatch", location="s3://bucket/a", detail=f"{n}") for n in range(2_000)]
    return judge(plan_of(actions, findings), rules(), TODAY)


@pytest.fixture(params=[*VERDICTS, None], ids=lambda one: f"{one.status}-{one.strict}" if one else "huge")
def any_verdict(request: pytest.FixtureRequest) -> Verdict:
    """Each of them; the huge one is made where it is needed."""
    return request.param or huge_verdict()


def unescaped(text: str) -> str:
    """As GitHub's runner reads a workflow command."""
    for code, one in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, one)
    return text


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda one: f"{one.status}-{one.strict}")
def test_junit_counts_what_a_parser_counts(verdict: Verdict) -> None:
    """Unexpected actions and expired rules fail, incomplete reads are errors, expected ones are skipped."""
    report = JUnitXml.fromstring(report_junit(verdict_report(verdict)).encode())
    cases = [case for suite in report for case in suite]
    failed = [case for case in cases if case.is_failure]
    findings = verdict.totals.unexpected_findings if verdict.strict else 0
    assert len(failed) == verdict.totals.unexpected + verdict.totals.expired_rules + findings
    errors = len(verdict.incomplete) + bool(verdict.unmatched)
    assert sum(case.is_error for case in cases) == errors
    told = (report.tests, report.failures, report.errors)
    assert told == (len(cases), len(failed), errors)
    report.update_statistics()
    assert (report.tests, report.failures, report.errors) == told
    assert bool(failed or errors) == (verdict.exit_code != 0)


def test_junit_leaves_out_the_rest_and_still_fails() -> None:
    """What is too much to list is one case that fails."""
    report = JUnitXml.fromstring(report_junit(verdict_report(huge_verdict())).encode())
    cases = [case for suite in report if suite.name == "bucket" for case in suite]
    assert len(cases) == SHOWN + 1
    assert cases[-1].name == "and 2,000 more actions"
    assert cases[-1].is_failure


def test_sarif_fits_its_schema(any_verdict: Verdict) -> None:
    """The log is valid; expected drift is there, suppressed, with the rule as its justification."""
    verdict = any_verdict
    log = json.loads(report_sarif(verdict_report(verdict, "1.2.3"), Where(RULES)))
    SARIF.validate(log)
    [run] = log["runs"]
    ids = {one["id"] for one in run["tool"]["driver"]["rules"]}
    assert {one["ruleId"] for one in run["results"]} <= ids
    suppressed = [one for one in run["results"] if one.get("suppressions")]
    assert len(suppressed) == verdict.totals.expected + verdict.totals.expected_findings
    assert run["invocations"][0]["exitCode"] == verdict.exit_code
    assert run["invocations"][0]["executionSuccessful"] is (verdict.status != "incomplete")
    # Code scanning refuses a log as a whole where one result has no physical location.
    assert all("physicalLocation" in one["locations"][0] for one in run["results"])


def test_sarif_knows_the_same_drift_again_tomorrow() -> None:
    """The fingerprint is of what drifts, not of the bytes that were found there."""

    def fingerprint(etag: str) -> str:
        log = json.loads(
            report_sarif(verdict_report(judge(plan_of([put(etag=etag)]), rules(), TODAY)), Where())
        )
        return str(log["runs"][0]["results"][0]["partialFingerprints"])

    assert fingerprint("0" * 16) == fingerprint("1" * 16)


def test_sarif_tells_alerts_apart_by_the_key_that_code_scanning_reads() -> None:
    """Where it is missing, it is made of the line, which all results share: they would be one alert."""
    log = json.loads(report_sarif(verdict_report(busy_verdict(), "1"), Where(RULES)))
    results = log["runs"][0]["results"]
    assert len({one["partialFingerprints"]["primaryLocationLineHash"] for one in results}) == len(results)


def test_sarif_names_the_rules_file_by_a_uri() -> None:
    log = json.loads(report_sarif(verdict_report(busy_verdict(), "1"), Where("my plans/über #1.toml")))
    [place, *_] = log["runs"][0]["results"][0]["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "my%20plans/%C3%BCber%20%231.toml"


def test_the_schema_catches_a_broken_log() -> None:
    """The check can fail."""
    log = json.loads(report_sarif(verdict_report(busy_verdict(), "1.2.3"), Where(RULES)))
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert not SARIF.is_valid(log)


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda one: f"{one.status}-{one.strict}")
def test_annotations_are_commands_of_one_line(verdict: Verdict) -> None:
    """The verdict comes first; nobody's text can end a command, or begin one."""
    lines = report_annotations(verdict_report(verdict), Where(RULES)).splitlines()
    found = [COMMAND.fullmatch(line) for line in lines]
    assert all(found)
    levels = [one[1] for one in found if one]
    assert levels[0] == ("notice" if verdict.exit_code == 0 else "error")
    assert max(levels.count("error"), levels.count("warning")) <= 10
    assert all("\x1b" not in unescaped(line) and "\u202e" not in line for line in lines)


def test_an_expired_rule_is_marked_in_its_file() -> None:
    lines = report_annotations(verdict_report(busy_verdict()), Where(RULES)).splitlines()
    [expired] = [line for line in lines if "Expired rule" in line]
    assert f"file={RULES},line=10" in expired


def test_annotations_of_a_huge_verdict_stay_within_what_github_shows() -> None:
    text = report_annotations(verdict_report(huge_verdict()), Where())
    assert len(text.splitlines()) <= 20
    assert "and 2,997 more" in text
    assert all(COMMAND.fullmatch(line) for line in text.splitlines())


def test_every_reason_has_an_annotation_or_is_named_in_the_last() -> None:
    """None of those beyond GitHub's ten is left out without a word."""
    actions = [put().model_copy(update={"reason": reason}) for reason in REASONS]
    many = judge(plan_of(actions), rules(), TODAY)
    lines = unescaped(report_annotations(verdict_report(many), Where()))
    assert all(f"{one}: 1 unexpected action" in lines for one in REASONS)
    assert lines.count("::error ") == 10


def test_what_looks_escaped_is_shown_as_it_is() -> None:
    """A name that holds %0A stays one, and does not become a line break on GitHub."""
    found = judge(plan_of([put("a%0Ab")]), rules(), TODAY)
    text = report_annotations(verdict_report(found), Where())
    assert "a%0Ab" in unescaped(text)
    assert "a%250Ab" in text


def test_markdown_fits_a_comment_and_renders(any_verdict: Verdict) -> None:
    """A renderer finds the counts in a table and closed fences; nobody's text becomes markup."""
    verdict = any_verdict
    text = report_markdown(verdict_report(verdict))
    assert len(text.encode("utf-16-le")) // 2 <= MAX_CHARACTERS
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert html.count("<details") == html.count("</details>")
    assert html.startswith("<h3>")
    assert ("<table>" in html) == bool(verdict.totals.unexpected)
    for reason, count in verdict.totals.reasons.items():
        [row] = re.findall(rf"<td>{reason}</td>(.*?)</tr>", html, re.DOTALL)
        numbers = re.findall(r">([\d,]+)<", row)
        assert sum(int(one.replace(",", "")) for one in numbers) == count
    assert "</failure>" not in html


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda one: f"{one.status}-{one.strict}")
def test_text_says_the_verdict_first_and_the_rules_that_need_work(verdict: Verdict) -> None:
    lines = list(report_text(verdict_report(verdict), PLAIN))
    first = {"in-step": "No unexpected drift", "drift": "DRIFT: ", "incomplete": "CANNOT SAY: "}
    assert lines[0].startswith(first[verdict.status])
    text = "\n".join(lines)
    assert ("line 10: " in text) == bool(verdict.totals.expired_rules)
    assert ("line 17: " in text) == bool(verdict.totals.unused_rules)
    assert HOSTILE not in text
    assert "\x1b" not in text


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda one: f"{one.status}-{one.strict}")
def test_json_is_read_back_the_same(verdict: Verdict) -> None:
    document = json.loads(json.dumps(verdict.model_dump(mode="json", exclude_none=True)))
    assert Verdict.model_validate(document) == verdict
