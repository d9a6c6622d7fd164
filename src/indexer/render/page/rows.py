"""The actions of a report as plain data, one row for each, all text made safe to be seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from indexer.model.action import Action
from indexer.model.kinds import effect, system_of
from indexer.model.outcome import BeforeImage, Outcome
from indexer.model.plan import Withheld
from indexer.model.snapshot import SystemName
from indexer.render.result_text import detail_words
from indexer.render.safe import safe
from indexer.render.tally import bucket_of
from indexer.render.words import counted, details, target

Row = dict[str, object]
"""Without a field where there is nothing to say: a report may hold ten thousand."""
SYSTEMS: dict[SystemName, str] = {"s3": "S3", "docdb": "DocDB", "codeocean": "Code Ocean"}
NO_PLAN = "The plan is not at hand: its actions are known by their ids only."
OF_ASSET = frozenset({"location", "bucket"})


def action_row(action: Action) -> Row:
    """What, where, why, under which condition, and the differences."""
    row: Row = {
        "location": safe(action.location),
        "bucket": safe(bucket_of(action)),
        "id": safe(action.id),
        "effect": effect(action),
        "kind": action.kind,
        "system": SYSTEMS[system_of(action)],
        "reason": action.reason,
        "target": target(action),
        "details": details(action),
    }
    if action.changes:
        row["changes"] = [
            [None if one is None else safe(one) for one in (change.path, change.before, change.after)]
            for change in action.changes
        ]
    if action.changes_omitted:
        row["omitted"] = counted(action.changes_omitted, "more difference")
    return row


def withheld_row(held: Withheld) -> Row:
    """An action, and what held it back."""
    return {**action_row(held.action), "withheld": safe(f"{held.policy}: {held.detail}")}


def outcome_row(outcome: Outcome, actions: Mapping[str, Action]) -> Row:
    """An action, where its plan is at hand, and what came of it."""
    action = actions.get(outcome.action_id)
    facts = []
    if outcome.ended_at > outcome.started_at:
        facts.append(f"took {took(outcome.started_at, outcome.ended_at)}")
    if outcome.attempts > 1:
        facts.append(counted(outcome.attempts, "attempt"))
    if outcome.before:
        facts.append(_before(outcome.before))
    row: Row = {"location": NO_PLAN, "id": safe(outcome.action_id)} if action is None else action_row(action)
    row["status"] = outcome.status
    if facts:
        row["facts"] = " · ".join(facts)
    if outcome.detail:
        row["why"] = detail_words(outcome.detail, actions)
    return row


def by_asset(rows: Iterable[Row]) -> list[Row]:
    """The rows under their assets, both in the order in which they come."""
    buckets: dict[object, object] = {}
    held: dict[object, list[Row]] = {}
    for row in rows:
        location = row["location"]
        buckets[location] = row.get("bucket", "")
        rest = {name: value for name, value in row.items() if name not in OF_ASSET}
        held.setdefault(location, []).append(rest)
    return [{"location": one, "bucket": buckets[one], "actions": held[one]} for one in held]


def took(started_at: datetime, ended_at: datetime) -> str:
    """How long, in two units at most."""
    seconds = (ended_at - started_at).total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _before(image: BeforeImage) -> str:
    """What was there, and by which name the archive keeps it."""
    if image.kind == "absent":
        return "nothing was there before"
    kept = f"is kept as {safe(image.archive)[:12]}…" if image.archive else "is not kept"
    return f"the {image.kind.replace('-', ' ')} from before {kept}"
