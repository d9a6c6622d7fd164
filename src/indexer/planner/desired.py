"""The one decision table: what is desired of a core field's record value, root file and original.

| record has it | root file     | original copy | desired                                                     |
|---------------|---------------|---------------|-------------------------------------------------------------|
| yes           | yes           | yes           | root file = record                                          |
| yes           | yes           | no            | copy root → original, then root file = record               |
| yes           | no            | yes           | root file = record                                          |
| yes           | no            | no            | root file = record, then copy it → original                 |
| no            | yes           | yes, JSON     | root file gone                                              |
| no            | yes, JSON     | yes, not JSON | repaired: record = its value; root in our bytes             |
| no            | yes, not JSON | yes, not JSON | root file gone                                              |
| no            | yes, JSON     | no            | copy root → original; record = its value; root in our bytes |
| no            | yes, not JSON | no            | copy root → original; root file gone                        |
| no            | no            | either        | nothing                                                     |

"Has it" means present and not null; the literal null in a file is not JSON. Where several originals of a field exist, the oldest
counts. Source: DOMAIN, "Desired state of one asset".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from indexer.model.findings import FindingKind
from indexer.model.generation import Generation, core_file, oldest_originals, original_name
from indexer.model.location import Location
from indexer.model.snapshot import Asset, Folder, MustReadError, ObjectBody
from indexer.model.values import (
    NotJsonError,
    UnserialisableError,
    check_storable,
    etag_of,
    from_bytes,
    to_bytes,
)
from indexer.planner.capacity import bson_size, check_key, check_record, too_large
from indexer.planner.rules import Rules

DAY = "YYYYMMDD"
"""As long as any day in an original's name."""


class Held(Enum):
    """What the asset's root, or its originals, hold for one field."""

    ABSENT = auto()
    PRESENT = auto()
    """There, and not read."""
    JSON = auto()
    NOT_JSON = auto()


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of the table, in the words of its last column."""

    copy_root: bool = False
    """Copy the root file, as it is, to the originals first."""
    adopt: bool = False
    """The record adopts the root file's value."""
    root_from_record: bool = False
    """The root file holds the (desired) record's value in our bytes."""
    root_gone: bool = False
    copy_new: bool = False
    """Copy the root file that this plan writes to the originals."""


def decide(has: bool, root: Held, original: Held) -> Decision:  # noqa: C901  (a case for each row)
    """The table, row by row. Raises MustReadError where the content of a file that was not read decides."""
    there, kept = root is not Held.ABSENT, original is not Held.ABSENT
    match has, root, original:
        case True, _, _ if there and kept:
            return Decision(root_from_record=True)
        case True, _, _ if there:
            return Decision(copy_root=True, root_from_record=True)
        case True, _, _ if kept:
            return Decision(root_from_record=True)
        case True, _, _:
            return Decision(root_from_record=True, copy_new=True)
        case False, _, Held.JSON if there:
            return Decision(root_gone=True)
        case False, Held.JSON, Held.NOT_JSON:
            return Decision(adopt=True, root_from_record=True)
        case False, Held.NOT_JSON, Held.NOT_JSON:
            return Decision(root_gone=True)
        case False, Held.JSON, Held.ABSENT:
            return Decision(copy_root=True, adopt=True, root_from_record=True)
        case False, Held.NOT_JSON, Held.ABSENT:
            return Decision(copy_root=True, root_gone=True)
        case False, Held.ABSENT, _:
            return Decision()
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
    """What the record adopts."""
    corrupt: str = ""
    """Why the root file is not JSON, where that was read."""
    original: str | None = None
    """The name of the original that is there, below the asset's root."""


@dataclass(frozen=True, slots=True)
class FieldBlocked:
    """A value that the other side can't hold: this field's files are left alone."""

    field: str
    why: str
    in_record: bool
    """The metadata file would hold it too."""
    kind: FindingKind = "value-unserialisable"


@dataclass(frozen=True, slots=True)
class _Read:
    """What was found in a file, as far as it was looked at."""

    held: Held
    value: Any = None
    why: str = ""
    """It is not JSON, and why."""


def desire_field(
    field: str,
    record: Mapping[str, Any],
    asset: Asset,
    original: str | None,
    originals_folder: str,
) -> FieldDesire | FieldBlocked:
    """Apply the table to one field, whose original is `original`. Raises MustReadError.

    A file whose ETag is not the MD5 of the desired bytes must be read too: an ETag that differs proves nothing.
    """
    name, value = core_file(field), record.get(field)
    folder, bodies = asset.folder or Folder(exists=False), asset.bodies
    try:
        root, kept = _held(value, name if name in folder.files else None, original, bodies)
        # Only what may be adopted was read as a value; what DocDB cannot hold must not get as far as a plan.
        if root.held is Held.JSON:
            check_storable(root.value)
    except UnserialisableError as exc:
        return FieldBlocked(field, str(exc), in_record=False)
    decision = decide(value is not None, root.held, kept.held)
    try:
        _check_keys(decision, field, asset.location, originals_folder)
    except UnserialisableError as exc:
        return FieldBlocked(field, str(exc), in_record=False)
    if not decision.root_from_record:
        return FieldDesire(field, decision, corrupt=root.why, original=original)
    try:
        content = to_bytes(root.value if decision.adopt else value)
    except UnserialisableError as exc:
        return FieldBlocked(field, str(exc), in_record=True, kind=exc.finding)
    same = holds(name, content, folder, bodies)
    if same is None:
        raise MustReadError(name)
    return FieldDesire(field, decision, content, same, root.value, original=original)


def _check_keys(decision: Decision, field: str, location: Location, originals_folder: str) -> None:
    """Raise UnserialisableError where a file that is to be made would have too long a key.

    A root file needs no check: its key is shorter than that of its original, which is there or is to be made with it.
    """
    if decision.copy_root or decision.copy_new:
        check_key(location, f"{originals_folder}/{original_name(field, DAY)}")


def _held(
    value: object, root: str | None, original: str | None, bodies: Mapping[str, ObjectBody]
) -> tuple[_Read, _Read]:
    """Root file and original, read as far as their contents decide. Raises MustReadError, UnserialisableError."""
    # Where the record has the field the table looks at presence only, and without a root file at nothing: no reads.
    if value is not None or root is None:
        return _unread(root), _unread(original)
    unread = [name for name in (root, original) if name is not None and name not in bodies]
    if unread:
        raise MustReadError(*unread)
    return _content(root, bodies), _content(original, bodies)


def _unread(name: str | None) -> _Read:
    return _Read(Held.ABSENT if name is None else Held.PRESENT)


def _content(name: str | None, bodies: Mapping[str, ObjectBody]) -> _Read:
    if name is None:
        return _Read(Held.ABSENT)
    try:
        return _Read(Held.JSON, from_bytes(bodies[name].body))
    except NotJsonError as exc:
        return _Read(Held.NOT_JSON, why=str(exc))


def desire_fields(
    generation: Generation, record: Mapping[str, Any], asset: Asset, rules: Rules
) -> tuple[tuple[FieldDesire, ...], tuple[FieldBlocked, ...]]:
    """Apply the table to every core field. Raises MustReadError, once, with all that must be read."""
    folder = asset.folder or Folder(exists=False)
    desires: list[FieldDesire] = []
    blocked: list[FieldBlocked] = []
    unread: list[str] = []
    originals = oldest_originals(folder.originals)
    for field in generation.core_fields:
        try:
            desire = desire_field(field, record, asset, originals.get(field), rules.originals_folder)
        except MustReadError as exc:
            # Collected over all fields, so that an asset with many new files is asked for once, not field by field.
            if why := too_large(folder, exc.names, rules.largest_file_mb):
                blocked.append(FieldBlocked(field, why, in_record=False))
            else:
                unread.extend(exc.names)
            continue
        if isinstance(desire, FieldBlocked):
            blocked.append(desire)
        else:
            desires.append(desire)
    if unread:
        raise MustReadError(*unread)
    fitting, beyond = _within(record, desires)
    return tuple(fitting), (*blocked, *beyond)


def _within(
    record: Mapping[str, Any], desires: Sequence[FieldDesire]
) -> tuple[list[FieldDesire], list[FieldBlocked]]:
    """The desires that the record has room for, in their order, and the adoptions that it has none for."""
    # Measuring walks the whole record, and nearly no plan adopts anything.
    size = bson_size(dict(record)) if any(desire.decision.adopt for desire in desires) else 0
    fitting: list[FieldDesire] = []
    beyond: list[FieldBlocked] = []
    for desire in desires:
        try:
            if desire.decision.adopt:
                grown = size + bson_size({desire.field: desire.value})
                check_record(grown)
                size = grown
            fitting.append(desire)
        except UnserialisableError as exc:
            beyond.append(FieldBlocked(desire.field, str(exc), in_record=False))
    return fitting, beyond


def holds(name: str, content: bytes, folder: Folder, bodies: Mapping[str, ObjectBody]) -> bool | None:
    """Does the file hold exactly these bytes? None: it is there, its ETag proves nothing, and it was not read."""
    if name in bodies:
        return bodies[name].body == content
    info = folder.files.get(name)
    if info is None:
        return False
    # The size first: it spares most files that differ the MD5 of their desired bytes.
    return True if info.size == len(content) and info.etag == etag_of(content) else None
