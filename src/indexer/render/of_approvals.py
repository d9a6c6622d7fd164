"""What is to be told of approvals: who approved what, whose word does not count and why, and who is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from indexer.model.approval import ApprovalPredicate
from indexer.model.approvals import AcceptedApproval, Approvals, MissingApproval, RefusedApproval
from indexer.model.limits import takes_away
from indexer.model.plan import Plan
from indexer.render.entries import action_entry
from indexer.render.paint import Paint
from indexer.render.safe import safe
from indexer.render.words import counted

LISTED = 20
"""So many losses are named before a signature; `indexer show` has all."""


def approval_notes(found: Approvals) -> tuple[str, ...]:
    """A line for each approval, and for all that is missing."""
    return (
        *map(accepted_words, found.accepted),
        *map(refused_words, found.refused),
        *(f"Not approved yet: {words}." for words in missing_words(found.missing)),
    )


def approval_verdict(found: Approvals) -> str:
    """Whether it is enough, in one sentence."""
    people = sorted({one.person for one in found.accepted})
    if found.enough:
        return f"Approved by {', '.join(people)}." if people else "No approval is needed."
    return "NOT APPROVED: too few people have approved it."


def scope_words(said: ApprovalPredicate | AcceptedApproval) -> str:
    """How much of a plan is approved."""
    return f"only {', '.join(said.reasons)}" if said.reasons else said.covers.replace("-", " ")


def accepted_words(one: AcceptedApproval) -> str:
    """Who approved what, when and until when."""
    times = f"{one.approved_at:%Y-%m-%d %H:%M} UTC, until {one.expires_at:%Y-%m-%d %H:%M}"
    note = f": {one.note}" if one.note else ""
    return f"Approved by {one.person} ({scope_words(one)}; {times}; key {one.key[:16]}…){note}"


def refused_words(one: RefusedApproval) -> str:
    """Why it does not count; whose it says it is, nothing proves."""
    return f"An approval does not count, {one.source}: {one.why}."


def missing_words(missing: Sequence[MissingApproval]) -> Iterator[str]:
    """A line for all actions that miss the same people, what is taken away before the rest."""
    groups: dict[tuple[bool, int, tuple[str, ...]], list[MissingApproval]] = {}
    for one in missing:
        groups.setdefault((one.deletions, one.needed, one.people), []).append(one)
    for (deletions, needed, people), found in groups.items():
        count = counted(sum(one.actions for one in found), "action")
        reasons = ", ".join(sorted(one.reason for one in found))
        sort = f"{reasons}; taking something away" if deletions else reasons
        have = f"so far {', '.join(people)}" if people else "so far nobody has"
        yield f"{counted(needed, 'person', 'people')} must approve {count} ({sort}), {have}"


def losses_first(plan: Plan, paint: Paint) -> Iterator[str]:
    """What a plan takes away, before anything else of it: nobody is to sign that unseen."""
    losses = [one for one in plan.actions if takes_away(one)]
    if not losses:
        yield "It takes nothing away."
        return
    yield paint(f"It takes away ({counted(len(losses), 'action')}):", "bold")
    for action in losses[:LISTED]:
        entry = action_entry(action)
        yield f"  {paint(entry.mark, entry.style)} {safe(f'{entry.text} of {action.location}')}"
        if entry.loses:
            yield paint(f"      {safe(f'loses: {entry.loses}')}", "red")
    if len(losses) > LISTED:
        yield f"  and {counted(len(losses) - LISTED, 'more action')}: `indexer show` has all of them"
