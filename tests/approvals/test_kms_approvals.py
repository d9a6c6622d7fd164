"""Keys in AWS KMS, against moto's: they sign, and their public half verifies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest
from moto.moto_server.werkzeug_app import create_backend_app

from indexer.errors import SystemFaultError, UsageError
from indexer.systems.approval_keys import public_key, signed_message
from indexer.systems.approval_signing import signer_of
from indexer_sandbox.loopback import LoopbackServer

MESSAGE = signed_message(b"what is signed")


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of our own; boto3's own conventions lead everybody else there."""
    server = LoopbackServer("kms", create_backend_app("kms"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", server.endpoint)
    try:
        with closing(boto3.client("kms")) as client:
            yield client
    finally:
        server.close()


def new(kms: Any, spec: str, usage: str = "SIGN_VERIFY") -> str:
    return str(kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"])


def nobody(named: str) -> str | None:
    raise AssertionError(named)


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "ECC_NIST_P384"])
def test_a_key_in_kms_signs_and_its_public_half_verifies(kms: Any, spec: str) -> None:
    named = f"awskms:{new(kms, spec)}"
    signer = signer_of(named, nobody)
    for _ in range(8):
        signature = signer.sign(MESSAGE)
        assert public_key(named).verifies(MESSAGE, signature)
        assert not public_key(named).verifies(MESSAGE + b" ", signature)
    assert public_key(named).fingerprint == signer.public.fingerprint
    assert not public_key(f"awskms:{new(kms, spec)}").verifies(MESSAGE, signature)


def test_keys_that_cannot_be_used_are_named(kms: Any) -> None:
    with pytest.raises(UsageError, match="neither ed25519 nor ECDSA"):
        public_key(f"awskms:{new(kms, 'RSA_2048')}")
    with pytest.raises(UsageError, match="cannot be used"):
        public_key("awskms:00000000-0000-0000-0000-000000000000")
    with pytest.raises(UsageError, match="cannot be used"):
        public_key(f"awskms:{new(kms, 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT')}")


def test_kms_that_does_not_answer_is_a_fault_and_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    with pytest.raises(SystemFaultError, match="cannot be reached"):
        public_key("awskms:00000000-0000-0000-0000-000000000000")


def test_a_message_that_kms_would_not_take_is_refused_in_words(kms: Any) -> None:
    signer = signer_of(f"awskms:{new(kms, 'ECC_NIST_P256')}", nobody)
    with pytest.raises(UsageError, match="Shorten the note"):
        signer.sign(b"x" * 4_097)
