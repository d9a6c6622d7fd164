"""A report as text: the whole of it for `show` and the gate, its outline for the end of `plan` and `apply`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, groupby, islice

from indexer.render.explained import legend_line
from indexer.render.paint import WIDTH, Cell, Paint, columns_of, fitting, plain, shortened, step_rows, table
from indexer.render.report import Entry, Group, Report, Section, Table
from indexer.render.safe import safe
from indexer.render.whole_text import whole_lines
from indexer.render.words import counted

NONE = "·"
OUTLINED = 20
"""So many of what did not succeed are in an outline."""
SCREENS = 2
"""What is longer begins with a summary, and goes through a pager."""


def report_text(
    report: Report, paint: Paint, wrap: int | None = None, screen: int | None = None
) -> Iterator[str]:
    """The lines of a report. `wrap`: columns of a screen. `screen`: its rows; a report of more than two begins with the most telling."""
    body = fitting(_body(report, paint, wrap), wrap)
    top = list(fitting(_top(report, paint, wrap), wrap))
    held: list[str] = []
    if screen is not None:
        room = SCREENS * screen - len(top)
        held = list(islice(body, max(0, room) + 1))
        if len(held) > room:
            top = list(_summary(report, paint, wrap))
    yield from chain(top, held, body)


def _about(report: Report, paint: Paint) -> Iterator[str]:
    """What it is, how it is, and what nobody may overlook."""
    name = f"{report.name}: " if report.name else ""
    yield paint(safe(f"{name}{report.headline}"), report.style)
    about = " · ".join(filter(None, [report.made, *(one.brief for one in report.facts)]))
    yield from (paint(safe(line), "dim") for line in [about] if line)
    yield from (paint(safe(note), "yellow") for note in report.notes)
    yield from alarm_lines(report, paint)


def _summary(report: Report, paint: Paint, wrap: int | None) -> Iterator[str]:
    """What a reader needs who will not go through all of it, on a screen or so."""
    yield from fitting(_about(report, paint), wrap)
    yield ""
    yield from outline(report, paint, wrap)
    if report.shown_by:
        yield ""
        yield from step_rows(f"→ {safe(report.shown_by)} --format html > report.html  # for a browser", wrap)


def _top(report: Report, paint: Paint, wrap: int | None) -> Iterator[str]:
    yield from _about(report, paint)
    for group in report.groups:
        if group.count and not group.quiet and group.only_first:
            yield ""
            yield from _first(group, paint)
    if report.table and report.table.rows:
        yield ""
        yield from _table(report.table, paint, wrap)


def _body(report: Report, paint: Paint, wrap: int | None) -> Iterator[str]:
    for group in report.groups:
        if group.count and not group.quiet and not group.only_first:
            yield from _group(group, paint, wrap)
    if report.words:
        yield from ("", paint("Words (`indexer explain WORD` says more)", "dim"))
        yield from (legend_line(one.word, one.meaning.brief, paint) for one in report.words)


def alarm_lines(report: Report, paint: Paint) -> Iterator[str]:
    """What could not be seen, so loud that nobody takes the report for the whole truth."""
    for alarm in report.alarms:
        if not alarm.told:
            yield paint(safe(f"WARNING: {alarm.title.upper()}{alarm.words}"), "alarm")
            yield from (paint(f"  {safe(line)}", "alarm") for line in alarm.lines)


def outline(report: Report, paint: Paint, wrap: int | None = None) -> Iterator[str]:
    """A report in about a screen: the first differences, then the counts, then what a person must look at."""
    return fitting(_outline(report, paint, wrap), wrap)


def _outline(report: Report, paint: Paint, wrap: int | None) -> Iterator[str]:
    shown = False
    for group in report.groups:
        if lines := list(_first(group, paint)):
            shown = True
            yield from [*lines, ""]
    if report.table and report.table.rows:
        yield from _table(report.table, paint, wrap)
    if shown:
        yield ""
    for group in report.groups:
        if group.brief and group.count:
            yield f"{paint(counted(group.count, group.noun), 'bold')} {safe(group.brief)}"
        yield from (paint(safe(line), "yellow") for line in group.intro)
        if group.way_out:
            yield f"  {group.way_out}"
    urgent = sorted((one for one in report.groups if one.urgent), key=lambda one: one.rank)
    yield from _at_most(chain.from_iterable(one.entries for one in urgent), OUTLINED, "  ", paint, wrap)


def entry_lines(entry: Entry, paint: Paint, indent: str = "  ", wrap: int | None = None) -> Iterator[str]:
    """One entry: what and on what, why, the small print, and its differences. `wrap`: the columns of a screen."""
    mark = f"{paint(safe(entry.mark), entry.style)} " if entry.mark else ""
    yield f"{indent}{mark}{safe(entry.text)}"
    indent += "    "
    if entry.why:
        yield f"{indent}{safe(entry.why)}{f' ({entry.tries})' if entry.tries else ''}"
    if entry.loses:
        yield paint(f"{indent}loses: {safe(entry.loses)}", "red")
    if entry.small:
        yield paint(f"{indent}{safe(entry.small)}", "dim")
    yield from _differences(entry, paint, indent, wrap)
    if entry.was:
        yield paint(f"{indent}was: {safe(entry.was)}", "dim")


def _differences(entry: Entry, paint: Paint, indent: str, wrap: int | None) -> Iterator[str]:
    if entry.whole:
        yield from whole_lines(entry.whole(), paint, indent, wrap)
    for change in entry.changes:
        yield f"{indent}{safe(change.path)}"
        for sign, value, style in (("-", change.before, "red"), ("+", change.after, "green")):
            if value is not None:
                yield paint(f"{indent}  {sign} {safe(value)}", style)
    if entry.omitted:
        yield paint(f"{indent}and {counted(entry.omitted, 'more difference')}", "dim")


def _first(group: Group, paint: Paint) -> Iterator[str]:
    """An action of each of the most telling reasons, with its first difference."""
    for place, entry in enumerate(group.first):
        if place == 0:
            yield paint("First differences", "bold")
        yield from _preview(entry, paint)


def _preview(entry: Entry, paint: Paint) -> Iterator[str]:
    """What, where, and the first difference, which is cut if it is long."""
    yield f"  {paint(entry.mark, entry.style)} {safe(entry.text)}"
    if (action := entry.action) is not None:
        yield paint(f"      {safe(f'{action.reason} · {action.location}')}", "dim")
    if entry.loses:
        yield paint(f"      {safe(f'loses: {entry.loses}')}", "red")
    elif entry.changes:
        first = entry.changes[0]
        more = len(entry.changes) - 1 + entry.omitted
        before, after = ("nothing" if one is None else one for one in (first.before, first.after))
        tail = f" (and {counted(more, 'more difference')})" if more else ""
        text = safe(f"{first.path}: {before} → {after}")
        yield f"      {shortened(text, WIDTH - 6 - len(tail))}{tail}"


def _table(found: Table, paint: Paint, wrap: int | None) -> Iterator[str]:
    """Rows of a bucket under their sum; a figure that is nought as a dot. On a screen too narrow for it, in words."""
    lines = list(_wide_table(found, paint))
    if wrap is None or all(columns_of(plain(line)) <= wrap for line in lines):
        yield from lines
        return
    for bucket, tallies in groupby(found.rows, key=lambda row: row.bucket):
        if bucket:
            yield paint(safe(bucket), "bold")
        for row in tallies:
            yield f"{'  ' if bucket else ''}{safe(row.reason)}: {_in_words(found, row.counts)}"
    if found.summed:
        yield f"{paint('total', 'bold')}: {_in_words(found, found.totals)}"


def _in_words(found: Table, counts: Iterable[int]) -> str:
    named = zip(found.columns, counts, strict=True)
    return ", ".join(f"{count:,} {name}" for (name, _), count in named if count)


def _wide_table(found: Table, paint: Paint) -> Iterator[str]:
    rows = [[Cell("actions", "dim"), *(Cell(name, "dim") for name, _ in found.columns)]]
    for bucket, tallies in groupby(found.rows, key=lambda row: row.bucket):
        held = tuple(tallies)
        if bucket:
            rows.append([Cell(safe(bucket), "bold"), *_figures(found, Table("", found.columns, held).totals)])
        indent = "  " if bucket else ""
        rows += [[Cell(f"{indent}{safe(row.reason)}"), *_figures(found, row.counts)] for row in held]
    if found.summed:
        rows.append([Cell("total", "bold"), *_figures(found, found.totals)])
    yield from table(rows, paint, frozenset(range(1, len(found.columns) + 1)))


def _figures(found: Table, counts: Iterable[int]) -> Iterator[Cell]:
    for (_, style), count in zip(found.columns, counts, strict=True):
        yield Cell(f"{count:,}", style) if count else Cell(NONE, "dim")


def _group(group: Group, paint: Paint, wrap: int | None) -> Iterator[str]:
    if group.title:
        yield ""
        title = safe(f"{group.title}: {group.words}" if group.words else group.title)
        yield paint(title, group.style)
    yield from (paint(f"  {safe(line)}", "yellow") for line in group.intro)
    indent = "    " if group.nested else "  "
    for section in group.sections():
        yield from _head(section, group, paint)
        yield from _at_most(section.entries, group.most, indent, paint, wrap)


def _head(section: Section, group: Group, paint: Paint) -> Iterator[str]:
    if section.head:
        if not group.nested:
            yield ""
        count = f" {section.count:,}" if section.count is not None else ""
        yield f"{'  ' if group.nested else ''}{paint(safe(section.head), section.style)}{count}"


def _at_most(
    entries: Iterable[Entry], most: int | None, indent: str, paint: Paint, wrap: int | None = None
) -> Iterator[str]:
    held = iter(entries)
    for entry in islice(held, most):
        yield from entry_lines(entry, paint, indent, wrap)
    if most is not None and (more := sum(1 for _ in held)):
        yield f"{indent}and {more:,} more"
