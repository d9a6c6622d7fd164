"""Is a plan approved? Pure: what will be done × approvals × rules × now → who counts for what, and what is missing.

An approval counts where its signature is good, its key is a person's of ours, and

| it is refused where                                          | since                                              |
|--------------------------------------------------------------|----------------------------------------------------|
| its statement names another person than the key's            | nobody speaks for somebody else                    |
| it is of another plan, or of other bytes of this one         | what was reviewed is what is applied               |
| it was signed in the future, but for a few minutes           | a clock is wrong, here or there                    |
| it has expired, or is older than the configuration allows    | what was right then need not be right now          |
| the person is the one who applies, and does not count        | the configuration says so                          |

Then each action needs so many *people*, whatever number of keys and files they have. One that loses something (it deletes,
archives, or removes links: as limits count it) needs `deletions`, any other `changes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from indexer.model.action import Action
from indexer.model.approval import ApprovalPredicate, PlanSubject, SignedApproval
from indexer.model.approvals import AcceptedApproval, Approvals, MissingApproval, RefusedApproval
from indexer.model.limits import takes_away
from indexer.model.reasons import Reason

SKEW = timedelta(minutes=5)
"""So far apart may two machines' clocks be."""


@dataclass(frozen=True, slots=True)
class ApprovalRules:
    """What the applier's own configuration demands."""

    deletions: int
    changes: int
    longest: timedelta | None = None
    """How old an approval may be; None: as old as it says itself."""
    applier: str | None = None
    """Who applies, as far as that is known."""
    applier_counts: bool = True


@dataclass(frozen=True, slots=True)
class PresentedApproval:
    """A file that was found as an approval, and what its signature is worth."""

    source: str
    approval: SignedApproval | None = None
    """None: it cannot be read as one."""
    person: str | None = None
    """Whose key made the signature, which is good; None: it is not, or the key is nobody's of ours."""
    why: str = ""
    """What is wrong, where something is."""


def judge_approvals(
    plan: PlanSubject,
    actions: Sequence[Action],
    presented: Sequence[PresentedApproval],
    rules: ApprovalRules,
    now: datetime,
) -> Approvals:
    """Who approves what of these actions, and what is missing. `actions`: those that will be carried out."""
    good: list[tuple[str, ApprovalPredicate]] = []
    accepted, refused = [], []
    for one in presented:
        why = _fault(one, plan, rules, now)
        if why or one.approval is None or one.person is None:
            refused.append(RefusedApproval(source=one.source, why=why, person=_claimed(one)))
        else:
            good.append((one.person, one.approval.statement.predicate))
            accepted.append(_accepted(one.source, one.person, one.approval))
    missing = tuple(_missing(actions, good, rules))
    return Approvals(tuple(accepted), tuple(refused), missing)


def _fault(one: PresentedApproval, plan: PlanSubject, rules: ApprovalRules, now: datetime) -> str:
    """Row by row, as the table above has them; empty where the approval counts."""
    if one.approval is None or one.person is None:
        return one.why or "it is not signed by a key of ours"
    statement = one.approval.statement
    said = statement.predicate
    if said.person != one.person:
        return f"it speaks for {said.person}, and the key is {one.person}'s"
    if not plan.is_meant_by(statement):
        return "it is of another plan, or of other bytes of this one"
    if said.approved > now + SKEW:
        return f"it was signed in the future, at {said.approved_at}: a clock is wrong"
    if said.expires <= now:
        return f"it expired at {said.expires_at}"
    if rules.longest is not None and now - said.approved > rules.longest:
        return f"it was signed at {said.approved_at}, and approvals hold for {rules.longest.days} days here"
    if one.person == rules.applier and not rules.applier_counts:
        return f"{one.person} applies the plan, and does not count here"
    return ""


def covered(said: ApprovalPredicate | AcceptedApproval, reason: Reason, *, loses: bool) -> bool:
    """Does an approval speak of an action for this reason?"""
    match said.covers:
        case "all":
            return True
        case "all-but-deletions":
            return not loses
        case "reasons":
            return reason in said.reasons


def _missing(
    actions: Sequence[Action], good: Sequence[tuple[str, ApprovalPredicate]], rules: ApprovalRules
) -> Iterator[MissingApproval]:
    """For each sort of action that too few people approve."""
    counts: dict[tuple[bool, Reason], int] = {}
    for action in actions:
        sort = (takes_away(action), action.reason)
        counts[sort] = counts.get(sort, 0) + 1
    for (loses, reason), count in sorted(counts.items(), reverse=True):
        needed = rules.deletions if loses else rules.changes
        people = sorted({person for person, said in good if covered(said, reason, loses=loses)})
        if len(people) < needed:
            yield MissingApproval(
                deletions=loses, reason=reason, actions=count, needed=needed, people=tuple(people)
            )


def _claimed(one: PresentedApproval) -> str | None:
    return None if one.approval is None else one.approval.statement.predicate.person


def _accepted(source: str, person: str, approval: SignedApproval) -> AcceptedApproval:
    said = approval.statement.predicate
    return AcceptedApproval(
        person=person,
        key=approval.fingerprint,
        approved_at=said.approved,
        expires_at=said.expires,
        covers=said.covers,
        reasons=said.reasons,
        note=said.note,
        source=source,
        envelope=approval.body.decode(),
    )
