"""Which drift the gate lets pass."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judged import TODAY, blind_verdict, rule, rules
from pydantic import ValidationError

from indexer.model.drift import Rule
from indexer.model.plan import CoverageRow, Finding, Withheld
from indexer.planner.gate import judge
from shared.rendered import delete, plan_of, put

MISMATCH = Finding(kind="name-mismatch", location="s3://bucket/odd", detail="x")
RAW = {"raw-unregistered": 7}


@pytest.mark.parametrize(
    ("given_rule", "covered"),
    [
        (rule("asset"), True),
        (rule("as?e*"), True),
        (rule("s3://bucket/asset"), True),
        (rule("s3://other/*"), False),
        (rule("other"), False),
        (rule(reason="core-file-stale"), True),
        (rule(reason="asset-gone"), False),
        (rule(action="put-object"), True),
        (rule(action="delete-object"), False),
        (rule(reason="core-file-stale", action="delete-object"), False),
        (rule(finding="core-file-corrupt"), False),
    ],
)
def test_a_rule_expects_what_all_its_words_fit(given_rule: Rule, covered: bool) -> None:
    """Asset, reason and action must all fit; a rule of findings speaks of no action."""
    verdict = judge(plan_of([put("asset")]), rules(given_rule), TODAY)
    assert (verdict.exit_code, verdict.rules[0].matched) == ((0, 1) if covered else (3, 0))


@pytest.mark.parametrize(("days_left", "exit_code"), [(1, 0), (0, 0), (-1, 3)])
def test_a_rule_holds_until_the_end_of_its_last_day(days_left: int, exit_code: int) -> None:
    """On the last day it still expects; the day after it fails the gate."""
    held = rule("asset", until=TODAY + timedelta(days=days_left))
    assert judge(plan_of([put("asset")]), rules(held), TODAY).exit_code == exit_code


def test_an_expired_rule_fails_even_where_it_matches_nothing() -> None:
    """It must be renewed or taken out, not forgotten."""
    verdict = judge(plan_of(), rules(rule("x", until=date(2026, 1, 1))), TODAY)
    assert (verdict.status, verdict.exit_code, verdict.totals.expired_rules) == ("drift", 3, 1)


def test_a_later_rule_expects_where_an_earlier_one_expired() -> None:
    """The first that holds is the one; an expired one still says what it speaks of."""
    old, new = rule("asset", until=date(2026, 1, 1)), rule("a*")
    verdict = judge(plan_of([put("asset")]), rules(old, new), TODAY)
    assert verdict.actions[0].expected_by == 1
    assert [one.matched for one in verdict.rules] == [1, 1]


def test_rules_that_match_nothing_are_counted_and_do_not_fail() -> None:
    verdict = judge(plan_of(), rules(rule("nothing")), TODAY)
    assert (verdict.exit_code, verdict.totals.unused_rules) == (0, 1)


def test_withheld_actions_are_drift() -> None:
    """What policy holds back differs all the same."""
    plan = plan_of(withheld=[Withheld(action=delete(), policy="max_deletes", detail="")])
    assert judge(plan, rules(), TODAY).exit_code == 3
    assert judge(plan, rules(rule(reason="asset-gone")), TODAY).exit_code == 0


@pytest.mark.parametrize("expected", [rules(), rules(rule("asset"))])
def test_an_incomplete_read_is_1_whatever_else_there_is(expected: object) -> None:
    """A gate that could not see everything never says 0, nor 3."""
    plan = plan_of([put("asset")], unread="denied")
    assert judge(plan, expected, TODAY).exit_code == 1  # type: ignore[arg-type]


def test_an_incomplete_row_counts_even_where_the_summary_says_otherwise() -> None:
    """A plan of a stranger's making is not believed against its own rows."""
    plan = plan_of()
    row = CoverageRow(system="docdb", scope="v1 records", complete=False, count=0, why="x")
    assert judge(plan.model_copy(update={"coverage": (row,)}), rules(), TODAY).exit_code == 1


def test_no_asset_that_matches_is_1() -> None:
    """A mistyped glob is no proof; a bucket that is empty, without one, is in step."""
    verdict = blind_verdict()
    assert (verdict.status, verdict.exit_code) == ("incomplete", 1)
    assert "s3://bucket/other" in verdict.unmatched
    plan = plan_of()
    empty = plan.model_copy(update={"summary": plan.summary.model_copy(update={"assets": 0})})
    assert judge(empty, rules(), TODAY).exit_code == 0


def test_findings_fail_under_strict_only() -> None:
    plan = plan_of(findings=[MISMATCH])
    assert judge(plan, rules(), TODAY).exit_code == 0
    assert judge(plan, rules(), TODAY, strict=True).exit_code == 3
    assert judge(plan, rules(rule("odd", finding="name-mismatch")), TODAY, strict=True).exit_code == 0
    assert judge(plan, rules(rule("other", finding="name-mismatch")), TODAY, strict=True).exit_code == 3


def test_findings_that_are_only_counted_are_judged_by_their_number() -> None:
    """They have no location, so only a rule for every asset speaks of them."""
    plan = plan_of()
    plan = plan.model_copy(update={"summary": plan.summary.model_copy(update={"findings": RAW})})
    assert judge(plan, rules(), TODAY, strict=True).totals.unexpected_findings == 7
    assert judge(plan, rules(rule(finding="raw-unregistered")), TODAY, strict=True).exit_code == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"asset": "*"},
        {"asset": "**"},
        {"asset": "?*"},
        {"asset": "s3://*"},
        {"asset": "*/*"},
        {"asset": "a", "finding": "name-mismatch", "reason": "asset-gone"},
        {"asset": "a", "owner": " "},
        {"asset": "a", "why": ""},
        {"asset": "a", "reason": "asset-gon"},
        {"asset": "a", "max": 3},
        {"asset": "a", "until": "soon"},
        {"asset": "a", "until": 0},
        {"asset": "a", "until": datetime(2026, 12, 31, tzinfo=UTC)},
    ],
)
def test_a_rule_that_is_too_wide_or_misspelt_is_refused(wrong: dict[str, object]) -> None:
    """No rule expects everything, and no word does nothing."""
    with pytest.raises(ValidationError):
        Rule.model_validate({"owner": "x", "why": "y", "until": TODAY, **wrong})


some_rules = st.lists(
    st.builds(
        rule,
        st.sampled_from(["a*", "b", "*c", "s3://bucket/b"]),
        reason=st.sampled_from([None, "core-file-stale", "asset-gone"]),
        until=st.sampled_from([TODAY, TODAY - timedelta(days=1)]),
    ),
    max_size=5,
)
some_actions = st.lists(st.builds(put, st.sampled_from(["a", "b", "abc", "x"])), max_size=5)


@given(some_rules, some_actions, some_actions)
def test_every_action_is_judged_once(given_rules: list[Rule], actions: list, held: list) -> None:
    """Expected and unexpected ones add up, and what expects is a rule that holds and speaks of it."""
    plan = plan_of(actions, withheld=[Withheld(action=one, policy="create-only", detail="") for one in held])
    verdict = judge(plan, rules(*given_rules), TODAY)
    assert verdict.totals.expected + verdict.totals.unexpected == len(actions) + len(held)
    for one in verdict.actions:
        fitting = [
            index for index, each in enumerate(given_rules) if each.holds(TODAY) and each.covers(one.action)
        ]
        assert one.expected_by == (fitting[0] if fitting else None)
    passes = not verdict.totals.unexpected and all(each.holds(TODAY) for each in given_rules)
    assert verdict.exit_code == (0 if passes else 3)
