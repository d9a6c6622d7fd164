"""An approval has one form: what was changed by a byte, or written down otherwise, is none."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from indexer.model.approval import ApprovalPredicate, NotAnApprovalError, read_approval
from indexer.model.pieces import PackedFile
from indexer.model.values import canonical
from shared.approvals import NOW, Office, approved, plan_file, statement_of

OFFICE = Office()
PLAN = plan_file()
GOOD = approved(PLAN, OFFICE.people["ada"], note="gesehen ✓").body


def test_what_is_written_is_read_again() -> None:
    again = read_approval(GOOD)
    assert again.body == GOOD
    assert again.statement.predicate.person == "ada"
    assert len(OFFICE.judged(PLAN, GOOD).accepted) == 1


@given(st.data())
def test_any_other_byte_makes_it_none(data: st.DataObject) -> None:
    """Put in, taken out or replaced, anywhere in the file."""
    at = data.draw(st.integers(0, len(GOOD) - 1))
    byte = bytes([data.draw(st.integers(0, 255))])
    for changed in (
        GOOD[:at] + byte + GOOD[at + 1 :],
        GOOD[:at] + byte + GOOD[at:],
        GOOD[:at] + GOOD[at + 1 :],
    ):
        assert changed == GOOD or not OFFICE.judged(PLAN, changed).accepted


def test_each_byte_counts() -> None:
    """Every single one of them, flipped in its lowest bit and in its highest."""
    for at, byte in enumerate(GOOD):
        for bit in (1, 0x80):
            changed = GOOD[:at] + bytes([byte ^ bit]) + GOOD[at + 1 :]
            assert not OFFICE.judged(PLAN, changed).accepted, at


def test_each_byte_of_the_plan_counts() -> None:
    """Its digest is demanded, and that of its file: white space at its end is no part of the plan, and of the file."""
    for at in (0, len(PLAN.body) // 2, len(PLAN.body) - 1):
        other = PLAN._replace(file=PackedFile([PLAN.body[:at], b" ", PLAN.body[at:]]))
        (refused,) = OFFICE.judged(other, GOOD).refused
        assert refused.why == "it is of another plan, or of other bytes of this one"
    other = PLAN._replace(digest="0" * 64)
    assert not OFFICE.judged(other, GOOD).accepted


def envelope() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(GOOD)
    return document


def payload_otherwise(document: dict[str, Any]) -> bytes:
    """The same statement in other JSON: signed anew, it would still not be an approval."""
    inner = json.loads(b64decode(document["payload"]))
    return canonical(document | {"payload": b64encode(json.dumps(inner).encode()).decode()}) + b"\n"


@pytest.mark.parametrize(
    "other",
    [
        GOOD.rstrip(b"\n"),
        GOOD + b"\n",
        b" " + GOOD,
        b"\xef\xbb\xbf" + GOOD,
        json.dumps(envelope(), indent=1).encode() + b"\n",
        canonical(dict(envelope(), more=1)) + b"\n",
        canonical(dict(envelope(), payload=envelope()["payload"].rstrip("=") + "====")) + b"\n",
        canonical(dict(envelope(), payload=envelope()["payload"].replace("+", "-").replace("/", "_") + "\n"))
        + b"\n",
        canonical(dict(envelope(), payloadType="application/json")) + b"\n",
        canonical(dict(envelope(), signatures=envelope()["signatures"] * 2)) + b"\n",
        canonical(dict(envelope(), signatures=[])) + b"\n",
        payload_otherwise(envelope()),
        b"[]\n",
        b"\xff\n",
        b"[" * 20_000,
        b"{" + b" " * 70_000 + b"}",
        b"",
    ],
)
def test_no_second_form_of_a_statement_is_read(other: bytes) -> None:
    with pytest.raises(NotAnApprovalError):
        read_approval(other)


@pytest.mark.parametrize(
    "said",
    [
        {"approved_at": "2026-03-02T12:00:00+00:00"},
        {"approved_at": "2026-03-02T12:00:00.0Z"},
        {"approved_at": "2026-3-2T12:00:00Z"},
        {"expires_at": "2026-03-02T12:00:00Z"},
        {"covers": "reasons"},
        {"covers": "reasons", "reasons": ("links-stale", "asset-gone")},
        {"covers": "reasons", "reasons": ("asset-gone", "asset-gone")},
        {"covers": "reasons", "reasons": ("whim",)},
        {"reasons": ("asset-gone",)},
        {"covers": "everything"},
        {"person": "../ada"},
        {"person": ""},
        {"note": "n" * 501},
        {"more": 1},
    ],
)
def test_a_statement_that_does_not_hold_together_is_none(said: dict[str, Any]) -> None:
    usual = {
        "person": "ada",
        "approved_at": "2026-03-02T12:00:00Z",
        "expires_at": "2026-03-09T12:00:00Z",
        "covers": "all",
    }
    ApprovalPredicate(**usual)
    with pytest.raises(ValidationError):
        ApprovalPredicate(**usual | said)


def test_a_statement_is_one_of_in_toto() -> None:
    """in-toto's own types take it, and find both subjects."""
    from google.protobuf import json_format
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement

    from indexer.runs.approvals import subject_of

    payload = statement_of(subject_of(PLAN), "ada", at=NOW).payload
    read = json_format.Parse(payload, statement_pb2.Statement())
    Statement.copy_from_pb(read).validate()
    assert [one.name for one in read.subject] == ["plan.json", f"plan:{PLAN.plan.plan_id}"]
    assert read.subject[0].digest["sha256"] == subject_of(PLAN).file_sha256
