"""A plan in a notebook is a table at a glance, whatever others have written."""

from __future__ import annotations

import re

from indexer import Plan, plan
from indexer.model.plan import CoverageRow
from indexer.render.notebook import plan_html
from shared.builders import BUCKET, plan_of, world_of
from shared.builders import record as a_record

HOSTILE = "<script>alert(1)</script>\x1b[2J"
UNREAD = CoverageRow(system="s3", scope=HOSTILE, complete=False, count=0, why=HOSTILE)


def with_an_unread_read(found: Plan) -> Plan:
    summary = found.summary.model_copy(update={"complete": False})
    return found.model_copy(update={"coverage": (*found.coverage, UNREAD), "summary": summary})


def test_it_counts_by_reason_and_says_what_was_not_read() -> None:
    assert plan is not None  # whoever asks for it has plans in hand
    world = world_of(a_record("asset", subject={"subject_id": "1"}))
    del world.buckets[BUCKET]["asset/subject.json"]
    found = with_an_unread_read(plan_of(world))
    shown = found._repr_html_()  # type: ignore[attr-defined]
    assert shown == plan_html(found)
    text = " ".join(re.sub(r"<[^>]*>", " ", shown).split())
    assert f"Plan {found.plan_id[:8]}" in text
    assert set(found.summary.reasons) <= set(text.split())
    assert found.summary.reasons
    assert "Not everything could be read" in text


def test_what_others_wrote_is_text() -> None:
    shown = plan_html(with_an_unread_read(plan_of(world_of())))
    assert "<script" not in shown
    assert "\x1b" not in shown
    assert "&lt;script&gt;" in shown


def test_a_plan_of_nothing_has_no_table() -> None:
    assert "<table" not in plan_html(plan_of(world_of()))
