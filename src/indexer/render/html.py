"""A report as one HTML page that needs nothing else: no network, no server, no other file.

What must be seen at once is plain HTML. The actions are JSON in the page, of which its scripts make a list;
each asset's are built only when it is opened, so that ten thousand stay light. Names and values are other
people's: the template's every expression passes `safe` and is escaped, and the scripts make text of the
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

from indexer.model.findings import FINDINGS
from indexer.model.kinds import EFFECTS
from indexer.model.meaning import Meaning
from indexer.model.snapshot import SystemName
from indexer.model.vocabulary import every_word
from indexer.render.explained import plain_words
from indexer.render.html_rows import CHANGES, Row, listed_assets, row_of, rows_by_asset
from indexer.render.of_result import WORST_FIRST
from indexer.render.report import Group, Report
from indexer.render.safe import safe
from indexer.render.words import SIGNS, counted

SYSTEMS: dict[SystemName, str] = {"s3": "S3", "docdb": "DocDB", "codeocean": "Code Ocean"}
WITHHELD = "withheld"
FACETS = (
    ("status", "Status"),
    ("change", "Since the older plan"),
    ("effect", "Effect"),
    ("system", "System"),
    ("bucket", "Bucket"),
    ("reason", "Reason"),
    ("kind", "Action"),
)
"""The counts beside the list, each of which is a filter."""
ORDERS: Mapping[str, Sequence[str]] = {
    "status": WORST_FIRST,
    "change": CHANGES,
    "effect": EFFECTS,
    "system": tuple(SYSTEMS),
}
STATES = (*WORST_FIRST, *CHANGES, *EFFECTS, WITHHELD)
"""What a count is split by: what came of an action, what became of it since an older plan, or else what it does."""
WHYS = 5
"""So many of the words that were said are shown above the list."""
KEYS = (
    ("j", "the next asset"),
    ("k", "the one before"),
    ("Enter or o", "open it, or close it"),
    ("/", "search"),
    ("Escape", "clear the search, then the filters"),
    ("?", "these keys"),
)


def report_html(report: Report) -> str:
    """The page."""
    return "".join(html_pieces(report))


def html_pieces(report: Report) -> Iterator[str]:
    """The page, piece by piece: what an action's difference reads is held no longer than it takes to write it."""
    listed = sorted((one for one in report.groups if _is_listed(one)), key=lambda one: one.rank)
    figured = report.table.split if report.table else ""
    rows = [
        (group, row_of(entry, group.title.lower() if figured == "change" else ""))
        for group in listed
        for entry in group.entries
    ]
    said = Counter(
        (str(row["status"]), str(row["why"])) for group, row in rows if group.urgent and "why" in row
    )
    yield from _template().generate(
        report=report,
        title=f"{report.name}: {report.headline}" if report.name else report.headline,
        about=" · ".join(
            filter(
                None, [report.made or f"{report.at:%Y-%m-%d %H:%M} UTC", *(one.brief for one in report.facts)]
            )
        ),
        icon=_icon(),
        mark=Markup(_part_of_page("mark.svg")),  # noqa: S704 - ours
        style=Markup(_part_of_page("style.css")),  # noqa: S704 - ours
        script=Markup(_part_of_page("list.js") + _part_of_page("script.js")),  # noqa: S704 - ours
        figures=list(_figures(report)),
        said=[(status, why, count) for (status, why), count in said.most_common(WHYS)],
        unsaid=max(0, len(said) - WHYS),
        told=[one for one in listed if one.count and one.intro],
        folds=[_fold(one, alone=not rows) for one in report.groups if _is_folded(one)],
        partial=sum(not one.complete for one in report.reads),
        facets=list(_facets([row for _, row in rows], figured)),
        keys=KEYS,
        tips=_tips(),
        findings={word: _tip(meaning) for word, meaning in FINDINGS.items()},
        listed=bool(rows),
        known={
            "signs": SIGNS,
            "states": STATES,
            "labels": SYSTEMS,
            "show": report.shown_by,
            "apply": report.applied_by,
            "tips": _tips(),
        },
        assets=_with_commas(map(_island, listed_assets(rows_by_asset(rows)))),
    )


@cache
def _tips() -> Mapping[str, str]:
    """What each word of ours means, for whoever rests on it; one that is a reason and a finding, in that order."""
    tips: dict[str, str] = {}
    for one in every_word():
        if not one.word.isdigit():
            tips.setdefault(one.word, _tip(one.meaning))
    return tips


def _tip(meaning: Meaning) -> str:
    return plain_words(f"{meaning.found} {meaning.why} What to do: {meaning.to_do}")


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


def _icon() -> str:
    """The mark in the address of the page's icon, so that nothing is fetched."""
    image = _part_of_page("mark.svg").replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return f"data:image/svg+xml;base64,{b64encode(image.encode()).decode()}"


def _with_commas(items: Iterable[Markup]) -> Iterator[Markup]:
    for at, one in enumerate(items):
        yield Markup(",") + one if at else one


def _is_listed(group: Group) -> bool:
    return group.holds in ("action", "outcome") and not group.quiet


def _is_folded(group: Group) -> bool:
    return bool(group.count and group.title and not _is_listed(group))


def _fold(group: Group, *, alone: bool) -> dict[str, object]:
    """What stands above the list, and is opened by whoever wants it; of its sections the largest first."""
    sections = [replace(one, entries=list(one.entries)) for one in group.sections()]
    words = group.words.replace("`", "")
    return {
        "id": group.name,
        "title": group.title,
        "count": 0 if group.title[:1].isdigit() else group.count,
        "words": f"{words[:1].upper()}{words[1:]}." if words else "",
        "loud": group.level == "error",
        "open": alone or group.level == "error",
        "sections": sorted(sections, key=lambda one: (-(one.count or 0), one.head)),
    }


def _figures(report: Report) -> Iterator[tuple[str, int, str, str]]:
    """The counts that matter most: what of, how many, and a filter's field and value, if it is one."""
    if table := report.table:
        names = [name for name, _ in table.columns]
        totals = dict(zip(names, table.totals, strict=True))
        order = ORDERS.get(table.split, ())
        for name in sorted(names, key=lambda one: order.index(one) if one in order else len(order)):
            yield name, totals[name], table.split if name in order else "", name
    for group in report.groups:
        if group.name and _is_listed(group):
            yield group.name, group.count, group.name, "1"


def _facets(rows: Sequence[Row], figured: str) -> Iterator[dict[str, object]]:
    """Each side of the actions that is known of them, with the counts of its values; `figured`: the figures are of it."""
    for field, title in FACETS:
        if field == figured:
            continue
        counts: dict[str, Counter[str]] = {}
        for row in rows:
            if value := row.get(field):
                counts.setdefault(str(value), Counter())[_state(row)] += 1
        if counts:
            yield _facet(field, title, counts)


def _state(row: Row) -> str:
    return WITHHELD if "held_by" in row else str(row.get("status") or row.get("change") or row.get("effect"))


def _facet(field: str, title: str, counts: Mapping[str, Counter[str]]) -> dict[str, object]:
    """Filters with their counts, the largest first; the bars only repeat the numbers."""
    order = ORDERS.get(field, ())
    ranked = sorted(
        counts.items(),
        key=lambda item: (order.index(item[0]) if order else -item[1].total(), item[0]),
    )
    lines = [
        {
            "value": value,
            "label": next((label for system, label in SYSTEMS.items() if system == value), value),
            "count": count.total(),
            "counts": [(one, count[one]) for one in STATES if count[one]],
        }
        for value, count in ranked
    ]
    most = max(count.total() for count in counts.values())
    return {"field": field, "title": title, "lines": lines, "scale": 100 / most}
