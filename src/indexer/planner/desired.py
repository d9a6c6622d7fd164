"""The one decision table: what is desired of a core field's record value, root file and original.

| record has it | root file     | original copy | desired                                                     |
|---------------|---------------|---------------|-------------------------------------------------------------|
| yes           | yes           | yes           | root file = record                                          |
| yes           | yes           | no            | copy root → original, then root file = record               |
| yes           | no            | yes           | root file = record                                          |
| yes           | no            | no            | root file = record, then copy it → original                 |
| no            | yes           | yes           | root file gone                                              |
| no            | yes, JSON     | no            | copy root → original; record = its value; root in our bytes |
| no            | yes, not JSON | no            | copy root → original; root file gone                        |
| no            | no            | either        | nothing                                                     |

"Has it" means present and not null. Source: DOMAIN, "Desired state of one asset".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from indexer.model.generation import Generation, core_file
from indexer.model.snapshot import Folder, MustReadError, ObjectBody
from indexer.model.values import (
    NotJsonError,
    UnserialisableError,
    check_storable,
    etag_of,
    from_bytes,
    to_bytes,
)


class RootFile(Enum):
    """What the asset's root holds for one field."""

    ABSENT = auto()
    PRESENT = auto()
    """There, and not read: where the record has the field, its content does not matter."""
    JSON = auto()
    NOT_JSON = auto()


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of the table, in the words of its last column."""

    copy_root: bool = False
    """Copy the root file, as it is, to the originals first."""
    adopt: bool = False
    """The record takes over the root file's value."""
    root_from_record: bool = False
    """The root file holds the (desired) record's value in our bytes."""
    root_gone: bool = False
    copy_new: bool = False
    """Copy the root file that this plan writes to the originals."""


def decide(has: bool, root: RootFile, original: bool) -> Decision:
    """The table. Raises MustReadError where the content of a root file that was not read decides."""
    match has, root, original:
        case True, RootFile.ABSENT, True:
            return Decision(root_from_record=True)
        case True, RootFile.ABSENT, False:
            return Decision(root_from_record=True, copy_new=True)
        case True, _, True:
            return Decision(root_from_record=True)
        case True, _, False:
            return Decision(copy_root=True, root_from_record=True)
        case False, RootFile.ABSENT, _:
            return Decision()
        case False, _, True:
            return Decision(root_gone=True)
        case False, RootFile.JSON, False:
            return Decision(copy_root=True, adopt=True, root_from_record=True)
        case False, RootFile.NOT_JSON, False:
            return Decision(copy_root=True, root_gone=True)
    raise MustReadError


@dataclass(frozen=True, slots=True)
class FieldDesire:
    """What is desired of one core field."""

    field: str
    decision: Decision
    content: bytes | None = None
    """The root file's bytes, where there is to be one."""
    in_step: bool = False
    """The root file holds exactly these already."""
    value: Any = None
    """What the record takes over."""
    corrupt: str = ""
    """Why the root file is not JSON, where that was read."""


@dataclass(frozen=True, slots=True)
class FieldBlocked:
    """A value that the other side can't hold: this field's files are left alone."""

    field: str
    why: str
    in_record: bool
    """The metadata file would hold it too."""


def desire_field(
    field: str, record: Mapping[str, Any], folder: Folder, bodies: Mapping[str, ObjectBody]
) -> FieldDesire | FieldBlocked:
    """Apply the table to one field. Raises MustReadError.

    A file whose ETag is not the MD5 of the desired bytes must be read too: an ETag that differs proves nothing.
    """
    name = core_file(field)
    value = record.get(field)
    original = field in folder.originals
    if name not in folder.files:
        root = RootFile.ABSENT
    elif value is not None:
        root = RootFile.PRESENT
    elif name not in bodies:
        raise MustReadError(name)
    else:
        try:
            value, root = from_bytes(bodies[name].body), RootFile.JSON
            check_storable(value)
        except NotJsonError as exc:
            return FieldDesire(field, decide(False, RootFile.NOT_JSON, original), corrupt=str(exc))
        except UnserialisableError as exc:
            return FieldBlocked(field, str(exc), in_record=False)
    decision = decide(record.get(field) is not None, root, original)
    if not decision.root_from_record:
        return FieldDesire(field, decision)
    try:
        content = to_bytes(value)
    except UnserialisableError as exc:
        return FieldBlocked(field, str(exc), in_record=True)
    same = holds(name, content, folder, bodies)
    if same is None:
        raise MustReadError(name)
    return FieldDesire(field, decision, content, same, value if decision.adopt else None)


def desire_fields(
    generation: Generation, record: Mapping[str, Any], folder: Folder, bodies: Mapping[str, ObjectBody]
) -> tuple[tuple[FieldDesire, ...], tuple[FieldBlocked, ...]]:
    """Apply the table to every core field. Raises MustReadError, once, with all that must be read."""
    desires: list[FieldDesire] = []
    blocked: list[FieldBlocked] = []
    unread: list[str] = []
    for field in generation.core_fields:
        try:
            desire = desire_field(field, record, folder, bodies)
        except MustReadError as exc:
            unread.extend(exc.names)
            continue
        if isinstance(desire, FieldBlocked):
            blocked.append(desire)
        else:
            desires.append(desire)
    if unread:
        raise MustReadError(*unread)
    return tuple(desires), tuple(blocked)


def holds(name: str, content: bytes, folder: Folder, bodies: Mapping[str, ObjectBody]) -> bool | None:
    """Does the file hold exactly these bytes? None: it is there, its ETag proves nothing, and it was not read."""
    if name in bodies:
        return bodies[name].body == content
    info = folder.files.get(name)
    if info is None:
        return False
    return True if info.size == len(content) and info.etag == etag_of(content) else None
