"""A document in pieces is the document: in its file, and in its digest."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.model.content import Change
from indexer.model.pieces import Items, canonical_pieces, text_pieces
from indexer.model.plan import Finding, Withheld
from indexer.model.values import canonical, to_text
from indexer.runs.files import document_text, plan_document, plan_text, save_plan
from shared import rendered
from shared.depth import examples

TEXT = st.text(max_size=8) | st.sampled_from(["\x00", "\x1f", "\u2028", "\n", "##[a]", "é", "\ud800"])
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(width=64) | TEXT
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def in_items(document: dict[str, Any]) -> dict[str, Any]:
    """The document, the items of its lists made when they are asked for."""
    return {
        key: Items(lambda value=value: iter(value)) if isinstance(value, list) else value
        for key, value in document.items()
    }


@settings(max_examples=examples(300), deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_the_pieces_of_a_document_are_its_text(document: dict[str, Any]) -> None:
    """As it is in one; and what is taken for a digest, too."""
    for one in (document, in_items(document)):
        assert "".join(text_pieces(one)) == to_text(document, indent=1)
        assert b"".join(canonical_pieces(one)) == canonical(document)


def test_a_plans_file_is_the_plan() -> None:
    """Whether its actions are dumped one at a time or all at once."""
    plan = rendered.plan_of(
        [rendered.put("a", Change(path="x", after='"é##[y]"')), rendered.put("b")],
        [Finding(kind="raw-unregistered", location="s3://bucket/c")],
        [Withheld(action=rendered.put("d"), policy="create-only", detail="it exists")],
    )
    whole = {**plan.model_dump(mode="json", exclude_none=True), "digest": plan_document(plan)["digest"]}
    assert plan_text(plan) == document_text(whole)
    assert json.loads(plan_text(plan)) == whole


def test_a_plan_is_written_in_a_small_part_of_the_memory_of_its_file(tmp_path: Path) -> None:
    """Neither all of its dictionaries nor all of its text is ever there."""
    path = tmp_path / "plan.json"
    plan = rendered.plan_of(
        [
            rendered.put(f"asset_{number:05}", *(Change(path=f"a[{at}]", before="1") for at in range(20)))
            for number in range(1_000)
        ]
    )
    save_plan(plan, path)  # what is imported and made once
    tracemalloc.start()
    try:
        save_plan(plan, path)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < path.stat().st_size / 5
