"""The way back of a whole run: its order, what rests on what, and what stays because something else must."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter

from indexer.model.action import Action, PutObject, action_id
from indexer.model.content import ArchiveSource, Content, RecordSource
from indexer.model.outcome import AfterImage, BeforeImage, OurWrite
from indexer.model.values import Foreign, sha256, to_bytes
from indexer.planner.inverse import Kept
from indexer.planner.undo import Undo, plan_undo
from shared.forgery import (
    copy,
    create_data_asset,
    delete,
    delete_record,
    in_collection,
    insert,
    location,
    put,
    target,
    update,
)

ACTION: TypeAdapter[Action] = TypeAdapter(Action)
B = location("b")
V2 = in_collection("v2", "id-2")
METADATA, ROOT = "asset/metadata.nd.json", "asset/subject.json"
RECORD = {
    "_id": "id",
    "name": "asset",
    "last_modified": "then",
    "_last_modified": "then",
    "subject": {"n": 1},
}
IN_STEP = to_bytes(RECORD)
HELD: Mapping[str, Any] = {
    "0" * 64: RECORD,
    "1" * 64: {**RECORD, "name": "another"},
    "2" * 64: {**RECORD, "odd": Foreign("Decimal128", "{}")},
    "a" * 64: IN_STEP,
    "b" * 64: b"old",
}
KEPT = Kept(
    place=lambda named: named or "/archive",
    body=lambda _place, name: HELD.get(name),
    record=lambda _place, name: HELD.get(name),
)


def step(name: str, document: dict[str, Any], *after: str) -> Action:
    """An action under a short id."""
    return ACTION.validate_python({**document, "id": name, "after": after})


def made(key: str = ROOT) -> OurWrite:
    """A file, or a record, that was not there before."""
    left = AfterImage(key=key, etag="e", sha256="c" * 64)
    return OurWrite(BeforeImage(kind="absent"), left, sure=True)


def over(held: str = "b", kind: Any = "object", key: str = ROOT) -> OurWrite:
    """One that was there, kept under a digest of one digit."""
    left = AfterImage(key=key, etag="e", sha256="c" * 64)
    return OurWrite(BeforeImage(kind=kind, archive=held * 64), left, sure=True)


def lost(kind: Any = "absent") -> OurWrite:
    """Nobody knows what it left."""
    return OurWrite(BeforeImage(kind=kind), None, sure=False)


def shown(undo: Undo) -> list[tuple[str, str, list[int]]]:
    """Kind, what it is about, and the places of what it rests on."""
    places = {action.id: place for place, action in enumerate(undo.actions)}
    assert all(action.id == action_id(action) for action in undo.actions)
    return [(action.kind, _named(action), [places[one] for one in action.after]) for action in undo.actions]


def _named(action: Action) -> str:
    named = action.target.model_dump()
    return str(named.get("key") or named.get("data_asset_id") or named.get("generation"))


def test_an_asset_is_taken_back_from_its_last_write_to_its_first() -> None:
    """Each step rests on the one before it; assets do not rest on each other, and keep their order."""
    steps = [
        step("record", insert()),
        step("root", put(), "record"),
        step("untouched", put(target=target("asset/rig.json")), "record"),
        step("metadata", put(target=target(METADATA)), "root", "untouched"),
        step("b-file", put(at=B), "elsewhere"),
        step("b-gone", delete(at=B), "b-file"),
    ]
    writes = {"record": made(), "root": made(), "metadata": made(METADATA)}
    writes |= {"b-file": made("b/x.json"), "b-gone": over()}
    undo = plan_undo(steps, writes, KEPT)
    assert undo.impossible == ()
    assert shown(undo) == [
        ("delete-object", METADATA, []),
        ("delete-object", ROOT, [0]),
        ("delete-record", "v1", [1]),
        ("put-object", ROOT, []),
        ("delete-object", "b/x.json", [3]),
    ]


def test_an_assets_records_are_one_step_after_its_files() -> None:
    """The one that rules no files is written last, and would come before them: both together, in the order of the way back."""
    steps = [
        step("mount", create_data_asset()),
        step("v1", update(), "mount"),
        step("root", put(), "v1"),
        step("last", put(target=target(METADATA)), "root"),
        step("v2", update(target=V2)),
    ]
    writes = {
        "mount": OurWrite(BeforeImage(kind="absent"), AfterImage(data_asset_id="da-1"), sure=True),
        "v1": over("0", "record"),
        "root": made(),
        "v2": over("0", "record"),
        "last": made(METADATA),
    }
    assert shown(plan_undo(steps, writes, KEPT)) == [
        ("delete-object", METADATA, []),
        ("delete-object", ROOT, [0]),
        ("update-record", "v2", [1]),
        ("update-record", "v1", [1]),
        ("delete-data-asset", "da-1", [2, 3]),
    ]


def test_twins_of_a_data_asset_go_with_it() -> None:
    """Each of those that two runs created at the same moment, in one step."""
    left = AfterImage(data_asset_id="da-1")
    write = OurWrite(BeforeImage(kind="absent"), left, sure=True, twins=("da-2", "da-3"))
    undo = plan_undo([step("mount", create_data_asset())], {"mount": write}, KEPT)
    assert shown(undo) == [("delete-data-asset", f"da-{number}", []) for number in (1, 2, 3)]


def cannot(name: str) -> str:
    return f"left as it is, since what came after it ({name}) cannot be"


NOT_KNOWN = "what it left behind is not known: apply the plan again first"


def test_what_a_write_rested_on_stays_with_it() -> None:
    """From step to step, over those that were not written; what it did not rest on is taken back all the same."""
    steps = [
        step("record", insert()),
        step("copy", copy(), "record"),
        step("beside", put(target=target("asset/rig.json")), "record"),
        step("unwritten", put(target=target("asset/session.json")), "copy"),
        step("root", put(), "unwritten"),
        step("last", put(target=target(METADATA)), "root", "beside"),
        step("b", put(at=B)),
    ]
    writes = {"record": made(), "copy": made(), "beside": made("asset/rig.json"), "root": lost()}
    writes |= {"last": made(METADATA), "b": made("b/x.json")}
    undo = plan_undo(steps, writes, KEPT)
    assert shown(undo) == [
        ("delete-object", METADATA, []),
        ("delete-object", "asset/rig.json", [0]),
        ("delete-object", "b/x.json", []),
    ]
    assert undo.impossible == (
        f"{location()}: put-object root: {NOT_KNOWN}",
        f"{location()}: copy-object copy: {cannot('put-object root')}",
        f"{location()}: insert-record record: {cannot('put-object root')}",
    )


def test_each_write_that_cannot_be_taken_back_is_named_with_its_own_reason() -> None:
    """What stays already names the write that came last; another asset is no part of it."""
    steps = [
        step("record", insert()),
        step("root", put(), "record"),
        step("copy", copy(), "root"),
        step("b", delete(at=B)),
    ]
    writes = {"record": made(), "root": lost(), "copy": lost(), "b": lost("object")}
    undo = plan_undo(steps, writes, KEPT)
    assert undo.actions == ()
    assert undo.impossible == (
        f"{location()}: copy-object copy: {NOT_KNOWN}",
        f"{location()}: put-object root: {cannot('copy-object copy')}",
        f"{location()}: insert-record record: {cannot('copy-object copy')}",
        f"{B}: delete-object b: its before-image was not kept",
    )


def test_of_two_that_cannot_be_taken_back_the_earlier_one_is_the_reason_of_what_it_rested_on() -> None:
    """Both rest on the record: the one that is looked at last counts, and it is the nearer one."""
    steps = [step("record", insert()), step("root", put(), "record"), step("copy", copy(), "record")]
    undo = plan_undo(steps, {"record": made(), "root": lost(), "copy": lost()}, KEPT)
    assert undo.impossible[-1] == f"{location()}: insert-record record: {cannot('put-object root')}"


def test_all_that_stays_is_remembered_until_the_asset_is_done() -> None:
    """Two that cannot be taken back, and what each of them rested on."""
    steps = [
        step("first", put()),
        step("second", put(target=target("asset/rig.json"))),
        step("on second", copy(), "second"),
        step("on first", copy(), "first"),
    ]
    writes = {"first": made(), "second": made(), "on first": lost(), "on second": lost()}
    undo = plan_undo(steps, writes, KEPT)
    assert undo.actions == ()
    assert undo.impossible[2:] == (
        f"{location()}: put-object second: {cannot('copy-object on second')}",
        f"{location()}: put-object first: {cannot('copy-object on first')}",
    )


def test_nothing_was_written_and_nothing_is_taken_back() -> None:
    """Neither is anything impossible."""
    assert plan_undo([step("root", put()), step("gone", delete_record())], {}, KEPT) == Undo((), ())


OLD_BYTES = Content(
    source=ArchiveSource(archive="/archive", sha256="a" * 64), sha256="a" * 64, size=len(IN_STEP)
)
OLDER = Content(source=ArchiveSource(archive="/archive", sha256="b" * 64), sha256="b" * 64, size=3)
V1_AGAIN = Content(
    source=RecordSource(generation="v1"),
    sha256=sha256(to_bytes({**RECORD, "last_modified": None})),
    known_after_apply=("last_modified",),
)
V2_AGAIN = Content(
    source=RecordSource(generation="v2"),
    sha256=sha256(to_bytes({**RECORD, "_last_modified": None})),
    known_after_apply=("_last_modified",),
)
METADATA_GONE = delete("metadata-file-retired", target=target(METADATA))
METADATA_OVER = put(target=target(METADATA))
UPDATE, GONE = update(), delete_record()
# fmt: off
METADATA_FILE: dict[str, tuple[dict[str, Any], OurWrite, list[tuple[dict[str, Any], OurWrite | None]], Content]] = {
    "a deleted one, and its record updated": (METADATA_GONE, over("a"), [(UPDATE, over("0"))], V1_AGAIN),
    "a deleted one, and its record deleted": (METADATA_GONE, over("a"), [(GONE, over("0"))], V1_AGAIN),
    "one over another, and its record updated": (METADATA_OVER, over("a"), [(UPDATE, over("0"))], V1_AGAIN),
    "its record is the other generation's": (
        METADATA_GONE, over("a"), [(update(target=V2), over("0"))], V2_AGAIN),
    "the second of two records": (
        METADATA_GONE, over("a"), [(UPDATE, over("1")), (update(target=V2), over("0"))], V2_AGAIN),
    "the first of two that are alike": (
        METADATA_GONE, over("a"), [(UPDATE, over("0")), (update(target=V2), over("0"))], V1_AGAIN),
    "the first was not written": (
        METADATA_GONE, over("a"), [(UPDATE, None), (update(target=V2), over("0"))], V2_AGAIN),
    "the first is not kept": (
        METADATA_GONE, over("a"), [(UPDATE, over("9")), (update(target=V2), over("0"))], V2_AGAIN),
    "the first has no form in a file": (
        METADATA_GONE, over("a"), [(UPDATE, over("2")), (update(target=V2), over("0"))], V2_AGAIN),
    "out of step with its record": (METADATA_GONE, over("b"), [(UPDATE, over("0"))], OLDER),
    "a new record is none that comes back": (METADATA_GONE, over("a"), [(insert(), made())], OLD_BYTES),
    "no record": (METADATA_GONE, over("a"), [], OLD_BYTES),
    "another file": (delete(), over("a"), [(UPDATE, over("0"))], OLD_BYTES),
    "another folder's": (
        delete(target=target("metadata.nd.json/x")), over("a"), [(UPDATE, over("0"))], OLD_BYTES),
}
# fmt: on


@pytest.mark.parametrize("row", METADATA_FILE)
def test_a_metadata_file_comes_back_in_step_with_its_record(row: str) -> None:
    """Where the record comes back before it, and was in step with it; else with its own old bytes."""
    file, write, records, content = METADATA_FILE[row]
    # What makes it the plan of an undo: its last record comes after the file.
    order = {len(records) - 1: ("file",)}
    later = (step(f"record-{nth}", one, *order.get(nth, ())) for nth, (one, _) in enumerate(records))
    steps = [step("file", file), *later]
    writes = {f"record-{nth}": one for nth, (_, one) in enumerate(records) if one is not None}
    undo = plan_undo(steps, {**writes, "file": write}, KEPT)
    (put_,) = [action for action in undo.actions if isinstance(action, PutObject)]
    assert put_.content == content


def test_a_record_that_was_written_before_its_metadata_file_does_not_decide() -> None:
    """It comes back after the file, whose old bytes were of an older record."""
    steps = [step("record", update()), step("file", METADATA_OVER)]
    undo = plan_undo(steps, {"record": over("0"), "file": over("a")}, KEPT)
    assert [action.content for action in undo.actions if isinstance(action, PutObject)] == [OLD_BYTES]


def test_a_record_that_rules_no_files_comes_back_after_them_in_every_asset() -> None:
    """One order of systems holds for a whole plan: beside an asset whose record rules its files, `apply` would refuse it."""
    steps = [
        step("a-file", METADATA_OVER),
        step("a-record", update(target=V2)),
        step("b-record", update(at=B)),
        step("b-file", put(at=B, target=target("b/subject.json")), "b-record"),
    ]
    writes = {"a-file": over("a", key=METADATA), "a-record": over("0", "record")}
    writes |= {"b-record": over("0", "record"), "b-file": made("b/subject.json")}
    undo = plan_undo(steps, writes, KEPT)
    assert shown(undo) == [
        ("put-object", METADATA, []),
        ("update-record", "v2", [0]),
        ("delete-object", "b/subject.json", []),
        ("update-record", "v1", [2]),
    ]
    assert [action.content for action in undo.actions if isinstance(action, PutObject)] == [OLD_BYTES]


def test_for_a_new_metadata_file_nothing_is_read() -> None:
    """There are no old bytes that could be in step: its record is read once, for its own way back."""
    read: list[str] = []

    def record(_place: str, name: str) -> Mapping[str, Any] | None:
        read.append(name)
        return RECORD

    steps = [step("file", METADATA_OVER), step("record", update(), "file")]
    writes = {"file": made(METADATA), "record": over("0")}
    undo = plan_undo(steps, writes, Kept(place=KEPT.place, body=KEPT.body, record=record))
    assert shown(undo) == [("update-record", "v1", []), ("delete-object", METADATA, [0])]
    assert read == ["0" * 64]
