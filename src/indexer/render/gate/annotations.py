"""A verdict as GitHub annotations.

GitHub shows ten errors and ten warnings of a step, so there is one for a reason, not for an action. Source:
"Workflow commands for GitHub Actions", and the escaping of actions/toolkit, packages/core/src/command.ts.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from indexer.model.drift import RuleUse, Verdict
from indexer.render.gate.text import rule_line, unexpected, verdict_headline
from indexer.render.paint import safe
from indexer.render.plan_text import finding_line
from indexer.render.tally import incomplete_read
from indexer.render.words import counted, target

SHOWN = 10
EXAMPLES = 3


def verdict_annotations(verdict: Verdict, file: str | None) -> str:
    """Workflow commands, one a line. `file`: the rules' path, so that expired ones are marked in it."""
    # The first is the verdict: it is there whatever else GitHub leaves out.
    level = "notice" if verdict.status == "in-step" else "error"
    lines = [
        _command(level, verdict_headline(verdict), title="indexer drift"),
        *islice(_errors(verdict, file), SHOWN - 1),
        *islice(_warnings(verdict, file), SHOWN),
    ]
    return "".join(f"{line}\n" for line in lines)


def _errors(verdict: Verdict, file: str | None) -> Iterator[str]:
    for row in verdict.incomplete[:EXAMPLES]:
        yield _command("error", incomplete_read(row), title="Not read")
    for use in verdict.rules:
        if use.expired:
            yield _command("error", rule_line(use), title="Expired rule", **_place(use, file))
    actions = unexpected(verdict)
    for reason, count in sorted(verdict.totals.reasons.items(), key=lambda item: (-item[1], item[0])):
        named = [one for one in actions if one.reason == reason]
        examples = [f"{one.kind} {one.location} {target(one)}" for one in named[:EXAMPLES]]
        more = [f"and {count - len(examples):,} more"] if count > len(examples) else []
        yield _command(
            "error", "\n".join([*examples, *more]), title=f"{reason}: {counted(count, 'unexpected action')}"
        )


def _warnings(verdict: Verdict, file: str | None) -> Iterator[str]:
    level = "error" if verdict.strict else "warning"
    for use in verdict.rules:
        if not use.expired and not use.matched:
            yield _command("warning", rule_line(use), title="Rule that matches nothing", **_place(use, file))
    kinds: dict[str, list[str]] = {}
    for one in verdict.findings:
        if one.expected_by is None:
            kinds.setdefault(one.finding.kind, []).append(finding_line(one.finding))
    for kind, lines in sorted(kinds.items()):
        more = [f"and {len(lines) - EXAMPLES:,} more"] if len(lines) > EXAMPLES else []
        yield _command(level, "\n".join([*lines[:EXAMPLES], *more]), title=f"Finding {kind}")


def _place(use: RuleUse, file: str | None) -> dict[str, str]:
    """Where the rule stands, where that is known."""
    if file is None:
        return {}
    return {"file": file, "line": str(use.line)} if use.line else {"file": file}


def _command(level: str, message: str, **properties: str) -> str:
    given = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items())
    return f"::{level} {given}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    """Line breaks of ours are kept as %0A; other people's controls are made visible first."""
    lines = "\n".join(map(safe, text.split("\n")))
    for one in "%\r\n" + more:
        lines = lines.replace(one, f"%{ord(one):02X}")
    return lines
