"""A report as SARIF 2.1.0: what is unexpected as results, what a rule expects as suppressed ones.

Source: "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", OASIS Standard, and what GitHub's code
scanning takes of it ("SARIF support for code scanning"): 25,000 results a run, 5,000 of them shown, and each in a
file of the repository, for which the file of rules stands in, since that is where an expectation would go, or else the
configuration, at the line of the bucket.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import quote

from indexer.model.action import Action
from indexer.model.drift import RuleUse
from indexer.model.findings import FINDINGS
from indexer.model.location import parse_location
from indexer.model.meaning import Meaning
from indexer.model.plan import Finding
from indexer.model.reasons import REASONS
from indexer.model.values import canonical, sha256
from indexer.render.reader import Where
from indexer.render.report import Entry, Level, Report
from indexer.render.safe import safe, safe_json
from indexer.render.words import details, finding_line, loss_words, rule_line, target

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_RESULTS = 25_000
EXPIRED = "expired-rule"
BRACKET = re.compile(r"(\\*)([\[\]])")
"""With the backslashes before it, which would escape the one that we put there."""
Json = dict[str, Any]


def report_sarif(report: Report, where: Where) -> str:
    """The log."""
    results = islice(_results(report, where), MAX_RESULTS)
    invocation: Json = {
        "executionSuccessful": report.state != "loud",
        "exitCode": report.exit_code,
        "exitCodeDescription": report.headline,
        "toolExecutionNotifications": [
            {"level": "error", "message": _message(line)} for alarm in report.alarms for line in alarm.lines
        ],
    }
    driver = {
        "name": "indexer",
        "semanticVersion": report.tool_version,
        "rules": list(_rules()),
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "indexer-drift/"},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "results": list(results),
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return safe_json(json.dumps(log, indent=1, ensure_ascii=False)) + "\n"


def _rules() -> Iterator[Json]:
    for reason, meaning in REASONS.items():
        yield _rule(reason, meaning, "error")
    for kind, meaning in FINDINGS.items():
        yield _rule(f"finding/{kind}", meaning, "warning")
    expired = Meaning(
        "The last day of a rule of expected drift is over.",
        "Renew it or take it out.",
        "Every rule has a last day, so that nothing is expected for ever.",
    )
    yield _rule(EXPIRED, expired, "error")


def _rule(name: str, meaning: Meaning, level: str) -> Json:
    return {
        "id": name,
        "shortDescription": {"text": meaning.found},
        "help": {
            "text": f"{meaning.why}\n\nWhat to do: {meaning.to_do}",
            "markdown": f"{meaning.found}\n\n**Why it happens:** {meaning.why}\n\n**What to do:** {meaning.to_do}",
        },
        "defaultConfiguration": {"level": level},
    }


def _results(report: Report, where: Where) -> Iterator[Json]:
    """Unexpected ones first: they must not be among those that are left out. Of rules only those that are over."""
    for group in report.by_weight:
        for entry in group.entries:
            if isinstance(entry.of, Finding):
                yield _of_finding(entry.of, entry.expected, group.level or "warning", where)
            elif isinstance(entry.of, RuleUse):
                if group.level == "error":
                    yield _of_rule(entry.of, where)
            elif entry.action:
                yield _of_action(entry.action, entry, where)


def _of_rule(use: RuleUse, where: Where) -> Json:
    return {
        "ruleId": EXPIRED,
        "level": "error",
        "message": _message(f"Expired: {rule_line(use)}"),
        "locations": [_location(where, None, use.line)],
        "partialFingerprints": _fingerprint([EXPIRED, safe(rule_line(use))]),
    }


def _of_action(action: Action, entry: Entry, where: Where) -> Json:
    held = f" (withheld by {entry.withheld})" if entry.withheld else ""
    differences = [
        f"{one.path}: {one.before or 'nothing'} → {one.after or 'nothing'}" for one in action.changes[:3]
    ]
    lost = loss_words(action)
    first = f"{action.kind} {target(action)} of {action.location}{held}: {details(action)}"
    return {
        "ruleId": action.reason,
        "level": "error",
        "message": _message(first, *([f"loses: {lost}"] if lost else []), *differences),
        "locations": [_location(where, action.location)],
        "partialFingerprints": _fingerprint(
            [action.kind, action.reason, action.target.model_dump(mode="json")]
        ),
        **_suppressed(entry.expected),
        "properties": {"action": action.id, "kind": action.kind},
    }


def _of_finding(finding: Finding, expected: str, level: Level, where: Where) -> Json:
    return {
        "ruleId": f"finding/{finding.kind}",
        "level": level,
        "message": _message(f"{finding.kind}: {finding_line(finding)}"),
        "locations": [_location(where, finding.location)],
        "partialFingerprints": _fingerprint([finding.kind, finding.location, finding.detail]),
        **_suppressed(expected),
    }


def _location(where: Where, asset: str | None, line: int | None = None) -> Json:
    """A result's location: code scanning refuses a log in which one has none."""
    parsed = parse_location(asset)
    line = line or where.lines.get(parsed.bucket if parsed else "", 1)
    place = {"artifactLocation": {"uri": quote(where.file)}, "region": {"startLine": line}}
    found: Json = {"physicalLocation": place}
    if asset is not None:
        found["logicalLocations"] = [{"fullyQualifiedName": safe(asset), "kind": "resource"}]
    return found


def _message(*lines: str) -> Json:
    """A message in which no link begins: `[words](target)` would be one, whoever wrote it. Source: SARIF, 3.11.6."""
    return {"text": BRACKET.sub(r"\1\1\\\2", "\n".join(map(safe, lines)))}


def _fingerprint(named: list[object]) -> Json:
    """What stays the same from day to day, so that an alert is one alert, and no other's.

    Code scanning goes by this key alone, and computes it where it is missing: from the line, which all share here.
    """
    return {"primaryLocationLineHash": f"{sha256(canonical(named))}:1"}


def _suppressed(expected: str) -> Json:
    if not expected:
        return {}
    return {"suppressions": [{"kind": "external", "justification": safe(expected)}]}
