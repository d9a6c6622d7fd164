"""A report as GitHub annotations.

GitHub shows ten errors and ten warnings of a step, so there is one for a reason, not for an action. Source:
"Workflow commands for GitHub Actions", and the escaping of actions/toolkit, packages/core/src/command.ts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from indexer.model.drift import RuleUse
from indexer.render.reader import Where
from indexer.render.report import Group, Level, Report
from indexer.render.safe import safe
from indexer.render.words import counted, loss_words, rule_line, target

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


def report_annotations(report: Report, where: Where) -> str:
    """Workflow commands, one a line. `where`: the file of rules, so that expired ones are marked in it."""
    # The first is the headline: it is there whatever else GitHub leaves out.
    title = " ".join(f"{words} {name}".strip() for words, name in report.title)
    found: dict[Level, list[Annotation]] = {"error": [], "warning": []}
    found["error"] += (Annotation("Not seen", _some(alarm.lines)) for alarm in report.alarms)
    for group in report.by_weight:
        if group.level and not group.quiet:
            found[group.level] += _of_group(group, where)
    lines = [
        Annotation(title, report.headline).command("notice" if report.state == "calm" else "error"),
        *(one.command("error") for one in _within(found["error"], SHOWN - 1)),
        *(one.command("warning") for one in _within(found["warning"], SHOWN)),
    ]
    return "".join(f"{line}\n" for line in lines)


def _of_group(group: Group, where: Where) -> Iterator[Annotation]:
    """One for each rule, for each reason of actions, and for each kind of finding."""
    named: dict[str, list[str]] = {}
    for entry in group.entries:
        if isinstance(entry.of, RuleUse):
            yield Annotation(group.word.capitalize(), rule_line(entry.of), _place(entry.of, where))
        elif action := entry.action:
            lost = loss_words(action)
            line = f"{action.kind} {action.location} {target(action)}{f' (loses: {lost})' if lost else ''}"
            named.setdefault(action.reason, []).append(line)
        else:
            named.setdefault(entry.mark, []).append(entry.text)
    if group.holds == "finding":
        yield from (Annotation(f"Finding {kind}", _some(named[kind])) for kind in sorted(named))
    else:
        for reason, lines in sorted(named.items(), key=lambda item: (-len(item[1]), item[0])):
            yield Annotation(f"{reason}: {counted(len(lines), group.noun)}", _some(lines))


def _within(annotations: Sequence[Annotation], most: int) -> Sequence[Annotation]:
    """At most so many; where there are more, the last one names them."""
    if len(annotations) <= most:
        return annotations
    rest = [one.title for one in annotations[most - 1 :]]
    return [*annotations[: most - 1], Annotation(f"And {len(rest):,} more", _some(rest, TITLES))]


def _some(lines: Sequence[str], most: int = EXAMPLES) -> str:
    """The first lines, and how many more there are."""
    more = [f"and {len(lines) - most:,} more"] if len(lines) > most else []
    return "\n".join([*map(safe, lines[:most]), *more])


def _place(use: RuleUse, where: Where) -> dict[str, str]:
    """Where the rule stands, as far as it is known."""
    return {"file": where.file, "line": str(use.line)} if use.line else {"file": where.file}


def _escaped(text: str, more: str = "") -> str:
    """Line breaks of ours are kept as %0A; other people's controls are made visible first."""
    lines = "\n".join(map(safe, text.split("\n")))
    for one in "%\r\n" + more:
        lines = lines.replace(one, f"%{ord(one):02X}")
    return lines
