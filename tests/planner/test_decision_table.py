"""The one decision table, in the row order of DOMAIN's "Desired state of one asset"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from indexer.model.action import PutObject
from indexer.model.content import Absent, HasEtag, InlineSource, ObjectSource
from indexer.model.generation import V2
from indexer.model.snapshot import MustReadError
from indexer.model.values import etag_of, fingerprint, sha256, to_bytes
from indexer.planner.desired import Decision, Held, decide
from shared.builders import asset_of, by_kind, planned, record

VALUE = {"subject_id": "1"}
OTHER = {"subject_id": "2"}
COPY, RECORD, PUT, COPY_NEW, GONE, METADATA = (
    "copy root → original",
    "record = root file",
    "root file = record",
    "copy it → original",
    "root file gone",
    "metadata",
)


def steps(asset: Any) -> list[str]:
    """What is planned for an asset, in the table's words and in the order of the writes."""
    words: list[str] = []
    for action in planned(asset, links=False).actions:
        match action.kind:
            case "update-record":
                words.append(RECORD)
            case "copy-object":
                words.append(COPY_NEW if "<date>" in action.target.key else COPY)
            case "put-object":
                words.append(METADATA if action.target.key.endswith("nd.json") else PUT)
            case "delete-object":
                words.append(GONE)
            case kind:
                words.append(kind)
    return words


# fmt: off
ROWS = [
    # record has it, root file, original copy: desired
    (VALUE, OTHER,       b"{}",  [PUT]),
    (VALUE, OTHER,       None,   [COPY, PUT]),
    (VALUE, None,        b"{}",  [PUT]),
    (VALUE, None,        None,   [PUT, COPY_NEW]),
    (None,  OTHER,       b"{}",  [GONE]),
    (None,  OTHER,       b"{br", [RECORD, METADATA]),
    (None,  b"{broken",  b"{br", [GONE]),
    (None,  OTHER,       None,   [RECORD, COPY, METADATA]),
    (None,  b"{broken",  None,   [COPY, GONE]),
    (None,  None,        b"{}",  []),
    (None,  None,        None,   []),
    # its neighbours
    (VALUE, VALUE,       b"{}",  []),
    (VALUE, VALUE,       b"{br", []),
    (VALUE, VALUE,       None,   [COPY]),
    (VALUE, b"{broken",  b"{}",  [PUT]),
    (VALUE, b"{broken",  b"{br", [PUT]),
    (VALUE, b"{broken",  None,   [COPY, PUT]),
    (VALUE, b"null",     None,   [COPY, PUT]),
    (VALUE, None,        b"{br", [PUT]),
    (None,  b"{broken",  b"{}",  [GONE]),
    (None,  b"null",     b"{}",  [GONE]),
    (None,  b"null",     b"{br", [GONE]),
    (None,  b"null",     None,   [COPY, GONE]),
    (None,  OTHER,       b"",    [RECORD, METADATA]),
    (None,  OTHER,       b"null", [RECORD, METADATA]),
    (None,  OTHER,       b"\xff", [RECORD, METADATA]),
    (None,  OTHER,       b"[]",  [GONE]),
    (None,  OTHER,       b"0",   [GONE]),
    (None,  None,        b"{br", []),
    (None,  b'{"a": 1}', b"{br", [RECORD, PUT, METADATA]),
    (None,  b'{"a": 1}', None,   [RECORD, COPY, PUT, METADATA]),
    ({},    None,        None,   [PUT, COPY_NEW]),
    (False, None,        b"{}",  [PUT]),
    (0,     OTHER,       b"{}",  [PUT]),
    ("",    OTHER,       None,   [COPY, PUT]),
]
# fmt: on


@pytest.mark.parametrize("null", [True, False], ids=["null", "absent"])
@pytest.mark.parametrize(("has", "root", "original", "desired"), ROWS)
def test_the_table(has: object, root: object, original: bytes | None, desired: list[str], null: bool) -> None:
    """Each row's desired state becomes exactly these writes, in this order; null is not "has it"."""
    body = record(subject=has) if has is not None or null else record()
    files = {"metadata.nd.json": body} | ({} if root is None else {"subject.json": root})
    assert steps(asset_of(body, files, {} if original is None else {"subject": original})) == desired


def test_the_table_is_total() -> None:
    """Every has × root × original decides, or says that files must be read: where the record lacks the field."""
    undecided = []
    for has, root, original in product((True, False), Held, Held):
        there, kept = root is not Held.ABSENT, original is not Held.ABSENT
        try:
            decision = decide(has, root, original)
        except MustReadError:
            undecided.append((has, root, original))
            continue
        assert not (decision.root_from_record and decision.root_gone)
        assert not (decision.copy_root and (kept or not there))
        assert not (decision.copy_new and (kept or there))
        assert decision.root_from_record == (has or decision.adopt)
    assert undecided == [
        (False, Held.PRESENT, Held.ABSENT),
        (False, Held.PRESENT, Held.PRESENT),
        (False, Held.PRESENT, Held.NOT_JSON),
        (False, Held.JSON, Held.PRESENT),
        (False, Held.NOT_JSON, Held.PRESENT),
    ]
    assert decide(False, Held.ABSENT, Held.ABSENT) == Decision()


@pytest.mark.parametrize(
    ("originals", "desired"),
    [
        ({"subject.20200101.json": b"{br", "subject.20210101.json": b"{}"}, [RECORD, METADATA]),
        ({"subject.20210101.json": b"{br", "subject.20200101.json": b"{}"}, [GONE]),
        ({"subject.2020.json": b"{}", "subject.20210101.json": b"{br"}, [RECORD, METADATA]),
        ({"subject.20200101.json": b"{}", "rig.20190101.json": b"{br"}, [GONE]),
        ({"subject.2020.json": b"{}", "sub.20200101.json": b"{}"}, [RECORD, COPY, METADATA]),
    ],
)
def test_of_several_originals_the_oldest_counts(originals: Mapping[str, bytes], desired: list[str]) -> None:
    """By the date in its name; what is named otherwise is no original."""
    body = record()
    asset = asset_of(body, {"metadata.nd.json": body, "subject.json": OTHER}, originals)
    assert steps(asset) == desired


def test_an_original_is_read_only_where_it_decides() -> None:
    """Together with the root file: one round trip."""
    body = record(rig={"r": 1})
    files = {"metadata.nd.json": body, "subject.json": OTHER, "rig.json": {"r": 1}}
    unseen = asset_of(body, files, ["subject", "rig", "session"], read=False)
    with pytest.raises(MustReadError) as need:
        planned(unseen, links=False)
    assert set(need.value.names) == {"subject.json", "original_metadata/subject.20200101.json"}


@pytest.mark.parametrize(
    "root",
    [b'{"n": 99999999999999999999}', b'{"a\\u0000": 1}', b'"\\ud800"', b"[" * 200 + b"]" * 200],
)
def test_a_root_file_that_no_record_can_hold_is_left_alone(root: bytes) -> None:
    """A finding; neither copied nor deleted, and the rest of the asset goes on."""
    body = record(rig={"r": 1})
    plan = planned(asset_of(body, {"subject.json": root}), links=False)
    assert [finding.kind for finding in plan.findings] == ["value-unserialisable"]
    assert not [action for action in plan.actions if "subject" in action.target.key]
    assert {action.target.key for action in by_kind(plan.actions, "put-object")} == {
        "asset/rig.json",
        "asset/metadata.nd.json",
    }


def test_a_record_value_that_no_file_can_hold_is_left_alone() -> None:
    """Its own file and the metadata file, which would hold it; the other files go on."""
    from indexer.model.values import Foreign

    body = record(subject={"price": Foreign("Decimal128", "{}")}, rig={"r": 1})
    files = {"subject.json": OTHER, "metadata.nd.json": b"old"}
    plan = planned(asset_of(body, files), links=False)
    assert [finding.kind for finding in plan.findings] == ["value-unserialisable"]
    assert {action.target.key.split(".")[0] for action in plan.actions} == {
        "asset/rig",
        "asset/original_metadata/rig",
    }


def test_another_field_that_no_file_can_hold_blocks_the_metadata_file_only() -> None:
    """Core files are not held back by what somebody else put into the record."""
    body = record(subject=VALUE, extra={1, 2})
    plan = planned(asset_of(body, {"metadata.nd.json": b"old"}), links=False)
    assert [finding.kind for finding in plan.findings] == ["value-unserialisable"]
    assert [action.kind for action in plan.actions] == ["put-object", "copy-object"]


def test_each_step_rests_on_the_one_before_it() -> None:
    """The record, copies of what is there, root files (each new one with its copy), the metadata file."""
    body = record(rig={"r": 1}, session={"s": 1})
    files = {"subject.json": b"[1]", "session.json": b"old", "metadata.nd.json": b"old"}
    actions = planned(asset_of(body, files), links=False).actions
    kinds = [action.kind for action in actions]
    assert kinds == ["update-record", *["copy-object"] * 2, *["put-object"] * 3, "copy-object", "put-object"]
    update, *rest = actions
    copies, roots, new_copy, metadata = rest[:2], rest[2:5], rest[5], rest[6]
    assert update.after == ()
    assert {one.after for one in copies} == {(update.id,)}
    assert {one.after for one in roots} == {tuple(one.id for one in copies)}
    new = next(one for one in roots if one.target.key == "asset/rig.json")
    assert new_copy.after == (new.id,)
    assert metadata.after == (*(one.id for one in roots), new_copy.id)


def test_writes_are_pinned_to_what_was_seen() -> None:
    """ETags that were read, absence where nothing was, digests of the desired bytes."""
    body = record(subject=VALUE, rig={"r": 1})
    puts = by_kind(planned(asset_of(body, {"subject.json": OTHER}), links=False).actions, "put-object")
    by_key = {one.target.key.split("/")[1]: one for one in puts}
    assert by_key["subject.json"].precondition == HasEtag(etag=etag_of(to_bytes(OTHER)))
    assert by_key["rig.json"].precondition == Absent()
    assert by_key["subject.json"].content.sha256 == sha256(to_bytes(VALUE))
    assert by_key["metadata.nd.json"].content.sha256 == sha256(to_bytes(body))


def test_an_adopted_value_comes_from_its_own_file() -> None:
    """It is not in the plan: it is read again, and must hash to what was reviewed."""
    (update,) = by_kind(
        planned(asset_of(record(), {"subject.json": OTHER}), links=False).actions, "update-record"
    )
    (field,) = update.content.fields
    assert isinstance(field.source, ObjectSource)
    assert (field.field, field.source.key, field.sha256) == (
        "subject",
        "asset/subject.json",
        fingerprint(OTHER),
    )
    assert update.precondition.fields["subject"] is None
    assert set(update.precondition.fields) == {"location", "last_modified", "subject"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (to_bytes(OTHER), "core-file-stale"),
        (b'{"subject_id": "1"}', "core-file-format"),
        (b"\xef\xbb\xbf" + to_bytes(VALUE), "core-file-format"),
        (b"{broken", "core-file-corrupt"),
        (None, "core-file-missing"),
    ],
)
def test_drift_of_a_core_file_has_its_kind(body: bytes | None, reason: str) -> None:
    """The same value in other bytes is drift of its own kind."""
    files = {} if body is None else {"subject.json": body}
    asset = asset_of(record(subject=VALUE), files, ["subject"])
    put = by_kind(planned(asset, links=False).actions, "put-object")[0]
    assert put.reason == reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [(None, "metadata-file-missing"), (b"{}", "metadata-file-stale"), (b"x", "metadata-file-stale")],
)
def test_drift_of_the_metadata_file_has_its_kind(body: bytes | None, reason: str) -> None:
    """As the core files'."""
    files = {} if body is None else {"metadata.nd.json": body}
    (put,) = planned(asset_of(record(), files), links=False).actions
    assert put.reason == reason


def test_a_metadata_file_in_other_bytes_is_a_matter_of_format() -> None:
    """Compact JSON of the same record."""
    import json

    body = record(subject=None)
    (put,) = planned(asset_of(body, {"metadata.nd.json": json.dumps(body).encode()}), links=False).actions
    assert put.reason == "metadata-file-format"


def test_an_etag_that_differs_proves_nothing() -> None:
    """Multipart uploads and SSE-KMS: the planner asks to see the bytes before it claims drift."""
    body = record(subject=VALUE)
    files = {"subject.json": VALUE, "metadata.nd.json": body}
    seen = asset_of(body, files, ["subject"])
    odd = {
        name: replace(one, etag="0123-2") for name, one in (seen.folder.files if seen.folder else {}).items()
    }
    assert seen.folder is not None
    unseen = replace(seen, folder=replace(seen.folder, files=odd), bodies={})
    with pytest.raises(MustReadError) as need:
        planned(unseen, links=False)
    assert "subject.json" in need.value.names
    assert planned(replace(unseen, bodies=seen.bodies), links=False).actions == ()


def test_an_etag_that_is_the_bytes_md5_is_enough() -> None:
    """In step is proved without reading a byte."""
    body = record(subject=VALUE)
    files = {"subject.json": VALUE, "metadata.nd.json": body}
    assert planned(asset_of(body, files, ["subject"], read=False), links=False).actions == ()


def test_all_files_that_must_be_seen_are_asked_for_at_once() -> None:
    """Not one round trip for each."""
    body = record(subject=VALUE)
    files = {"subject.json": OTHER, "rig.json": OTHER, "session.json": OTHER}
    with pytest.raises(MustReadError) as need:
        planned(asset_of(body, files, read=False), links=False)
    assert set(need.value.names) == set(files)


def test_an_update_makes_the_metadata_file_known_after_apply() -> None:
    """It holds the time of the write."""
    actions = planned(asset_of(record(), {"subject.json": VALUE}), links=False).actions
    metadata = actions[-1]
    assert isinstance(metadata, PutObject)
    assert metadata.content.known_after_apply == ("last_modified",)
    assert metadata.content.size is None


def test_links_stand_in_the_plan_itself() -> None:
    """The only value that does."""
    asset = asset_of(record(), {"metadata.nd.json": record()})
    from shared.builders import mounted

    (update, _) = planned(replace(asset, data_assets=(mounted("da-1"),))).actions
    (field,) = update.content.fields
    assert isinstance(field.source, InlineSource)
    assert field.source.value == {"Code Ocean": ["da-1"]}


@pytest.mark.parametrize("file", [OTHER, b"{broken"], ids=["a value", "no JSON"])
def test_core_fields_are_those_of_the_generation(file: object) -> None:
    """`session.json` is none of a v2 asset's, and stays as it is, without an original or a finding; `model` is."""
    from indexer.model.settings import CollectionSettings

    body = record(generation=V2, model={"m": 1})
    asset = asset_of(body, {"session.json": file, "metadata.nd.json": body}, generation=V2)
    collections = {
        "v2": CollectionSettings(database="metadata_index_v2", collection="data_assets", sync_to_s3=True)
    }
    plan = planned(asset, links=False, collections=collections)
    keys = [action.target.key for action in plan.actions]
    assert (keys, plan.findings) == (["asset/model.json", "asset/original_metadata/model.<date>.json"], ())


@pytest.mark.parametrize("file", [None, {"old": 1}, b"{broken", b""])
@pytest.mark.parametrize("fields", [{}, {"extra": {1, 2}}, {"subject": VALUE}])
@pytest.mark.parametrize("mode", ["leave", "remove"])
def test_the_metadata_file_may_be_left_or_retired(mode: str, fields: dict[str, Any], file: object) -> None:
    """Whatever it or the record holds: it is not read for that; core files are kept in step as ever."""
    body = record(**fields)
    files = {"subject.json": OTHER} if "subject" in fields else {}
    seen = asset_of(body, files | ({} if file is None else {"metadata.nd.json": file}), ["subject"])
    unseen = {name: read for name, read in seen.bodies.items() if name != "metadata.nd.json"}
    plan = planned(replace(seen, bodies=unseen), links=False, metadata_file=mode)
    retired = ["metadata-file-retired"] if mode == "remove" and file is not None else []
    assert [one.reason for one in plan.actions] == ["core-file-stale"] * len(files) + retired
    assert plan.findings == ()
    if retired and files:
        assert plan.actions[-1].after == (plan.actions[0].id,)


def test_a_retired_metadata_file_is_deleted_as_it_was_listed() -> None:
    """On the ETag of the listing: it was not read."""
    body = record()
    (delete,) = planned(
        asset_of(body, {"metadata.nd.json": b"x"}), links=False, metadata_file="remove"
    ).actions
    assert delete.precondition == HasEtag(etag=etag_of(b"x"))
