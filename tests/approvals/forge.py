"""Forged, replayed, swapped, re-encoded, expired, wrong-key, wrong-scope and truncated approvals, by rule.

    python tests/approvals/forge.py [NUMBER] [--seed N]

None may count, and every valid one must. The last line has the figures: for each rule how many were tried, and all that counted.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.hazmat.primitives.asymmetric.utils import (  # noqa: E402
    decode_dss_signature,
    encode_dss_signature,
)

from indexer.applier.approved import ApprovalRules  # noqa: E402
from indexer.model.approval import SignedApproval, read_approval  # noqa: E402
from indexer.model.pieces import PackedFile  # noqa: E402
from indexer.model.values import canonical  # noqa: E402
from indexer.runs.approvals import subject_of  # noqa: E402
from shared.approvals import (  # noqa: E402
    NOW,
    Office,
    Person,
    approved,
    person,
    plan_file,
    signed,
    statement_of,
)
from shared.forgery import delete_record, location  # noqa: E402

PLAN = plan_file()
OTHER = plan_file(delete_record(at=location("other")))
RULES = ApprovalRules(deletions=2, changes=1, longest=timedelta(days=30), applier="dan", applier_counts=False)
BY_RULE: dict[str, Callable[[Forger], bytes]] = {}


def rule(make: Callable[[Forger], bytes]) -> Callable[[Forger], bytes]:
    """One way to forge."""
    BY_RULE[make.__name__.replace("_", "-")] = make
    return make


@dataclass
class Forger:
    """Who has seen valid approvals, has a key of their own, and chance."""

    chance: random.Random
    office: Office = field(
        default_factory=lambda: Office(
            {
                "ada": person("ada"),
                "bob": person("bob"),
                "cyd": person("cyd", ec.SECP256R1()),
                "dan": person("dan"),
            },
            RULES,
        )
    )
    stranger: Person = field(default_factory=lambda: person("bob"))

    def someone(self) -> Person:
        """A person whose word would be enough beside ada's."""
        return self.office.people[self.chance.choice(["bob", "cyd"])]

    def valid(self, **said: Any) -> SignedApproval:
        """An approval that counts."""
        note = f"{self.chance.random()}"
        return approved(PLAN, said.pop("who", None) or self.someone(), **{"note": note, **said})

    def envelope(self) -> dict[str, Any]:
        """The JSON of one."""
        document: dict[str, Any] = json.loads(self.valid().body)
        return document

    def at(self, body: bytes) -> int:
        """A place in it."""
        return self.chance.randrange(len(body))


@rule
def flipped_bit(forger: Forger) -> bytes:
    body = bytearray(forger.valid().body)
    body[forger.at(body)] ^= 1 << forger.chance.randrange(8)
    return bytes(body)


@rule
def truncated(forger: Forger) -> bytes:
    body = forger.valid().body
    return body[: forger.at(body)]


@rule
def byte_put_in(forger: Forger) -> bytes:
    body = forger.valid().body
    at = forger.at(body)
    return body[:at] + bytes([forger.chance.randrange(256)]) + body[at:]


@rule
def replayed(forger: Forger) -> bytes:
    """Of another plan."""
    return approved(OTHER, forger.someone()).body


@rule
def same_plan_other_bytes(forger: Forger) -> bytes:
    """Of this plan, in a file that was written otherwise."""
    return approved(
        PLAN._replace(file=PackedFile([PLAN.body, b" " * forger.chance.randrange(1, 99)])), forger.someone()
    ).body


@rule
def same_bytes_other_plan(forger: Forger) -> bytes:
    subject = replace(subject_of(PLAN), plan_digest=f"{forger.chance.getrandbits(256):064x}")
    who = forger.someone()
    return signed(statement_of(subject, who.name), who).body


@rule
def signature_swapped(forger: Forger) -> bytes:
    """Of one statement, under another of the same person."""
    who = forger.someone()
    return replace(forger.valid(who=who), signature=forger.valid(who=who).signature).body


@rule
def key_swapped(forger: Forger) -> bytes:
    """A good approval of ada's, passed off as somebody else's."""
    ada = forger.office.people["ada"]
    return replace(forger.valid(who=ada), fingerprint=forger.someone().public.fingerprint).body


@rule
def statement_swapped(forger: Forger) -> bytes:
    """A narrow approval made wide, or a short one long, and not signed again."""
    who = forger.someone()
    narrow = forger.valid(who=who, covers="all-but-deletions", days=1)
    wide = statement_of(subject_of(PLAN), who.name, note=narrow.statement.predicate.note)
    return replace(narrow, statement=wide).body


@rule
def strangers_key(forger: Forger) -> bytes:
    return forger.valid(who=forger.stranger, as_=forger.someone().name).body


@rule
def strangers_signature(forger: Forger) -> bytes:
    """Under the fingerprint of one of ours."""
    who = forger.someone()
    made = forger.valid(who=forger.stranger, as_=who.name)
    return replace(made, fingerprint=who.public.fingerprint).body


@rule
def speaks_for_another(forger: Forger) -> bytes:
    """Ada's key, in the name of somebody whose word is missing."""
    return forger.valid(who=forger.office.people["ada"], as_=forger.someone().name).body


@rule
def once_more(forger: Forger) -> bytes:
    """Ada's own: it is valid, and she has counted already."""
    return forger.valid(who=forger.office.people["ada"]).body


@rule
def applier(forger: Forger) -> bytes:
    return forger.valid(who=forger.office.people["dan"]).body


@rule
def expired(forger: Forger) -> bytes:
    days = forger.chance.uniform(0.1, 20)
    return forger.valid(at=NOW - timedelta(days=days + forger.chance.random()), days=days).body


@rule
def too_old(forger: Forger) -> bytes:
    return forger.valid(at=NOW - timedelta(days=forger.chance.uniform(30.001, 300)), days=400).body


@rule
def from_the_future(forger: Forger) -> bytes:
    return forger.valid(at=NOW + timedelta(minutes=forger.chance.uniform(5.1, 10_000))).body


@rule
def wrong_scope(forger: Forger) -> bytes:
    """It counts, and not for what is missing."""
    scopes: list[Mapping[str, Any]] = [
        {"covers": "all-but-deletions"},
        {"covers": "reasons", "reasons": ("core-file-stale",)},
        {"covers": "reasons", "reasons": ("links-stale", "result-gone")},
    ]
    return forger.valid(**forger.chance.choice(scopes)).body


@rule
def reencoded_envelope(forger: Forger) -> bytes:
    document, chance = forger.envelope(), forger.chance
    keys = list(document)
    chance.shuffle(keys)
    form = {"indent": chance.choice([None, 1, 2]), "separators": chance.choice([(",", ":"), (", ", ": ")])}
    text = json.dumps({key: document[key] for key in keys}, **form).encode()
    body = text + b"\n" * chance.randrange(3)
    return body if body != canonical(document) + b"\n" else body + b"\n"


@rule
def reencoded_payload(forger: Forger) -> bytes:
    """The same statement in other JSON, signed again by whoever signed it: a second file of the same word."""
    who, chance = forger.office.people["bob"], forger.chance
    inner = json.loads(forger.valid(who=who).statement.payload)
    payload = json.dumps(inner, indent=chance.choice([None, 1])).encode()
    from indexer.systems.approval_keys import signed_message

    return (
        canonical(
            {
                "payload": b64encode(payload).decode(),
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [
                    {
                        "keyid": who.public.fingerprint,
                        "sig": b64encode(who.sign(signed_message(payload))).decode(),
                    }
                ],
            }
        )
        + b"\n"
    )


@rule
def reencoded_base64(forger: Forger) -> bytes:
    document = forger.envelope()
    kind = forger.chance.randrange(3)
    payload = document["payload"]
    others = [
        urlsafe_b64encode(b64decode(payload)).decode() + "\n",
        payload.rstrip("=") + "====",
        payload + " ",
    ]
    return canonical(dict(document, payload=others[kind])) + b"\n"


@rule
def other_half_of_ecdsa(forger: Forger) -> bytes:
    one = forger.valid(who=forger.office.people["cyd"])
    r, s = decode_dss_signature(one.signature)
    return replace(one, signature=encode_dss_signature(r, ec.SECP256R1().group_order - s)).body


@rule
def two_signatures(forger: Forger) -> bytes:
    document = forger.envelope()
    more = forger.valid().body
    signatures = [*document["signatures"], *json.loads(more)["signatures"]]
    return canonical(dict(document, signatures=signatures)) + b"\n"


@rule
def more_than_is_known(forger: Forger) -> bytes:
    """A field that nobody knows, in the statement, and signed as it stands."""
    document = forger.envelope()
    inner = json.loads(b64decode(document["payload"]))
    inner["predicate"]["also"] = forger.chance.random()
    return canonical(dict(document, payload=b64encode(canonical(inner)).decode())) + b"\n"


@rule
def another_type(forger: Forger) -> bytes:
    return canonical(dict(forger.envelope(), payloadType="application/json")) + b"\n"


@rule
def noise(forger: Forger) -> bytes:
    return forger.chance.randbytes(forger.chance.randrange(2_000))


COUNTS_AS_ONE = {"once-more", "wrong-scope"}
"""They are approvals, and not enough."""


@dataclass
class Tally:
    """What came of it."""

    tried: Counter[str] = field(default_factory=Counter)
    counted: list[str] = field(default_factory=list)
    """Forgeries that were taken, which none may be."""
    lost: list[str] = field(default_factory=list)
    """Valid ones that were not."""

    def __str__(self) -> str:
        figures = " ".join(f"{name}={count}" for name, count in sorted(self.tried.items()))
        return f"{figures} tried={self.tried.total()} forged_and_counted={len(self.counted)} valid_and_lost={len(self.lost)}"


def forge(number: int, seed: int = 0) -> Tally:
    """So many forgeries, each beside one good approval; and as many valid ones as there are rules, in between."""
    forger, tally = Forger(random.Random(seed)), Tally()
    names = sorted(BY_RULE)
    ada = forger.valid(who=forger.office.people["ada"]).body
    for nth in range(number):
        name = names[nth % len(names)]
        body = BY_RULE[name](forger)
        found = forger.office.judged(PLAN, ada, body)
        tally.tried[name] += 1
        taken = len(found.accepted) > 1 and name not in COUNTS_AS_ONE
        if found.enough or taken or not found.accepted:
            tally.counted.append(f"{name}: {body!r}")
        if nth % len(names) == 0:
            good = forger.valid()
            again = read_approval(good.body).body
            if again != good.body or not forger.office.judged(PLAN, ada, good.body).enough:
                tally.lost.append(good.body.decode())
            tally.tried["valid"] += 1
    return tally


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("number", nargs="?", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    found = forge(asked.number, asked.seed)
    for problem in (*found.counted, *found.lost):
        print(problem)
    print(found)
    sys.exit(bool(found.counted or found.lost))
