"""What the actions of one asset would write, and over what: read as `apply` reads it, judged as it judges, and not written."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from indexer.applier.contents import Body, SourceChangedError, Sources
from indexer.applier.evidence import Evidence
from indexer.applier.guard import (
    PROCEED,
    Judgement,
    Ruling,
    judge_copy,
    judge_delete,
    judge_insert,
    judge_put,
    judge_record_delete,
    judge_update,
    payload,
    pinned,
    stale,
)
from indexer.errors import SystemFaultError
from indexer.model.action import (
    Action,
    ArchiveDataAsset,
    CopyObject,
    CreateDataAsset,
    DataAssetAction,
    DeleteDataAsset,
    DeleteObject,
    DeleteRecord,
    InsertRecord,
    PutObject,
    UpdateRecord,
)
from indexer.model.content import (
    ArchivedRecordContent,
    ArchiveSource,
    NewRecordContent,
    ObjectSource,
    RecordFieldSource,
    RecordSource,
)
from indexer.model.generation import GENERATIONS, GenerationName, new_record
from indexer.model.ids import id_from_plan, id_key
from indexer.model.location import Location
from indexer.model.ports import ObjectReader, RecordReader
from indexer.model.snapshot import DataAsset, ObjectBody
from indexer.model.spelling import spellings
from indexer.model.values import Foreign, NotJsonError, Oid, UnserialisableError, from_bytes, to_bytes
from indexer.model.whole import KNOWN_AFTER_APPLY, Whole

NOT_REVIEWED = "its content is not what it was when the plan was reviewed"
SearchMounted = Callable[[], Sequence[DataAsset]]
"""All external data assets that are not archived."""


@dataclass(frozen=True, slots=True)
class AssetPreview:
    """Previews the actions of one asset; what it has read it reads no second time."""

    location: Location
    actions: Sequence[Action]
    """All of the plan's for this asset, in their order."""
    objects: ObjectReader
    records: RecordReader
    sources: Sources
    evidence: Evidence
    generations: Sequence[GenerationName]
    mounted: SearchMounted
    _found: dict[GenerationName, Sequence[Body]] = field(default_factory=dict)

    def of(self, action: Action) -> Whole:
        """One action's difference. What cannot be read is said as a doubt, and no error."""
        try:
            shown = self._shown(action)
            against = self.evidence.against(self._alone(action))
        except SystemFaultError as exc:
            return Whole(doubts=(f"it could not be read: {exc.what}",), unread=True)
        doubts = (*shown.doubts, *([against] if against and against not in shown.doubts else []))
        return Whole(shown.before, shown.after, shown.words, doubts)

    def _shown(self, action: Action) -> Whole:
        match action:
            case PutObject():
                return self._put(action)
            case CopyObject():
                return self._copy(action)
            case DeleteObject():
                live = self._file(action.target.key)
                return _judged(
                    judge_delete(action, live), None if live is None else file_text(live.body), None
                )
            case InsertRecord() | UpdateRecord() | DeleteRecord():
                return self._record(action)
            case CreateDataAsset() | ArchiveDataAsset() | DeleteDataAsset():
                return _judged(self._data_asset(action), None, None)

    def _alone(self, action: Action) -> Action:
        """The action without what it rests on and an earlier one of the plan will bring about."""
        if action.rests_on is None:
            return action
        brought: dict[str, None] = {}
        for one in self.actions:
            if isinstance(one, CopyObject) and one.target.key == action.rests_on.original:
                brought["original"] = None
            if isinstance(one, PutObject) and one.target.key == action.rests_on.root:
                brought["root"] = None
            if isinstance(one, InsertRecord) and action.rests_on.lacks is not None:
                brought["lacks"] = None
            # In an undo the originals of adopted fields go before the record loses them.
            if isinstance(one, DeleteObject) and one.id != action.id:
                brought["no_original"] = None
        return action.model_copy(update={"rests_on": action.rests_on.model_copy(update=brought)})

    def _put(self, action: PutObject) -> Whole:
        live = self._file(action.target.key)
        before = None if live is None else file_text(live.body)
        try:
            body, wanted = self._content(action)
        except SourceChangedError as exc:
            return Whole(before, before, doubts=(str(exc),))
        if body is None:
            return Whole(before, wanted, doubts=(NOT_REVIEWED,))
        after = file_text(body)
        words = [] if live is None or before != after or live.body == body else [_spelled(live.body)]
        return _judged(judge_put(action, live, body), before, after, *words)

    def _content(self, action: PutObject) -> tuple[bytes | None, str | None]:
        """The reviewed bytes, or what would be in their place; raises SourceChangedError where there is nothing."""
        match action.content.source:
            case ArchiveSource() as source:
                body = self.sources.archived(source)
                return (body if pinned(action.content, body) else None), file_text(body)
            case RecordFieldSource(generation=generation, field=name):
                record = self._after(generation)
                return payload(action.content, record, name), value_text(record.get(name))
            case RecordSource(generation=generation):
                record = self._after(generation)
                return payload(action.content, record, None), value_text(record)
        raise SourceChangedError("its content comes from nowhere that is known")

    def _copy(self, action: CopyObject) -> Whole:
        """Its bytes are another file's: to show them would only say that once more."""
        source = action.content.source
        judgement = judge_copy(action, self._file(action.target.key))
        if not isinstance(source, ObjectSource):
            return _judged(judgement, None, None)
        name = source.key.rpartition("/")[2]
        if source.etag is not None and judgement.ruling is Ruling.PROCEED:
            read = self._file(source.key)
            if read is None or read.etag != source.etag or not pinned(action.content, read.body):
                judgement = stale("the file that it copies was changed")
        return _judged(judgement, None, None, f"the same bytes as {name}")

    def _file(self, key: str) -> ObjectBody | None:
        return self.objects.get(self.location.bucket, key)

    def _held(self, generation: GenerationName) -> Sequence[Body]:
        """The records at the location."""
        if generation not in self._found:
            found = self.records.by_location(generation, (self.location,))
            self._found[generation] = [dict(one) for one in found]  # they are shown whole
        return self._found[generation]

    def _live(self, action: UpdateRecord | DeleteRecord) -> Body | None:
        """The record that the action names, wherever it is by now."""
        wanted = id_from_plan(action.target.record_id)
        held = self._held(action.target.generation)
        there = [one for one in held if id_key(one["_id"]) == id_key(wanted)]
        return next(map(dict, there or self.records.by_id(action.target.generation, (wanted,))), None)

    def _record(self, action: InsertRecord | UpdateRecord | DeleteRecord) -> Whole:
        match action:
            case InsertRecord():
                held = [one for generation in self.generations for one in self._held(generation)]
                judgement, live = judge_insert(action, held), None
            case UpdateRecord():
                live = self._live(action)
                judgement = judge_update(action, live)
            case DeleteRecord():
                live = self._live(action)
                judgement = judge_record_delete(action, live)
        before = None if live is None else value_text(live)
        if isinstance(action, DeleteRecord):
            return _judged(judgement, before, None)
        try:
            return _judged(judgement, before, value_text(self._written(action, live or {})))
        except SourceChangedError as exc:
            return Whole(before, before, doubts=(str(exc),))

    def _after(self, generation: GenerationName) -> Body:
        """The record as it is when files are written from it. Raises SourceChangedError where there is none."""
        for action in self.actions:
            if isinstance(action, InsertRecord | UpdateRecord) and action.target.generation == generation:
                live = None if isinstance(action, InsertRecord) else self._live(action)
                return self._written(action, live or {})
        held = self._held(generation)
        if len(held) != 1:
            raise SourceChangedError(
                "the asset has no record by now" if not held else "two records have this location by now"
            )
        return held[0]

    def _written(self, action: InsertRecord | UpdateRecord, live: Body) -> dict[str, Any]:
        """The record as the action would leave it. Raises SourceChangedError."""
        later = dict.fromkeys(action.content.known_after_apply, KNOWN_AFTER_APPLY)
        match action.content:
            case ArchivedRecordContent(source=source):
                return {**self.sources.archived_record(source), **later}
            case NewRecordContent() as content:
                values = {one.field: self.sources.value(one) for one in content.fields}
                shape = GENERATIONS[action.target.generation]
                return {
                    **new_record(shape, self.location, content.name, values, content.links, None),
                    **later,
                }
            case content:
                values = {one.field: self.sources.value(one) for one in content.fields}
                kept = {key: value for key, value in live.items() if key not in content.unset}
                return {**kept, **values, **later}

    def _data_asset(self, action: DataAssetAction) -> Judgement:
        """As far as a search tells."""
        mounted = self.mounted()
        if isinstance(action, CreateDataAsset):
            there = any(one.location == self.location for one in mounted)
            return stale("a data asset mounts the location by now") if there else PROCEED
        found = next((one for one in mounted if one.id == action.target.data_asset_id), None)
        if isinstance(action, ArchiveDataAsset) and not action.archive:
            return PROCEED
        if found is None:
            return stale("no search shows the data asset any more")
        return PROCEED if found.location == self.location else stale("it mounts another location by now")


def _spelled(body: bytes) -> str:
    """Where both texts are the same, the bytes are not."""
    try:
        from_bytes(body)
    except (NotJsonError, UnserialisableError):
        return "the same text in other bytes"
    ways = (f"{one.what} ({one.theirs}{f' → {one.ours}' if one.ours else ''})" for one in spellings(body))
    return f"the same value in other bytes: {', '.join(ways)}"


def _judged(judgement: Judgement, before: str | None, after: str | None, *words: str) -> Whole:
    match judgement.ruling:
        case Ruling.SATISFIED:
            return Whole(before, after, (*words, "it is so already"))
        case Ruling.STALE:
            return Whole(before, after, words, (judgement.why,))
        case Ruling.PROCEED:
            return Whole(before, after, words)


def file_text(body: bytes) -> str:
    """A file's value in our form, so that only what it says differs; of what is not JSON the text."""
    try:
        return value_text(from_bytes(body))
    except (NotJsonError, UnserialisableError):
        return body.decode("utf-8", "backslashreplace")


def value_text(value: object) -> str:
    """A value of a record in our form. What no file can hold stands there as Extended JSON."""
    try:
        return to_bytes(value).decode("utf-8")
    except (UnserialisableError, RecursionError):
        pass
    try:
        text = json.dumps(value, indent=3, ensure_ascii=False, sort_keys=True, default=_odd)
    except (RecursionError, ValueError, TypeError):
        return "(nested too deeply to be shown)"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _odd(value: object) -> Any:
    match value:
        case Foreign(extended_json=form):
            return json.loads(form)
        case Oid(hex=text):
            return text
    return str(value)
