"""What several reports hold: actions by asset, findings, reads that did not get to their end, counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby

from indexer.model.action import Action
from indexer.model.kinds import EFFECTS, effect
from indexer.model.plan import CoverageRow, Finding
from indexer.model.snapshot import SystemName, Via
from indexer.model.whole import Whole
from indexer.render.report import Entry, ReadRow, Section, Table, Tally
from indexer.render.words import (
    COLOURS,
    SIGNS,
    bucket_of,
    details,
    finding_line,
    incomplete_read,
    loss_words,
    target,
)

VIAS: Mapping[Via, str] = {
    "unsigned": "S3 without credentials",
    "gateway": "DocDB over its HTTP gateway, whose JSON hides types",
}
PREVIEWED = 5
DELETIONS_PREVIEWED = 2


def action_entry(
    action: Action,
    *,
    withheld: str = "",
    expected: str = "",
    was: Action | None = None,
    whole: Callable[[Action], Whole] | None = None,
) -> Entry:
    """What is written and on what, why and under which condition, and what it changes."""
    kind = effect(action)
    return Entry(
        of=action,
        mark=f"{SIGNS[kind]} {action.kind}",
        style=COLOURS[kind],
        text=target(action),
        loses=loss_words(action),
        small=details(action),
        changes=() if whole else action.changes,
        omitted=0 if whole else action.changes_omitted,
        whole=partial(whole, action) if whole else None,
        was=details(was) if was else "",
        withheld=withheld,
        expected=expected,
    )


def read_by(vias: Mapping[SystemName, Via]) -> tuple[str, ...]:
    """How systems were read, in one line, where that is not as `apply` reads them."""
    read = " and ".join(words for via, words in VIAS.items() if via in vias.values())
    return (f"Read {read}. It takes another configuration to write anything.",) if read else ()


def by_asset(entries: Iterable[Entry]) -> Iterator[Section]:
    """A section for each asset, in the order in which they come."""
    for location, group in groupby(entries, key=lambda one: one.action.location if one.action else ""):
        yield Section(group, head=location)


def finding_entry(finding: Finding, *, expected: str = "") -> Entry:
    """Which kind, where, and what is wrong there."""
    text = finding_line(finding)
    return Entry(of=finding, mark=finding.kind, style="yellow", text=text, expected=expected)


def findings_by_kind(findings: Iterable[Finding], counts: Mapping[str, int]) -> Iterator[Section]:
    """A section for each kind that was counted, whether any of it is listed or not."""
    listed: dict[str, list[Entry]] = {}
    for one in findings:
        listed.setdefault(one.kind, []).append(Entry(of=one, text=finding_line(one)))
    for kind, count in sorted(counts.items()):
        held = listed.get(kind, [])
        yield Section(held, kind, "yellow", count, count - len(held))


def telling(actions: Sequence[Action]) -> tuple[Entry, ...]:
    """The first of each reason: at most two deletions, since they weigh most, then what has differences."""
    firsts = list({action.reason: action for action in reversed(actions)}.values())[::-1]
    deletions = [one for one in firsts if effect(one) == "delete"][:DELETIONS_PREVIEWED]
    others = sorted((one for one in firsts if effect(one) != "delete"), key=lambda one: not one.changes)
    return tuple(map(action_entry, [*deletions, *others][:PREVIEWED]))


def effects_table(actions: Iterable[Action]) -> Table:
    """Actions by bucket and reason, and by what they do to what is there."""
    counts = Counter((bucket_of(one), one.reason, effect(one)) for one in actions)
    rows = (
        Tally(reason, tuple(counts[bucket, reason, one] for one in EFFECTS), bucket)
        for bucket, reason in sorted({(bucket, reason) for bucket, reason, _ in counts})
    )
    return Table("effect", tuple((one, COLOURS[one]) for one in EFFECTS), tuple(rows))


def tallied(counts: Mapping[str, Counter[str]], names: Sequence[str]) -> tuple[Tally, ...]:
    """Rows of a table from the counts of each reason."""
    return tuple(
        Tally(reason, tuple(count[one] for one in names)) for reason, count in sorted(counts.items())
    )


def reads(coverage: Iterable[CoverageRow]) -> Iterator[ReadRow]:
    """What was read, and what could not be."""
    for row in coverage:
        told = "" if row.complete else incomplete_read(row)
        yield ReadRow(row.system, row.scope, row.complete, row.count, row.why, told)
