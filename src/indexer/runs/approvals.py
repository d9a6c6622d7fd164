"""Approvals of a plan, from the files beside it to what they are worth: under the configuration of who asks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from indexer.applier.approved import ApprovalRules, PresentedApproval, judge_approvals
from indexer.config_approvals import ApprovalSettings
from indexer.disk import UnsafeFileError, read_file
from indexer.errors import IndexerError, RefusedError, UsageError
from indexer.model.action import Action
from indexer.model.approval import (
    MOST_BYTES,
    NotAnApprovalError,
    PlanSubject,
    SignedApproval,
    read_approval,
)
from indexer.model.approvals import Approvals
from indexer.model.pieces import sha256_of
from indexer.model.place import Everywhere, Place, S3Place
from indexer.render.of_approvals import missing_words
from indexer.runs.loading import PlanFile, has_neighbours
from indexer.systems.approval_keys import PublicKey, public_key, signed_message
from indexer.systems.approval_signing import Ask, signer_of
from indexer.systems.s3_files import s3_files

FOLDER_SUFFIX = ".approvals"
FILE_SUFFIX = ".json"
MOST_FILES = 200
"""More approvals than that has no plan: whoever put them there wants something else."""
BARE = re.compile("[A-Za-z0-9_-]+")
PUBLIC = re.compile("-----BEGIN PUBLIC KEY-----|ssh-|sk-|ecdsa-")
SUMMARY = "The plan is not approved"


def approvals_place(plan: Place | None) -> Place | None:
    """The folder of a plan's approvals, beside it; None for a plan out of a pipe."""
    if plan is None or (isinstance(plan, Path) and not has_neighbours(plan)):
        return None
    return plan.parent / f"{plan.stem}{FOLDER_SUFFIX}"


def subject_of(reviewed: PlanFile) -> PlanSubject:
    """What an approval of this plan must be about."""
    return PlanSubject(sha256_of(reviewed.file), reviewed.plan.plan_id, reviewed.digest)


def approvers(settings: ApprovalSettings) -> Mapping[str, tuple[str, PublicKey]]:
    """Person and key, by the key's fingerprint. Raises UsageError for a key that cannot be used, or is two people's."""
    found: dict[str, tuple[str, PublicKey]] = {}
    for person, texts in settings.people.items():
        for text in texts:
            key = _named_key(person, text)
            if key.fingerprint in found:
                detail = f"{person} has a key that {found[key.fingerprint][0]} has too, written otherwise"
                raise UsageError(
                    "The configuration is not valid", f"approvals.people: {detail}", "Take one out."
                )
            found[key.fingerprint] = (person, key)
    return found


def _named_key(person: str, text: str) -> PublicKey:
    try:
        return public_key(text)
    except UsageError as exc:
        raise UsageError(exc.summary, f"approvals.people.{person}: {exc.detail}", exc.hint) from exc


def rules_for(settings: ApprovalSettings) -> ApprovalRules:
    """What is demanded. Raises UsageError where it rests on who applies, and nobody says who that is."""
    if not settings.applier_counts and settings.applier is None:
        hint = "Set INDEXER_APPROVALS__APPLIER to the name of who applies."
        detail = "approvals.applier_counts is false, and approvals.applier is not set"
        raise UsageError("Nobody says who applies", detail, hint)
    return ApprovalRules(
        deletions=settings.deletions,
        changes=settings.changes,
        longest=None if settings.max_age_days is None else timedelta(days=settings.max_age_days),
        applier=settings.applier,
        applier_counts=settings.applier_counts,
    )


def approvals_of(
    reviewed: PlanFile,
    actions: Sequence[Action],
    place: Place | None,
    settings: ApprovalSettings,
    now: datetime,
    *,
    applying: bool = True,
) -> Approvals:
    """Who approves these actions of the plan by the files in a place, and what is missing. Raises IndexerError.

    `applying`: by whom is known, or is an error; else the rule about that is left to `apply`.
    """
    keys = approvers(settings)
    shown = settings if applying or settings.applier else settings.model_copy(update={"applier_counts": True})
    rules = rules_for(shown)
    presented = [presented_approval(name, body, keys) for name, body in approval_files(place)]
    return judge_approvals(subject_of(reviewed), actions, presented, rules, now)


def presented_approval(
    source: str, body: bytes, keys: Mapping[str, tuple[str, PublicKey]]
) -> PresentedApproval:
    """What a file is worth as an approval: can it be read, whose key is it, is the signature good?"""
    try:
        approval = read_approval(body)
    except NotAnApprovalError as exc:
        return PresentedApproval(source, why=str(exc))
    if approval.fingerprint not in keys:
        why = f"its key, {approval.fingerprint[:16]}…, is nobody's in approvals.people"
        return PresentedApproval(source, approval, why=why)
    person, key = keys[approval.fingerprint]
    if not _signed_by(approval, key):
        return PresentedApproval(source, approval, why=f"its signature is not that of {person}'s key")
    return PresentedApproval(source, approval, person)


def _signed_by(approval: SignedApproval, key: PublicKey) -> bool:
    return key.verifies(signed_message(approval.statement.payload), approval.signature)


def approval_files(place: Place | None) -> Iterator[tuple[str, bytes]]:
    """Each approval in a folder, or the one in a file, by name. Raises IndexerError where they cannot be read."""
    if place is None:
        return
    if isinstance(place, S3Place):
        yield from _in_s3(place)
        return
    try:
        files = (
            [place] if place.is_file() else sorted(place.glob(f"*{FILE_SUFFIX}")) if place.is_dir() else []
        )
        _check_count(place, len(files))
        for file in files:
            yield str(file), read_file(file, limit=MOST_BYTES, follow=False)
    except OSError as exc:
        kind = RefusedError if isinstance(exc, UnsafeFileError) else IndexerError
        hint = "See that you may read them, or name another place with --approvals."
        raise kind("The approvals cannot be read", f"{place}: {exc.strerror}", hint) from exc


def _in_s3(place: S3Place) -> Iterator[tuple[str, bytes]]:
    with s3_files(Everywhere()) as files:
        places = [place]
        if not place.name.endswith(FILE_SUFFIX):
            names = [one for one in files.held(place)[0] if one.endswith(FILE_SUFFIX)]
            _check_count(place, len(names))
            places = [place / one for one in sorted(names)]
        for one in places:
            held = files.read(one)
            if held is not None:
                yield str(one), held.body


def _check_count(place: Place, count: int) -> None:
    if count > MOST_FILES:
        hint = "Take out what is no approval of this plan."
        raise RefusedError("There are too many approvals", f"{place}: {count:,}", hint)


def not_approved(found: Approvals, place: Place | None, plan: str) -> RefusedError:
    """Why the plan is not carried out: what is missing, and what is wrong with what is there."""
    words = list(missing_words(found.missing))
    words += [f"{one.source} does not count: {one.why}" for one in found.refused]
    where = f"looked for in {place}" if place is not None else "a plan out of a pipe has none beside it"
    hint = f"Nothing was written. `indexer approve {plan}` approves it, `--verify` looks again; --approvals names another place."
    return RefusedError(SUMMARY, f"{'; '.join(words)}; {where}"[:2_000], hint)


def has_approvals(plan: Place | None) -> bool:
    """Does anything lie where a plan's approvals do? Raises IndexerError where nobody may look."""
    return next(approval_files(approvals_place(plan)), None) is not None


def told_approvals(
    reviewed: PlanFile, place: Place | None, settings: ApprovalSettings | None, now: datetime
) -> Approvals:
    """Who approves the whole plan, for whoever asks. Raises UsageError where nobody may approve anything."""
    if settings is None:
        hint = "docs/how-to/two-people.md tells how: `indexer keys new`, and a table [approvals]."
        raise UsageError("Nobody may approve anything", "the configuration has no table [approvals]", hint)
    place = place or approvals_place(reviewed.place)
    return approvals_of(reviewed, reviewed.plan.actions, place, settings, now, applying=False)


def configured_lines(person: str, *keys: PublicKey) -> str:
    """What goes into `indexer.toml` for a person's keys."""
    texts = ", ".join(json.dumps(one.text.strip()) for one in keys)  # as TOML writes a text, too
    name = person if BARE.fullmatch(person) else f'"{person}"'
    return f"[approvals.people]\n{name} = [{texts}]\n"


def known_key(named: str, ask: Ask, passphrase: str | None) -> PublicKey:
    """The public half of a key: of a public one in a file, or of one that could sign. Raises IndexerError."""
    path = Path(named).expanduser()
    with suppress(OSError, UnicodeDecodeError):
        text = read_file(path, limit=MOST_BYTES).decode("ascii").strip()
        if PUBLIC.match(text):
            return public_key(text)
    return signer_of(named, ask, passphrase).public
