"""A report as text: the whole of it for `show` and the gate, its outline for the end of `plan` and `apply`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, groupby, islice

from indexer.render.explained import legend_lines
from indexer.render.paint import WIDTH, Cell, Paint, laid, shortened, table
from indexer.render.report import Entry, Group, Report, Section, Table
from indexer.render.safe import safe
from indexer.render.whole_text import whole_lines
from indexer.render.words import counted

NONE = "·"
OUTLINED = 20
"""So many of what did not succeed are in an outline."""


def report_text(report: Report, paint: Paint, width: int = WIDTH, wrap: int | None = None) -> Iterator[str]:
    """The lines of a report. `width`: of the first differences, where those are all that is shown; `wrap`: of a screen."""
    name = f"{report.name}: " if report.name else ""
    yield from laid(safe(f"{name}{report.headline}"), report.style, paint, wrap=wrap)
    about = " · ".join(filter(None, [report.made, *(one.brief for one in report.facts)]))
    if about:
        yield from laid(safe(about), "dim", paint, wrap=wrap)
    for note in report.notes:
        yield from laid(safe(note), "yellow", paint, wrap=wrap)
    yield from alarm_lines(report, paint)
    groups = [one for one in report.groups if one.count and not one.quiet]
    for group in groups:
        if group.only_first:
            yield ""
            yield from _first(group, paint, width)
    if report.table and report.table.rows:
        yield ""
        yield from _table(report.table, paint)
    for group in groups:
        if not group.only_first:
            yield from _group(group, paint, wrap)
    if report.words:
        yield from ("", paint("Words (`indexer explain WORD` says more)", "dim"))
        for one in report.words:
            yield from legend_lines(one.word, one.meaning.brief, paint, wrap)


def alarm_lines(report: Report, paint: Paint) -> Iterator[str]:
    """What could not be seen, so loud that nobody takes the report for the whole truth."""
    for alarm in report.alarms:
        if not alarm.told:
            yield paint(safe(f"WARNING: {alarm.title.upper()}{alarm.words}"), "alarm")
            yield from (paint(f"  {safe(line)}", "alarm") for line in alarm.lines)


def outline(report: Report, paint: Paint, width: int = WIDTH) -> Iterator[str]:
    """A report in about a screen: the first differences, then the counts, then what a person must look at."""
    shown = False
    for group in report.groups:
        if lines := list(_first(group, paint, width)):
            shown = True
            yield from [*lines, ""]
    if report.table and report.table.rows:
        yield from _table(report.table, paint)
    if shown:
        yield ""
    for group in report.groups:
        if group.brief and group.count:
            yield f"{paint(counted(group.count, group.noun), 'bold')} {safe(group.brief)}"
        yield from (paint(safe(line), "yellow") for line in group.intro)
        if group.way_out:
            yield f"  {group.way_out}"
    urgent = sorted((one for one in report.groups if one.urgent), key=lambda one: one.rank)
    yield from _at_most(chain.from_iterable(one.entries for one in urgent), OUTLINED, "  ", paint)


def entry_lines(entry: Entry, paint: Paint, indent: str = "  ", wrap: int | None = None) -> Iterator[str]:
    """One entry: what and on what, why, the small print, and its differences. `wrap`: the columns of a screen."""
    head = f"{safe(entry.mark)} " if entry.mark else ""
    first, *others = laid(f"{head}{safe(entry.text)}", "", paint, indent, wrap)
    mark = f"{paint(safe(entry.mark), entry.style)} " if entry.mark else ""
    yield f"{indent}{mark}{first[len(indent) + len(head) :]}"
    yield from others
    indent += "    "

    def said(text: str, style: str) -> Iterator[str]:
        return laid(text, style, paint, indent, wrap)

    if entry.why:
        yield from said(f"{safe(entry.why)}{f' ({entry.tries})' if entry.tries else ''}", "")
    if entry.loses:
        yield from said(f"loses: {safe(entry.loses)}", "red")
    if entry.small:
        yield from said(safe(entry.small), "dim")
    yield from _differences(entry, paint, indent, wrap)
    if entry.was:
        yield from said(f"was: {safe(entry.was)}", "dim")


def _differences(entry: Entry, paint: Paint, indent: str, wrap: int | None) -> Iterator[str]:
    if entry.whole:
        yield from whole_lines(entry.whole(), paint, indent, wrap)
    for change in entry.changes:
        yield from laid(safe(change.path), "", paint, indent, wrap)
        for sign, value, style in (("-", change.before, "red"), ("+", change.after, "green")):
            if value is not None:
                yield from laid(f"{sign} {safe(value)}", style, paint, f"{indent}  ", wrap)
    if entry.omitted:
        yield from laid(f"and {counted(entry.omitted, 'more difference')}", "dim", paint, indent, wrap)


def _first(group: Group, paint: Paint, width: int) -> Iterator[str]:
    """An action of each of the most telling reasons, with its first difference."""
    for place, entry in enumerate(group.first):
        if place == 0:
            yield paint("First differences", "bold")
        yield from _preview(entry, paint, width)


def _preview(entry: Entry, paint: Paint, width: int) -> Iterator[str]:
    """Two or three lines, cut to the screen: what, where, and the first difference."""
    yield f"  {paint(entry.mark, entry.style)} {shortened(safe(entry.text), width - len(entry.mark) - 3)}"
    if (action := entry.action) is not None:
        where = safe(f"{action.reason} · {action.location}")
        yield paint(f"      {shortened(where, width - 6)}", "dim")
    if entry.loses:
        yield paint(f"      {shortened(safe(f'loses: {entry.loses}'), width - 6)}", "red")
    elif entry.changes:
        first = entry.changes[0]
        more = len(entry.changes) - 1 + entry.omitted
        before, after = ("nothing" if one is None else one for one in (first.before, first.after))
        tail = f" (and {counted(more, 'more difference')})" if more else ""
        text = safe(f"{first.path}: {before} → {after}")
        yield f"      {shortened(text, width - 6 - len(tail))}{tail}"


def _table(found: Table, paint: Paint) -> Iterator[str]:
    """Rows of a bucket under their sum; a figure that is nought as a dot."""
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
        yield from laid(title, group.style, paint, wrap=wrap)
    for line in group.intro:
        yield from laid(safe(line), "yellow", paint, "  ", wrap)
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
