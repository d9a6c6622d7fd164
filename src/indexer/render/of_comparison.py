"""What is to be told of two plans side by side: what is new first, what is gone last; what stayed is only counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from indexer.model.action import Action
from indexer.model.plan import Finding
from indexer.planner.compare import Comparison
from indexer.render.entries import action_entry, by_asset, finding_entry, tallied
from indexer.render.report import Alarm, Group, Report, Section, Table
from indexer.render.words import counted

STYLES = {"new": "red", "altered": "yellow", "gone": "green", "still there": "dim"}


def comparison_report(found: Comparison, shown_by: str = "", *, gone_listed: bool = True) -> Report:
    """The report. `shown_by`: the command that shows it. Unless `gone_listed`, what is gone is only counted, by reason.

    Of a plan that was applied, nearly all is gone: a reader asks what is new.
    """
    altered = [one.after for one in found.altered]
    news = {"new": found.new, "altered": altered}
    every = {**news, "gone": found.gone, "still there": found.still}
    gone = _listed_gone(found) if gone_listed else _counted_gone(found, shown_by)
    older = f"{found.older_plan_id[:8]} of {found.older_created_at:%Y-%m-%d %H:%M} UTC"
    return Report(
        title=(("indexer plan", found.plan_id[:8]), ("against", found.older_plan_id[:8])),
        headline=_headline(found),
        state="todo" if found.new or altered else "calm",
        at=found.created_at,
        made=f"plan {found.plan_id[:8]} of {found.created_at:%Y-%m-%d %H:%M} UTC against {older}",
        alarms=tuple(_doubts(found)),
        table=_table(every if gone_listed else news),
        groups=(
            _actions("new", [(one, None) for one in found.new]),
            _actions("altered", [(one.after, one.before) for one in found.altered]),
            _findings("new", "New findings", found.new_findings),
            *gone,
        ),
        shown_by=shown_by,
    )


def _headline(found: Comparison) -> str:
    still = len(found.still) + len(found.altered)
    altered = f" ({len(found.altered):,} altered)" if found.altered else ""
    return (
        f"{counted(len(found.new), 'new action')}, {len(found.gone):,} gone, {still:,} still there{altered}."
    )


def _doubts(found: Comparison) -> Iterator[Alarm]:
    if not found.same_scope:
        why = "The plans did not look at the same buckets, assets or days"
        yield Alarm("", f"{why}: what is new or gone may only be out of sight.")
    if not found.complete:
        why = "Not everything could be read for both plans"
        yield Alarm("", f"{why}: what is new or gone may only have been unreadable.")


def _listed_gone(found: Comparison) -> Iterator[Group]:
    yield _actions("gone", [(one, None) for one in found.gone])
    yield _findings("gone", "Findings that are gone", found.gone_findings)


def _counted_gone(found: Comparison, shown_by: str) -> Iterator[Group]:
    """In a sentence: how many for each reason and of each kind, and what lists them."""
    counts: dict[str, Counter[str]] = {
        "action": Counter(one.reason for one in found.gone),
        "finding": Counter(one.kind for one in found.gone_findings),
    }
    parts = [
        f"{counted(each.total(), noun)} ({', '.join(f'{count:,} {word}' for word, count in each.most_common())})"
        for noun, each in counts.items()
        if each
    ]
    words = f"{' and '.join(parts)}; listed by `{shown_by} --gone`"
    count = sum(each.total() for each in counts.values())
    yield Group("action", count, tuple, title="Gone", words=words, style=STYLES["gone"])


def _table(actions: dict[str, Sequence[Action]]) -> Table:
    """How many of each group have a reason."""
    counts: dict[str, Counter[str]] = {}
    for title, group in actions.items():
        for one in group:
            counts.setdefault(one.reason, Counter())[title] += 1
    columns = tuple((name, STYLES[name]) for name in actions)
    return Table("change", columns, tallied(counts, tuple(actions)), summed=False)


def _actions(title: str, actions: Sequence[tuple[Action, Action | None]]) -> Group:
    """Each with what it was before, where that is known."""
    return Group(
        "action",
        len(actions),
        lambda: by_asset(action_entry(one, was=was) for one, was in actions),
        title=title.capitalize(),
        style=STYLES[title],
        noun=f"{title} action",
        opened=title == "new",
        nested=True,
    )


def _findings(word: str, title: str, findings: Sequence[Finding]) -> Group:
    return Group(
        "finding",
        len(findings),
        lambda: [Section(map(finding_entry, findings))],
        title=title,
        noun="finding",
        word=word,
    )
