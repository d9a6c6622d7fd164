"""A plan on the screen."""

from __future__ import annotations

import pytest

from indexer.model.content import Change
from indexer.model.plan import Finding, Withheld
from indexer.render.of_plan import plan_report
from indexer.render.paint import PLAIN, Paint, columns_of
from indexer.render.text import alarm_lines, outline, report_text
from shared.rendered import delete, plan_of, put


def shown(*lines: str) -> str:
    return "\n".join(lines)


def test_headline_says_what_would_happen() -> None:
    """Created, changed and deleted, in figures."""
    plan = plan_of([put("a", etag=None), put("b"), delete()])
    assert plan_report(plan).headline == "3 actions on 3 assets of 10: 1 create, 1 change, 1 delete."


def test_nothing_to_do() -> None:
    """An empty plan says so."""
    assert plan_report(plan_of()).headline.startswith("Nothing to do: 10 assets")


def test_an_incomplete_plan_never_says_that_all_is_well() -> None:
    """Neither in its headline nor quietly."""
    plan = plan_of(unread="S3 denies access")
    assert "not everything could be read" in plan_report(plan).headline
    assert "S3 denies access" in shown(*alarm_lines(plan_report(plan), PLAIN))
    assert "WARNING" in shown(*report_text(plan_report(plan), PLAIN))


def test_an_action_is_shown_with_all_that_a_reviewer_needs() -> None:
    """Kind, file, reason, size, condition and difference."""
    text = shown(
        *report_text(plan_report(plan_of([put("a", Change(path="sex", before='"F"', after='"M"'))])), PLAIN)
    )
    for part in (
        "s3://bucket/a",
        "~ put-object subject.json",
        "core-file-stale",
        "1.2 kB",
        "ETag 01234567",
        'sex\n        - "F"\n        + "M"',
    ):
        assert part in text


def test_colour_only_adds_to_the_text() -> None:
    """Without its escape codes the coloured text is the plain one."""
    plan = plan_of([put(), delete()], [Finding(kind="name-mismatch", location="s3://bucket/a", detail="x")])
    coloured = shown(*report_text(plan_report(plan), Paint(colour=True)))
    assert "\x1b[" in coloured
    for code in ("0", "1", "2", "31", "32", "33", "36", "1;31"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured == shown(*report_text(plan_report(plan), PLAIN))


def test_foreign_text_cannot_reach_the_terminal() -> None:
    """A value or a name that holds control characters is shown, not obeyed."""
    evil = "\x1b[2J\x07\r\n\u202e\u200b\ufeff\U000e0041"
    plan = plan_of(
        [put(f"a{evil}", Change(path=evil, before=evil, after=evil))],
        [Finding(kind="name-mismatch", location=None, detail=evil)],
        [Withheld(action=delete(evil), policy=evil, detail=evil)],
    )
    lines = [*report_text(plan_report(plan), PLAIN), *outline(plan_report(plan), PLAIN, 80)]
    assert all(line.isprintable() for line in lines)
    assert not any(one in evil for line in lines for one in line if not one.isascii())


@pytest.mark.parametrize("width", [60, 80, 200])
def test_outline_fits_the_screen(width: int) -> None:
    """In rows that hang; only a word that is longer than one is broken, and a long difference cut; `show` has all of it."""
    long = Change(path="p" * 50, before='"' + "before " * 100 + '"', after="日本" * 60)
    lines = list(outline(plan_report(plan_of([put("a" * 250, long)])), PLAIN, width))
    assert all(columns_of(line) <= width for line in lines)
    text = "".join("".join(lines).split())
    assert f"s3://bucket/{'a' * 250}" in text
    assert "beforebefore" in text
    assert "…" in text


def test_withheld_actions_are_shown_with_their_policy() -> None:
    """The figure and the limit."""
    held = Withheld(
        action=delete(), policy="max_deletes", detail="deletion of 1 record exceeds the limit of 0"
    )
    text = shown(*report_text(plan_report(plan_of(withheld=[held])), PLAIN))
    assert "1 action withheld by max_deletes: deletion of 1 record exceeds the limit of 0" in text
    assert "- delete-record v1 record id-gone" in text
