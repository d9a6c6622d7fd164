"""The way back of one write, in the row order of the module's table: each action of the undo, whole."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from indexer.model.action import Action
from indexer.model.content import Content, RecordSource
from indexer.model.outcome import AfterImage, BeforeImage
from indexer.model.values import Oid, fingerprint
from indexer.planner.inverse import CannotUndoError, Kept, inverse
from shared import forgery
from shared.forgery import (
    archive_data_asset,
    copy,
    create_data_asset,
    delete,
    delete_data_asset,
    delete_record,
    in_collection,
    insert,
    mount,
    put,
    target,
    update,
)

ACTION: TypeAdapter[Action] = TypeAdapter(Action)
OLD, LEFT, WHERE = "0" * 64, "1" * 64, "2" * 64
ID, ID_OF_RECORD = Oid("3" * 24), {"$oid": "3" * 24}
RECORD = {"_id": ID, "name": "asset", "last_modified": "then", "subject": {"n": 1}, "rig": None}
BODIES = {("/result/archive", OLD): b"old", ("/other", OLD): b"older"}
KEPT = Kept(
    place=lambda named: named or "/result/archive",
    body=lambda place, name: BODIES.get((place, name)),
    record=lambda place, name: RECORD if (place, name) in BODIES else None,
)
NOTHING = Kept(place=KEPT.place, body=lambda _place, _name: None, record=lambda _place, _name: None)
NONE_YET, OBJECT = BeforeImage(kind="absent"), BeforeImage(kind="object", archive=OLD)
ELSEWHERE = BeforeImage(kind="object", archive=OLD, place="/other")
OF_RECORD, MOUNT = BeforeImage(kind="record", archive=OLD), BeforeImage(kind="data-asset")
ROOT, ORIGINAL = "asset/subject.json", "asset/original_metadata/subject.20250101.json"
TAGGED = AfterImage(key=ROOT, etag="e", sha256=LEFT)
UNTAGGED = AfterImage(key=ROOT, sha256=LEFT)
DATED = AfterImage(key=ORIGINAL, etag="e", sha256=LEFT)
WRITTEN, UNKNOWN = AfterImage(sha256=LEFT, modified="now"), AfterImage()
AGAIN = Content(source=RecordSource(generation="v1"), sha256=LEFT, known_after_apply=("last_modified",))

HAS_ETAG, HAS_BYTES = {"kind": "etag", "etag": "e"}, {"kind": "bytes", "sha256": LEFT}
BYTES = {"source": {"kind": "archive", "archive": "/result/archive", "sha256": OLD}, "sha256": OLD}
AT = "s3://aind-open-data/elsewhere"
UNDATED = "asset/original_metadata/subject.<date>.json"


def act(document: dict[str, Any]) -> Action:
    return ACTION.validate_python(document)


def undo(make: Any, **changed: Any) -> dict[str, Any]:
    """An action of an undo that rests on nothing, unless it is said."""
    return make("undo", AT, **{"rests_on": None} | changed)


def here(document: dict[str, Any]) -> dict[str, Any]:
    """The same write, of an asset at another place: the way back stays there."""
    return {**document, "location": AT}


def setting(field: str, value: object) -> dict[str, Any]:
    """A field as the archived record has it."""
    return {"field": field, "source": BYTES["source"], "sha256": fingerprint(value)}


def changing(*fields: str, unset: tuple[str, ...] = (), known: tuple[str, ...] = ()) -> dict[str, Any]:
    """An update of these fields, under a condition that tells the location."""
    one = forgery.links({})["fields"][0]
    content = {"fields": [{**one, "field": field} for field in fields], "unset": unset}
    read = {"kind": "as-read", "fields": {"location": WHERE, "subject": None}}
    return update(content={**content, "known_after_apply": known}, precondition=read)


def restoring(
    *fields: dict[str, Any], unset: tuple[str, ...] = (), known: tuple[str, ...] = (), rests_on: Any = None
) -> dict[str, Any]:
    """The way back of such an update."""
    content = {"fields": fields, "unset": unset, "known_after_apply": known}
    read = {"kind": "as-read", "fields": {"location": WHERE}, "record": LEFT}
    return undo(update, content=content, precondition=read, rests_on=rests_on)


RESTS_ON_ROOT = {"root": ROOT}
OLD_RECORD = {
    "kind": "archived-record",
    "source": BYTES["source"],
    "sha256": fingerprint({**RECORD, "last_modified": None}),
    "known_after_apply": ("last_modified",),
}
IN_V2 = {**OLD_RECORD, "sha256": fingerprint({**RECORD, "_last_modified": None})}
FILE, MOUNTED = {"size": 2}, {"mount": "aind-open-data/asset"}
BACK = {"target": target(ROOT), "content": {**BYTES, "size": 3}}
# fmt: off
TABLE: dict[str, tuple[dict[str, Any], BeforeImage, AfterImage, dict[str, Any]]] = {
    "a new file": (put(), NONE_YET, TAGGED, undo(delete, precondition=HAS_ETAG, loses=FILE)),
    "a new file, its answer lost": (put(), NONE_YET, UNTAGGED, undo(delete, precondition=HAS_BYTES, loses=FILE)),
    "a copy": (
        copy(target=target(UNDATED)), NONE_YET, DATED,
        undo(delete, target=target(ORIGINAL), precondition=HAS_ETAG, rests_on=RESTS_ON_ROOT, loses=FILE),
    ),
    "another file of the folder": (
        copy(), NONE_YET, DATED.model_copy(update={"key": "asset/original_metadata/other.json"}),
        undo(delete, target=target("asset/original_metadata/other.json"), precondition=HAS_ETAG, loses=FILE),
    ),
    "a file over another": (put(), OBJECT, TAGGED, undo(put, precondition=HAS_ETAG, **BACK)),
    "a file over another, its answer lost": (put(), OBJECT, UNTAGGED, undo(put, precondition=HAS_BYTES, **BACK)),
    "a file kept by an earlier run": (
        put(), ELSEWHERE, TAGGED,
        undo(put, precondition=HAS_ETAG, target=target(ROOT), content={
            "source": {"kind": "archive", "archive": "/other", "sha256": OLD}, "sha256": OLD, "size": 5
        }),
    ),
    "a deleted file": (delete(), OBJECT, UNKNOWN, undo(put, **BACK)),
    "a new record": (
        insert(), NONE_YET, WRITTEN,
        undo(delete_record, target=insert()["target"], precondition={
            "kind": "as-read", "fields": {"location": fingerprint(AT)}, "record": LEFT
        }, loses={"name": "asset", "modified": "now", "fields": 16, "linked": ()}),
    ),
    "changed fields": (
        changing("subject", "name"), OF_RECORD, WRITTEN,
        restoring(setting("subject", {"n": 1}), setting("name", "asset")),
    ),
    "a new field": (
        changing("odd", "subject", known=("last_modified",)), OF_RECORD, WRITTEN,
        restoring(setting("subject", {"n": 1}), unset=("odd",), known=("last_modified",)),
    ),
    "a field that was taken out": (
        changing(unset=("subject",)), OF_RECORD, WRITTEN, restoring(setting("subject", {"n": 1})),
    ),
    "adopted fields, of which one was null": (
        changing("rig", "session", "subject", "odd"), OF_RECORD, WRITTEN,
        restoring(
            setting("rig", None), setting("subject", {"n": 1}), unset=("session", "odd"),
            rests_on={"no_original": ("rig", "session")},
        ),
    ),
    "an update that did not tell the location": (
        {**changing("subject"), "precondition": {"kind": "as-read"}}, OF_RECORD, WRITTEN,
        {**restoring(setting("subject", {"n": 1})), "precondition": {
            "kind": "as-read", "fields": {"location": fingerprint(AT)}, "record": LEFT
        }},
    ),
    "a deleted record": (
        delete_record(), OF_RECORD, UNKNOWN,
        undo(insert, target=in_collection(record=ID_OF_RECORD), content=OLD_RECORD),
    ),
    "a deleted record of the other generation": (
        delete_record(target=in_collection("v2")), OF_RECORD, UNKNOWN,
        undo(insert, target=in_collection("v2", ID_OF_RECORD), content={
            **IN_V2, "known_after_apply": ("_last_modified",)
        }),
    ),
    "a new data asset": (
        create_data_asset(), NONE_YET, AfterImage(data_asset_id="da-9"),
        undo(delete_data_asset, target=mount("da-9"), loses={"name": "asset", **MOUNTED}),
    ),
    "an archived data asset": (archive_data_asset(), MOUNT, UNKNOWN, undo(archive_data_asset, archive=False)),
    "one out of the archive": (archive_data_asset(archive=False), MOUNT, UNKNOWN, undo(archive_data_asset, loses=MOUNTED)),
}
# fmt: on


@pytest.mark.parametrize("row", TABLE)
def test_the_way_back(row: str) -> None:
    """To the last field: what is written, under which condition, and what it rests on."""
    written, before, left, expected = TABLE[row]
    assert inverse(act(here(written)), before, left, KEPT, None) == act(expected)


@pytest.mark.parametrize(
    ("written", "left", "expected"),
    [
        (put(), TAGGED, undo(put, precondition=HAS_ETAG, content=AGAIN)),
        (delete(), UNKNOWN, undo(put, content=AGAIN)),
    ],
    ids=["over another", "deleted"],
)
def test_other_content_takes_the_place_of_a_files_old_bytes(
    written: dict[str, Any], left: AfterImage, expected: dict[str, Any]
) -> None:
    """They need not even be there."""
    assert inverse(act(here(written)), OBJECT, left, NOTHING, AGAIN) == act(expected)


NOT_KNOWN = "what it left behind is not known: apply the plan again first"
NO_KEY, NO_DIGEST = AfterImage(etag="e"), AfterImage(key=ROOT)
LOST_IMAGE = BeforeImage(kind="object")
NO_BODY, NO_RECORD = (
    f"the archive /result/archive does not hold {of}{OLD}" for of in ("", "the record ")
)  # fmt: skip
# fmt: off
IMPOSSIBLE: list[tuple[dict[str, Any], BeforeImage, AfterImage, Kept, str]] = [
    (put(), NONE_YET, NO_KEY, KEPT, NOT_KNOWN),
    (put(), NONE_YET, NO_DIGEST, KEPT, NOT_KNOWN),
    (copy(), OBJECT, NO_DIGEST, KEPT, NOT_KNOWN),
    (put(), LOST_IMAGE, TAGGED, KEPT, "its before-image was not kept"),
    (put(), OBJECT, TAGGED, NOTHING, NO_BODY),
    (delete(), OBJECT, UNKNOWN, NOTHING, NO_BODY),
    (insert(), NONE_YET, UNKNOWN, KEPT, NOT_KNOWN),
    (changing("subject"), OF_RECORD, UNKNOWN, KEPT, NOT_KNOWN),
    (changing("subject"), OF_RECORD, WRITTEN, NOTHING, NO_RECORD),
    (delete_record(), LOST_IMAGE, UNKNOWN, KEPT, "its before-image was not kept"),
    (delete_record(), OF_RECORD, UNKNOWN, NOTHING, NO_RECORD),
    (create_data_asset(), NONE_YET, UNKNOWN, KEPT,
     "its id is not known: look in Code Ocean for what mounts the asset"),
    (create_data_asset(), NONE_YET, AfterImage(data_asset_id=""), KEPT,
     "its id is not known: look in Code Ocean for what mounts the asset"),
    (delete_data_asset(), MOUNT, UNKNOWN, KEPT, "Code Ocean cannot bring a deleted data asset back"),
]
# fmt: on


@pytest.mark.parametrize(
    ("written", "before", "left", "kept", "why"),
    IMPOSSIBLE,
    ids=[f"{number} {row[0]['kind']}" for number, row in enumerate(IMPOSSIBLE)],
)
def test_what_cannot_be_taken_back_says_why(
    written: dict[str, Any], before: BeforeImage, left: AfterImage, kept: Kept, why: str
) -> None:
    """In words that tell what to do, where something can be done."""
    with pytest.raises(CannotUndoError) as told:
        inverse(act(written), before, left, kept, None)
    assert str(told.value) == why
