"""The guard: precondition × live → proceed, satisfied or stale."""

from __future__ import annotations

from typing import Any

import pytest

from indexer.applier.guard import (
    Ruling,
    judge_copy,
    judge_delete,
    judge_insert,
    judge_put,
    judge_record_delete,
    judge_update,
    payload,
)
from indexer.model.action import CopyObject, DeleteObject, DeleteRecord, InsertRecord, PutObject, UpdateRecord
from indexer.model.content import (
    Absent,
    AsRead,
    Content,
    FieldContent,
    HasBytes,
    HasEtag,
    InlineSource,
    NewRecordContent,
    ObjectSource,
    ObjectTarget,
    RecordContent,
    RecordFieldSource,
    RecordTarget,
)
from indexer.model.snapshot import ObjectBody
from indexer.model.values import Foreign, blanked, etag_of, fingerprint, sha256, to_bytes
from shared.builders import NOW, asset_of, by_kind, planned, record

PROCEED, SATISFIED, STALE = Ruling.PROCEED, Ruling.SATISFIED, Ruling.STALE
PLACE: dict[str, Any] = {"location": "s3://bucket/asset", "reason": "core-file-stale"}
KEY = ObjectTarget(bucket="bucket", key="asset/subject.json")
RECORD = RecordTarget(generation="v1", database="d", collection="c", record_id="id-asset")


def live(body: bytes, etag: str | None = None) -> ObjectBody:
    return ObjectBody(body, etag or etag_of(body), NOW)


def content(body: bytes) -> Content:
    return Content(source=RecordFieldSource(generation="v1", field="subject"), sha256=sha256(body))


@pytest.mark.parametrize(
    ("there", "precondition", "ruling"),
    [
        (live(b"new"), Absent(), SATISFIED),
        (live(b"new"), HasEtag(etag="planned"), SATISFIED),
        (live(b"new", "odd-2"), HasEtag(etag="planned"), SATISFIED),
        (None, Absent(), PROCEED),
        (live(b"old", "planned"), HasEtag(etag="planned"), PROCEED),
        (None, HasEtag(etag="planned"), STALE),
        (live(b"old"), Absent(), STALE),
        (live(b"old"), HasEtag(etag="planned"), STALE),
        (live(b"old", "odd-2"), HasBytes(sha256=sha256(b"old")), PROCEED),
        (live(b"new"), HasBytes(sha256=sha256(b"old")), SATISFIED),
        (live(b"other"), HasBytes(sha256=sha256(b"old")), STALE),
        (None, HasBytes(sha256=sha256(b"old")), STALE),
    ],
)
def test_put(there: ObjectBody | None, precondition: Any, ruling: Ruling) -> None:
    """What is so already is not written again; what was not seen is not overwritten."""
    action = PutObject(target=KEY, precondition=precondition, content=content(b"new"), **PLACE)
    assert judge_put(action, there, b"new").ruling is ruling


@pytest.mark.parametrize(
    ("there", "ruling"), [(None, PROCEED), (live(b"same"), SATISFIED), (live(b"other"), STALE)]
)
def test_copy(there: ObjectBody | None, ruling: Ruling) -> None:
    """An original is never overwritten."""
    source = ObjectSource(bucket="bucket", key="asset/subject.json", etag="e")
    action = CopyObject(target=KEY, content=Content(source=source, sha256=sha256(b"same")), **PLACE)
    assert judge_copy(action, there).ruling is ruling


@pytest.mark.parametrize(
    ("there", "precondition", "ruling"),
    [
        (None, HasEtag(etag="planned"), SATISFIED),
        (live(b"x", "planned"), HasEtag(etag="planned"), PROCEED),
        (live(b"x", "other"), HasEtag(etag="planned"), STALE),
        (None, HasBytes(sha256=sha256(b"x")), SATISFIED),
        (live(b"x", "odd-2"), HasBytes(sha256=sha256(b"x")), PROCEED),
        (live(b"y"), HasBytes(sha256=sha256(b"x")), STALE),
    ],
)
def test_delete(there: ObjectBody | None, precondition: Any, ruling: Ruling) -> None:
    """Gone is satisfied; another ETag, or other bytes, are somebody else's."""
    action = DeleteObject(target=KEY, precondition=precondition, **PLACE)
    assert judge_delete(action, there).ruling is ruling


BODY = record(subject={"n": 1}, last_modified="then")
NEW = blanked(BODY, ["created", "last_modified"])


@pytest.mark.parametrize(
    ("there", "ruling"),
    [
        ([], PROCEED),
        ([BODY], SATISFIED),
        ([BODY | {"last_modified": "later", "created": "later"}], SATISFIED),
        ([BODY | {"subject": {"n": 2}}], STALE),
        ([BODY | {"extra": 1}], STALE),
        ([BODY | {"_id": "another"}], STALE),
        ([BODY, BODY], STALE),
    ],
)
def test_insert(there: list[dict[str, Any]], ruling: Ruling) -> None:
    """The very record, whenever it was written, is satisfied; any other is stale."""
    new = NewRecordContent(
        name="asset", sha256=fingerprint(NEW), known_after_apply=("created", "last_modified")
    )
    action = InsertRecord(target=RECORD, content=new, **PLACE)
    assert judge_insert(action, there).ruling is ruling


@pytest.mark.parametrize(
    ("there", "ruling"),
    [
        (None, STALE),
        (BODY, PROCEED),
        (BODY | {"extra": 1, "rig": {"r": 1}}, PROCEED),
        (BODY | {"subject": {"n": 2}}, SATISFIED),
        (BODY | {"subject": {"n": 2}, "last_modified": "later"}, SATISFIED),
        (BODY | {"subject": {"n": 2.0}}, STALE),
        (BODY | {"subject": {"n": 3}}, STALE),
        (BODY | {"subject": None}, STALE),
        (BODY | {"last_modified": "later"}, STALE),
        (BODY | {"last_modified": None}, STALE),
        (BODY | {"location": "s3://bucket/other"}, STALE),
        (BODY | {"location": "s3://bucket/asset/"}, STALE),
        (BODY | {"location": None}, STALE),
        (BODY | {"subject": {"n": Foreign("Decimal128", "{}")}}, STALE),
    ],
)
def test_update(there: dict[str, Any] | None, ruling: Ruling) -> None:
    """Every field as desired is satisfied; every field as it was read may be written."""
    desired = {"n": 2}
    read = {name: fingerprint(BODY[name]) for name in ("location", "last_modified", "subject")}
    source = InlineSource(value=desired)
    action = UpdateRecord(
        target=RECORD,
        precondition=AsRead(fields=read),
        content=RecordContent(
            fields=(FieldContent(field="subject", source=source, sha256=fingerprint(desired)),)
        ),
        **PLACE,
    )
    assert judge_update(action, there).ruling is ruling


@pytest.mark.parametrize(
    ("there", "ruling"),
    [
        (None, SATISFIED),
        (BODY, PROCEED),
        (dict(reversed(BODY.items())), PROCEED),
        (BODY | {"anything": None}, STALE),
        (BODY | {"subject": {"n": 1.0}}, STALE),
        (BODY | {"location": "s3://bucket/other"}, STALE),
    ],
)
def test_record_delete(there: dict[str, Any] | None, ruling: Ruling) -> None:
    """A record that differs anywhere from what was read stays."""
    from shared.builders import plan_of, world_of

    world = world_of(record("here"))
    world.add("v1", BODY)
    (action,) = by_kind(plan_of(world).actions, "delete-record")
    assert judge_record_delete(action, there).ruling is ruling


@pytest.mark.parametrize(
    ("there", "ruling"),
    [
        (BODY | {"subject": {"n": 2}, "rig": {"r": 1}}, PROCEED),
        (BODY | {"subject": {"n": 2}}, SATISFIED),
        (BODY | {"subject": {"n": 2}, "rig": None}, PROCEED),
        (BODY | {"rig": {"r": 1}}, PROCEED),
    ],
)
def test_a_field_that_is_to_go_must_be_gone(there: dict[str, Any], ruling: Ruling) -> None:
    """The others as desired are not enough: an undo sets what was there, and takes out what was not."""
    desired = {"n": 2}
    field = FieldContent(field="subject", source=InlineSource(value=desired), sha256=fingerprint(desired))
    action = UpdateRecord(
        target=RECORD,
        precondition=AsRead(fields={"location": fingerprint(BODY["location"])}),
        content=RecordContent(fields=(field,), unset=("rig",)),
        **PLACE,
    )
    assert judge_update(action, there).ruling is ruling


def update_of(*, record: str | None = None, **read: Any) -> UpdateRecord:
    """One that sets the subject, where the record is as it was read."""
    field = FieldContent(field="subject", source=InlineSource(value=2), sha256=fingerprint(2))
    fields = {"location": fingerprint(BODY["location"]), **read}
    content = RecordContent(fields=(field,))
    return UpdateRecord(
        target=RECORD, precondition=AsRead(fields=fields, record=record), content=content, **PLACE
    )


def test_what_makes_it_stale_is_said() -> None:
    """A person looks at the outcome, and must know what to look for."""
    over = HasEtag(etag="planned")
    new = PutObject(target=KEY, precondition=Absent(), content=content(b"new"), **PLACE)
    put = PutObject(target=KEY, precondition=over, content=content(b"new"), **PLACE)
    delete = DeleteObject(target=KEY, precondition=over, **PLACE)
    copied = Content(source=ObjectSource(bucket="bucket", key="k", etag="e"), sha256=sha256(b"same"))
    copy = CopyObject(target=KEY, content=copied, **PLACE)
    inserted = NewRecordContent(name="asset", sha256=fingerprint(NEW))
    insert = InsertRecord(target=RECORD, content=inserted, **PLACE)
    elsewhere = BODY | {"location": "s3://bucket/other"}
    said = {
        "the file is gone": judge_put(put, None, b"new"),
        "there is a file now where none was": judge_put(new, live(b"old"), b"new"),
        "the file was changed since the plan": judge_put(put, live(b"old"), b"new"),
        "there is another original by now": judge_copy(copy, live(b"other")),
        "the asset has a record by now": judge_insert(insert, [elsewhere]),
        "the record is gone": judge_update(update_of(), None),
        "the record has another location by now": judge_update(update_of(), elsewhere),
        "the record's rig was changed since the plan": judge_update(update_of(rig="0" * 64), BODY),
        "the record was changed since the plan": judge_update(update_of(record="0" * 64), BODY),
    }
    assert {one.why: one.ruling for one in said.values()} == dict.fromkeys(said, STALE)
    assert judge_delete(delete, live(b"old")) == judge_put(put, live(b"old"), b"new")


def test_a_record_of_another_asset_is_never_written() -> None:
    """Though its precondition was made to fit: the action's own location counts."""
    other = BODY | {"location": "s3://bucket/other"}
    read = AsRead(fields={"location": fingerprint(other["location"])}, record=fingerprint(other))
    field = FieldContent(field="external_links", source=InlineSource(value={}), sha256=fingerprint({}))
    update = UpdateRecord(target=RECORD, precondition=read, content=RecordContent(fields=(field,)), **PLACE)
    assert judge_update(update, other).ruling is STALE
    delete = DeleteRecord(target=RECORD, precondition=read, **PLACE)
    assert judge_record_delete(delete, other).ruling is STALE


def test_a_field_that_was_absent_may_be_null_by_now() -> None:
    """Null and absent are one."""
    (update, *_) = planned(asset_of(record(), {"subject.json": b"[1]"}), links=False).actions
    assert isinstance(update, UpdateRecord)
    assert judge_update(update, record()).ruling is PROCEED
    assert judge_update(update, record(subject=None)).ruling is PROCEED
    assert judge_update(update, record(subject=[1])).ruling is SATISFIED
    assert judge_update(update, record(subject=[2])).ruling is STALE


def test_the_payload_must_be_what_was_reviewed() -> None:
    """Read again from the live record; else there is none."""
    reviewed = content(to_bytes({"n": 1}))
    assert payload(reviewed, BODY, "subject") == to_bytes({"n": 1})
    assert payload(reviewed, BODY | {"subject": {"n": 2}}, "subject") is None
    assert payload(reviewed, BODY | {"subject": None}, "subject") is None
    assert payload(reviewed, BODY | {"subject": Foreign("X", "{}")}, "subject") is None


def test_a_payload_known_after_apply_hides_only_what_it_names() -> None:
    """The metadata file of a record that this plan changes."""
    whole = Content(
        source=RecordFieldSource(generation="v1", field="subject"),
        sha256=sha256(to_bytes(blanked(BODY, ["last_modified"]))),
        known_after_apply=("last_modified",),
    )
    later = BODY | {"last_modified": "later"}
    assert payload(whole, later, None) == to_bytes(later)
    assert payload(whole, later | {"name": "x"}, None) is None


def test_of_a_single_field_nothing_is_known_only_after_apply() -> None:
    """A plan that says so has not shown those bytes to anybody."""
    claims = Content(
        source=RecordFieldSource(generation="v1", field="subject"),
        sha256=sha256(to_bytes(blanked({"n": 1, "weight": 2}, ["weight"]))),
        known_after_apply=("weight",),
    )
    assert payload(claims, BODY | {"subject": {"n": 1, "weight": 3}}, "subject") is None


@pytest.mark.parametrize(
    ("live", "named", "ruling"),
    [
        (["da-1", "da-2"], ("da-2",), PROCEED),
        (["da-1", "da-2"], None, STALE),
        (["da-1", "da-2", "da-3"], ("da-2",), STALE),
        ([], None, PROCEED),
        ([7], ("da-2",), STALE),
    ],
)
def test_links_lose_only_what_the_plan_names(
    live: list[Any], named: tuple[str, ...] | None, ruling: Ruling
) -> None:
    """What is not named was counted against no limit."""
    held, kept = {"Code Ocean": live}, {"Code Ocean": ["da-1"]}
    there = record(links=held)
    update = UpdateRecord(
        target=RECORD,
        precondition=AsRead(
            fields={"location": fingerprint(there["location"]), "external_links": fingerprint(held)}
        ),
        content=RecordContent(
            fields=(
                FieldContent(
                    field="external_links", source=InlineSource(value=kept), sha256=fingerprint(kept)
                ),
            ),
            removed_links=named,
        ),
        **PLACE,
    )
    assert judge_update(update, there).ruling is ruling
