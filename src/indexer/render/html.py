"""A report as one HTML page that needs nothing else: no network, no server, no other file.

What must be seen at once is plain HTML. The actions are JSON in the page, of which its script makes a list;
each asset's are built only when it is opened, so that ten thousand stay light. Names and values are other
people's: the template's every expression passes `safe` and is escaped, and the script makes text of the
JSON's and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from indexer.model.action import Action
from indexer.model.kinds import EFFECTS, effect, system_of
from indexer.model.outcome import Outcome
from indexer.model.snapshot import SystemName
from indexer.model.vocabulary import every_word
from indexer.model.whole import Whole
from indexer.render.explained import plain_words
from indexer.render.of_result import WORST_FIRST
from indexer.render.report import Entry, Group, Report, Table
from indexer.render.safe import safe
from indexer.render.whole_text import safe_pieces
from indexer.render.word_diff import DiffLine, Gap, is_partly_changed, shown_diff
from indexer.render.words import SIGNS, bucket_of, counted, details, loss_words, target

Row = dict[str, object]
"""Without a field where there is nothing to say: a report may hold ten thousand."""
SYSTEMS: dict[SystemName, str] = {"s3": "S3", "docdb": "DocDB", "codeocean": "Code Ocean"}
NO_PLAN = "The plan is not at hand: its actions are known by their ids only."
OF_ASSET = frozenset({"location", "bucket"})
CHARTS = (("bucket", "By bucket"), ("reason", "By reason"), ("system", "By system"))
ORDERS: Mapping[str, Sequence[str]] = {"effect": EFFECTS, "status": WORST_FIRST}
WHYS = 5
"""So many of the words that were said are shown above the list."""


def report_html(report: Report) -> str:
    """The page."""
    return "".join(html_pieces(report))


def html_pieces(report: Report) -> Iterator[str]:
    """The page, piece by piece: what an action's difference reads is held no longer than it takes to write it."""
    listed = sorted((one for one in report.groups if _is_listed(one)), key=lambda one: one.rank)
    rows = [(group, _row(entry)) for group in listed for entry in group.entries]
    panes = [one for one in report.groups if one.count and one.title and (one.intro or not _is_listed(one))]
    said = Counter(
        (str(row["status"]), str(row["why"])) for group, row in rows if group.urgent and "why" in row
    )
    yield from _template().generate(
        report=report,
        style=Markup(_part_of_page("style.css")),  # noqa: S704 - ours
        script=Markup(_part_of_page("script.js")),  # noqa: S704 - ours
        figures=list(_figures(report)),
        said=[(status, why, count) for (status, why), count in said.most_common(WHYS)],
        unsaid=max(0, len(said) - WHYS),
        panes=[_pane(one) for one in sorted(panes, key=lambda one: not _is_listed(one))],
        charts=list(_charts([row for _, row in rows if "withheld" not in row], report.table)),
        signs=SIGNS,
        orders=ORDERS,
        tips=_tips(),
        listed=bool(rows),
        assets=_assets_island(_by_asset(rows)),
    )


@cache
def _tips() -> Mapping[str, str]:
    """What each word of ours means, for whoever rests on it; one that is a reason and a finding, in that order."""
    tips: dict[str, str] = {}
    for one in every_word():
        if not one.word.isdigit():
            said = plain_words(f"{one.meaning.found} {one.meaning.why} What to do: {one.meaning.to_do}")
            tips.setdefault(one.word, said)
    return tips


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("indexer.render", "page"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(digest=_digest, island=_island, number="{:,}".format, counted=counted)
    return environment.get_template("page.html")


def _shown(value: object) -> object:
    """Whatever an expression of the template gives, before it is escaped; only what is markup already stays."""
    return value if isinstance(value, Markup) else safe(str(value))


def _part_of_page(name: str) -> str:
    return files("indexer.render").joinpath("page", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """What a content security policy calls an inline text: everything between its tags."""
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _island(value: object) -> Markup:
    """JSON in which no tag, no comment and no entity can begin; in ASCII, so without U+2028 too."""
    text = json.dumps(value, separators=(",", ":"))
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(text)  # noqa: S704 - see above


def _assets_island(assets: Iterable[tuple[Row, Sequence[Row]]]) -> Iterator[Markup]:
    """The assets as one JSON array, an asset at a time, each with what its actions read."""
    for at, (asset, actions) in enumerate(assets):
        yield Markup(",") if at else Markup("")
        yield _island({**asset, "actions": [_read(one) for one in actions]})


def _read(row: Row) -> Row:
    """The row with all of its difference, where it is to be shown whole."""
    read = row.get("whole")
    if not callable(read):
        return row
    whole: Whole = read()
    lines = [
        ["…", f"{counted(one.lines, 'line')} the same"] if isinstance(one, Gap) else [one.sign, *_marked(one)]
        for one in shown_diff(whole.before, whole.after)
    ]
    return {
        **row,
        "doubts": list(map(safe, whole.doubts)),
        "words": list(map(safe, whole.words)),
        "whole": lines,
    }


def _marked(line: DiffLine) -> Iterator[str | list[str]]:
    """The parts of a line; those that changed in lists of their own."""
    partly = is_partly_changed(line)
    return ([text] if changed and partly else text for changed, text in safe_pieces(line))


def _is_listed(group: Group) -> bool:
    return group.holds in ("action", "outcome") and not group.quiet


def _pane(group: Group) -> dict[str, object]:
    """What stands above the list; sections of its own only where the list has them not. The most first."""
    sections = (
        [] if _is_listed(group) else [replace(one, entries=list(one.entries)) for one in group.sections()]
    )
    words = group.words.replace("`", "")
    return {
        "id": f"{group.name}-why" if _is_listed(group) else group.name,
        "group": group,
        "words": f"{words[:1].upper()}{words[1:]}." if words else "",
        "sections": sorted(sections, key=lambda one: (-(one.count or 0), one.head)),
    }


def _row(entry: Entry) -> Row:
    """An action, where its plan is at hand, and what came of it; all text made safe to be seen."""
    row = _action_row(entry.action, entry) if entry.action else {"location": NO_PLAN}
    if isinstance(entry.of, Outcome):
        row["id"] = entry.of.action_id
    facts = " · ".join(entry.facts)
    more = {"status": entry.status, "facts": facts, "why": entry.why, "withheld": entry.withheld}
    row |= {name: value for name, value in more.items() if value}
    return {name: safe(value) if isinstance(value, str) else value for name, value in row.items()}


def _action_row(action: Action, entry: Entry) -> Row:
    """What, where, why, under which condition, and the differences."""
    row: Row = {
        "location": action.location,
        "bucket": bucket_of(action),
        "id": action.id,
        "effect": effect(action),
        "kind": action.kind,
        "system": SYSTEMS[system_of(action)],
        "reason": action.reason,
        "target": target(action) if entry.status else entry.text,
        "details": entry.small or details(action),
    }
    if loses := loss_words(action):
        row["loses"] = loses
    if entry.whole:
        row["whole"] = entry.whole
    elif action.changes:
        changes = ((one.path, one.before, one.after) for one in action.changes)
        row["changes"] = [[None if one is None else safe(one) for one in change] for change in changes]
    if action.changes_omitted and not entry.whole:
        row["omitted"] = counted(action.changes_omitted, "more difference")
    return row


def _by_asset(rows: Iterable[tuple[Group, Row]]) -> list[tuple[Row, Sequence[Row]]]:
    """Assets with their rows: those that need somebody first, and then by name."""
    ranks: dict[str, int] = {}
    assets: dict[str, Row] = {}
    actions: dict[str, list[Row]] = {}
    for group, row in rows:
        location = str(row["location"])
        ranks.setdefault(location, group.rank)
        assets.setdefault(location, {"location": location, "bucket": row.get("bucket", "")})
        rest = {name: value for name, value in row.items() if name not in OF_ASSET}
        actions.setdefault(location, []).append(rest)
    order = sorted(assets, key=lambda one: (ranks[one], one))
    return [(assets[one], actions[one]) for one in order]


def _figures(report: Report) -> Iterator[tuple[str, int, str, str]]:
    """The counts that matter most: what of, how many, and a filter's value or (without a field) a part of the page."""
    if table := report.table:
        totals = dict(zip((name for name, _ in table.columns), table.totals, strict=True))
        field = table.split if table.split in ORDERS else ""
        yield from ((name, totals[name], field, name if field else "actions") for name in _ordered(table))
    for group in sorted(report.groups, key=lambda one: not _is_listed(one)):
        if group.name:
            yield group.name, group.count, *((group.name, "1") if _is_listed(group) else ("", group.name))


def _ordered(table: Table) -> list[str]:
    """The columns as a page shows them: from the left what needs somebody."""
    names = [name for name, _ in table.columns]
    return sorted(names, key=ORDERS.get(table.split, names).index)


def _charts(rows: Sequence[Row], table: Table | None) -> Iterator[dict[str, object]]:
    if table and table.split in ORDERS and any("kind" in row for row in rows):
        if table.split == "status":
            yield _chart("By status", "status", rows, "effect", EFFECTS)
        for field, title in CHARTS:
            yield _chart(title, field, rows, table.split, _ordered(table))


def _chart(
    title: str, field: str, rows: Iterable[Row], split: str, columns: Sequence[str]
) -> dict[str, object]:
    """A table whose rows are counts of a field's values, and filters; the bars only repeat the numbers."""
    counts: dict[str, Counter[object]] = {}
    for row in rows:
        counts.setdefault(str(row.get(field, "unknown")), Counter())[row.get(split)] += 1
    most = max(one.total() for one in counts.values())
    ordered = sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))
    lines = [(value, [(one, count[one]) for one in columns]) for value, count in ordered]
    return {"title": title, "field": field, "columns": columns, "lines": lines, "scale": 100 / most}
