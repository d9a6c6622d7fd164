"""A plan or a result as one HTML page that needs nothing else: no network, no server, no other file.

What must be seen at once is plain HTML. The actions are JSON in the page, of which its script makes a list;
each asset's are built only when it is opened, so that ten thousand stay light. Names and values are other
people's: here they pass `safe` and are escaped, and the script makes text of them and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import urlencode

from indexer.model.action import Action
from indexer.model.kinds import EFFECTS
from indexer.model.outcome import Result
from indexer.model.plan import Plan
from indexer.render.page.facts import plan_facts, plan_figures, plan_steps, result_facts, result_steps
from indexer.render.page.rows import Row, action_row, by_asset, outcome_row, took, withheld_row
from indexer.render.plan_text import WAYS_OUT, finding_line, withheld_lines
from indexer.render.result_text import STATUSES, UNSUCCESSFUL, result_headline
from indexer.render.safe import safe
from indexer.render.tally import headline, incomplete_reads
from indexer.render.words import SIGNS, counted

Pairs = Iterable[tuple[str, str]]
"""Facts with their names, or commands with what each is for."""
CHARTS = (("bucket", "By bucket"), ("reason", "By reason"), ("system", "By system"))
WORST_FIRST = (*UNSUCCESSFUL, *(one for one in STATUSES if one not in UNSUCCESSFUL))
POLICY = (
    "default-src 'none'; style-src '{style}'; script-src '{script}'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
WHYS = 5
"""So many of the words that were said are shown above the list."""
READS = 10
"""More than so many are folded, where all are complete."""
UNREAD = "Not everything could be read. What rests on these reads was not planned:"


def plan_html(plan: Plan, part_of: int | None = None, again: str = "plan.json") -> str:
    """The page of a plan: what it would do and why, what was withheld, found and read.

    `part_of`: so many actions has the plan that this one is a part of. `again`: what `apply` is to be given.
    """
    rows = [action_row(action) for action in plan.actions]
    held = [withheld_row(one) for one in plan.withheld]
    body = [
        *_alarm(UNREAD, list(incomplete_reads(plan)), loud=not plan.summary.complete),
        *_part(len(plan.actions), part_of),
        _next(plan_steps(plan, part_of, again)),
        _figures(plan_figures(plan)),
        *_grid("panes", [*_withheld(plan), *_findings(plan)]),
        *_grid("charts", [_chart(title, field, rows, "effect", EFFECTS) for field, title in CHARTS if rows]),
        *_grid("panes", [_coverage(plan), _facts(plan_facts(plan))]),
    ]
    state = "todo" if plan.actions or plan.withheld else "calm"
    return _page(
        f"Plan {plan.plan_id[:8]}",
        headline(plan, part_of),
        f"indexer {plan.tool_version} · made {plan.created_at:%Y-%m-%d %H:%M} UTC",
        state if plan.summary.complete else "loud",
        body,
        sorted(by_asset([*rows, *held]), key=lambda asset: str(asset["location"])),
    )


def result_html(result: Result, actions: Mapping[str, Action], again: str = "plan.json") -> str:
    """The page of a result: what came of each action, those without success first.

    `actions`: by id; empty where the plan is not at hand. `again`: what `apply` is to be given.
    """
    outcomes = sorted(result.outcomes, key=lambda one: WORST_FIRST.index(one.status))
    rows = [outcome_row(one, actions) for one in outcomes]
    shown = [one for one in WORST_FIRST if any(outcome.status == one for outcome in outcomes)]
    unhappy = [one for one in UNSUCCESSFUL if one in shown]
    words = [f"{result.summary.get(one, 0):,} {one}: {STATUSES[one][1]}" for one in unhappy]
    charts = []
    if actions and rows:
        charts.append(_chart("By status", "status", rows, "effect", EFFECTS))
        charts += [_chart(title, field, rows, "status", shown) for field, title in CHARTS]
    body = [
        *_alarm("Done in part. Without success:", words, loud=bool(unhappy)),
        _next(result_steps(result, actions, again)),
        *_whys([row for row in rows if row["status"] in unhappy]),
        _figures([(one, result.summary.get(one, 0), one, f"status={one}") for one in shown]),
        *_grid("charts", charts),
        _facts(result_facts(result)),
    ]
    title = f"Run {result.run_id[:8]} of plan {result.plan_id[:8]}"
    started = f"{result.started_at:%Y-%m-%d %H:%M:%S} UTC"
    made = f"indexer {result.tool_version} · {started}, {took(result.started_at, result.ended_at)}"
    return _page(title, result_headline(result), made, "loud" if unhappy else "calm", body, by_asset(rows))


def _page(title: str, line: str, made: str, state: str, body: Iterable[str], assets: Sequence[Row]) -> str:
    style, script = _part_of_page("style.css"), _part_of_page("script.js")
    report = {"signs": SIGNS, "orders": {"effect": EFFECTS, "status": WORST_FIRST}, "assets": assets}
    return Template(_part_of_page("page.html")).substitute(
        policy=POLICY.format(style=_digest(style), script=_digest(script)),
        title=_text(title),
        headline=_text(line),
        made=_text(made),
        state=state,
        body="\n".join(body),
        nothing="" if assets else "<p>There is no action to list.</p>",
        style=style,
        script=script,
        report=_json(report),
    )


def _part_of_page(name: str) -> str:
    return files("indexer.render.page").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """What a content security policy calls an inline text: everything between its tags."""
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _json(value: object) -> str:
    """JSON in which no tag, no comment and no entity can begin; in ASCII, so without U+2028 too."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _text(text: str) -> str:
    return escape(safe(text))


def _items(lines: Iterable[str]) -> str:
    return "".join(f"<li>{_text(line)}</li>" for line in lines)


def _alarm(title: str, lines: Iterable[str], *, loud: bool) -> Iterator[str]:
    """So loud that nobody takes the page for the whole truth."""
    if loud:
        yield f'<section class="alarm"><h2>{title}</h2><ul>{_items(lines)}</ul></section>'


def _part(shown: int, part_of: int | None) -> Iterator[str]:
    if part_of is not None:
        words = f"Only what was asked for: {shown:,} of {counted(part_of, 'action')}."
        yield f'<p class="notice">{words}</p>'


def _next(steps: Pairs) -> str:
    items = "".join(f"<li><code>{_text(step)}</code> <span>{_text(why)}</span></li>" for step, why in steps)
    listed = f"<ul>{items}</ul>" if items else "<p>Nothing: there is no action to apply.</p>"
    return f'<section class="next"><h2>What to type next</h2>{listed}</section>'


def _facts(facts: Pairs) -> str:
    rows = "".join(f"<div><dt>{name}</dt><dd>{_text(value)}</dd></div>" for name, value in facts)
    return f'<section class="facts"><h2>About</h2><dl>{rows}</dl></section>'


def _figures(figures: Iterable[tuple[str, int, str, str]]) -> str:
    """Numbers that lead to what they count: class, number, words, fragment; nought leads nowhere."""
    items = ""
    for kind, number, words, fragment in figures:
        text = f"<b>{number:,}</b> {words}"
        link = f'<a href="#{fragment}"{_filter(*fragment.split("="))}>{text}</a>'
        items += f'<li class="{kind}">{link if number else f"<span>{text}</span>"}</li>'
    return f'<ul class="figures">{items}</ul>'


def _filter(field: str, value: str | None = None) -> str:
    """What the script goes by, so that a click adds to the other filters."""
    return "" if value is None else f' data-filter="{field}" data-value="{_text(value)}"'


def _whys(rows: Sequence[Row]) -> Iterator[str]:
    """The words that were said most often: a hundred failures often have one cause."""
    counts = Counter((str(row["status"]), str(row["why"])) for row in rows if "why" in row)
    items = "".join(
        f'<li class="{status}"><b>{count:,}×</b> {status}: {_text(why)}</li>'
        for (status, why), count in counts.most_common(WHYS)
    )
    more = f"<p>and {len(counts) - WHYS:,} more, in the list below.</p>" if len(counts) > WHYS else ""
    if items:
        yield f'<section class="whys"><h2>What was said</h2><ul>{items}</ul>{more}</section>'


def _grid(name: str, parts: Sequence[str]) -> Iterator[str]:
    if parts:
        yield f'<div class="{name}">{"".join(parts)}</div>'


def _chart(title: str, field: str, rows: Sequence[Row], split: str, columns: Sequence[str]) -> str:
    """A table whose rows are counts of a field's values, and filters; the bars only repeat the numbers."""
    counts: dict[str, Counter[object]] = {}
    for row in rows:
        counts.setdefault(str(row.get(field, "unknown")), Counter())[row.get(split)] += 1
    most = max(one.total() for one in counts.values())
    heads = "".join(f'<th scope="col" class="{one}">{one}</th>' for one in columns)
    lines = ""
    for value, count in sorted(counts.items(), key=lambda item: (-item[1].total(), item[0])):
        link = f'<a href="#{_text(urlencode({field: value}))}"{_filter(field, value)}>{_text(value)}</a>'
        numbers = "".join(
            f'<td class="{one}">{count[one]:,}</td>' if count[one] else "<td>·</td>" for one in columns
        )
        lines += f'<tr><th scope="row">{link}{_bar(count, columns, most)}</th>{numbers}</tr>'
    head = f"<thead><tr><td></td>{heads}</tr></thead>"
    return f"<div><table><caption>{title}</caption>{head}<tbody>{lines}</tbody></table></div>"


def _bar(count: Counter[object], columns: Sequence[str], most: int) -> str:
    parts, start = "", 0.0
    for one in columns:
        width = 100 * count[one] / most
        parts += f'<rect class="{one}" x="{start:.2f}" width="{width:.2f}" height="4"/>' if width else ""
        start += width
    return f'<svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">{parts}</svg>'


def _withheld(plan: Plan) -> Iterator[str]:
    if plan.withheld:
        ways_out = sorted({WAYS_OUT[one.policy] for one in plan.withheld if one.policy in WAYS_OUT})
        way_out = f"<p>If that is right, plan again with {' and '.join(ways_out)}.</p>" if ways_out else ""
        yield (
            '<section id="withheld-why"><h2>Withheld by policy</h2><p>Apply leaves these alone.</p>'
            f"<ul>{_items(withheld_lines(plan))}</ul>{way_out}</section>"
        )


def _findings(plan: Plan) -> Iterator[str]:
    """By kind, the most first; what is only counted is said to be."""
    if not plan.summary.findings:
        return
    kinds = ""
    for kind, count in sorted(plan.summary.findings.items(), key=lambda item: (-item[1], item[0])):
        listed = [finding_line(one) for one in plan.findings if one.kind == kind]
        more = f"{count - len(listed):,} only counted" if count > len(listed) else ""
        words = f"{_text(kind)} <b>{count:,}</b> <small>{more}</small>"
        unfolded = f"<details><summary>{words}</summary><ul>{_items(listed)}</ul></details>"
        kinds += unfolded if listed else f"<p>{words}</p>"
    title = "<h2>Findings</h2><p>For a person to look at; nothing is written for them.</p>"
    yield f'<section id="findings">{title}{kinds}</section>'


def _coverage(plan: Plan) -> str:
    partial = sum(not row.complete for row in plan.coverage)
    words = (
        f"{counted(len(plan.coverage), 'read')}, {f'{partial:,} incomplete' if partial else 'all complete'}"
    )
    rows = "".join(
        f'<tr class="{"read" if row.complete else "unread"}"><th scope="row">{_text(row.system)}</th>'
        f"<td>{_text(row.scope)}</td><td>{'yes' if row.complete else 'NO'}</td>"
        f"<td>{row.count:,}</td><td>{_text(row.why)}</td></tr>"
        for row in plan.coverage
    )
    heads = "".join(f'<th scope="col">{one}</th>' for one in ("system", "read", "complete", "rows", "why"))
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    summary = f"<summary><h2>Coverage</h2> {words}</summary>"
    return f'<section class="coverage"><details{" open" if partial or len(plan.coverage) <= READS else ""}>{summary}{table}</details></section>'
