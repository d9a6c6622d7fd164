"""An approval: who says yes to which plan, how much of it, and until when. Pure: bytes ↔ typed statement.

It is a DSSE envelope (https://github.com/secure-systems-lab/dsse) with one signature over an in-toto statement, and there is one
way to write it down: what is read is written again and must be the same bytes. So no byte can be changed, and one statement
has no second form.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from indexer.model.reasons import Reason
from indexer.model.values import canonical, sha256

STATEMENT_TYPE: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Literal["urn:data-asset-indexer:approval:v1"] = "urn:data-asset-indexer:approval:v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
MOST_BYTES = 64_000
"""No approval is larger; what is may be anything."""
TIME = "%Y-%m-%dT%H:%M:%SZ"
PERSON = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$"
"""A name that is part of a file's name too."""
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Covers = Literal["all", "all-but-deletions", "reasons"]


class NotAnApprovalError(ValueError):
    """What was read is no approval of ours, or not written as approvals are."""


class _Strict(BaseModel):
    """Signed: what is not known is not overlooked, and nothing is taken for something else."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SubjectDigest(_Strict):
    """What a subject hashes to."""

    sha256: Digest = Field(description="In hex.")


class ApprovalSubject(_Strict):
    """One thing that the statement is about."""

    name: str = Field(min_length=1, max_length=300, description="A file's name, or `plan:` and a plan's id.")
    digest: SubjectDigest = Field(description="Of the file's bytes, or the plan's own digest.")


class ApprovalPredicate(_Strict):
    """What is said of the plan."""

    person: str = Field(
        pattern=PERSON, description="Who says it. Their key, in the configuration, must be theirs."
    )
    approved_at: str = Field(description="When it was signed, UTC, to the second.")
    expires_at: str = Field(description="From then on it no longer counts.")
    covers: Covers = Field(
        description="`all` of the plan, `all-but-deletions` (nothing that deletes, archives or removes links), or actions "
        "for the `reasons` that are named."
    )
    reasons: tuple[Reason, ...] = Field(default=(), description="With `reasons`: sorted, each once.")
    note: str = Field(default="", max_length=500, description="What the person wants to be known.")

    @model_validator(mode="after")
    def _holds_together(self) -> ApprovalPredicate:
        for at in (self.approved_at, self.expires_at):
            if datetime.strptime(at, TIME).strftime(TIME) != at:
                raise ValueError(f"{at} is not a time to the second, in UTC")
        if self.expires <= self.approved:
            raise ValueError("it expires before it begins")
        if bool(self.reasons) != (self.covers == "reasons"):
            raise ValueError("reasons are named where they are what is approved, and nowhere else")
        if list(self.reasons) != sorted(set(self.reasons)):
            raise ValueError("reasons are sorted, each once")
        return self

    @property
    def approved(self) -> datetime:
        """`approved_at` as a time."""
        return datetime.strptime(self.approved_at, TIME).replace(tzinfo=UTC)

    @property
    def expires(self) -> datetime:
        """`expires_at` as a time."""
        return datetime.strptime(self.expires_at, TIME).replace(tzinfo=UTC)


class ApprovalStatement(_Strict):
    """The in-toto statement that is signed."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(default=STATEMENT_TYPE, alias="_type")
    subject: tuple[ApprovalSubject, ApprovalSubject] = Field(
        description="The plan's file, and then the plan by its id."
    )
    predicate_type: Literal["urn:data-asset-indexer:approval:v1"] = Field(
        default=PREDICATE_TYPE, alias="predicateType"
    )
    predicate: ApprovalPredicate

    @property
    def payload(self) -> bytes:
        """As it is signed: its one form."""
        return canonical(self.model_dump(mode="json", by_alias=True))


@dataclass(frozen=True, slots=True)
class PlanSubject:
    """The plan that is approved, or is to be carried out."""

    file_sha256: str
    """Of the file's bytes, which tools for in-toto compare."""
    plan_id: str
    plan_digest: str

    def subjects(self, name: str) -> tuple[ApprovalSubject, ApprovalSubject]:
        """As a statement names it. `name`: of its file."""
        return (
            ApprovalSubject(name=name, digest=SubjectDigest(sha256=self.file_sha256)),
            ApprovalSubject(name=f"plan:{self.plan_id}", digest=SubjectDigest(sha256=self.plan_digest)),
        )

    def is_meant_by(self, statement: ApprovalStatement) -> bool:
        """Is this the plan that the statement is about? The file's name is no part of that: it may be moved."""
        file, plan = statement.subject
        return (file.digest.sha256, plan.name, plan.digest.sha256) == (
            self.file_sha256,
            f"plan:{self.plan_id}",
            self.plan_digest,
        )


@dataclass(frozen=True, slots=True)
class SignedApproval:
    """An approval as it stands in its file. Whether the signature is good, somebody else must say."""

    statement: ApprovalStatement
    fingerprint: str
    """Of the key that is said to have signed it."""
    signature: bytes

    @property
    def body(self) -> bytes:
        """The file."""
        envelope = {
            "payload": b64encode(self.statement.payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": self.fingerprint, "sig": b64encode(self.signature).decode()}],
        }
        return canonical(envelope) + b"\n"

    @property
    def sha256(self) -> str:
        """The file's digest, by which a result names it."""
        return sha256(self.body)


def read_approval(body: bytes) -> SignedApproval:
    """An approval out of its file. Raises NotAnApprovalError for anything that is not exactly what `body` gives back."""
    if len(body) > MOST_BYTES:
        raise NotAnApprovalError(f"it has more than {MOST_BYTES:,} bytes")
    try:
        envelope = json.loads(body.decode("utf-8"))
        (signed,) = envelope["signatures"]
        payload = b64decode(envelope["payload"], validate=True)
        signature = b64decode(signed["sig"], validate=True)
        statement = ApprovalStatement.model_validate_json(payload)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as exc:
        raise NotAnApprovalError(_why(exc)) from None
    fingerprint = signed.get("keyid") if isinstance(signed, dict) else None
    if not isinstance(fingerprint, str) or len(fingerprint) != len(sha256(b"")):
        raise NotAnApprovalError("it names no key")
    approval = SignedApproval(statement, fingerprint, signature)
    if approval.body != body:
        raise NotAnApprovalError(
            "it is not written as approvals are: somebody changed it after it was signed"
        )
    return approval


def _why(exc: Exception) -> str:
    if isinstance(exc, ValidationError):
        first = exc.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:200]
    return "it is no DSSE envelope with one signature over an in-toto statement, or was cut short"
