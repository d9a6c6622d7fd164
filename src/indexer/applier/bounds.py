"""What a plan may ask for, however it came to be. One action beyond it, and the plan is refused whole.

Source: DOMAIN, "What must never happen" 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from indexer.applier.grounds import grounds_problem
from indexer.errors import RefusedError
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
from indexer.model.content import (
    Absent,
    ArchivedRecordContent,
    ArchiveSource,
    FieldContent,
    InlineSource,
    NewRecordContent,
    ObjectSource,
    RecordContent,
    RecordFieldSource,
    RecordSource,
    Source,
)
from indexer.model.generation import (
    CORE_FIELDS,
    DATE_PLACEHOLDER,
    DATED_NAME,
    GENERATIONS,
    METADATA_FILE,
    GenerationName,
    core_file,
    record_id,
)
from indexer.model.kinds import KINDS, runs_backwards
from indexer.model.location import SCHEME, Location, parse_location
from indexer.model.plan import Plan

CORE_FILES = frozenset(map(core_file, CORE_FIELDS))
HINT = "Nothing was written. Look at it with `indexer show`, and plan again."


@dataclass(frozen=True, slots=True)
class Bounds:
    """What this configuration manages."""

    buckets: frozenset[str]
    """Managed buckets: never the results bucket."""
    results_bucket: str | None
    collections: Mapping[GenerationName, tuple[str, str]]
    """Generation → database and collection."""
    originals_folder: str
    codeocean: bool

    @property
    def kept_in_step(self) -> frozenset[str]:
        """Every bucket: none of a run's own files gets into one."""
        return self.buckets | ({self.results_bucket} if self.results_bucket else set())


def check_bounds(plan: Plan, bounds: Bounds) -> None:
    """Raise RefusedError unless every action is within bounds and rests on earlier ones only."""
    # Earlier ones only, and of the same asset: no actions wait for each other, and assets can go in parallel.
    earlier: dict[str, Action] = {}
    undo, backwards = plan.undoes is not None, runs_backwards(plan.actions)
    for action in plan.actions:
        problem = _problem(action, bounds) or _order_problem(action, earlier, backwards)
        if undo is not (action.reason == "undo"):
            # An undo may do more (take from archives, unset fields): one forged action must not pass for a part of one.
            problem = problem or "only the plan of an undo has actions for that reason, and no others"
        if problem:
            # Cut short: the words may quote a key or a name of any length, and a plan may have been made to flood a log.
            detail = f"{action.kind} {action.id} of {action.location}: {problem}"[:500]
            raise RefusedError("The plan asks for what is not ours to write", detail, HINT)
        earlier[action.id] = action


def _order_problem(action: Action, earlier: Mapping[str, Action], backwards: bool) -> str:
    if action.id in earlier:
        return "it is in the plan twice"
    for one in action.after:
        before = earlier.get(one)
        if before is None or before.location != action.location:
            return f"it rests on {one}, which is not an earlier action of this asset"
        first, then = (action, before) if backwards else (before, action)
        if KINDS[first.kind].phase > KINDS[then.kind].phase:
            return f"it rests on a {before.kind}, which comes later"
    return ""


def _problem(action: Action, bounds: Bounds) -> str:
    location = parse_location(action.location)
    # Spelled as we spell it: with a slash at its end it would be another asset to all that groups by this text.
    if location is None or str(location) != action.location:
        return "its location is not usable"
    match action:
        case PutObject() | CopyObject() | DeleteObject():
            problem = _object_problem(action, location, bounds)
        case InsertRecord() | UpdateRecord() | DeleteRecord():
            problem = _record_problem(action, location, bounds)
        case CreateDataAsset() | ArchiveDataAsset() | DeleteDataAsset():
            problem = _data_asset_problem(action, location, bounds)
    return problem or grounds_problem(action, location, bounds.originals_folder)


def _object_problem(action: PutObject | CopyObject | DeleteObject, location: Location, bounds: Bounds) -> str:
    if location.bucket not in bounds.buckets:
        return f"{location.bucket} is not a bucket that we manage"
    if action.target.bucket != location.bucket:
        return "its object is in another bucket than its asset"
    name = action.target.key.removeprefix(location.key(""))
    if name == action.target.key:
        return f"its object is not in its asset's folder: {action.target.key!r}"
    original, dated = _original_of(name, bounds), DATE_PLACEHOLDER not in name
    match action:
        # Allowed here; that the record lacks the field and an original is there, `grounds_problem` demands.
        case DeleteObject() if name in CORE_FILES:
            return ""
        case DeleteObject(reason="metadata-file-retired") if name == METADATA_FILE:
            return ""
        case DeleteObject(reason="undo") if name == METADATA_FILE or (original is not None and dated):
            return ""
        case PutObject(content=content) if name in CORE_FILES or name == METADATA_FILE:
            return _put_problem(content.source, name, undo=action.reason == "undo")
        case PutObject(reason="undo", content=content, precondition=Absent()) if (
            original is not None and dated
        ):
            return _put_problem(content.source, name, undo=True)
        case CopyObject() if original is not None:
            return _copy_problem(action, location, core_file(original))
    return f"{name!r} is not a file that we write"


def _original_of(name: str, bounds: Bounds) -> str | None:
    """The core field whose original this file of the asset is, its date known or not."""
    folder, _, dated = name.rpartition("/")
    # A date that is known after apply has the form of one, so that a name is judged in one place.
    match = DATED_NAME.fullmatch(dated.replace(f".{DATE_PLACEHOLDER}.", ".00000000."))
    return match[1] if folder == bounds.originals_folder and match and match[1] in CORE_FIELDS else None


def _put_problem(source: Source, name: str, *, undo: bool) -> str:
    match source:
        case ArchiveSource(archive=place) if undo:
            return _archive_problem(place)
        case RecordSource() if name == METADATA_FILE:
            return ""
        case RecordFieldSource(field=field) if name == core_file(field) and not undo:
            return ""
    return f"{name} comes neither from its field of the record nor, in an undo, from an archive"


def _archive_problem(place: str) -> str:
    """An archive is a whole path, or an S3 prefix of some bucket; what it holds is named by its digest."""
    if place.startswith(SCHEME):
        bucket = place.removeprefix(SCHEME).partition("/")[0]
        return "" if bucket else "its archive names no bucket"
    path = PurePosixPath(place)
    # Not relative: it would mean another folder wherever the plan is applied from.
    whole = path.is_absolute() and ".." not in path.parts and "\0" not in place
    return "" if whole else f"its archive is not an absolute path: {place!r}"


def _copy_problem(action: CopyObject, location: Location, name: str) -> str:
    source = action.content.source
    if isinstance(source, ObjectSource) and (source.bucket, source.key) == (
        location.bucket,
        location.key(name),
    ):
        if source.etag is not None and DATE_PLACEHOLDER in action.target.key.rpartition("/")[2]:
            return "the date of a file that is there is known"
        return ""
    return f"an original is a copy of its own asset's {name}"


def _record_problem(
    action: InsertRecord | UpdateRecord | DeleteRecord, location: Location, bounds: Bounds
) -> str:
    generation = action.target.generation
    if location.bucket not in bounds.buckets and location.bucket != bounds.results_bucket:
        return f"{location.bucket} is not a bucket that we manage"
    if bounds.collections.get(generation) != (action.target.database, action.target.collection):
        return (
            f"{action.target.database}.{action.target.collection} is not where our {generation} records are"
        )
    undo = action.reason == "undo"
    match action:
        # Under any other id, two runs that register the same asset would make two records of it (decision 12).
        case InsertRecord(content=NewRecordContent()) if action.target.record_id != record_id(location):
            return "a new record's id is derived from its location"
        case InsertRecord(content=ArchivedRecordContent()) if not undo:
            return "only an undo takes a record from an archive"
        case InsertRecord(content=ArchivedRecordContent(source=source)):
            return _archive_problem(source.archive)
        case UpdateRecord() | DeleteRecord() if missing := _unseen(action):
            return f"its precondition does not name {missing}"
        case DeleteRecord():
            return _delete_problem(action, location, bounds)
        case UpdateRecord(content=content) if content.unset and not undo:
            return "only an undo takes fields out"
        case (
            InsertRecord(content=NewRecordContent(fields=fields))
            | UpdateRecord(content=RecordContent(fields=fields))
        ):
            return _fields_problem(action, fields, location)
    return ""


def _unseen(action: UpdateRecord | DeleteRecord) -> str:
    """A field that must be as it was read, and that the precondition leaves out; empty where there is none."""
    pinned = action.precondition.fields.keys()
    wanted = {"location"}
    if isinstance(action, UpdateRecord) and action.precondition.record is None:
        modified = GENERATIONS[action.target.generation].modified_field
        wanted |= {modified, *action.content.unset, *(one.field for one in action.content.fields)}
    return min(wanted - pinned, default="")  # the same one each time, since a set has no order


def _delete_problem(action: DeleteRecord, location: Location, bounds: Bounds) -> str:
    """A record goes with its folder, a result's with the result: each has evidence of its own."""
    reason = "result-gone" if location.bucket == bounds.results_bucket else "asset-gone"
    if action.precondition.record is None:
        return "its precondition does not pin the record"
    if action.reason not in (reason, "undo"):
        return f"no record is deleted there for the reason {action.reason}"
    return ""


def _fields_problem(
    action: InsertRecord | UpdateRecord, fields: Sequence[FieldContent], location: Location
) -> str:
    """Core fields come from the asset's own core files; links are the only value that stands in the plan."""
    generation = GENERATIONS[action.target.generation]
    ours = {*generation.core_fields, generation.links_field}
    unset = set(action.content.unset) if isinstance(action, UpdateRecord) else set()
    for one in fields:
        match one.source:
            case ObjectSource(bucket=bucket, key=key):
                own = (location.bucket, location.key(core_file(one.field)))
                allowed = one.field in generation.core_fields and (bucket, key) == own
            case ArchiveSource(archive=place):
                allowed = one.field in ours and action.reason == "undo" and not _archive_problem(place)
            # A value in the plan itself is nobody's but the plan's: only links, which are checked against Code Ocean.
            case InlineSource(value=value):
                links = one.field == generation.links_field and isinstance(value, dict)
                allowed = links and isinstance(action, UpdateRecord)
        if not allowed:
            return f"{one.field} is not a field that may come from there"
    return "" if unset <= ours else f"{min(unset - ours)} is not a field that we write"


def _data_asset_problem(
    action: CreateDataAsset | ArchiveDataAsset | DeleteDataAsset, location: Location, bounds: Bounds
) -> str:
    if not bounds.codeocean:
        return "Code Ocean is not configured"
    if location.bucket not in bounds.buckets:
        return f"{location.bucket} is not a bucket that we manage"
    if (action.target.bucket, action.target.prefix) != (location.bucket, location.prefix):
        return "its data asset mounts another location"
    if isinstance(action, ArchiveDataAsset) and not action.archive and action.reason != "undo":
        return "only an undo takes a data asset out of the archive"
    if isinstance(action, CreateDataAsset):
        named = {action.content.name, action.content.mount} == {location.prefix}
        return "" if named else "a new data asset is named as its folder"
    if action.reason not in ("asset-gone", "undo"):
        return f"no data asset goes for the reason {action.reason}"
    return "" if action.target.data_asset_id else "it names no data asset"
