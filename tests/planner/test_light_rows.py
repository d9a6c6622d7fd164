"""Light rows are held in few bytes, and come out as they went in."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Int64

from indexer.model.snapshot import RecordRow
from indexer.model.values import Foreign, Oid
from indexer.planner.join import Window, join
from indexer.planner.light_rows import each_once, held_row, light_rows, shown_row
from shared.builders import BUCKET, row

DEEP: list[Any] = []
for _ in range(3_000):
    DEEP = [DEEP]
VALUES = (
    *(
        None,
        True,
        False,
        0,
        1,
        1.0,
        -0.0,
        2**70,
        "",
        "text",
        "\ud800",
        b"bytes",
        {},
        [],
        {"a": {"b": [1, 1.0, True]}},
    ),
    *(
        {"b": 1, "a": 2},
        {"Code Ocean": ["da-1"]},
        [{"Code Ocean": "x"}],
        "s3://bucket/a",
        "s3://bucket/a/",
        "a",
        "/",
    ),
    *(
        Oid("0" * 24),
        Foreign("Decimal128", "{}"),
        datetime(2026, 1, 1, tzinfo=UTC),
        Int64(7),
        [Oid("1" * 24)],
    ),
)


@pytest.mark.parametrize("field", ["id", "location", "name", "modified", "links"])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_row_comes_out_as_it_went_in(field: str, value: object) -> None:
    """Every value with its type, and objects with the order of their keys."""
    values = {"id": "1", "location": f"s3://{BUCKET}/a", "name": "a", "modified": "now", "links": {}} | {
        field: value
    }
    before = RecordRow("v1", **values)
    after = shown_row(held_row(before))
    assert repr(after) == repr(before)
    assert type(getattr(after, field)) is type(value)


def test_what_is_nested_too_deeply_is_held_as_it_is() -> None:
    """Links may be anything."""
    before = RecordRow("v2", "1", None, None, None, DEEP)
    assert held_row(before) is before


def test_a_usual_row_takes_few_bytes() -> None:
    """A third of what its objects take: there may be a million."""
    name = "ecephys_0000001_2020-01-01_00-07-00"
    usual = RecordRow(
        "v1",
        "00000001-b0a0-4000-8000-000000000001",
        f"s3://bench/{name}",
        name,
        "2024-06-02T11:22:33.654321Z",
        {},
    )
    assert sys.getsizeof(held_row(usual)) <= 200


def test_a_record_on_two_pages_counts_once() -> None:
    """The first time; others, whose ids only look alike, are others."""
    rows = [row("a"), row("b"), RecordRow("v1", row("a").id, "elsewhere", "x", None, {})]
    rows += [
        RecordRow("v1", one, None, None, None, {}) for one in (1, 1.0, "1", Oid("0" * 24), "0" * 24, -1, -2)
    ]
    assert hash(-1) == hash(-2)
    kept = [shown_row(one) for one in each_once(map(held_row, rows))]
    assert kept == [*rows[:2], *rows[3:]]


def test_rows_with_and_without_a_slash_are_one_order() -> None:
    """DocDB has `a` before `a-b` before `a/`, and S3 `a-b/` before `a/`."""
    rows = [row("a"), row("a-b"), row("a/"), row("b")]
    v2 = [
        RecordRow("v2", f"v2-{one.id}", one.location, one.name, one.modified, one.links) for one in rows[1:]
    ]
    joined = join(BUCKET, light_rows([*rows[1:], *v2]), ["a-b", "a", "a", "c"], {}, Window(), links=False)
    found = [
        (asset.location.prefix, [one.generation for one in asset.rows], there)
        for asset, there in joined.assets()
    ]
    assert found == [
        ("a", ["v1", "v2"], True),
        ("a-b", ["v1", "v2"], True),
        ("b", ["v1", "v2"], False),
        ("c", [], True),
    ]
