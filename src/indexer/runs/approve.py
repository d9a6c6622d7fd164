"""Approve a plan: sign what was looked at, and put the approval where `apply` finds it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from indexer.config_approvals import ApprovalSettings
from indexer.durable import make_folder, replace_file
from indexer.errors import IndexerError, UsageError
from indexer.model.approval import TIME, ApprovalPredicate, ApprovalStatement, Covers, SignedApproval
from indexer.model.place import Place, S3Place, check_apart
from indexer.model.reasons import Reason
from indexer.runs.approvals import FILE_SUFFIX, approvals_place, approvers, subject_of
from indexer.runs.loading import PlanFile
from indexer.systems.approval_keys import signed_message
from indexer.systems.approval_signing import Ask, Signer, new_key, signer_of
from indexer.systems.s3_files import s3_files

__all__ = ["Ask", "Signer", "new_key", "signer_of"]

SHARED = 0o644
"""It holds nothing private, and others must read it: whoever applies is somebody else."""
SUMMARY = "The plan cannot be approved"


@dataclass(frozen=True, slots=True)
class AskedApproval:
    """What a person says of a plan."""

    covers: Covers = "all"
    reasons: tuple[Reason, ...] = ()
    days: int = 7
    note: str = ""
    person: str | None = None
    """None: whom the key belongs to, by the configuration."""


def signed_approval(
    reviewed: PlanFile, signer: Signer, asked: AskedApproval, settings: ApprovalSettings | None, now: datetime
) -> SignedApproval:
    """The approval. Raises UsageError where nobody could count it, IndexerError where the key does not sign."""
    name = "plan.json" if reviewed.place is None else reviewed.place.name
    statement = ApprovalStatement(
        subject=subject_of(reviewed).subjects(name),
        predicate=ApprovalPredicate(
            person=_person(signer, asked.person, settings),
            approved_at=now.strftime(TIME),
            expires_at=(now + timedelta(days=asked.days)).strftime(TIME),
            covers=asked.covers,
            reasons=tuple(sorted(set(asked.reasons))),
            note=asked.note,
        ),
    )
    signature = signer.sign(signed_message(statement.payload))
    return SignedApproval(statement, signer.public.fingerprint, signature)


def _person(signer: Signer, named: str | None, settings: ApprovalSettings | None) -> str:
    """Whose the key is: by the configuration, where that knows it; else by who signs."""
    known = {} if settings is None else approvers(settings)
    owner = known.get(signer.public.fingerprint)
    if owner is not None and named not in (None, owner[0]):
        raise UsageError(
            SUMMARY, f"the key is {owner[0]}'s, not {named}'s", "Leave out --as, or use your own key."
        )
    person = owner[0] if owner else named
    if person is None:
        hint = "Say who you are with --as NAME, and have your public key put into approvals.people."
        detail = f"key {signer.public.fingerprint[:16]}… is nobody's in the configuration"
        raise UsageError(SUMMARY, detail, hint)
    return person


def save_approval(approval: SignedApproval, reviewed: PlanFile, place: Place | None) -> Place:
    """Write it into the folder of the plan's approvals, or into `place`; returns the file. Raises IndexerError."""
    folder = place or approvals_place(reviewed.place)
    if folder is None:
        hint = "Name a folder with --approvals."
        raise UsageError("The approval has no place", "the plan came out of a pipe", hint)
    apart = reviewed.plan.scope.apart()
    check_apart(folder, apart, "--approvals")
    file = folder / f"{approval.statement.predicate.person}-{approval.sha256[:12]}{FILE_SUFFIX}"
    if isinstance(file, S3Place):
        with s3_files(apart) as files:
            files.replace(file, approval.body)
        return file
    try:
        make_folder(file.parent)
        replace_file(file, approval.body)
        file.chmod(SHARED)
    except OSError as exc:
        hint = "Name another folder with --approvals."
        raise IndexerError("The approval cannot be written", f"{file}: {exc.strerror}", hint) from exc
    return file
