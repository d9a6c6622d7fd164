"""What a deletion takes away is in its plan: taken from what was read, and bounded."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from indexer.model.action import Action, action_id, content_id
from indexer.model.loses import Loses
from indexer.planner.diff import MAX_VALUES
from indexer.planner.losses import MAX_LINKED
from indexer.planner.shorten import MAX_TEXT
from shared.builders import asset_of, mounted, planned, record

DELETES = "delete-object"


def gone(body: dict[str, Any], *mounts: str, **changed: Any) -> tuple[Action, ...]:
    """What is planned for an asset without a folder."""
    asset = asset_of(body, data_assets=[mounted(one) for one in mounts], exists=False)
    return planned(asset, **changed).actions


def loses(body: dict[str, Any], *mounts: str) -> Loses:
    """What is lost with the record."""
    (*_, delete) = gone(body, *mounts)
    assert delete.kind == "delete-record"
    assert delete.loses is not None
    return delete.loses


def unrecorded(content: object, **changed: Any) -> Action:
    """The deletion of a root file that the record does not have."""
    asset = asset_of(record(), {"subject.json": content}, {"subject": {"a": 1}}, **changed)
    (delete,) = (one for one in planned(asset).actions if one.kind == DELETES)
    return delete


def test_a_deleted_record_is_named_and_measured() -> None:
    """Name, size, age, number of fields, and who links to it: those that mount it and those that it names."""
    found = loses(record(links={"Code Ocean": ["da-2", "da-9"]}, subject={"n": 1}), "da-1", "da-2")
    assert found == Loses(
        name="asset",
        size=found.size,
        modified="2026-01-10T08:00:00Z",
        fields=7,
        linked=("da-1", "da-2", "da-9"),
    )
    assert found.size is not None
    assert 150 < found.size < 400


def test_a_record_that_nothing_links_to_says_so() -> None:
    """An empty list is an answer; a field that is absent is none."""
    assert loses(record()).linked == ()


def test_links_that_nobody_can_read_hide_no_mount() -> None:
    """They have a finding of their own."""
    assert loses(record(links="garbage"), "da-1").linked == ("da-1",)


def test_what_a_deletion_says_is_bounded() -> None:
    """However long somebody's name is, and however many data assets mount the asset."""
    mounts = [f"da-{number}{'x' * 500}" for number in range(MAX_LINKED + 3)]
    found = loses(record(name="n" * 10_000), *mounts)
    assert found.name is not None
    assert len(found.name) <= MAX_TEXT + 1
    assert found.linked is not None
    assert (len(found.linked), found.linked_omitted) == (MAX_LINKED, 3)
    assert len(json.dumps(found.model_dump(mode="json"))) < 1_500


@pytest.mark.parametrize(
    ("modified", "told"),
    [
        (datetime(2024, 2, 3, tzinfo=UTC), "2024-02-03T00:00:00Z"),
        (None, None),
        (7, "7"),
        ("\ud800", "\\ud800"),
    ],
)
def test_any_last_modified_field_can_be_told(modified: object, told: str | None) -> None:
    """Somebody else wrote it: of any type, and with what no file can hold."""
    assert loses(record(modified=modified)).modified == told


@pytest.mark.parametrize("on_missing", ["archive", "delete"])
def test_a_data_asset_is_named_with_what_it_mounts(on_missing: str) -> None:
    """Archived or deleted."""
    first, _ = gone(record(), "da-1", on_missing=on_missing)
    assert first.loses == Loses(name="asset", mount="bucket/asset")


def test_a_deleted_file_shows_its_first_values() -> None:
    """First what tells it from others; how many more there are is said."""
    delete = unrecorded({f"k{n}": n for n in range(9)} | {"describedBy": "x", "schema_version": "1"})
    assert [(one.path, one.before, one.after) for one in delete.changes] == [
        (f"k{n}", str(n), None) for n in range(MAX_VALUES)
    ]
    assert delete.changes_omitted == 6
    assert delete.loses is not None
    assert delete.loses.size
    assert delete.loses.modified


def test_a_deleted_file_that_is_not_json_shows_how_it_begins() -> None:
    """Bytes that are no text are seen as escapes."""
    asset = asset_of(record(), {"subject.json": b"\xffabc{"})
    (delete,) = (one for one in planned(asset).actions if one.kind == DELETES)
    assert [one.before for one in delete.changes] == ['"\\\\xffabc{"']


def test_a_retired_metadata_file_is_not_read_to_be_shown() -> None:
    """It would cost a GET of megabytes for each asset of a bucket: the listing tells its size and age."""
    body = record()
    asset = asset_of(body, {"metadata.nd.json": body, "other": 1}, read=False)
    (one,) = planned(asset, metadata_file="remove").actions
    assert asset.folder is not None
    assert one.loses is not None
    assert (one.loses.size, one.changes) == (asset.folder.files["metadata.nd.json"].size, ())


def test_what_a_deletion_says_is_pinned_by_its_id() -> None:
    """A reviewer read it: it cannot be changed afterwards. A plan without it keeps its ids."""
    (delete,) = gone(record())
    assert content_id(delete.model_dump(mode="json", exclude_none=True)) == action_id(delete) == delete.id
    assert action_id(delete.model_copy(update={"loses": None})) != delete.id


def test_what_lives_on_says_nothing_of_the_kind() -> None:
    """Only deletions lose anything."""
    asset = asset_of(record(subject={"a": 1}), {"subject.json": {"a": 2}}, ["subject"])
    assert {one.loses for one in planned(asset).actions} == {None}
