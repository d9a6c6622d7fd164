"""A verdict as JUnit XML: a suite for the reads, one for each bucket, and one for the rules.

Source: the Jenkins JUnit plug-in's schema, which GitLab, GitHub's reporters and others read.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from indexer.model.drift import DriftedAction, Verdict
from indexer.render.gate.text import rule_line
from indexer.render.paint import PLAIN
from indexer.render.plan_text import action_lines, finding_line
from indexer.render.safe import safe
from indexer.render.tally import bucket_of, incomplete_read
from indexer.render.words import counted, target

SHOWN = 1_000
"""So many cases has a suite; the rest is one more, which fails where one of them would."""


def verdict_junit(verdict: Verdict) -> str:
    """The report. An unexpected action fails, an expected one is skipped, an incomplete read is an error."""
    root = Element("testsuites", name="indexer drift")
    _reads(root, verdict)
    ordered = sorted(verdict.actions, key=lambda one: (bucket_of(one.action), one.action.location))
    for bucket, group in groupby(ordered, key=lambda one: bucket_of(one.action)):
        _bucket(root, bucket, list(group), verdict)
    _findings(root, verdict)
    _rules(root, verdict)
    for suite in root:
        _count(suite)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _reads(root: Element, verdict: Verdict) -> None:
    suite = _suite(root, "reads", verdict)
    for row in verdict.incomplete:
        case = _case(suite, f"{row.system}: {row.scope}", "reads")
        _verdict(case, "error", row.why or "incomplete", incomplete_read(row))
    if verdict.unmatched:
        case = _case(suite, f"assets that match {' or '.join(verdict.unmatched)}", "reads")
        _verdict(case, "error", "no asset matches", "")
    if not verdict.incomplete:
        _case(suite, f"{counted(verdict.assets, 'asset')} looked at", "reads")


def _bucket(root: Element, bucket: str, drifted: Sequence[DriftedAction], verdict: Verdict) -> None:
    """Unexpected actions first: they must not be among those that are left out."""
    suite = _suite(root, bucket, verdict)
    ordered = sorted(drifted, key=lambda one: one.expected_by is not None)
    for one in ordered[:SHOWN]:
        action = one.action
        case = _case(suite, f"{action.location} {action.kind} {target(action)}", f"{bucket}.{action.reason}")
        if one.expected_by is not None:
            _verdict(case, "skipped", f"expected: {rule_line(verdict.rules[one.expected_by])}", "")
        else:
            _verdict(case, "failure", f"unexpected {action.reason}", "\n".join(action_lines(action, PLAIN)))
    rest = ordered[SHOWN:]
    if rest:
        unexpected = sum(one.expected_by is None for one in rest)
        case = _case(suite, f"and {counted(len(rest), 'more action')}", bucket)
        _verdict(case, "failure" if unexpected else "skipped", f"{unexpected:,} of them unexpected", "")


def _findings(root: Element, verdict: Verdict) -> None:
    if not verdict.findings:
        return
    suite = _suite(root, "findings", verdict)
    ordered = sorted(verdict.findings, key=lambda one: one.expected_by is not None)
    for number, one in enumerate(ordered[:SHOWN], 1):
        case = _case(suite, f"{one.finding.kind} {number}", f"findings.{one.finding.kind}")
        fails = verdict.strict and one.expected_by is None
        _verdict(case, "failure" if fails else "skipped", finding_line(one.finding), "")
    rest = ordered[SHOWN:]
    if rest:
        fails = verdict.strict and any(one.expected_by is None for one in rest)
        case = _case(suite, f"and {counted(len(rest), 'more finding')}", "findings")
        _verdict(case, "failure" if fails else "skipped", "left out here", "")


def _rules(root: Element, verdict: Verdict) -> None:
    if not verdict.rules:
        return
    suite = _suite(root, "rules", verdict)
    for number, use in enumerate(verdict.rules, 1):
        case = _case(suite, f"rule {number}: {rule_line(use)}", "rules")
        if use.expired:
            _verdict(case, "failure", f"expired on {use.rule.until}", f"line {use.line}" if use.line else "")
        elif not use.matched:
            _verdict(case, "skipped", "matches nothing", "")


def _suite(root: Element, name: str, verdict: Verdict) -> Element:
    return SubElement(
        root, "testsuite", name=_safe_lines(name), timestamp=f"{verdict.planned_at:%Y-%m-%dT%H:%M:%S}"
    )


def _case(suite: Element, name: str, classname: str) -> Element:
    return SubElement(suite, "testcase", name=_safe_lines(name), classname=_safe_lines(classname), time="0")


def _verdict(case: Element, tag: str, message: str, text: str) -> None:
    found = SubElement(case, tag, message=_safe_lines(message))
    found.text = _safe_lines(text) or None


def _safe_lines(text: str) -> str:
    """What XML cannot hold is made visible, and so are other controls; our line breaks stay."""
    return "\n".join(map(safe, text.split("\n")))


def _count(suite: Element) -> None:
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite)))
    suite.set("time", "0")
