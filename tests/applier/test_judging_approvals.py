"""Who counts for what, and why others do not: row by row, as the table in the module has it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from indexer.applier.approved import SKEW, ApprovalRules, PresentedApproval, judge_approvals
from indexer.runs.approvals import subject_of
from shared.approvals import NOW, Office, approved, person, plan_file
from shared.forgery import delete_record, in_collection, links, location, put, update

OFFICE = Office()
ADA, BOB, EVE = (OFFICE.people[name] for name in ("ada", "bob", "eve"))
BOTH = plan_file()
CHANGES = plan_file(put())


def test_deletions_need_two_people_and_changes_one() -> None:
    one, two = approved(BOTH, ADA).body, approved(BOTH, BOB).body
    assert [(m.reason, m.needed, m.people) for m in OFFICE.judged(BOTH).missing] == [
        ("asset-gone", 2, ()),
        ("core-file-stale", 1, ()),
    ]
    assert [(m.reason, m.needed, m.people) for m in OFFICE.judged(BOTH, one).missing] == [
        ("asset-gone", 2, ("ada",))
    ]
    assert OFFICE.judged(BOTH, one, two).enough
    assert OFFICE.judged(CHANGES, approved(CHANGES, ADA).body).enough


def test_people_are_counted_not_files_nor_keys() -> None:
    other = person("ada")
    office = Office(people=dict(OFFICE.people))
    keys = office.keys | {other.public.fingerprint: ("ada", other.public)}

    class TwoKeys(Office):
        @property
        def keys(self) -> Any:
            return keys

    bodies = [approved(BOTH, ADA).body, approved(BOTH, ADA, note="again").body, approved(BOTH, other).body]
    found = TwoKeys(people=office.people).judged(BOTH, *bodies)
    assert len(found.accepted) == 3
    assert [one.people for one in found.missing] == [("ada",)]


@pytest.mark.parametrize(
    ("said", "counts_for"),
    [
        ({"covers": "all"}, {"asset-gone", "core-file-stale"}),
        ({"covers": "all-but-deletions"}, {"core-file-stale"}),
        ({"covers": "reasons", "reasons": ("asset-gone",)}, {"asset-gone"}),
        ({"covers": "reasons", "reasons": ("core-file-stale", "links-stale")}, {"core-file-stale"}),
        ({"covers": "reasons", "reasons": ("result-gone",)}, set()),
    ],
)
def test_a_scope_counts_for_what_it_names(said: dict[str, Any], counts_for: set[str]) -> None:
    rules = ApprovalRules(deletions=1, changes=1)
    missing = OFFICE.judged(BOTH, approved(BOTH, ADA, **said).body, rules=rules).missing
    assert {"asset-gone", "core-file-stale"} - {one.reason for one in missing} == counts_for


def test_removed_links_are_a_loss_as_limits_count_it() -> None:
    removing = links({"Code Ocean": []}) | {"removed_links": ["da-1"]}
    plan = plan_file(
        update(content=removing), update(at=location("other"), target=in_collection(record="other"))
    )
    found = OFFICE.judged(plan, approved(plan, ADA, covers="all-but-deletions").body)
    assert [(one.deletions, one.actions) for one in found.missing] == [(True, 1)]


@pytest.mark.parametrize(
    ("said", "at", "rules", "why"),
    [
        ({"as_": "bob"}, NOW, None, "it speaks for bob, and the key is ada's"),
        ({"at": NOW + SKEW}, NOW, None, ""),
        (
            {"at": NOW + SKEW + timedelta(seconds=1)},
            NOW,
            None,
            "it was signed in the future, at 2026-03-02T12:05:01Z: a clock is wrong",
        ),
        ({"days": 1}, NOW + timedelta(days=1, seconds=-1), None, ""),
        ({"days": 1}, NOW + timedelta(days=1), None, "it expired at 2026-03-03T12:00:00Z"),
        ({}, NOW + timedelta(days=2), ApprovalRules(2, 1, timedelta(days=2)), ""),
        (
            {},
            NOW + timedelta(days=2, seconds=1),
            ApprovalRules(2, 1, timedelta(days=2)),
            "it was signed at 2026-03-02T12:00:00Z, and approvals hold for 2 days here",
        ),
        ({}, NOW, ApprovalRules(2, 1, applier="ada"), ""),
        ({}, NOW, ApprovalRules(2, 1, applier="bob", applier_counts=False), ""),
        (
            {},
            NOW,
            ApprovalRules(2, 1, applier="ada", applier_counts=False),
            "ada applies the plan, and does not count here",
        ),
    ],
)
def test_an_approval_is_refused_for_a_reason(said: dict[str, Any], at: Any, rules: Any, why: str) -> None:
    found = OFFICE.judged(CHANGES, approved(CHANGES, ADA, **said).body, at=at, rules=rules)
    assert [one.why for one in found.refused] == ([why] if why else [])
    assert found.enough == (not why)


def test_another_plan_is_another() -> None:
    found = OFFICE.judged(CHANGES, approved(BOTH, ADA).body)
    assert [one.why for one in found.refused] == ["it is of another plan, or of other bytes of this one"]


def test_a_strangers_key_and_a_borrowed_fingerprint_count_for_nothing() -> None:
    stranger = person("ada")
    found = OFFICE.judged(CHANGES, approved(CHANGES, stranger).body)
    assert [one.why for one in found.refused] == [
        f"its key, {stranger.public.fingerprint[:16]}…, is nobody's in approvals.people"
    ]
    from dataclasses import replace

    borrowed = replace(approved(CHANGES, stranger), fingerprint=ADA.public.fingerprint)
    assert [one.why for one in OFFICE.judged(CHANGES, borrowed.body).refused] == [
        "its signature is not that of ada's key"
    ]


def test_only_what_is_applied_must_be_approved() -> None:
    from indexer.applier.approved import judge_approvals
    from indexer.runs.approvals import subject_of

    changes = [one for one in BOTH.plan.actions if one.reason == "core-file-stale"]
    assert [
        one.reason for one in judge_approvals(subject_of(BOTH), changes, (), OFFICE.rules, NOW).missing
    ] == ["core-file-stale"]
    assert judge_approvals(subject_of(BOTH), (), (), OFFICE.rules, NOW).enough


def test_nobody_is_needed_where_none_is_demanded() -> None:
    assert OFFICE.judged(BOTH, rules=ApprovalRules(0, 0)).enough
    assert not OFFICE.judged(plan_file(delete_record()), rules=ApprovalRules(1, 0)).enough


def test_what_was_signed_is_told_whole() -> None:
    """A result holds it, for whoever audits the run."""
    body = approved(BOTH, ADA, covers="reasons", reasons=("asset-gone",), note="seen in the lab").body
    (one,) = OFFICE.judged(BOTH, body).accepted
    assert (one.person, one.covers, one.reasons, one.note) == (
        "ada",
        "reasons",
        ("asset-gone",),
        "seen in the lab",
    )


def test_whom_a_refused_approval_claims_to_be_of_is_told() -> None:
    """By the name that was signed, whosever key it was; of what is no approval nobody is named."""
    refused = OFFICE.judged(BOTH, approved(BOTH, ADA, as_="bob").body, b"nothing").refused
    assert [one.person for one in refused] == ["bob", None]


def test_a_file_of_which_nothing_is_known_was_signed_by_nobody() -> None:
    presented = [PresentedApproval("a file")]
    (one,) = judge_approvals(subject_of(BOTH), BOTH.plan.actions, presented, OFFICE.rules, NOW).refused
    assert one.why == "it is not signed by a key of ours"
