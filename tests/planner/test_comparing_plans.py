"""What became of an older plan's actions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from indexer.model.action import Action
from indexer.model.plan import Finding, Withheld
from indexer.planner.compare import compare
from indexer.render.markdown import MAX_CHARACTERS, report_markdown
from indexer.render.of_comparison import comparison_report
from indexer.render.paint import PLAIN
from indexer.render.text import report_text
from shared.rendered import delete, plan_of, put

some_actions = st.lists(
    st.builds(put, st.sampled_from("abcd"), etag=st.sampled_from([None, "0" * 16, "1" * 16])),
    max_size=4,
    unique_by=lambda one: one.target.key,
)


@given(some_actions, some_actions)
def test_every_action_of_both_plans_has_one_place(now: list[Action], before: list[Action]) -> None:
    """New, altered and still there make up the plan; gone, altered and still there the older one."""
    found = compare(plan_of(now), plan_of(before))
    altered = [(one.before, one.after) for one in found.altered]
    assert {one.id for one in (*found.new, *found.still, *(after for _, after in altered))} == {
        one.id for one in now
    }
    assert {one.id for one in (*found.gone, *found.still, *(old for old, _ in altered))} == {
        one.id for one in before
    }
    assert len(found.new) + len(found.still) + len(altered) == len(now)
    assert all(old.target == after.target and old != after for old, after in altered)


def test_a_plan_against_itself_is_all_still_there() -> None:
    plan = plan_of([put(), delete()])
    found = compare(plan, plan)
    assert (found.new, found.gone, found.altered, len(found.still)) == ((), (), (), 2)


def test_an_action_that_is_withheld_now_is_still_there() -> None:
    """The systems differ as before; only policy changed."""
    held = plan_of(withheld=[Withheld(action=delete(), policy="max_deletes", detail="")])
    assert len(compare(held, plan_of([delete()])).still) == 1


def test_findings_are_compared_too() -> None:
    old, new = (Finding(kind="name-mismatch", location=f"s3://bucket/{one}") for one in "ab")
    found = compare(plan_of(findings=[new]), plan_of(findings=[old]))
    assert (found.new_findings, found.gone_findings) == ((new,), (old,))


def test_what_may_only_be_out_of_sight_is_said() -> None:
    """Plans of other buckets, or with incomplete reads, are compared with a warning."""
    plan, narrow = plan_of([put()]), plan_of()
    narrow = narrow.model_copy(update={"scope": narrow.scope.model_copy(update={"assets": ("x*",)})})
    for other, word in ((narrow, "did not look at the same"), (plan_of(unread="denied"), "Not everything")):
        found = compare(plan, other)
        assert any(word in line for line in report_text(comparison_report(found), PLAIN))
        assert word in report_markdown(comparison_report(found))


def test_what_it_was_before_is_shown() -> None:
    found = compare(plan_of([put(etag="1" * 16)]), plan_of([put(etag="2" * 16)]))
    lines = list(report_text(comparison_report(found), PLAIN))
    assert any(line.strip().startswith("was: core-file-stale") and "ETag 22222222" in line for line in lines)


def test_a_long_comparison_fits_a_comment() -> None:
    """New ones are shown before the others."""
    now = [put(f"new-{number:05}") for number in range(2_000)]
    before = [put(f"old-{number:05}") for number in range(2_000)]
    text = report_markdown(comparison_report(compare(plan_of(now), plan_of(before))))
    assert MAX_CHARACTERS * 0.6 < len(text) <= MAX_CHARACTERS
    assert text.index("# s3://bucket/new-00000") < text.index("# s3://bucket/old-00000")
    assert "2,000 new actions, 2,000 gone" in text


def test_of_a_plan_that_was_applied_only_what_is_new_is_told_whole() -> None:
    """What is gone is counted by reason, with the command that lists it; a reader asks what is new."""
    gone = [
        *(put(f"old-{number:03}") for number in range(390)),
        *(delete(f"old-{number}") for number in range(10)),
    ]
    old = [Finding(kind="name-mismatch", location=f"s3://bucket/{number}") for number in range(40)]
    still = put("still")
    found = compare(plan_of([put("new"), still]), plan_of([*gone, still], old))
    text = list(
        report_text(
            comparison_report(found, "indexer show new.json --against old.json", gone_listed=False), PLAIN
        )
    )
    assert len(text) <= 12
    assert text[0] == "1 new action, 400 gone, 1 still there."
    assert any("put-object" in line for line in text)
    assert text[-1] == (
        "Gone: 400 actions (390 core-file-stale, 10 asset-gone) and 40 findings (40 name-mismatch); "
        "listed by `indexer show new.json --against old.json --gone`"
    )
    assert not any("s3://bucket/old" in line for line in text)
    whole = list(report_text(comparison_report(found), PLAIN))
    assert sum("s3://bucket/old-" in line for line in whole) == 400


def test_where_nothing_is_gone_nothing_is_said_of_it() -> None:
    found = compare(plan_of([put()]), plan_of([put()]))
    assert len(list(report_text(comparison_report(found, gone_listed=False), PLAIN))) == 2
