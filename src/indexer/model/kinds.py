"""Every kind of action: the system in which it writes, and what it does to what is there.

The order of writes, what a mode allows, what counts against the limits and the sign that a reviewer sees follow from this
table, so a new kind that deletes cannot escape the limits by being forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from indexer.model.action import Action, ActionKind, ArchiveDataAsset
from indexer.model.content import Absent, NotMounted
from indexer.model.snapshot import SystemName

Effect = Literal["create", "change", "delete"]
EFFECTS: tuple[Effect, ...] = ("create", "change", "delete")
PHASES: tuple[SystemName, ...] = ("codeocean", "docdb", "s3")
"""An asset's writes go from system to system in this order; where a plan is undone, the other way round.

Data assets first: a record that is gone would leave data assets that nothing leads to. The record before its files: a run
that dies in between has kept the field, and the file can be written again.
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is so of every action of a kind."""

    system: SystemName
    effect: Effect
    """On a target that is there; where none must be, every kind creates."""

    @property
    def phase(self) -> int:
        """Its place in the order of writes."""
        return PHASES.index(self.system)


KINDS: Mapping[ActionKind, Kind] = {
    "put-object": Kind("s3", "change"),
    # An original is never overwritten, so a copy only ever creates.
    "copy-object": Kind("s3", "create"),
    "delete-object": Kind("s3", "delete"),
    "insert-record": Kind("docdb", "create"),
    "update-record": Kind("docdb", "change"),
    "delete-record": Kind("docdb", "delete"),
    "create-data-asset": Kind("codeocean", "create"),
    # People lose sight of it just the same, so the limits count it.
    "archive-data-asset": Kind("codeocean", "delete"),
    "delete-data-asset": Kind("codeocean", "delete"),
}


def effect(action: Action) -> Effect:
    """What an action does to its target: archiving counts as deleting, taking that back as creating."""
    if on_nothing(action) or (isinstance(action, ArchiveDataAsset) and not action.archive):
        return "create"
    return KINDS[action.kind].effect


def on_nothing(action: Action) -> bool:
    """Must its target not be there? Then nothing that exists is changed."""
    return isinstance(action.precondition, Absent | NotMounted)


def system_of(action: Action) -> SystemName:
    """Where it writes."""
    return KINDS[action.kind].system
