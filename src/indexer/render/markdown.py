"""A report as a comment on a pull request, within what GitHub takes: folded groups that are cut at whole blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from indexer.render.paint import PLAIN
from indexer.render.report import Group, Report, Section, Table
from indexer.render.safe import safe
from indexer.render.text import entry_lines
from indexer.render.words import counted

MAX_CHARACTERS = 65_536
"""GitHub: "body is too long (maximum is 65536 characters)"."""
FENCE = "`" * 8
BRIEF = 9_000
"""Characters for each fold but the first, so that they never crowd it out."""
HEAD = 12_000
"""Characters for what stands above the folds."""
LINE = 1_000
NOTES = 120
"""Characters for the words that say how much was left out."""
Block = Iterable[str]
"""Lines that are shown whole, or counted as left out."""


def report_markdown(report: Report, limit: int = MAX_CHARACTERS) -> str:
    """The comment. The first fold has all the room that the others leave."""
    head = _bounded(_head(report), min(HEAD, limit // 2))
    ordered = sorted((one for one in report.groups if one.count and one.noun), key=lambda one: one.rank)
    first, *others = [list(one) for _, one in groupby(ordered, key=lambda one: (one.noun, one.tail))] or [[]]
    folded = [_fold(groups, min(BRIEF, limit // 8)) for groups in others]
    room = limit - sum(_length(text) + 2 for text in [head, *folded]) - 2
    return "\n\n".join([head, *([_fold(first, room)] if first else []), *folded]) + "\n"


def whole_markdown(report: Report) -> Iterator[str]:
    """All of it, for a file: nothing is folded, and nothing is left out, however long it becomes."""
    yield from (f"{line}\n" for line in _head(report))
    for group in report.groups:
        if group.count and group.noun:
            yield f"\n#### {counted(group.count, group.noun)}{group.tail}\n\n"
            yield f"{FENCE}{'diff' if group.holds == 'action' else ''}\n"
            yield from (f"{_unfenced(line)}\n" for block in _blocks([group]) for line in block)
            yield f"{FENCE}\n"


def _head(report: Report) -> Iterator[str]:
    title = " ".join(f"{words} `{_code(name)}`" if name else words for words, name in report.title)
    yield f"### {f'{report.mark} ' if report.mark else ''}{title}: {report.headline}"
    for note in report.notes:
        yield from ("", note)
    for alarm in report.alarms:
        if not alarm.told:
            yield from ("", "> [!WARNING]", f"> {f'**{alarm.title}**' if alarm.title else ''}{alarm.words}")
            yield from (f"> - `{_code(line)}`" for line in alarm.lines)
    intro = [line for group in report.groups for line in group.intro]
    yield from ["", *(f"- `{_code(line)}`" for line in intro)] if intro else []
    if report.table and report.table.rows:
        yield from ("", *_table(report.table))
    if report.foot:
        yield from ("", report.foot)


def _table(table: Table) -> Iterator[str]:
    buckets = any(row.bucket for row in table.rows)
    names = " | ".join(name for name, _ in table.columns)
    yield f"|{' bucket |' if buckets else ''} reason | {names} |"
    yield f"|{'---|' if buckets else ''}---|{'--:|' * len(table.columns)}"
    for row in table.rows:
        bucket = f" `{_code(row.bucket)}` |" if buckets else ""
        yield f"|{bucket} {row.reason} | {' | '.join(f'{one:,}' if one else '' for one in row.counts)} |"


def _bounded(lines: Iterable[str], limit: int) -> str:
    """The first lines; a note where there are more than fit."""
    held: list[str] = []
    room = limit - 100
    for line in lines:
        room -= _length(line) + 1
        if room < -1:
            held += ["", "…and more; `indexer show` has all of it."]
            break
        held.append(line)
    return "\n".join(held)


def _fold(groups: Sequence[Group], limit: int) -> str:
    """Groups of one noun, with as many of their blocks as fit."""
    first = groups[0]
    title = f"{counted(sum(one.count for one in groups), first.noun)}{first.tail}"
    state = " open" if any(one.opened for one in groups) else ""
    language = "diff" if first.holds == "action" else ""
    start = f"<details{state}><summary>{title}</summary>\n\n{FENCE}{language}\n"
    end = f"{FENCE}\n\n"
    room = limit - _length(start) - _length(end) - len("</details>") - NOTES
    shown, left_out = [], 0
    for block in _blocks(groups):
        if not left_out:
            shown.append("".join(f"{_fenced(line)}\n" for line in block))
            room -= _length(shown[-1])
        if room < 0:
            left_out += 1
    text = "".join(shown[:-1] if left_out else shown)
    note = ""
    if left_out:
        noun = {"action": "asset", "outcome": "action"}.get(first.holds, first.holds)
        more = counted(left_out, f"more {noun}")
        note = f"{more} left out here: a comment has no more room. `indexer show` has all of it.\n\n"
    return f"{start}{text}{end}{note}</details>"


def _blocks(groups: Iterable[Group]) -> Iterator[Block]:
    """One for each asset that actions are about; of anything else one for each entry."""
    for group in groups:
        for section in group.sections():
            match group.holds:
                case "action":
                    yield _asset(section)
                case "outcome":
                    yield from (entry_lines(one, PLAIN) for one in section.entries)
                case "finding" | "rule":
                    yield from ([line] for line in _short(group, section))


def _asset(section: Section) -> Iterator[str]:
    """In a diff the first column gives the colour."""
    yield f"# {section.head}"
    for entry in section.entries:
        yield from map(_diff_line, entry_lines(entry, PLAIN))


def _short(group: Group, section: Section) -> Iterator[str]:
    """What is said on a line of its own."""
    if section.only_counted:
        yield f"{section.head}: {section.only_counted:,} only counted"
    for one in section.entries:
        mark = one.mark.removesuffix(":")
        yield ": ".join(filter(None, (group.word, section.head, mark, one.text)))


def _diff_line(line: str) -> str:
    """`~` is `!` in a diff; signs of values move to the first column, those of actions too."""
    text = line.lstrip()
    if text[:2] not in ("+ ", "- ", "~ "):
        return line
    sign = "!" if text[0] == "~" else text[0]
    return f"{sign}{' ' * (len(line) - len(text))}{text[2:]}"


def _fenced(line: str) -> str:
    """One line, inside a fence, where only a longer fence is dangerous."""
    line = safe(line)
    return _unfenced(line if len(line) <= LINE else f"{line[:LINE]}…")


def _unfenced(line: str) -> str:
    """The same, however long."""
    return safe(line).replace(FENCE, "`" * 7 + "'")


def _code(text: str) -> str:
    """Inside back-ticks and a table's cell."""
    return safe(text).replace("`", "'").replace("|", "\\|")


def _length(text: str) -> int:
    """As GitHub's limit may count: characters outside the basic plane twice."""
    return len(text.encode("utf-16-le")) // 2
