"""A verdict as SARIF 2.1.0: what is unexpected as results, what a rule expects as suppressed ones.

Source: "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", OASIS Standard, and what GitHub's code
scanning takes of it ("SARIF support for code scanning"): 25,000 results a run, 5,000 of them shown, and each in a
file of the repository, for which the file of rules stands in, since that is where an expectation would go, or else the
configuration, at the line of the bucket.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import quote

from indexer.model.drift import DriftedAction, JudgedFinding, RuleUse, Verdict
from indexer.model.findings import FINDINGS
from indexer.model.location import parse_location
from indexer.model.meaning import Meaning
from indexer.model.reasons import REASONS
from indexer.model.values import canonical, sha256
from indexer.render.gate.text import obstacles, rule_line, verdict_headline
from indexer.render.plan_text import finding_line
from indexer.render.safe import safe, safe_json
from indexer.render.words import details, target

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_RESULTS = 25_000
CONFIGURATION = "indexer.toml"
EXPIRED = "expired-rule"
BRACKET = re.compile(r"(\\*)([\[\]])")
"""With the backslashes before it, which would escape the one that we put there."""
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Where:
    """The file that stands in for what drifts."""

    file: str = CONFIGURATION
    """Relative to the repository's root."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """By bucket; any other is at the first line."""

    def location(self, asset: str | None, line: int | None = None) -> Json:
        """A result's location: code scanning refuses a log in which one has none."""
        parsed = parse_location(asset)
        line = line or self.lines.get(parsed.bucket if parsed else "", 1)
        place = {"artifactLocation": {"uri": quote(self.file)}, "region": {"startLine": line}}
        found: Json = {"physicalLocation": place}
        if asset is not None:
            found["logicalLocations"] = [{"fullyQualifiedName": safe(asset), "kind": "resource"}]
        return found


def verdict_sarif(verdict: Verdict, where: Where, tool_version: str) -> str:
    """The log."""
    results = islice(_results(verdict, where), MAX_RESULTS)
    invocation: Json = {
        "executionSuccessful": verdict.status != "incomplete",
        "exitCode": verdict.exit_code,
        "exitCodeDescription": verdict_headline(verdict),
        "toolExecutionNotifications": [
            {"level": "error", "message": _message(line)} for line in obstacles(verdict)
        ],
    }
    driver = {
        "name": "indexer",
        "semanticVersion": tool_version,
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
    expired = Meaning("The last day of a rule of expected drift is over.", "Renew it or take it out.")
    yield _rule(EXPIRED, expired, "error")


def _rule(name: str, meaning: Meaning, level: str) -> Json:
    return {
        "id": name,
        "shortDescription": {"text": meaning.found},
        "help": {"text": meaning.to_do, "markdown": f"{meaning.found}\n\n**What to do:** {meaning.to_do}"},
        "defaultConfiguration": {"level": level},
    }


def _results(verdict: Verdict, where: Where) -> Iterator[Json]:
    """Unexpected ones first: they must not be among those that are left out."""
    for use in verdict.rules:
        if use.expired:
            text = f"Expired: {rule_line(use)}"
            yield {
                "ruleId": EXPIRED,
                "level": "error",
                "message": _message(text),
                "locations": [where.location(None, use.line)],
                "partialFingerprints": _fingerprint([EXPIRED, rule_line(use)]),
            }
    for one in sorted(verdict.actions, key=lambda one: one.expected_by is not None):
        yield _of_action(one, verdict.rules, where)
    for found in sorted(verdict.findings, key=lambda one: one.expected_by is not None):
        yield _of_finding(found, verdict, where)


def _of_action(drifted: DriftedAction, rules: tuple[RuleUse, ...], where: Where) -> Json:
    action = drifted.action
    held = f" (withheld by {safe(drifted.withheld_by)})" if drifted.withheld_by else ""
    differences = [
        f"{safe(one.path)}: {safe(one.before or 'nothing')} → {safe(one.after or 'nothing')}"
        for one in action.changes[:3]
    ]
    first = f"{action.kind} {target(action)} of {safe(action.location)}{held}: {details(action)}"
    return {
        "ruleId": action.reason,
        "level": "error",
        "message": _message("\n".join([first, *differences])),
        "locations": [where.location(action.location)],
        "partialFingerprints": _fingerprint(
            [action.kind, action.reason, action.target.model_dump(mode="json")]
        ),
        **_suppressed(drifted.expected_by, rules),
        "properties": {"action": action.id, "kind": action.kind},
    }


def _of_finding(found: JudgedFinding, verdict: Verdict, where: Where) -> Json:
    finding = found.finding
    return {
        "ruleId": f"finding/{finding.kind}",
        "level": "error" if verdict.strict else "warning",
        "message": _message(f"{finding.kind}: {finding_line(finding)}"),
        "locations": [where.location(finding.location)],
        "partialFingerprints": _fingerprint([finding.kind, finding.location, finding.detail]),
        **_suppressed(found.expected_by, verdict.rules),
    }


def _message(text: str) -> Json:
    """A message in which no link begins: `[words](target)` would be one, whoever wrote it. Source: SARIF, 3.11.6."""
    lines = "\n".join(map(safe, text.split("\n")))
    return {"text": BRACKET.sub(r"\1\1\\\2", lines)}


def _fingerprint(named: list[object]) -> Json:
    """What stays the same from day to day, so that an alert is one alert, and no other's.

    Code scanning goes by this key alone, and computes it where it is missing: from the line, which all share here.
    """
    return {"primaryLocationLineHash": f"{sha256(canonical(named))}:1"}


def _suppressed(index: int | None, rules: tuple[RuleUse, ...]) -> Json:
    if index is None:
        return {}
    return {"suppressions": [{"kind": "external", "justification": rule_line(rules[index])}]}
