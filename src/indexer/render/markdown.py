"""A plan or a result as a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from indexer.model.action import Action
from indexer.model.kinds import EFFECTS
from indexer.model.outcome import Result
from indexer.model.plan import Plan
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
from indexer.render.paint import PLAIN
from indexer.render.plan_text import finding_line, withheld_lines
from indexer.render.result_text import UNSUCCESSFUL, outcome_lines, outcome_table, result_headline
from indexer.render.tally import headline, incomplete_reads, only_counted, tallies
from indexer.render.words import counted


def plan_markdown(plan: Plan, part_of: int | None = None, limit: int = MAX_CHARACTERS) -> str:
    """The plan, the first actions only where it would be too long; what is left out is counted."""
    findings = Section(
        counted(sum(plan.summary.findings.values()), "finding"),
        "finding",
        [
            *([f"{kind}: {count:,} only counted"] for kind, count in only_counted(plan)),
            *([f"{one.kind}: {finding_line(one)}"] for one in plan.findings),
        ],
    )
    withheld = Section(
        f"{counted(len(plan.withheld), 'action')} withheld",
        "asset",
        by_asset(one.action for one in plan.withheld),
        "diff",
    )
    actions = Section(
        counted(len(plan.actions), "action"), "asset", by_asset(plan.actions), "diff", opened=True
    )
    head = bounded(_plan_head(plan, part_of), min(HEAD, limit // 2))
    brief = [text for one in (findings, withheld) if (text := section_text(one, min(BRIEF, limit // 8)))]
    room = limit - sum(length(text) + 2 for text in [head, *brief]) - 2
    return "\n\n".join(filter(None, [head, section_text(actions, room), *brief])) + "\n"


def result_markdown(result: Result, actions: Mapping[str, Action], limit: int = MAX_CHARACTERS) -> str:
    """The result: the counts, and what did not succeed."""
    head = [f"### indexer apply `{code(result.run_id[:8])}`: {result_headline(result)}", ""]
    lines = [f"Plan `{code(result.plan_id[:8])}`.", "", "```", *outcome_table(result, actions, PLAIN), "```"]
    unhappy = [one for status in UNSUCCESSFUL for one in result.outcomes if one.status == status]
    blocks = [list(outcome_lines(one, actions, PLAIN)) for one in unhappy]
    section = Section(f"{counted(len(unhappy), 'action')} without success", "action", blocks, opened=True)
    text = bounded([*head, *lines], limit // 2)
    return "\n\n".join(filter(None, [text, section_text(section, limit - length(text) - 4)])) + "\n"


def _plan_head(plan: Plan, part_of: int | None) -> Iterator[str]:
    yield f"### indexer plan `{code(plan.plan_id[:8])}`: {headline(plan, part_of)}"
    if part_of is not None:
        yield ""
        yield f"Only what was asked for: {len(plan.actions):,} of {counted(part_of, 'action')}."
    if not plan.summary.complete:
        yield ""
        yield "> [!WARNING]"
        yield "> **Not everything could be read.** What rests on these reads was not planned:"
        yield from (f"> - `{code(line)}`" for line in incomplete_reads(plan))
    if plan.withheld:
        yield ""
        yield from (f"- `{code(line)}`" for line in withheld_lines(plan))
    if plan.actions:
        yield ""
        yield f"| bucket | reason | {' | '.join(EFFECTS)} |"
        yield f"|---|---|{'--:|' * len(EFFECTS)}"
        for row in tallies(plan.actions):
            if row.reason is not None:
                numbers = " | ".join(f"{row.counts[one]:,}" if row.counts[one] else "" for one in EFFECTS)
                yield f"| `{code(row.bucket)}` | {row.reason} | {numbers} |"
