"""Pure: precondition × live → proceed, satisfied or stale. What is so already is not written again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from indexer.model.action import CopyObject, DeleteObject, DeleteRecord, InsertRecord, PutObject, UpdateRecord
from indexer.model.content import Absent, AsRead, Content, HasBytes, HasEtag, InlineSource
from indexer.model.generation import GENERATIONS
from indexer.model.links import InvalidLinksError, read_links
from indexer.model.location import parse_location
from indexer.model.snapshot import ObjectBody
from indexer.model.values import UnserialisableError, blanked, fingerprint, sha256, to_bytes


class Ruling(Enum):
    """What becomes of an action."""

    PROCEED = auto()
    SATISFIED = auto()
    STALE = auto()


@dataclass(frozen=True, slots=True)
class Judgement:
    """A ruling, and for people why."""

    ruling: Ruling
    why: str = ""


UNNAMED = "the record's links would lose data assets that the plan does not name"
CHANGED = "the file was changed since the plan"
PROCEED = Judgement(Ruling.PROCEED)
SATISFIED = Judgement(Ruling.SATISFIED)


def stale(why: str) -> Judgement:
    """Somebody else was there since the plan."""
    return Judgement(Ruling.STALE, why)


def judge_put(action: PutObject, live: ObjectBody | None, body: bytes) -> Judgement:
    """| live object       | precondition | verdict   |
    |-------------------|--------------|-----------|
    | these bytes       | either       | satisfied |
    | none              | absent       | proceed   |
    | the planned ETag  | etag         | proceed   |
    | the planned bytes | bytes        | proceed   |
    | anything else     |              | stale     |
    """
    # Before the precondition: after a lost answer the file has our bytes and an ETag that no plan knew.
    if live is not None and live.body == body:
        return SATISFIED
    if live is None:
        return PROCEED if isinstance(action.precondition, Absent) else stale("the file is gone")
    if isinstance(action.precondition, Absent):
        return stale("there is a file now where none was")
    return PROCEED if _holds_what_was_seen(action.precondition, live) else stale(CHANGED)


def _holds_what_was_seen(precondition: HasEtag | HasBytes, live: ObjectBody) -> bool:
    match precondition:
        case HasEtag(etag=etag):
            return live.etag == etag
        case HasBytes(sha256=digest):
            return sha256(live.body) == digest


def judge_copy(action: CopyObject, live: ObjectBody | None) -> Judgement:
    """An original is never overwritten: it is the planned copy, or somebody else's."""
    if live is None:
        return PROCEED
    if sha256(live.body) == action.content.sha256:
        return SATISFIED
    return stale("there is another original by now")


def judge_delete(action: DeleteObject, live: ObjectBody | None) -> Judgement:
    """Gone is satisfied; another ETag is stale."""
    if live is None:
        return SATISFIED
    return PROCEED if _holds_what_was_seen(action.precondition, live) else stale(CHANGED)


def pinned(content: Content, body: bytes) -> bool:
    """Does the content, read again from its source, hash to what was reviewed?"""
    return sha256(body) == content.sha256


def payload(content: Content, record: Mapping[str, Any], field: str | None) -> bytes | None:
    """The bytes that a file gets from the live record; None where they are not what was reviewed.

    Fields that are known after apply were null when the reviewed digest was taken. Source: DESIGN, promise 3.
    """
    value: Any = dict(record) if field is None else record.get(field)
    # Null counts as absent, as in the decision table: a file must not come to hold the literal null.
    if value is None:
        return None
    try:
        body = to_bytes(value)
        unknown = content.known_after_apply if field is None else ()
        # Twice only where there is something that the review could not know: most of the work is to serialise.
        reviewed = to_bytes(blanked(value, unknown)) if unknown else body
        return body if pinned(content, reviewed) else None
    except UnserialisableError:
        return None


def judge_insert(action: InsertRecord, live: Sequence[Mapping[str, Any]]) -> Judgement:
    """`live`: what any generation holds at the location or under the new id."""
    if not live:
        return PROCEED
    unknown = action.content.known_after_apply
    # Without its times, which no two runs share: so a second run knows the record that the first one made.
    if len(live) == 1 and fingerprint(blanked(live[0], unknown)) == action.content.sha256:
        return SATISFIED
    return stale("the asset has a record by now")


def judge_update(action: UpdateRecord, live: Mapping[str, Any] | None) -> Judgement:
    """Every field as desired is satisfied; every field as it was read may be written."""
    if live is None:
        return stale("the record is gone")
    content = action.content
    if all(_holds(live, one.field, one.sha256) for one in content.fields) and not live.keys() & set(
        content.unset
    ):
        return SATISFIED
    judgement = _as_read(action.precondition, live, action.location)
    return stale(UNNAMED) if judgement is PROCEED and _loses_unnamed(action, live) else judgement


def judge_record_delete(action: DeleteRecord, live: Mapping[str, Any] | None) -> Judgement:
    """Gone is satisfied; a record that differs anywhere from what was read is stale."""
    if live is None:
        return SATISFIED
    return _as_read(action.precondition, live, action.location)


def _holds(live: Mapping[str, Any], field: str, digest: str) -> bool:
    return field in live and fingerprint(live[field]) == digest


def _loses_unnamed(action: UpdateRecord, live: Mapping[str, Any]) -> bool:
    """Would the links lose an id that the action does not name? Such a loss was counted by nobody.

    What an undo restores is in its archive, and all that it does to links is counted.
    """
    links_field = GENERATIONS[action.target.generation].links_field
    for one in action.content.fields:
        if one.field == links_field and isinstance(one.source, InlineSource):
            try:
                kept = read_links(one.source.value) | set(action.content.removed_links or ())
                return not read_links(live.get(links_field)) <= kept
            except InvalidLinksError:
                return True  # nobody knows what it would lose
    return False


def _as_read(precondition: AsRead, live: Mapping[str, Any], location: str) -> Judgement:
    # Even if nothing else changed: a record that moved belongs to another asset.
    if str(parse_location(live.get("location"))) != location:
        return stale("the record has another location by now")
    for field, read in precondition.fields.items():
        if (None if live.get(field) is None else fingerprint(live[field])) != read:
            return stale(f"the record's {field} was changed since the plan")
    if precondition.record is not None and fingerprint(live) != precondition.record:
        return stale("the record was changed since the plan")
    return PROCEED
