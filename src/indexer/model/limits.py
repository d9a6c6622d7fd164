"""What a plan may do without being asked: its mode, and how much may be lost at once.

The planner withholds what goes beyond it, and `apply` counts once more; both ask here.

| what is lost  | one for each                                      | held back                    | percentage of              |
|---------------|---------------------------------------------------|------------------------------|----------------------------|
| records       | record deleted, or asset whose data assets go     | the records and data assets  | records in scope           |
| root files    | asset that loses any                              | the deletions of its files   | assets with a record       |
| links         | update that takes out ids                         | the updates, whole           | records that hold links    |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from indexer.model.action import Action, UpdateRecord
from indexer.model.generation import GENERATIONS
from indexer.model.kinds import effect, on_nothing, system_of
from indexer.model.location import parse_location
from indexer.model.plan import Measures, Scope
from indexer.model.settings import PolicyMode

ALWAYS_ALLOWED = 5
"""So many losses never exceed a percentage: one of three records is 33 %."""
ALL = 100
"""So many per cent are no limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be done without being asked."""

    mode: PolicyMode = "sync"
    max_deletes: int = 100
    max_delete_percent: float = 10.0

    @classmethod
    def of(cls, scope: Scope) -> Limits:
        """Those that a plan carries."""
        return cls(scope.policy, scope.max_deletes, scope.max_delete_percent)


@dataclass(frozen=True, slots=True)
class Hold:
    """Why an action may not go ahead."""

    policy: str
    detail: str


def mode_hold(action: Action, mode: PolicyMode) -> Hold | None:
    """Why the mode does not allow the action; None where it does."""
    if mode == "upsert-only" and deletes(action):
        return Hold("upsert-only", "nothing is deleted or archived under --policy upsert-only")
    if mode == "create-only" and not on_nothing(action):
        return Hold("create-only", "nothing that exists is changed under --policy create-only")
    return None


def deletes(action: Action) -> bool:
    """Does it delete or archive something? Taking out of the archive does not."""
    return effect(action) == "delete"


def takes_away(action: Action) -> bool:
    """Does it lose anything that has a limit: a record, a data asset, a root file, links?"""
    return any(loss.holds(action) for loss in LOSSES)


def over_limits(
    actions: Sequence[Action], measures: Mapping[str, Measures], limits: Limits
) -> dict[str, Hold]:
    """By id, the actions whose losses go beyond the limits, all of a kind or none.

    The percentage counts for each bucket, the number for all of them together. `measures`: by bucket.
    """
    holds: dict[str, Hold] = {}
    for loss in LOSSES:
        lost = loss.count(actions)
        excess = {bucket: _excess(loss, bucket, lost, measures, limits) for bucket in lost}
        for action in actions:
            hold = excess.get(_bucket(action)) if loss.holds(action) else None
            if hold is not None:
                holds[action.id] = hold
    return holds


def losses(actions: Sequence[Action]) -> int:
    """The smallest `max_deletes` under which all of these may go ahead."""
    return max(loss.count(actions).total() for loss in LOSSES)


@dataclass(frozen=True, slots=True)
class _Loss:
    """A kind of loss that has a limit of its own: one row of the table above."""

    one: str
    noun: str
    """What is lost, of one and of more."""
    units: Callable[[Iterable[Action]], Iterable[tuple[str, str]]]
    """Bucket, and what counts as one there."""
    holds: Callable[[Action], bool]
    of: Callable[[Measures], int]

    def count(self, actions: Sequence[Action]) -> Counter[str]:
        """How much of it is lost in each bucket."""
        held = [action for action in actions if self.holds(action)]
        return Counter(bucket for bucket, _ in set(self.units(held)))


def _excess(
    loss: _Loss, bucket: str, lost: Counter[str], measures: Mapping[str, Measures], limits: Limits
) -> Hold | None:
    total, count = lost.total(), lost[bucket]
    # All buckets together: the number stands for what a reviewer can take in, the percentage for what a bucket can lose.
    if total > limits.max_deletes:
        lost_words = (
            f"deletion of 1 {loss.one} exceeds" if total == 1 else f"deletions of {total} {loss.noun} exceed"
        )
        return Hold("max_deletes", f"{lost_words} the limit of {limits.max_deletes}")
    of = loss.of(measures[bucket]) if bucket in measures else 0
    # A bucket without a measure (a forged plan has none) loses all that it has.
    percent = 100 * count / of if of else 100.0
    # Not `percent > limit`: a limit of NaN, which a forged plan may carry, would hold nothing either way.
    if count > ALWAYS_ALLOWED and limits.max_delete_percent < min(percent, ALL):
        share = f"{count} of {of} {loss.noun} ({percent:.3g} %) in {bucket}"
        detail = f"deletions of {share} exceed the limit of {limits.max_delete_percent:g} %"
        return Hold("max_delete_percent", detail)
    return None


def _takes_records(action: Action) -> bool:
    return deletes(action) and system_of(action) != "s3"


def _gone_records(actions: Iterable[Action]) -> Iterable[tuple[str, str]]:
    """Each record, and each asset whose data assets go without one: those of a gone asset go with its records."""
    held = list(actions)
    with_record = {action.location for action in held if action.kind == "delete-record"}
    for action in held:
        if action.kind == "delete-record":
            yield _bucket(action), action.id
        elif action.location not in with_record:
            yield _bucket(action), action.location


def _takes_files(action: Action) -> bool:
    return deletes(action) and system_of(action) == "s3"


def _by_location(actions: Iterable[Action]) -> Iterable[tuple[str, str]]:
    return ((_bucket(action), action.location) for action in actions)


def _takes_links(action: Action) -> bool:
    """Does it take ids out of a record's links? Which ones an undo takes out is not in its plan, so any touch counts."""
    if not isinstance(action, UpdateRecord):
        return False
    content, links_field = action.content, GENERATIONS[action.target.generation].links_field
    touched = {*content.unset, *(one.field for one in content.fields)}
    return bool(content.removed_links) or (action.reason == "undo" and links_field in touched)


def _by_id(actions: Iterable[Action]) -> Iterable[tuple[str, str]]:
    return ((_bucket(action), action.id) for action in actions)


def _bucket(action: Action) -> str:
    location = parse_location(action.location)
    return location.bucket if location else ""


LOSSES = (
    _Loss("record", "records", _gone_records, _takes_records, lambda measures: measures.records),
    _Loss(
        "asset's root files",
        "assets' root files",
        _by_location,
        _takes_files,
        lambda measures: measures.assets,
    ),
    _Loss("record's links", "records' links", _by_id, _takes_links, lambda measures: measures.linked_records),
)
