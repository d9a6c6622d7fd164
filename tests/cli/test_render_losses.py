"""What goes with a deletion, wherever a plan is shown."""

from __future__ import annotations

import pytest

from indexer.model.action import DeleteRecord, with_id
from indexer.model.loses import Loses
from indexer.render.formats import ReportFormat, rendered
from indexer.render.of_plan import plan_report
from indexer.render.paint import PLAIN
from indexer.render.reader import Reader
from indexer.render.text import outline
from indexer.render.words import loss_words
from shared.rendered import delete, plan_of, put

WHOLE = Loses(
    name="mouse",
    size=62_200,
    modified="2024-03-22T11:54:20Z",
    fields=18,
    linked=("da-1", "da-2"),
    linked_omitted=3,
)


def losing(loses: Loses) -> DeleteRecord:
    """A record's deletion that says so."""
    return with_id(delete().model_copy(update={"loses": loses}))


@pytest.mark.parametrize(
    ("loses", "words"),
    [
        (
            WHOLE,
            "named mouse · 62.2 kB · 18 fields · last changed 2024-03-22T11:54:20Z · linked to data assets da-1, da-2 and 3 more",
        ),
        (Loses(fields=1, linked=("da-1",)), "1 field · linked to data asset da-1"),
        (Loses(size=20, linked=()), "20 B · no data asset linked"),
        (Loses(name="da", mount="bucket/asset"), "named da · mounts bucket/asset"),
        (Loses(), ""),
    ],
)
def test_a_loss_is_told_as_far_as_it_is_known(loses: Loses, words: str) -> None:
    """What is absent was not known: nothing is said of it."""
    assert loss_words(losing(loses)) == words
    assert loss_words(put()) == ""


@pytest.mark.parametrize("output", ["text", "markdown", "html", "junit", "sarif"])
def test_every_format_says_what_is_lost(output: ReportFormat) -> None:
    """A reviewer may see only one of them; other people's text obeys in none."""
    hostile = WHOLE.model_copy(update={"name": "\x1b[2J<script>::error::`x`"})
    text = rendered(plan_report(plan_of([losing(WHOLE), losing(hostile)])), output, Reader())
    assert "18 fields" in text
    assert "62.2 kB" in text
    assert "\x1b" not in text


def test_the_end_of_plan_says_what_is_lost() -> None:
    """There, too: many look no further."""
    lines = list(outline(plan_report(plan_of([losing(WHOLE)])), PLAIN, 60))
    assert any(line.startswith("      loses: named mouse · 62.2 kB") for line in lines)
    assert all(len(line) <= 60 for line in lines)
