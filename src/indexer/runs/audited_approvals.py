"""The approvals that a run says it was given: are they what was signed, of this plan, and of that time?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import ValidationError

from indexer.applier.approved import SKEW
from indexer.applier.history import Line
from indexer.applier.replay import LeftBehind
from indexer.config_approvals import ApprovalSettings
from indexer.model.approval import NotAnApprovalError, PlanSubject, read_approval
from indexer.model.approvals import AcceptedApproval
from indexer.model.audit import AuditedApproval, AuditFault, SignatureState
from indexer.runs.approvals import approvers, presented_approval


def run_starts(left: LeftBehind) -> Iterator[Line]:
    """The line with which each run of the plan begins."""
    return (line for line in left.ours if line.get("event") == "started")


def line_time(told: object) -> datetime | None:
    """A time in a journal; None for what is none."""
    try:
        at = datetime.fromisoformat(str(told))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def audited_approvals(left: LeftBehind, settings: ApprovalSettings | None) -> Iterator[AuditedApproval]:
    """Those in the journals, each with what its signature is worth by the keys here."""
    keys = {} if settings is None else approvers(settings)
    for line in run_starts(left):
        told = line.get("approvals")
        for one in told if isinstance(told, list) else ():
            try:
                approval = AcceptedApproval.model_validate(one)
            except ValidationError:
                continue  # the result's are held against these
            state: SignatureState = "unknown"
            if approval.key in keys:
                known = presented_approval("", approval.envelope.encode(), keys)
                state = "good" if known.person == approval.person else "bad"
            yield AuditedApproval(run_id=str(line.get("run_id")), approval=approval, signature=state)


def approval_faults(
    subject: PlanSubject, left: LeftBehind, approvals: tuple[AuditedApproval, ...]
) -> Iterator[AuditFault]:
    """What no run can have accepted, and what the result tells otherwise."""
    started = {str(line.get("run_id")): line_time(line.get("at")) for line in run_starts(left)}
    for one in approvals:
        for why in _wrong_with(one, subject, started.get(one.run_id)):
            yield AuditFault(
                about="approval", detail=f"{one.approval.person}'s, in run {one.run_id[:8]}: {why}"
            )
    if (result := left.result) is not None:
        told = tuple(one.approval for one in approvals if one.run_id == result.run_id)
        if told != result.approvals:
            yield AuditFault(about="approval", detail="the result has others than the journal of its run")


def _wrong_with(one: AuditedApproval, subject: PlanSubject, started: datetime | None) -> Iterator[str]:
    """What would have had it refused, so that no run can have accepted it."""
    if one.signature == "bad":
        yield "its signature is not that of the key in the configuration here"
    try:
        signed = read_approval(one.approval.envelope.encode())
    except NotAnApprovalError as exc:
        yield str(exc)
        return
    said = signed.statement.predicate
    claimed = (one.approval.person, one.approval.key, one.approval.covers, one.approval.reasons)
    if (said.person, signed.fingerprint, said.covers, said.reasons) != claimed:
        yield "what was recorded is not what was signed"
    if not subject.is_meant_by(signed.statement):
        yield "it is of another plan, or of other bytes of this one"
    if started is not None and not said.approved - SKEW <= started < said.expires:
        yield f"it holds from {said.approved_at} to {said.expires_at}, and the run began at {started:%Y-%m-%dT%H:%M:%SZ}"
