"""Keys in AWS KMS: their public half, and signatures by them. Under boto3's own conventions (`AWS_ENDPOINT_URL_KMS`).

The message goes to KMS whole, not its digest: KMS hashes it itself, so what it logs as signed is what was signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from indexer.errors import AccessDeniedError, SystemFaultError, UsageError
from indexer.masking import said

MOST_SAID = 400
UNUSABLE = frozenset(
    {"NotFoundException", "DisabledException", "KMSInvalidStateException", "InvalidKeyUsageException"}
)
"""It is about the key: none of that name, or one that is retired or not for signatures."""


ALGORITHMS = {"secp256r1": "ECDSA_SHA_256", "secp384r1": "ECDSA_SHA_384"}
MOST_MESSAGE_BYTES = 4_096
"""KMS takes no longer message."""


def kms_public_half(key_id: str) -> Any:
    """The public half, of the library for keys. Raises UsageError for a key that there is not, else SystemFaultError."""
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    with _client(key_id, "kms:GetPublicKey") as client:
        return load_der_public_key(client.get_public_key(KeyId=key_id)["PublicKey"])


def kms_signature(key_id: str, curve: str, message: bytes) -> bytes:
    """What the key makes of it. Raises as `kms_public_half` does."""
    if len(message) > MOST_MESSAGE_BYTES:
        detail = f"{len(message):,} bytes, and AWS KMS signs up to {MOST_MESSAGE_BYTES:,}"
        raise UsageError("The approval is too long", detail, "Shorten the note.")
    with _client(key_id, "kms:Sign") as client:
        answer = client.sign(
            KeyId=key_id, Message=message, MessageType="RAW", SigningAlgorithm=ALGORITHMS[curve]
        )
        return bytes(answer["Signature"])


@contextmanager
def _client(key_id: str, needed: str) -> Iterator[Any]:
    """A client of KMS; what it raises is told in our words."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    from indexer.systems import aws_errors

    what = f"key {key_id[:200]}"
    try:
        with closing(boto3.client("kms")) as client:
            yield client
    except ClientError as exc:
        error = exc.response.get("Error", {})
        code, words = error.get("Code", ""), " ".join(str(error.get("Message", "")).split())
        detail = f"{what}: {said(words or code, MOST_SAID)}"
        if code in UNUSABLE:
            hint = "Check its id, account and region; take a retired key out of [approvals.people]."
            raise UsageError("The key in AWS KMS cannot be used", detail, hint) from exc
        if code in aws_errors.DENIED:
            raise AccessDeniedError("AWS denies access", detail, f"Allow {needed} on it.") from exc
        if (of_us := aws_errors.of_caller(code, words)) is not None:
            raise of_us.fault("AWS KMS", detail) from exc
        hint = "Try again later."
        raise SystemFaultError("AWS KMS answered with an error", f"{detail} ({code})", hint) from exc
    except (BotoCoreError, ValueError) as exc:
        detail = f"{what}: {said(exc, MOST_SAID)}"
        if (unasked := aws_errors.before_asking(exc)) is not None:
            raise unasked.fault("AWS KMS", detail) from exc
        hint = "Check the network, and AWS_ENDPOINT_URL_KMS where it is set."
        raise SystemFaultError("AWS KMS cannot be reached", detail, hint) from exc
