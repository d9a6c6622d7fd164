"""The judge of the golden cases sees every kind of difference, and takes what the rules leave open."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from golden.case import file_of
from golden.judge import Judge, Times, of_plan

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEW_ID = "6fa459ea-ee8a-5ca4-894e-db77e160355e"
LATER = "2026-03-01T12:00:01.5Z"
CASE: dict[str, Any] = {
    "bucket": "b",
    "buckets": {"other": {}},
    "expect": {
        "docdb_v1": {
            "gone": ["gone"],
            "changed": {"kept": {"n": 2, "last_modified": "<write-time>"}},
            "new": [
                {"_id": "<uuid5>", "location": "s3://b/new", "external_links": {}, "created": "<run-time>"}
            ],
        },
        "s3": {
            "kept/metadata.nd.json": {"record": "docdb_v1", "location": "s3://b/kept"},
            "kept/original.<date>.json": {"copy_of": "kept/n.json"},
            "kept/broken.json": None,
        },
        "codeocean": {
            "gone": ["da-gone"],
            "changed": {"da-kept": {"archived": True}},
            "new": [{"name": "new", "tags": ["x", "y"]}],
        },
    },
}
KEPT = {"_id": "kept", "location": "s3://b/kept", "n": 1, "last_modified": "long ago"}
CHANGED = KEPT | {"n": 2, "last_modified": LATER}
START: dict[str, Any] = {
    "s3": {"b": {"kept/n.json": b"1", "kept/broken.json": b"{"}, "other": {"seen": b"same"}},
    "docdb_v1": [KEPT, {"_id": "gone"}, {"_id": "untouched", "n": 1}],
    "docdb_v2": [],
    "codeocean": [{"id": "da-kept", "archived": False}, {"id": "da-gone"}],
}
END: dict[str, Any] = {
    "s3": {
        "b": {
            "kept/n.json": b"1",
            "kept/metadata.nd.json": file_of(CHANGED),
            "kept/original.20260301.json": b"1",
        },
        "other": {"seen": b"same"},
    },
    "docdb_v1": [
        CHANGED,
        {"_id": "untouched", "n": 1},
        {"_id": NEW_ID, "location": "s3://b/new", "created": LATER, "schema_version": "1.0"},
    ],
    "docdb_v2": [],
    "codeocean": [
        {"id": "da-kept", "archived": True},
        {"id": "da-new", "name": "new", "tags": ["y", "x"]},
    ],
}
End = dict[str, Any]


def problems(end: End, *written: tuple[str, str]) -> list[str]:
    """What is said of an end of that case."""
    journal = [{"bucket": bucket, "key": key} for bucket, key in written]
    known = {("docdb_v1", "s3://b/new"): NEW_ID}
    return Judge(CASE, START, end, Times(AT, AT, AT), known).verdict(journal)


def test_what_was_expected_is_no_problem() -> None:
    """Order of tags, links that are empty in one way or another, and a new record's versions are left open."""
    assert problems(END, ("b", "kept/metadata.nd.json")) == []


TAMPERED: dict[str, Callable[[End], object]] = {
    "a record is still there": lambda end: end["docdb_v1"].append({"_id": "gone"}),
    "a record is gone": lambda end: end["docdb_v1"].pop(1),
    "a record that nobody expects": lambda end: end["docdb_v2"].append({"_id": "other"}),
    "a number became a float": lambda end: end["docdb_v1"][1].update(n=1.0),
    "a number became true": lambda end: end["docdb_v1"][1].update(n=True),
    "a field too many": lambda end: end["docdb_v1"][1].update(more=None),
    "a field too few": lambda end: end["docdb_v1"][1].pop("n"),
    "a field was not set": lambda end: end["docdb_v1"][0].update(n=1),
    "a stamp of another day": lambda end: end["docdb_v1"][0].update(last_modified="2026-02-28T12:00:00Z"),
    "a stamp that is none": lambda end: end["docdb_v1"][0].update(last_modified="today"),
    "a stamp before apply": lambda end: end["docdb_v1"][0].update(last_modified="2026-03-01T11:59:57Z"),
    "nothing was inserted": lambda end: end["docdb_v1"].pop(2),
    "inserted twice": lambda end: end["docdb_v1"].append(end["docdb_v1"][2] | {"_id": "twin"}),
    "inserted under a random id": lambda end: end["docdb_v1"][2].update(
        _id="16fd2706-8baf-433b-82eb-8c7fada847da"
    ),
    "inserted under another id": lambda end: end["docdb_v1"][2].update(
        _id="886313e1-3b8a-5372-9b90-0c9aee199e5d"
    ),
    "inserted with links": lambda end: end["docdb_v1"][2].update(external_links={"Code Ocean": ["x"]}),
    "inserted with a field too many": lambda end: end["docdb_v1"][2].update(subject=None),
    "a file is still there": lambda end: end["s3"]["b"].update({"kept/broken.json": b"{"}),
    "a file is gone": lambda end: end["s3"]["b"].pop("kept/n.json"),
    "a file changed": lambda end: end["s3"]["b"].update({"kept/n.json": b"2"}),
    "a file that nobody expects": lambda end: end["s3"]["b"].update({"x": b""}),
    "a file of the other bucket changed": lambda end: end["s3"]["other"].update({"seen": b""}),
    "a file was not made": lambda end: end["s3"]["b"].pop("kept/metadata.nd.json"),
    "a file is not the record": lambda end: end["s3"]["b"].update({"kept/metadata.nd.json": file_of(KEPT)}),
    "a copy is none": lambda end: end["s3"]["b"].update({"kept/original.20260301.json": b"2"}),
    "a copy of another day": lambda end: end["s3"]["b"].update(
        {"kept/original.20260302.json": end["s3"]["b"].pop("kept/original.20260301.json")}
    ),
    "a data asset is still there": lambda end: end["codeocean"].append({"id": "da-gone"}),
    "a data asset is not archived": lambda end: end["codeocean"][0].update(archived=False),
    "a data asset was not created": lambda end: end["codeocean"].pop(1),
    "a data asset was created twice": lambda end: end["codeocean"].append({"id": "twin", "name": "new"}),
    "a data asset that nobody expects": lambda end: end["codeocean"].append({"id": "x", "name": "x"}),
    "a data asset has other tags": lambda end: end["codeocean"][1].update(tags=["x"]),
}


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED)
def test_any_other_end_is_a_problem(tamper: Callable[[End], object]) -> None:
    """One thing is wrong, and it is said."""
    end = copy.deepcopy(END)
    tamper(end)
    assert problems(end)


def test_a_file_written_without_need_is_a_problem() -> None:
    """Though its bytes are the same."""
    assert problems(END, ("other", "seen")) == ["other/seen written without need"]


PLAN: dict[str, Any] = {
    "actions": [{"reason": "one"}],
    "withheld": [],
    "findings": [{"kind": "found"}],
    "summary": {"findings": {"found": 1}},
    "coverage": [{"complete": True}],
}
EXPECT: dict[str, Any] = {"reasons": ["one|other"], "findings": ["found"], "empty_plan": False}


@pytest.mark.parametrize(
    ("plan", "expect", "said"),
    [
        ({}, {}, []),
        ({"actions": []}, {}, ["reason one|other missing (found: [])", "0 actions planned"]),
        ({"actions": [{"reason": "third"}, {"reason": "one"}]}, {}, ["unexpected reason third"]),
        ({"findings": [{"kind": "more"}]}, {}, ["unexpected finding more"]),
        ({"findings": [{"kind": "more"}]}, {"findings_allowed": ["more"]}, []),
        ({"withheld": [{}]}, {}, ["1 actions withheld, expected 0"]),
        ({}, {"incomplete": True}, ["every read is called complete"]),
        ({"coverage": [{"complete": True}, {"complete": False}]}, {"incomplete": True}, []),
        ({}, {"empty_plan": True}, ["1 actions planned"]),
    ],
)
def test_a_plan_has_the_reasons_and_findings_of_its_case(
    plan: dict[str, Any], expect: dict[str, Any], said: list[str]
) -> None:
    """None besides, and none missing."""
    assert of_plan({"expect": EXPECT | expect}, PLAN | plan) == said
