"""A verdict as GitHub annotations.

GitHub shows ten errors and ten warnings of a step, so there is one for a reason, not for an action. Source:
"Workflow commands for GitHub Actions", and the escaping of actions/toolkit, packages/core/src/command.ts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from indexer.model.drift import RuleUse, Verdict
from indexer.render.gate.text import obstacles, rule_line, unexpected, verdict_headline
from indexer.render.plan_text import finding_line
from indexer.render.safe import safe
from indexer.render.words import counted, target

SHOWN = 10
EXAMPLES = 3
TITLES = 30
"""So many titles are named of what has no annotation of its own."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """A title, a message, and where it belongs in a file, if anywhere."""

    title: str
    message: str
    place: Mapping[str, str] = field(default_factory=dict)

    def command(self, level: str) -> str:
        """As GitHub's runner reads it."""
        properties = {"title": self.title, **self.place}
        given = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items())
        return f"::{level} {given}::{_escaped(self.message)}"


def verdict_annotations(verdict: Verdict, file: str | None) -> str:
    """Workflow commands, one a line. `file`: the rules' path, so that expired ones are marked in it."""
    # The first is the verdict: it is there whatever else GitHub leaves out.
    level = "notice" if verdict.status == "in-step" else "error"
    errors, warnings = list(_errors(verdict, file)), list(_unused(verdict, file))
    (errors if verdict.strict else warnings).extend(_findings(verdict))
    lines = [
        Annotation("indexer drift", verdict_headline(verdict)).command(level),
        *(one.command("error") for one in _within(errors, SHOWN - 1)),
        *(one.command("warning") for one in _within(warnings, SHOWN)),
    ]
    return "".join(f"{line}\n" for line in lines)


def _within(annotations: Sequence[Annotation], most: int) -> Sequence[Annotation]:
    """At most so many; where there are more, the last one names them."""
    if len(annotations) <= most:
        return annotations
    rest = [one.title for one in annotations[most - 1 :]]
    return [*annotations[: most - 1], Annotation(f"And {len(rest):,} more", _some(rest, TITLES))]


def _errors(verdict: Verdict, file: str | None) -> Iterator[Annotation]:
    if against := list(obstacles(verdict)):
        yield Annotation("Not seen", _some(against))
    for use in verdict.rules:
        if use.expired:
            yield Annotation("Expired rule", rule_line(use), _place(use, file))
    actions = unexpected(verdict)
    for reason, count in sorted(verdict.totals.reasons.items(), key=lambda item: (-item[1], item[0])):
        named = [f"{one.kind} {one.location} {target(one)}" for one in actions if one.reason == reason]
        yield Annotation(f"{reason}: {counted(count, 'unexpected action')}", _some(named))


def _findings(verdict: Verdict) -> Iterator[Annotation]:
    kinds: dict[str, list[str]] = {}
    for one in verdict.findings:
        if one.expected_by is None:
            kinds.setdefault(one.finding.kind, []).append(finding_line(one.finding))
    for kind, lines in sorted(kinds.items()):
        yield Annotation(f"Finding {kind}", _some(lines))


def _unused(verdict: Verdict, file: str | None) -> Iterator[Annotation]:
    for use in verdict.rules:
        if not use.expired and not use.matched:
            yield Annotation("Rule that matches nothing", rule_line(use), _place(use, file))


def _some(lines: Sequence[str], most: int = EXAMPLES) -> str:
    """The first lines, and how many more there are."""
    more = [f"and {len(lines) - most:,} more"] if len(lines) > most else []
    return "\n".join([*map(safe, lines[:most]), *more])


def _place(use: RuleUse, file: str | None) -> dict[str, str]:
    """Where the rule stands, where that is known."""
    if file is None:
        return {}
    return {"file": file, "line": str(use.line)} if use.line else {"file": file}


def _escaped(text: str, more: str = "") -> str:
    """Line breaks of ours are kept as %0A; other people's controls are made visible first."""
    lines = "\n".join(map(safe, text.split("\n")))
    for one in "%\r\n" + more:
        lines = lines.replace(one, f"%{ord(one):02X}")
    return lines
