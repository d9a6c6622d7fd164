"""People with keys, plans to approve, and approvals of them: made by the code that people use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from indexer.applier.approved import ApprovalRules, judge_approvals
from indexer.model.action import with_id
from indexer.model.approval import (
    TIME,
    ApprovalPredicate,
    ApprovalStatement,
    PlanSubject,
    SignedApproval,
)
from indexer.model.approvals import Approvals
from indexer.model.plan import Plan
from indexer.runs.approvals import presented_approval, subject_of
from indexer.runs.loading import PlanFile, as_file
from indexer.systems.approval_keys import PublicKey, lower_half, of_crypto, signed_message
from indexer.systems.approval_signing import public_pem
from shared.forgery import delete_record, forged, location, put

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SignBy = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Person:
    """A person with a key."""

    name: str
    private: Any
    public: PublicKey

    @property
    def pem(self) -> bytes:
        """The private key as it stands in a file."""
        pem: bytes = self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return pem

    def sign(self, message: bytes) -> bytes:
        """By the library for keys itself: what is tried signs nothing here."""
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(message)
        from cryptography.hazmat.primitives.hashes import SHA256, SHA384

        hashed = SHA256() if self.private.curve.name == "secp256r1" else SHA384()
        return lower_half(self.private.sign(message, ec.ECDSA(hashed)), self.private.curve)


def person(name: str, curve: ec.EllipticCurve | None = None) -> Person:
    """Somebody with a new key: ed25519, or ECDSA on a curve."""
    private: Any = ed25519.Ed25519PrivateKey.generate() if curve is None else ec.generate_private_key(curve)
    return Person(name, private, of_crypto(private.public_key(), public_pem(private)))


def plan_file(*documents: dict[str, Any]) -> PlanFile:
    """A plan with a deletion and a change, or with these actions."""
    chosen = list(documents) or [delete_record(at=location("gone")), put()]
    plan = Plan.model_validate(forged(chosen))
    return as_file(plan.model_copy(update={"actions": tuple(map(with_id, plan.actions))}))


def statement_of(
    plan: PlanSubject, who: str, *, at: datetime = NOW, days: float = 7, name: str = "plan.json", **said: Any
) -> ApprovalStatement:
    """What a person says of a plan."""
    return ApprovalStatement(
        subject=plan.subjects(name),
        predicate=ApprovalPredicate(
            **{
                "person": who,
                "approved_at": at.strftime(TIME),
                "expires_at": (at + timedelta(days=days)).strftime(TIME),
                "covers": "all",
                **said,
            }
        ),
    )


def approved(plan: PlanFile, who: Person, **said: Any) -> SignedApproval:
    """The plan, approved."""
    return signed(statement_of(subject_of(plan), said.pop("as_", who.name), **said), who)


def signed(statement: ApprovalStatement, who: Person) -> SignedApproval:
    """The statement, signed."""
    signature = who.sign(signed_message(statement.payload))
    return SignedApproval(statement, who.public.fingerprint, signature)


@dataclass
class Office:
    """People who may approve, and the rules among them."""

    people: Mapping[str, Person] = field(
        default_factory=lambda: {name: person(name) for name in ("ada", "bob", "eve")}
    )
    rules: ApprovalRules = field(default_factory=lambda: ApprovalRules(deletions=2, changes=1))

    @property
    def keys(self) -> dict[str, tuple[str, PublicKey]]:
        """As they are configured."""
        return {one.public.fingerprint: (name, one.public) for name, one in self.people.items()}

    def judged(
        self, plan: PlanFile, *bodies: bytes, at: datetime = NOW, rules: ApprovalRules | None = None
    ) -> Approvals:
        """What these files are worth to the plan."""
        presented = [presented_approval(f"file {at}", body, self.keys) for at, body in enumerate(bodies)]
        return judge_approvals(subject_of(plan), plan.plan.actions, presented, rules or self.rules, at)
