"""What a plan or a result is made of, in words: short, each on one line, and as others wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, assert_never

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
    ArchiveSource,
    AsRead,
    Content,
    HasBytes,
    HasEtag,
    Mounted,
    NewRecordContent,
    NotMounted,
    ObjectSource,
    RecordTarget,
)
from indexer.model.counting import counted as counted
from indexer.model.drift import RuleUse
from indexer.model.kinds import Effect
from indexer.model.location import parse_location
from indexer.model.loses import Loses
from indexer.model.plan import CoverageRow, Finding

SIGNS: dict[Effect, str] = {"create": "+", "change": "~", "delete": "-"}
COLOURS: dict[Effect, str] = {"create": "green", "change": "yellow", "delete": "red"}


def target(action: Action) -> str:
    """What is written: a file relative to its asset's folder, a record, or a data asset."""
    match action:
        case PutObject() | CopyObject() | DeleteObject():
            folder = action.location.partition("://")[2].partition("/")[2]
            return action.target.key.removeprefix(f"{folder}/")
        case InsertRecord() | UpdateRecord() | DeleteRecord():
            return f"{action.target.generation} record {_record_id(action.target)}"
        case CreateDataAsset() | ArchiveDataAsset() | DeleteDataAsset():
            return f"data asset {action.target.data_asset_id or '(id known after apply)'}"
    assert_never(action)


def _record_id(named: RecordTarget) -> str:
    value: Any = named.record_id
    return (value if isinstance(value, str) else str(value))[:80]


def details(action: Action) -> str:
    """Why, from what, how much, and what must still hold when it is written."""
    return " · ".join((action.reason, *_content(action), precondition(action)))


def _content(action: Action) -> Iterator[str]:
    match action:
        case PutObject() | CopyObject():
            yield from _object_content(action.content)
        case InsertRecord(content=NewRecordContent() as content):
            filled = ", ".join(one.field for one in content.fields)
            yield f"named {content.name}"
            yield f"with {filled}" if filled else "without any core field"
        case InsertRecord():
            yield "as it was before it was deleted"
        case UpdateRecord(content=content):
            sets = [one.field for one in content.fields]
            for verb, fields in (("sets", sets), ("takes out", content.unset)):
                if fields:
                    yield f"{verb} {', '.join(fields)}"
        case CreateDataAsset(content=content):
            yield f"named {content.name}, tags {', '.join(content.tags)}"
        case ArchiveDataAsset(archive=False):
            yield "taken out of the archive"


def _object_content(content: Content) -> Iterator[str]:
    match content.source:
        case ObjectSource(key=key):
            yield f"from {key.rpartition('/')[2]}"
        case ArchiveSource():
            yield "as it was before"
    yield size_text(content.size) if content.size is not None else "size known after apply"


def precondition(action: Action) -> str:
    """The condition of the write, in short."""
    match action.precondition:
        case Absent():
            return "if none is there yet"
        case HasEtag(etag=etag):
            return f"if still ETag {etag[:8]}…"
        case HasBytes():
            return "if it holds what the run wrote"
        case AsRead(record=None):
            return "if still as it was read"
        case AsRead():
            return "if no field has changed"
        case Mounted():
            return "if it still mounts this asset"
        case NotMounted():
            return "if none mounts this asset yet"
    assert_never(action.precondition)


def loss_words(action: Action) -> str:
    """What goes with a deletion, as far as its plan tells; empty for what deletes nothing."""
    loses = action.loses
    return "" if loses is None else " · ".join(_lost(loses))


def _lost(loses: Loses) -> Iterator[str]:
    if loses.name is not None:
        yield f"named {loses.name}"
    if loses.size is not None:
        yield size_text(loses.size)
    if loses.fields is not None:
        yield counted(loses.fields, "field")
    if loses.modified is not None:
        yield f"last changed {loses.modified}"
    if loses.mount is not None:
        yield f"mounts {loses.mount}"
    if loses.linked is not None:
        yield _linked(loses.linked, loses.linked_omitted or 0)


def _linked(ids: Sequence[str], omitted: int) -> str:
    """Which data assets are left without it."""
    if not ids:
        return "no data asset linked"
    more = f" and {omitted:,} more" if omitted else ""
    noun = "data asset" if len(ids) + omitted == 1 else "data assets"
    return f"linked to {noun} {', '.join(ids)}{more}"


def bucket_of(action: Action) -> str:
    """The bucket of an action's asset."""
    location = parse_location(action.location)
    return location.bucket if location else action.location


def finding_line(finding: Finding) -> str:
    """Where, and what is wrong there."""
    return ": ".join(part for part in (finding.location, finding.detail) if part)


def rule_line(use: RuleUse) -> str:
    """One rule: what it expects, until when, for whom, and why."""
    rule = use.rule
    what = " ".join(filter(None, (rule.action, rule.reason, rule.finding))) or "any action"
    return f"{what} on {rule.asset!r} until {rule.until} ({rule.owner}: {rule.why})"


def incomplete_read(row: CoverageRow) -> str:
    """One read that did not get to its end, and what to do about it."""
    hint = f" → {row.hint}" if row.hint else ""
    return f"{row.system}: {row.scope}: {row.why} ({row.count:,} read){hint}"


def detail_words(detail: str, actions: Mapping[str, Action]) -> str:
    """The ledger's words, with the action that they may name by its id in words."""
    for word in detail.replace(",", " ").split():
        if word in actions:
            named = actions[word]
            detail = detail.replace(f"action {word}", f"{named.kind} {target(named)}")
    return detail


def took(started_at: datetime, ended_at: datetime) -> str:
    """How long, in two units at most."""
    seconds = (ended_at - started_at).total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size_text(size_bytes: int) -> str:
    """A number of bytes, in at most four digits."""
    amount = float(size_bytes)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} GB"
