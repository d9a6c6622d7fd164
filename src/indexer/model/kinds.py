"""Every kind of action: the system in which it writes, and what it does to what is there.

The order of writes, what a mode allows, what counts against the limits and the sign that a reviewer sees follow from this
table, so a new kind that deletes cannot escape the limits by being forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from indexer.model.action import Action, ActionKind, ArchiveDataAsset
from indexer.model.content import Absent, NotMounted
from indexer.model.meaning import Meaning
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
    meaning: Meaning

    @property
    def phase(self) -> int:
        """Its place in the order of writes."""
        return PHASES.index(self.system)


KINDS: Mapping[ActionKind, Kind] = {
    "put-object": Kind(
        "s3",
        "change",
        Meaning(
            "Writes a core file or the metadata file.",
            "If it overwrites a file (`~`), look at what differs; `show --full` shows all of it.",
            "The file is missing, or does not hold what the record says.",
        ),
    ),
    # An original is never overwritten, so a copy only ever creates.
    "copy-object": Kind(
        "s3",
        "create",
        Meaning(
            "Writes the bytes of a core file to an original that is not there yet.",
            "Nothing.",
            "The first upload of every core file is kept, before anything writes over it.",
        ),
    ),
    "delete-object": Kind(
        "s3",
        "delete",
        Meaning(
            "Deletes a core file, or a metadata file that is retired.",
            "Look at what it loses. A core file goes only while its original is there.",
            "The record does not have the field any more, the file cannot be read, or nobody wants metadata files.",
        ),
    ),
    "insert-record": Kind(
        "docdb",
        "create",
        Meaning(
            "Inserts a record built from core files.",
            "Check that the asset is one that should be registered.",
            "A derived asset or a result has no record in any generation.",
        ),
    ),
    "update-record": Kind(
        "docdb",
        "change",
        Meaning(
            "Sets core fields or links of a record, and its last-modified field. An undo may also remove what was not there before (`unset`).",
            "Look at it closely: DocDB is the source of truth, so a change there goes everywhere.",
            "A core file is new, or other data assets mount the asset than its record says.",
        ),
    ),
    "delete-record": Kind(
        "docdb",
        "delete",
        Meaning(
            "Deletes a record.",
            "Look at what it loses, and ask whether its asset is really gone. The record is kept in the run's archive.",
            "Its folder is gone from S3, or its result from Code Ocean.",
        ),
    ),
    "create-data-asset": Kind(
        "codeocean",
        "create",
        Meaning(
            "Creates an external data asset in Code Ocean; its files stay on S3.",
            "Nothing.",
            "A new derived asset has none, and `codeocean.register_assets` is on.",
        ),
    ),
    # People lose sight of it just the same, so the limits count it.
    "archive-data-asset": Kind(
        "codeocean",
        "delete",
        Meaning(
            "Archives an external data asset in Code Ocean; with `archive` false it brings one back.",
            "Ask whether its asset is really gone. An undo takes it out of the archive.",
            "What it mounts is gone from S3, and `codeocean.on_missing` is `archive`.",
        ),
    ),
    "delete-data-asset": Kind(
        "codeocean",
        "delete",
        Meaning(
            "Deletes an external data asset in Code Ocean for good.",
            'Be sure: nothing can bring it back. `codeocean.on_missing = "archive"` can be undone.',
            "What it mounts is gone from S3, and `codeocean.on_missing` is `delete`; or an undo takes its creation back.",
        ),
    ),
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


def runs_backwards(actions: Sequence[Action]) -> bool:
    """Do files come before records, as where a plan is undone? One order holds for a whole plan."""
    kinds = {action.id: action.kind for action in actions}
    return any(
        KINDS[kinds[one]].phase > KINDS[action.kind].phase
        for action in actions
        for one in action.after
        if one in kinds
    )
