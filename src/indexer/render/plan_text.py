"""Parts of a plan as text, for the formats that are made of it."""

from __future__ import annotations

from collections.abc import Iterator

from indexer.model.action import Action
from indexer.model.content import Change
from indexer.model.kinds import effect
from indexer.model.plan import Finding, Plan
from indexer.render.paint import Paint
from indexer.render.safe import safe
from indexer.render.tally import (
    withheld_whys,
)
from indexer.render.words import COLOURS, SIGNS, counted, details, target

WAYS_OUT = {
    "max_deletes": "a higher --max-deletes",
    "max_delete_percent": "a higher --max-delete-percent",
    "upsert-only": "--policy sync",
    "create-only": "--policy sync",
}


def withheld_lines(plan: Plan) -> Iterator[str]:
    """How much policy held back, and its words."""
    for count, policy, detail in withheld_whys(plan):
        yield safe(f"{counted(count, 'action')} withheld by {policy}: {detail}")


def action_lines(action: Action, paint: Paint) -> Iterator[str]:
    """One action: what and on what, the small print, and its differences."""
    kind = effect(action)
    yield f"  {paint(f'{SIGNS[kind]} {action.kind}', COLOURS[kind])} {target(action)}"
    yield paint(f"      {details(action)}", "dim")
    for change in action.changes:
        yield from _change(change, paint)
    if action.changes_omitted:
        yield paint(f"      and {counted(action.changes_omitted, 'more difference')}", "dim")


def _change(change: Change, paint: Paint) -> Iterator[str]:
    yield f"      {safe(change.path)}"
    if change.before is not None:
        yield paint(f"        - {safe(change.before)}", "red")
    if change.after is not None:
        yield paint(f"        + {safe(change.after)}", "green")


def finding_line(finding: Finding) -> str:
    """Where, and what is wrong there."""
    return safe(": ".join(part for part in (finding.location, finding.detail) if part))
