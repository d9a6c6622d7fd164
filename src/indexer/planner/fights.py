"""Who else writes: what a plan wants again, though a run of ours has written just that, and nothing of ours has undone it.

| the last that we wrote there | the plan wants | then                                     |
|------------------------------|----------------|------------------------------------------|
| nothing                      | anything       | it is new                                |
| something else               | anything       | it is wanted anew: its source has changed |
| the same                     | that           | somebody else has undone it: a finding   |

An undo of ours is a write of ours like any other, so what it took back and a plan wants again is no fight.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from indexer.model.action import (
    Action,
    ArchiveDataAsset,
    CopyObject,
    CreateDataAsset,
    DeleteDataAsset,
    DeleteObject,
    DeleteRecord,
    InsertRecord,
    PutObject,
    UpdateRecord,
)
from indexer.model.plan import Finding, Plan
from indexer.model.values import canonical

THERE, GONE = "there", "gone"
ITSELF = ""
"""The record itself, among the names of its fields."""
TIMES = 5
"""So many times are listed."""
Thing = tuple[str, ...]
"""What is written: an object, a record, a data asset."""


@dataclass(frozen=True, slots=True)
class PastWrite:
    """A write that a run of ours has carried out."""

    action: Action
    at: datetime


def wants(action: Action) -> tuple[Thing, Mapping[str, str]]:
    """What is written, and what each part of it is to be: of a record its fields."""
    match action:
        case PutObject() | CopyObject():
            return ("object", action.target.bucket, action.target.key), {ITSELF: action.content.sha256}
        case DeleteObject():
            return ("object", action.target.bucket, action.target.key), {ITSELF: GONE}
        case InsertRecord() | UpdateRecord() | DeleteRecord():
            named = action.target
            thing = ("record", named.database, named.collection, canonical(named.record_id).decode())
            return thing, dict(_fields(action))
        case CreateDataAsset():
            return ("data-asset", action.location), {ITSELF: THERE}
        case ArchiveDataAsset():
            wanted = "archived" if action.archive else THERE
            return ("data-asset", action.target.data_asset_id or ""), {ITSELF: wanted}
        case DeleteDataAsset():
            return ("data-asset", action.target.data_asset_id or ""), {ITSELF: GONE}
    assert_never(action)


def _fields(action: InsertRecord | UpdateRecord | DeleteRecord) -> Iterator[tuple[str, str]]:
    match action:
        case InsertRecord():
            yield ITSELF, THERE
        case DeleteRecord():
            yield ITSELF, GONE
        case UpdateRecord(content=content):
            yield from ((one.field, one.sha256) for one in content.fields)
            yield from ((name, GONE) for name in content.unset)


class OurLast:
    """What we wrote last of the things that a plan writes, and when."""

    def __init__(self, plan: Plan) -> None:
        """Of others nothing is kept: a history may be of years, and a plan is of a night."""
        self._last: dict[Thing, dict[str, tuple[str, list[datetime]]]] = {
            wants(action)[0]: {} for action in _wanted(plan)
        }

    def wrote(self, writes: Iterable[PastWrite]) -> None:
        """More writes, in the order in which they were made."""
        for write in writes:
            thing, parts = wants(write.action)
            held = self._last.get(thing)
            if held is None:
                continue
            for name, value in parts.items():
                if name == ITSELF and value in (THERE, GONE):
                    # A record that is new, or gone, has none of the fields that were written before.
                    for other in [one for one in held if one != ITSELF]:
                        del held[other]
                before, times = held.get(name, ("", []))
                held[name] = (value, [*(times if before == value else []), write.at])

    def times(self, action: Action) -> Mapping[str, Sequence[datetime]]:
        """By part: when the very same was written, where that was the last that we wrote there."""
        thing, parts = wants(action)
        held = self._last.get(thing, {})
        same = (
            (name, held[name]) for name, value in parts.items() if name in held and held[name][0] == value
        )
        return {name: times for name, (_, times) in same}


def _wanted(plan: Plan) -> Iterator[Action]:
    yield from plan.actions
    yield from (one.action for one in plan.withheld)


def note_fights(plan: Plan, writes: Iterable[PastWrite]) -> Plan:
    """The plan with a finding for each action that it wants again. Actions, limits and order stay as they are.

    Deterministic: in whatever order `writes` come, they count by their times.
    """
    last = OurLast(plan)
    last.wrote(sorted(writes, key=lambda one: (one.at, one.action.id)))
    found = [
        finding for action in _wanted(plan) if (finding := _fight(action, last.times(action))) is not None
    ]
    if not found:
        return plan
    findings = sorted(
        {*plan.findings, *found}, key=lambda finding: (finding.kind, finding.location or "", finding.detail)
    )
    counts = Counter(plan.summary.findings)
    counts["fought-over"] = len(set(found))
    summary = plan.summary.model_copy(update={"findings": dict(sorted(counts.items()))})
    return plan.model_copy(update={"findings": tuple(findings), "summary": summary})


def _fight(action: Action, found: Mapping[str, Sequence[datetime]]) -> Finding | None:
    """What was undone, and how often and when we had written it."""
    if not found:
        return None
    named = [name for name in found if name != ITSELF]
    times = max(found.values(), key=lambda one: (len(one), one))
    count = "once" if len(times) == 1 else f"{len(times):,} times"
    shown = ", ".join(f"{at:%Y-%m-%d %H:%M} UTC" for at in times[-TIMES:])
    more = "last on " if len(times) > TIMES else ""
    of = f" ({', '.join(sorted(named))})" if named else ""
    detail = (
        f"{action.kind} {_target(action)}{of}: written {count} ({more}{shown}), and undone by somebody since"
    )
    return Finding(kind="fought-over", location=action.location, detail=detail)


def _target(action: Action) -> str:
    thing = wants(action)[0]
    match action:
        case PutObject() | CopyObject() | DeleteObject():
            return action.target.key
        case InsertRecord() | UpdateRecord() | DeleteRecord():
            return f"{action.target.generation} record {thing[-1][:80]}"
        case CreateDataAsset() | ArchiveDataAsset() | DeleteDataAsset():
            return f"data asset {action.target.data_asset_id or ''}".rstrip()
    assert_never(action)
