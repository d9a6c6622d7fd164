"""A report as JUnit XML: a suite for the reads, one for each bucket, one for findings and one for the rules.

Source: the Jenkins JUnit plug-in's schema, which GitLab, GitHub's reporters and others read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from indexer.model.drift import RuleUse
from indexer.model.plan import Finding
from indexer.render.paint import PLAIN
from indexer.render.report import Entry, Group, Report
from indexer.render.safe import safe
from indexer.render.text import entry_lines
from indexer.render.words import bucket_of, counted, rule_line, target

SHOWN = 1_000
"""So many cases has a suite; the rest is one more, which fails where one of them would."""


@dataclass(frozen=True, slots=True)
class Case:
    """A test case, and what came of it; without a tag it passed."""

    name: str
    classname: str
    tag: Literal["failure", "error", "skipped", ""] = ""
    message: str = ""
    text: str = ""


def report_junit(report: Report) -> str:
    """The report. What is unexpected fails, what a rule expects is skipped, an incomplete read is an error."""
    root = Element("testsuites", name="indexer drift")
    for name, cases in _suites(report):
        suite = SubElement(root, "testsuite", name=_lines(name), timestamp=f"{report.at:%Y-%m-%dT%H:%M:%S}")
        for case in cases:
            _add(suite, case)
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))
        suite.set("tests", str(len(suite)))
        suite.set("time", "0")
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _suites(report: Report) -> Iterator[tuple[str, Sequence[Case]]]:
    """In each the unexpected first: they must not be among those that are left out."""
    yield "reads", list(_reads(report))
    drifted = [(entry.action, _of_entry(entry, group)) for group, entry in _entries(report) if entry.action]
    drifted.sort(key=lambda one: (bucket_of(one[0]), one[1].tag == "skipped", one[0].location))
    for bucket, cases in groupby(drifted, key=lambda one: bucket_of(one[0])):
        yield bucket, _within([case for _, case in cases], bucket, "action")
    findings = [_of_entry(entry, group) for group, entry in _entries(report) if isinstance(entry.of, Finding)]
    if findings:
        numbered = [replace(case, name=f"{case.name} {number}") for number, case in enumerate(findings, 1)]
        yield "findings", _within(numbered, "findings", "finding")
    uses = [(group, entry.of) for group, entry in _entries(report) if isinstance(entry.of, RuleUse)]
    if uses:
        uses.sort(key=lambda one: one[1].line or 0)
        yield "rules", [_of_rule(number, use, group) for number, (group, use) in enumerate(uses, 1)]


def _reads(report: Report) -> Iterator[Case]:
    for read in report.reads:
        name = ": ".join(filter(None, (read.system, read.what)))
        if read.complete:
            yield Case(name, "reads")
        else:
            yield Case(name, "reads", "error", read.why or "incomplete", read.told)


def _entries(report: Report) -> Iterator[tuple[Group, Entry]]:
    return ((group, entry) for group in report.by_weight for entry in group.entries)


def _of_entry(entry: Entry, group: Group) -> Case:
    action = entry.action
    if action is None:
        fails = group.level == "error" and not entry.expected
        return Case(entry.mark, f"findings.{entry.mark}", "failure" if fails else "skipped", entry.text)
    name, classname = (
        f"{action.location} {action.kind} {target(action)}",
        f"{bucket_of(action)}.{action.reason}",
    )
    if entry.expected:
        return Case(name, classname, "skipped", f"expected: {entry.expected}")
    return Case(
        name, classname, "failure", f"unexpected {action.reason}", "\n".join(entry_lines(entry, PLAIN))
    )


def _of_rule(number: int, use: RuleUse, group: Group) -> Case:
    name = f"rule {number}: {rule_line(use)}"
    match group.level:
        case "error":
            line = f"line {use.line}" if use.line else ""
            return Case(name, "rules", "failure", f"expired on {use.rule.until}", line)
        case "warning":
            return Case(name, "rules", "skipped", "matches nothing")
        case None:
            return Case(name, "rules")


def _within(cases: Sequence[Case], classname: str, noun: str) -> Sequence[Case]:
    """The first cases, and one for all others."""
    rest = cases[SHOWN:]
    if not rest:
        return cases
    failing = sum(case.tag == "failure" for case in rest)
    name, words = f"and {counted(len(rest), f'more {noun}')}", f"{failing:,} of them unexpected"
    return [*cases[:SHOWN], Case(name, classname, "failure" if failing else "skipped", words)]


def _add(suite: Element, case: Case) -> None:
    made = SubElement(suite, "testcase", name=_lines(case.name), classname=_lines(case.classname), time="0")
    if case.tag:
        found = SubElement(made, case.tag, message=_lines(case.message))
        found.text = _lines(case.text) or None


def _lines(text: str) -> str:
    """What XML cannot hold is made visible, and so are other controls; our line breaks stay."""
    return "\n".join(map(safe, text.split("\n")))
