"""A plan or a result as a comment on a pull request, within what GitHub takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

from indexer.model.action import Action
from indexer.model.outcome import Result
from indexer.model.plan import Plan
from indexer.render.paint import PLAIN, safe
from indexer.render.plan_text import action_lines, finding_line, withheld_lines
from indexer.render.result_text import UNSUCCESSFUL, outcome_lines, outcome_table, result_headline
from indexer.render.tally import headline, incomplete_reads, tallies
from indexer.render.words import EFFECTS, counted

MAX_CHARACTERS = 65_536
"""GitHub: "body is too long (maximum is 65536 characters)"."""
FENCE = "`" * 8
BRIEF = 9_000
"""Characters for findings, and for what was withheld, so that they never crowd out the actions."""
HEAD = 12_000
"""Characters for what stands above the sections."""
LINE = 1_000


@dataclass(frozen=True, slots=True)
class Section:
    """A folded part of the comment: blocks that are shown whole or counted as left out."""

    title: str
    noun: str
    blocks: Sequence[Sequence[str]]
    language: str = ""
    opened: bool = False


def plan_markdown(plan: Plan, part_of: int | None = None, limit: int = MAX_CHARACTERS) -> str:
    """The plan, the first actions only where it would be too long; what is left out is counted."""
    findings = Section(
        counted(sum(plan.summary.findings.values()), "finding"),
        "finding",
        [[f"{one.kind}: {finding_line(one)}"] for one in plan.findings],
    )
    withheld = Section(
        f"{counted(len(plan.withheld), 'action')} withheld",
        "asset",
        _by_asset(one.action for one in plan.withheld),
        "diff",
    )
    actions = Section(
        counted(len(plan.actions), "action"), "asset", _by_asset(plan.actions), "diff", opened=True
    )
    head = _bounded(_plan_head(plan, part_of), min(HEAD, limit // 2))
    brief = [text for one in (findings, withheld) if (text := _section(one, min(BRIEF, limit // 8)))]
    room = limit - sum(_length(text) + 2 for text in [head, *brief]) - 2
    return "\n\n".join(filter(None, [head, _section(actions, room), *brief])) + "\n"


def result_markdown(result: Result, actions: Mapping[str, Action], limit: int = MAX_CHARACTERS) -> str:
    """The result: the counts, and what did not succeed."""
    head = [f"### indexer apply `{_code(result.run_id[:8])}`: {result_headline(result)}", ""]
    lines = [f"Plan `{_code(result.plan_id[:8])}`.", "", "```", *outcome_table(result, actions, PLAIN), "```"]
    unhappy = [one for status in UNSUCCESSFUL for one in result.outcomes if one.status == status]
    blocks = [list(outcome_lines(one, actions, PLAIN)) for one in unhappy]
    section = Section(f"{counted(len(unhappy), 'action')} without success", "action", blocks, opened=True)
    text = _bounded([*head, *lines], limit // 2)
    return "\n\n".join(filter(None, [text, _section(section, limit - _length(text) - 4)])) + "\n"


def _plan_head(plan: Plan, part_of: int | None) -> Iterator[str]:
    yield f"### indexer plan `{_code(plan.plan_id[:8])}`: {headline(plan)}"
    if part_of is not None:
        yield ""
        yield f"Only what was asked for: {len(plan.actions):,} of {counted(part_of, 'action')}."
    if not plan.summary.complete:
        yield ""
        yield "> [!WARNING]"
        yield "> **Not everything could be read.** What rests on these reads was not planned:"
        yield from (f"> - `{_code(line)}`" for line in incomplete_reads(plan))
    if plan.withheld:
        yield ""
        yield from (f"**{_code(line)}**  " for line in withheld_lines(plan))
    if plan.actions:
        yield ""
        yield f"| bucket | reason | {' | '.join(EFFECTS)} |"
        yield f"|---|---|{'--:|' * len(EFFECTS)}"
        for row in tallies(plan.actions):
            if row.reason is not None:
                numbers = " | ".join(f"{row.counts[one]:,}" if row.counts[one] else "" for one in EFFECTS)
                yield f"| `{_code(row.bucket)}` | {row.reason} | {numbers} |"


def _bounded(lines: Iterable[str], limit: int) -> str:
    """The first lines; a note where there are more than fit."""
    held: list[str] = []
    for line in lines:
        if sum(_length(one) + 1 for one in held) + _length(line) > limit - 100:
            held += ["", "…and more; `indexer show` has all of it."]
            break
        held.append(line)
    return "\n".join(held)


def _section(section: Section, limit: int) -> str:
    """The section, with as many of its blocks as fit; empty where there is nothing to show."""
    if not section.blocks:
        return ""
    state = " open" if section.opened else ""
    start = f"<details{state}><summary>{section.title}</summary>\n\n{FENCE}{section.language}\n"
    end = f"{FENCE}\n\n</details>"
    room = limit - _length(start) - _length(end) - 120
    shown: list[str] = []
    for block in section.blocks:
        text = "".join(f"{_fenced(line)}\n" for line in block)
        room -= _length(text)
        if room < 0:
            break
        shown.append(text)
    left_out = len(section.blocks) - len(shown)
    note = ""
    if left_out:
        more = counted(left_out, f"more {section.noun}")
        note = f"{more} left out here: a comment has no more room. `indexer show` has all of it.\n\n"
    return f"{start}{''.join(shown)}{end.removesuffix('</details>')}{note}</details>"


def _by_asset(actions: Iterable[Action]) -> list[list[str]]:
    """A block for each asset. In a diff the first column gives the colour."""
    return [
        [
            f"# {safe(location)}",
            *map(_diff_line, chain.from_iterable(action_lines(one, PLAIN) for one in group)),
        ]
        for location, group in groupby(actions, key=lambda action: action.location)
    ]


def _diff_line(line: str) -> str:
    """`~` is `!` in a diff; signs of values move to the first column, those of actions too."""
    text = line.lstrip()
    if text[:2] not in ("+ ", "- ", "~ "):
        return line
    sign = "!" if text[0] == "~" else text[0]
    return f"{sign}{' ' * (len(line) - len(text))}{text[2:]}"


def _fenced(line: str) -> str:
    """Inside a fence only a longer fence is dangerous."""
    return (line if len(line) <= LINE else f"{line[:LINE]}…").replace(FENCE, "`" * 7 + "'")


def _code(text: str) -> str:
    """Inside back-ticks and a table's cell."""
    return safe(text).replace("`", "'").replace("|", "\\|")


def _length(text: str) -> int:
    """As GitHub's limit may count: characters outside the basic plane twice."""
    return len(text.encode("utf-16-le")) // 2
