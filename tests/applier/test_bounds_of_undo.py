"""What only the plan of an undo may ask for, and what even that may not."""

from __future__ import annotations

from typing import Any

import pytest

from indexer.applier.bounds import check_bounds
from indexer.errors import RefusedError
from indexer.model.generation import V1
from indexer.model.plan import Plan
from shared import forgery
from shared.builders import bounds
from shared.forgery import forged

HERE = bounds(buckets=frozenset({forgery.BUCKET}), results_bucket=forgery.RESULTS)
SHA = forgery.DIGEST
OVER = {"kind": "etag", "etag": "e"}
ORIGINAL = "asset/original_metadata/subject.20250101.json"
UNDATED = "asset/original_metadata/subject.<date>.json"
METADATA = "asset/metadata.nd.json"
RESULT = forgery.location("result", forgery.RESULTS)
ROOT = {"root": "asset/subject.json"}


def put(reason: str = "undo", key: str = "asset/subject.json", **changed: Any) -> dict[str, Any]:
    """Bytes from an archive put back."""
    usual = {"target": forgery.target(key), "content": forgery.archived()}
    return forgery.put(reason, **usual | changed)


def delete(reason: str = "undo", key: str = ORIGINAL, **changed: Any) -> dict[str, Any]:
    return forgery.delete(reason, target=forgery.target(key), **{"rests_on": ROOT} | changed)


def insert(reason: str = "undo", archive: str = "/runs/archive", **changed: Any) -> dict[str, Any]:
    """A record that comes back, under whatever id it had."""
    source = {"kind": "archive", "archive": archive, "sha256": SHA}
    content = {"kind": "archived-record", "source": source, "sha256": SHA}
    usual = {"target": forgery.in_collection(record="id"), "content": content}
    return forgery.insert(reason, **usual | changed)


def update(
    reason: str = "undo",
    field: str = "subject",
    archive: str = "/runs/archive",
    unset: tuple[str, ...] = (),
    **changed: Any,
) -> dict[str, Any]:
    """A field set to what it was, others taken out."""
    source = {"kind": "archive", "archive": archive, "sha256": SHA}
    content = {"fields": [{"field": field, "source": source, "sha256": SHA}], "unset": list(unset)}
    return forgery.update(reason, **{"content": content, "rests_on": {"no_original": list(unset)}} | changed)


def no_file(key: str) -> str:
    return f"{key.removeprefix('asset/')!r} is not a file that we write"


def from_nowhere(name: str) -> str:
    return f"{name} comes neither from its field of the record nor, in an undo, from an archive"


def no_whole_path(place: str) -> str:
    return f"its archive is not an absolute path: {place!r}"


BUT_LOCATION = {"last_modified": SHA, "subject": SHA}
UNSAID = "it does not say what must still hold in the other systems"
NO_SOURCE = "subject is not a field that may come from there"
# fmt: off
TABLE: list[tuple[dict[str, Any], str]] = [
    (put(), ""),
    (put(precondition=OVER), ""),
    (put("core-file-stale"), from_nowhere("subject.json")),
    (put(content=forgery.of_field()), from_nowhere("subject.json")),
    (put(content=forgery.archived("s3://runs/archive")), ""),
    (put(content=forgery.archived("s3://runs")), ""),
    (put(content=forgery.archived("s3:///runs/archive")), "its archive names no bucket"),
    (put(content=forgery.archived("s3://")), "its archive names no bucket"),
    (put(content=forgery.archived("s3:///archive")), "its archive names no bucket"),
    (put(content=forgery.archived("archive")), no_whole_path("archive")),
    (put(content=forgery.archived("/runs/../archive")), no_whole_path("/runs/../archive")),
    (put(content=forgery.archived("/runs/\0")), no_whole_path("/runs/\0")),
    (put(key=METADATA), ""),
    (put(key=METADATA, content=forgery.of_record()), ""),
    (put(key=METADATA, content=forgery.of_field()), from_nowhere("metadata.nd.json")),
    (put(key=ORIGINAL), ""),
    (put(key=ORIGINAL, precondition=OVER), no_file(ORIGINAL)),
    (put(key=UNDATED), no_file(UNDATED)),
    (put("core-file-stale", ORIGINAL), no_file(ORIGINAL)),
    (put(key=ORIGINAL, content=forgery.of_field()), from_nowhere("original_metadata/subject.20250101.json")),
    (put(key="asset/notes.json"), no_file("asset/notes.json")),
    (delete(), ""),
    (delete(key=UNDATED), no_file(UNDATED)),
    (delete("core-file-unrecorded"), no_file(ORIGINAL)),
    (delete(rests_on=None), UNSAID),
    (delete(rests_on={"root": "asset/rig.json"}), UNSAID),
    (delete(key=METADATA, rests_on=None), ""),
    (delete(key="asset/subject.json", rests_on=None), ""),
    (delete("core-file-unrecorded", METADATA), no_file(METADATA)),
    (delete("metadata-file-retired", METADATA, rests_on={"folder": "kept"}), ""),
    (delete("metadata-file-retired", METADATA, rests_on={"folder": "gone"}), UNSAID),
    (delete("metadata-file-retired", METADATA, rests_on=None), UNSAID),
    (forgery.copy(), ""),
    (forgery.copy(target=forgery.target(UNDATED)), "the date of a file that is there is known"),
    (forgery.copy(target=forgery.target(UNDATED), content=forgery.of_object(etag=None)), ""),
    (insert(), ""),
    (insert("asset-unregistered"), "only an undo takes a record from an archive"),
    (insert(archive="archive"), no_whole_path("archive")),
    (update(), ""),
    (update(unset=("rig", "external_links")), ""),
    (update(unset=("rig",), rests_on=None), UNSAID),
    (update(unset=("rig",), rests_on={"no_original": ["session"]}), UNSAID),
    (update(unset=("name",)), "name is not a field that we write"),
    (update(unset=("rig", "z", "name")), "name is not a field that we write"),
    (update(field="external_links"), ""),
    (update(field="name"), "name is not a field that may come from there"),
    (update(archive="archive"), NO_SOURCE),
    (update("field-missing"), NO_SOURCE),
    (update(precondition=forgery.as_read(record=SHA, fields={})), "its precondition does not name location"),
    (update(precondition=forgery.as_read(fields=BUT_LOCATION)), "its precondition does not name location"),
    (update(unset=(*V1.core_fields, "external_links")), ""),
    (update(precondition=forgery.as_read()), "its precondition does not name last_modified"),
    (forgery.update(rests_on=None), UNSAID),
    (forgery.update(content=forgery.links(["da-1"])), "external_links is not a field that may come from there"),
    (forgery.delete_record("undo", rests_on=None), ""),
    (forgery.delete_record("result-gone"), "no record is deleted there for the reason result-gone"),
    (forgery.delete_record("result-gone", RESULT, rests_on={"result": "gone"}), ""),
    (forgery.delete_record("asset-gone", RESULT), "no record is deleted there for the reason asset-gone"),
    (forgery.delete_record("result-gone", RESULT), UNSAID),
    (forgery.insert("result-unregistered", RESULT), ""),
    (forgery.insert("result-unregistered", RESULT, rests_on={"result": "gone"}), UNSAID),
    (forgery.insert("result-unregistered", RESULT, rests_on=None), UNSAID),
    (forgery.archive_data_asset("undo", archive=False, rests_on=None), ""),
    (forgery.archive_data_asset("undo", rests_on=None), ""),
    (forgery.archive_data_asset(archive=False), "only an undo takes a data asset out of the archive"),
    (forgery.archive_data_asset("links-stale"), "no data asset goes for the reason links-stale"),
    (forgery.delete_data_asset("links-stale"), "no data asset goes for the reason links-stale"),
    (forgery.delete_data_asset("undo", rests_on=None), ""),
    (forgery.delete_data_asset(target=forgery.mount(None)), "it names no data asset"),
    (forgery.delete_data_asset(rests_on=None), UNSAID),
]
# fmt: on


@pytest.mark.parametrize(("action", "problem"), TABLE)
def test_what_an_undo_may_ask_for(action: dict[str, Any], problem: str) -> None:
    """And each is refused for what is wrong with it, before the first write."""
    plan = Plan.model_validate(forged([action]))
    if not problem:
        check_bounds(plan, HERE)
        return
    with pytest.raises(RefusedError) as raised:
        check_bounds(plan, HERE)
    (asked,) = plan.actions
    assert raised.value.summary == "The plan asks for what is not ours to write"
    assert raised.value.detail == f"{asked.kind} {asked.id} of {asked.location}: {problem}"
    assert raised.value.hint == "Nothing was written. Look at it with `indexer show`, and plan again."


def problem_of(*actions: dict[str, Any]) -> str:
    """What is said of actions that rest on each other: `after` names them by their place; empty where nothing is."""
    ids: list[str] = []
    for action in actions:
        action["after"] = [ids[one] if isinstance(one, int) else one for one in action.get("after", ())]
        ids.append(forged([action])["actions"][0]["id"])
    try:
        check_bounds(Plan.model_validate(forged(actions)), HERE)
    except RefusedError as exc:
        return exc.detail.partition(": ")[2]
    return ""


def test_one_order_holds_for_a_whole_plan() -> None:
    """Data assets, records, files; or the other way round, as where a plan is taken back."""
    forwards = [forgery.archive_data_asset(), forgery.delete_record(after=[0]), forgery.put(after=[0, 1])]
    assert problem_of(*forwards) == ""
    backwards = [
        put(),
        forgery.delete_record("undo", after=[0]),
        forgery.delete_data_asset("undo", after=[0]),
    ]
    assert problem_of(*backwards) == ""
    assert (
        problem_of(
            forgery.put(),
            forgery.copy(after=[0]),
            delete(
                "core-file-unrecorded", "asset/subject.json", rests_on=forgery.delete()["rests_on"], after=[1]
            ),
        )
        == ""
    )
    mixed = [*forwards, forgery.update(at=forgery.location("b"), target=forgery.in_collection(record="b"))]
    at_b = {"at": forgery.location("b"), "target": forgery.target("b/subject.json")}
    late = [forgery.put(**at_b), forgery.update(at=forgery.location("b"), after=[0])]
    assert problem_of(*mixed) == ""
    assert (
        problem_of(
            forgery.delete_record(),
            forgery.put(after=[0]),
            forgery.put(**at_b),
            forgery.update(at=forgery.location("b"), after=[2]),
        )
        == "it rests on a delete-record, which comes later"
    )
    assert problem_of(*late) == ""


def test_files_may_rest_on_each_other_after_their_record() -> None:
    """Two of one kind in a row turn no plan round."""
    assert problem_of(forgery.update(), forgery.put(after=[0]), forgery.copy(after=[0, 1])) == ""


def test_an_asset_may_be_named_like_a_day_that_is_not_known() -> None:
    """The original's own name tells whether its day is known."""
    at, key = forgery.location("<date>"), "<date>/subject.json"
    original = forgery.target("<date>/original_metadata/subject.20250101.json")
    assert problem_of(forgery.copy(at=at, target=original, content=forgery.of_object(key))) == ""


def test_an_action_rests_on_what_stands_before_it_in_its_asset() -> None:
    """Else nobody could say in which order they are carried out."""
    unknown = "it rests on 0000000000000000, which is not an earlier action of this asset"
    assert problem_of(forgery.put(after=["0" * 16])) == unknown
    other = forgery.put(at=forgery.location("b"), target=forgery.target("b/subject.json"))
    resting = forgery.copy(after=[0])
    said = problem_of(other, resting)
    assert said == f"it rests on {resting['after'][0]}, which is not an earlier action of this asset"
    assert problem_of(forgery.put(), forgery.put()) == "it is in the plan twice"


@pytest.mark.parametrize("undoes", [None, "run"])
def test_the_plan_of_an_undo_holds_nothing_else(undoes: str | None) -> None:
    """Its wider bounds are not had by a word in an action."""
    action = forgery.put("undo" if undoes is None else "core-file-stale")
    action["content"] = forgery.archived() if undoes is None else forgery.of_field()
    with pytest.raises(RefusedError) as raised:
        check_bounds(Plan.model_validate(forged([action], undoes=undoes)), HERE)
    words = "only the plan of an undo has actions for that reason, and no others"
    assert raised.value.detail.endswith(f": {words}")


def test_words_of_a_refusal_are_bounded() -> None:
    """A key may be as long as its plan."""
    action = forgery.put(target=forgery.target("asset/" + 1_000 * "x"))
    with pytest.raises(RefusedError) as raised:
        check_bounds(Plan.model_validate(forged([action])), HERE)
    assert len(raised.value.detail) == 500
