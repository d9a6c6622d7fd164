"""A result as text: outcomes by status and reason, and each that did not succeed with its why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from indexer.model.action import Action
from indexer.model.outcome import Outcome, Result, Status
from indexer.render.paint import Cell, Paint, table
from indexer.render.safe import safe
from indexer.render.words import counted, target

STATUSES: dict[Status, tuple[str, str]] = {
    "applied": ("green", "written now"),
    "satisfied": ("green", "was so already"),
    "stale": ("yellow", "changed by somebody else since the plan; left alone"),
    "failed": ("red", "refused by the system"),
    "skipped": ("yellow", "not tried"),
}
UNSUCCESSFUL: tuple[Status, ...] = ("failed", "stale", "skipped")
Actions = Mapping[str, Action]
"""By id; empty where the plan of a result is not at hand."""


def result_headline(result: Result) -> str:
    """How it went, in one sentence."""
    counts = result.summary
    parts = ", ".join(f"{counts[one]:,} {one}" for one in STATUSES if counts.get(one))
    return f"{counted(len(result.outcomes), 'action')}: {parts}." if parts else "no action."


def outcome_table(result: Result, actions: Actions, paint: Paint) -> Iterator[str]:
    """Outcomes by reason and status; only the statuses that occur."""
    if not result.outcomes:
        return
    shown = [one for one in STATUSES if any(outcome.status == one for outcome in result.outcomes)]
    by_reason: dict[str, Counter[Status]] = {}
    for outcome in result.outcomes:
        action = actions.get(outcome.action_id)
        by_reason.setdefault(action.reason if action else "(plan not at hand)", Counter())[
            outcome.status
        ] += 1
    rows = [[Cell("actions", "dim"), *(Cell(one, "dim") for one in shown)]]
    rows += [[Cell(reason), *_counts(counts, shown)] for reason, counts in sorted(by_reason.items())]
    total = Counter(outcome.status for outcome in result.outcomes)
    rows.append([Cell("total", "bold"), *_counts(total, shown)])
    yield from table(rows, paint, frozenset(range(1, len(shown) + 1)))


def _counts(counts: Counter[Status], shown: list[Status]) -> Iterator[Cell]:
    for status in shown:
        yield Cell(f"{counts[status]:,}", STATUSES[status][0]) if counts[status] else Cell("·", "dim")


def outcome_lines(outcome: Outcome, actions: Actions, paint: Paint) -> Iterator[str]:
    """One outcome: what and where, and why it did not succeed."""
    action = actions.get(outcome.action_id)
    what = f"action {safe(outcome.action_id)}"
    if action is not None:
        what = f"{action.kind} {safe(action.location)} {target(action)}"
    yield f"  {paint(outcome.status, STATUSES[outcome.status][0])} {what}"
    if outcome.detail:
        attempts = f" ({outcome.attempts} attempts)" if outcome.attempts > 1 else ""
        yield f"      {detail_words(outcome.detail, actions)}{attempts}"


def detail_words(detail: str, actions: Actions) -> str:
    """The ledger's words, with the action that they may name by its id in words."""
    for word in detail.replace(",", " ").split():
        if word in actions:
            named = actions[word]
            detail = detail.replace(f"action {word}", f"{named.kind} {target(named)}")
    return safe(detail)
