"""A verdict as Markdown, for a step's summary or a comment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from indexer.model.drift import Verdict
from indexer.render.comment import (
    BRIEF,
    HEAD,
    MAX_CHARACTERS,
    Section,
    bounded,
    by_asset,
    code,
    length,
    section_text,
)
from indexer.render.gate.text import obstacles, rule_line, unexpected, verdict_headline
from indexer.render.plan_text import finding_line
from indexer.render.tally import bucket_of
from indexer.render.words import counted


def verdict_markdown(verdict: Verdict, limit: int = MAX_CHARACTERS) -> str:
    """The counts by reason and the first differences; what is left out is counted."""
    actions = unexpected(verdict)
    drift = Section(
        counted(len(actions), "unexpected action"), "asset", by_asset(actions), "diff", opened=True
    )
    findings = Section(
        counted(verdict.totals.unexpected_findings, "unexpected finding"),
        "finding",
        [
            [f"{one.finding.kind}: {finding_line(one.finding)}"]
            for one in verdict.findings
            if one.expected_by is None
        ],
    )
    rules = Section(
        counted(len(verdict.rules), "rule"),
        "rule",
        [[f"{_state(one.expired, one.matched)}: {rule_line(one)}"] for one in verdict.rules],
        opened=bool(verdict.totals.expired_rules),
    )
    head = bounded(_head(verdict), min(HEAD, limit // 2))
    brief = [text for one in (findings, rules) if (text := section_text(one, min(BRIEF, limit // 8)))]
    room = limit - sum(length(text) + 2 for text in [head, *brief]) - 2
    return "\n\n".join(filter(None, [head, section_text(drift, room), *brief])) + "\n"


def _state(expired: bool, matched: int) -> str:
    """One word for a rule."""
    if expired:
        return "EXPIRED"
    return f"{matched:,} matched" if matched else "matches nothing"


def _head(verdict: Verdict) -> Iterator[str]:
    mark = {"in-step": "✅", "drift": "❌", "incomplete": "⚠️"}[verdict.status]
    yield f"### {mark} indexer drift: {verdict_headline(verdict)}"
    if against := list(obstacles(verdict)):
        yield ""
        yield "> [!WARNING]"
        yield "> **Not everything could be seen**, so nobody can say that there is no drift:"
        yield from (f"> - `{code(line)}`" for line in against)
    counts = Counter((bucket_of(one), one.reason) for one in unexpected(verdict))
    if counts:
        yield ""
        yield "| bucket | reason | unexpected |"
        yield "|---|---|--:|"
        yield from (
            f"| `{code(bucket)}` | {reason} | {count:,} |"
            for (bucket, reason), count in sorted(counts.items())
        )
    if verdict.totals.expected:
        yield ""
        yield f"{counted(verdict.totals.expected, 'action')} expected by rules."
