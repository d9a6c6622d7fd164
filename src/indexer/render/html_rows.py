"""The actions of a report as its HTML page lists them: by asset, as JSON, all text made safe to be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from indexer.model.action import Action
from indexer.model.kinds import effect, system_of
from indexer.model.outcome import Outcome
from indexer.model.whole import Whole
from indexer.render.report import Entry, Group
from indexer.render.safe import safe
from indexer.render.whole_text import safe_pieces
from indexer.render.word_diff import DiffLine, Gap, is_partly_changed, shown_diff
from indexer.render.words import bucket_of, counted, details, loss_words, target

Row = dict[str, object]
"""Without a field where there is nothing to say: a report may hold ten thousand."""
NO_PLAN = "The plan is not at hand: its actions are known by their ids only."
CHANGES = ("new", "altered", "gone")
"""What became of an action since an older plan: what is new comes first."""
OF_ASSET = frozenset({"location", "bucket"})


def row_of(entry: Entry, change: str = "") -> Row:
    """An action, where its plan is at hand, and what came of it; `change`: what became of it since an older plan."""
    row = _action_row(entry.action, entry) if entry.action else {"location": NO_PLAN}
    if isinstance(entry.of, Outcome):
        row["id"] = entry.of.action_id
    facts = " · ".join(entry.facts)
    more = {"status": entry.status, "facts": facts, "why": entry.why, "held_by": entry.withheld}
    more |= {"change": change, "was": entry.was}
    row |= {name: value for name, value in more.items() if value}
    return {name: safe(value) if isinstance(value, str) else value for name, value in row.items()}


def _action_row(action: Action, entry: Entry) -> Row:
    """What, where, why, under which condition, and the differences."""
    row: Row = {
        "location": action.location,
        "bucket": bucket_of(action),
        "id": action.id,
        "effect": effect(action),
        "kind": action.kind,
        "system": system_of(action),
        "reason": action.reason,
        "target": target(action) if entry.status else entry.text,
        "details": entry.small or details(action),
    }
    if loses := loss_words(action):
        row["loses"] = loses
    if entry.whole:
        row["whole"] = entry.whole
    elif action.changes:
        changes = ((one.path, one.before, one.after) for one in action.changes)
        row["changes"] = [[None if one is None else safe(one) for one in change] for change in changes]
    if action.changes_omitted and not entry.whole:
        row["omitted"] = counted(action.changes_omitted, "more difference")
    return row


def rows_by_asset(rows: Iterable[tuple[Group, Row]]) -> list[tuple[Row, Sequence[Row]]]:
    """Assets with their rows: those that need somebody first, then those that delete, and then by name."""
    assets: dict[str, Row] = {}
    weights: dict[str, tuple[int, int, int]] = {}
    actions: dict[str, list[Row]] = {}
    for group, row in sorted(rows, key=lambda one: _weight(*one)):
        location = str(row["location"])
        weights.setdefault(location, _weight(group, row))
        assets.setdefault(location, {"location": location, "bucket": row.get("bucket", "")})
        rest = {name: value for name, value in row.items() if name not in OF_ASSET}
        actions.setdefault(location, []).append(rest)
    order = sorted(assets, key=lambda one: (weights[one], one))
    return [(assets[one], actions[one]) for one in order]


def _weight(group: Group, row: Row) -> tuple[int, int, int]:
    """The lowest comes first: what did not succeed, what is new, what is lost, what a policy keeps from being lost."""
    since = CHANGES.index(str(row["change"])) if "change" in row else 0
    return group.rank, since, 0 if row.get("effect") != "delete" else -1 if "held_by" in row else -2


def listed_assets(assets: Iterable[tuple[Row, Sequence[Row]]]) -> Iterator[Row]:
    """The assets, one at a time, each with what its actions read: it is held no longer than it takes to write it."""
    for asset, actions in assets:
        yield {**asset, "actions": [_read(one) for one in actions]}


def _read(row: Row) -> Row:
    """The row with all of its difference, where it is to be shown whole."""
    read = row.get("whole")
    return {**row, **_whole(read)} if callable(read) else row


def _whole(read: Callable[[], Whole]) -> Row:
    whole = read()
    lines = [
        ["…", f"{counted(one.lines, 'line')} the same"] if isinstance(one, Gap) else [one.sign, *_marked(one)]
        for one in shown_diff(whole.before, whole.after)
    ]
    return {"doubts": list(map(safe, whole.doubts)), "words": list(map(safe, whole.words)), "whole": lines}


def _marked(line: DiffLine) -> Iterator[str | list[str]]:
    """The parts of a line; those that changed in lists of their own."""
    partly = is_partly_changed(line)
    return ([text] if changed and partly else text for changed, text in safe_pieces(line))
