"""Policy: from planned actions to those that go ahead and those that are withheld. Nothing vanishes silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from indexer.model.action import Action, with_id
from indexer.model.content import Absent
from indexer.model.location import parse_location
from indexer.model.plan import PolicyMode, Withheld

ALWAYS_ALLOWED = 5
"""So many deletions never exceed a percentage: one of three records is 33 %."""
RECORD_DELETIONS = frozenset({"delete-record", "archive-data-asset", "delete-data-asset"})
DELETIONS = RECORD_DELETIONS | {"delete-object"}
CREATIONS = frozenset({"insert-record", "copy-object", "create-data-asset"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What a plan may do without being asked."""

    mode: PolicyMode = "sync"
    max_deletes: int = 100
    max_delete_percent: float = 10.0


@dataclass(frozen=True, slots=True)
class Hold:
    """Why an action is withheld."""

    policy: str
    detail: str


@dataclass(frozen=True, slots=True)
class Ruled:
    """What policy made of a plan's actions."""

    actions: tuple[Action, ...]
    withheld: tuple[Withheld, ...]


def apply_policy(actions: Sequence[Action], records: Mapping[str, int], limits: Limits) -> Ruled:
    """Hold back what the mode does not allow, and deletions beyond the limits.

    `records`: bucket → records in scope. What rests on a withheld write is withheld with it; what only comes
    after a withheld deletion goes ahead without it.
    """
    over_limit = _over_limit(actions, records, limits)
    held: dict[str, Hold] = {}
    resolved: dict[str, tuple[str, ...]] = {}
    allowed: list[Action] = []
    withheld: list[Withheld] = []
    for action in actions:
        rests_on = (held[one] for one in action.after if one in held and one not in resolved)
        hold = _mode_hold(action, limits.mode) or over_limit.get(action.id) or next(rests_on, None)
        after = tuple(dict.fromkeys(new for one in action.after for new in resolved.get(one, (one,))))
        if hold is not None:
            held[action.id] = hold
            withheld.append(Withheld(action=action, policy=hold.policy, detail=hold.detail))
            if action.kind in DELETIONS:
                resolved[action.id] = after
        else:
            ruled = action if after == action.after else with_id(action.model_copy(update={"after": after}))
            resolved[action.id] = (ruled.id,)
            allowed.append(ruled)
    return Ruled(tuple(allowed), tuple(withheld))


def _mode_hold(action: Action, mode: PolicyMode) -> Hold | None:
    if mode == "upsert-only" and action.kind in DELETIONS:
        return Hold("upsert-only", "nothing is deleted or archived under --policy upsert-only")
    if mode == "create-only" and not _creates(action):
        return Hold("create-only", "nothing that exists is changed under --policy create-only")
    return None


def _creates(action: Action) -> bool:
    return action.kind in CREATIONS or (
        action.kind == "put-object" and isinstance(action.precondition, Absent)
    )


def _over_limit(actions: Sequence[Action], records: Mapping[str, int], limits: Limits) -> dict[str, Hold]:
    """Deletions beyond the limits: the percentage counts for each bucket, the number for the whole plan.

    Records and root files are counted apart: gone assets, and assets that lose files.
    """
    holds: dict[str, Hold] = {}
    for counted, affected, noun in (
        ("delete-record", RECORD_DELETIONS, "records"),
        ("delete-object", frozenset({"delete-object"}), "assets' root files"),
    ):
        by_bucket: Counter[str] = Counter()
        for bucket, _ in {
            (_bucket(action), action.id if counted == "delete-record" else action.location)
            for action in actions
            if action.kind == counted
        }:
            by_bucket[bucket] += 1
        total = by_bucket.total()
        for action in actions:
            if action.kind not in affected:
                continue
            bucket = _bucket(action)
            count, of = by_bucket[bucket], records.get(bucket, 0)
            percent = 100 * count / of if of else 100.0
            if total > limits.max_deletes:
                detail = f"deletions of {total} {noun} exceed the limit of {limits.max_deletes}"
                holds[action.id] = Hold("max_deletes", detail)
            elif count > ALWAYS_ALLOWED and percent > limits.max_delete_percent:
                share = f"{count} of {of} {noun} ({percent:.3g} %) in {bucket}"
                detail = f"deletions of {share} exceed the limit of {limits.max_delete_percent:g} %"
                holds[action.id] = Hold("max_delete_percent", detail)
    return holds


def _bucket(action: Action) -> str:
    location = parse_location(action.location)
    return location.bucket if location else ""
