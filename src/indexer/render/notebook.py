"""A plan as a notebook shows it: a table at a glance, and where the rest is."""

from __future__ import annotations

from html import escape

from indexer.model.plan import Plan
from indexer.render.of_plan import plan_report
from indexer.render.report import Table
from indexer.render.safe import safe


def plan_html(plan: Plan) -> str:
    """What would be done, by bucket and reason; alarms first. Other people's text is escaped, and made visible."""
    report = plan_report(plan)
    alarms = [f"{alarm.title}{alarm.words} {'; '.join(alarm.lines)}" for alarm in report.alarms]
    counts = [f"{group.count:,} {group.name}" for group in report.groups if group.name and group.count]
    return "".join(
        [
            f"<p><b>{_text(report.name)}</b> {_text(report.headline)}</p>",
            *(f"<p><b>{_text(alarm)}</b></p>" for alarm in alarms),
            _table(report.table) if report.table and report.table.rows else "",
            f"<p>{_text(', '.join(counts))}</p>" if counts else "",
            "<p><code>save_plan(…)</code>, then <code>indexer show</code>, has every action and difference.</p>",
        ]
    )


def _table(table: Table) -> str:
    names = [name for name, _ in table.columns]
    head = "".join(f"<th>{_text(name)}</th>" for name in ("", *names))
    rows = [(" · ".join(filter(None, (row.bucket, row.reason))), row.counts) for row in table.rows]
    rows.append(("total", table.totals))
    body = "".join(
        f"<tr><th>{_text(name)}</th>{''.join(f'<td>{count:,}</td>' for count in counts)}</tr>"
        for name, counts in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(words: str) -> str:
    return escape(safe(words))
