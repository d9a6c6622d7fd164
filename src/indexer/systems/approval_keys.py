"""Public keys of people who approve, and what their signatures are worth. Signs nothing; KMS alone needs a network.

| in the configuration                 | signature                                    | verified by                            |
|--------------------------------------|----------------------------------------------|----------------------------------------|
| `-----BEGIN PUBLIC KEY-----…`        | ed25519, or ECDSA on P-256 or P-384          | securesystemslib                       |
| `awskms:KEY`                         | what that key of AWS KMS makes               | securesystemslib, by its public half   |
| `ssh-ed25519 …`, `ssh-rsa …`, `sk-…` | SSHSIG, as `ssh-keygen -Y sign` makes it     | `ssh-keygen -Y verify`                 |

Each is made over DSSE's encoding of type and payload, and each has one form: of the two that ECDSA has for every signature,
the one with the lower half (https://en.bitcoin.it/wiki/BIP_0062 is about the same).
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from indexer.errors import UsageError
from indexer.model.approval import PAYLOAD_TYPE
from indexer.model.values import sha256
from indexer.systems import ssh_signatures

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

KMS = "awskms:"
SUMMARY = "The key cannot be used"
CURVES = ("secp256r1", "secp384r1")
LEAST_RSA_BITS = 2048
FORMS = (
    "a public key in PEM (ed25519, or ECDSA on P-256 or P-384), one line of OpenSSH (ssh-ed25519, ssh-rsa, "
    "sk-ssh-ed25519@openssh.com), or awskms:KEY"
)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures can be verified by."""

    fingerprint: str
    """SHA-256 of its public half, whichever way that was written down."""
    text: str
    """As the configuration names it."""
    verifies: Callable[[bytes, bytes], bool]
    """Message and signature: is it this key's, in the one form that there is?"""


def signed_message(payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding."""
    from securesystemslib.dsse import Envelope

    return bytes(Envelope(payload, PAYLOAD_TYPE, {}).pae())


def public_key(text: str) -> PublicKey:
    """A key as it is configured. Raises UsageError for one that cannot be used, SystemFaultError where KMS fails."""
    text = text.strip()
    if text.startswith(KMS):
        return kms_key(text)
    if text.startswith("-----BEGIN PUBLIC KEY-----"):
        return _of_pem(text)
    if text.startswith(ssh_signatures.KEY_TYPES):
        return _of_ssh(text)
    raise UsageError(SUMMARY, shown_key(text), f"Give {FORMS}.")


def shown_key(text: str) -> str:
    """The beginning of it: enough to find it."""
    return f"{text[:60]}…" if len(text) > 60 else text


def _of_pem(text: str) -> PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        return of_crypto(load_pem_public_key(text.encode()), text)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise UsageError(SUMMARY, f"{shown_key(text)}: {exc}", f"Give {FORMS}.") from exc


def of_crypto(key: Any, text: str) -> PublicKey:
    """A key of the library for keys. Raises ValueError for a sort that is not used."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    from securesystemslib.signer import SSlibKey

    curve = key.curve if isinstance(key, ec.EllipticCurvePublicKey) else None
    if curve is None and not isinstance(key, ed25519.Ed25519PublicKey):
        raise ValueError("it is neither ed25519 nor ECDSA")
    if curve is not None and curve.name not in CURVES:
        raise ValueError(f"its curve is {curve.name}")
    fingerprint = fingerprint_of(key)
    return PublicKey(fingerprint, text, _verifier(SSlibKey.from_crypto(key, keyid=fingerprint), curve))


def fingerprint_of(key: Any) -> str:
    """The digest of the public half, as all tools write it (SubjectPublicKeyInfo, DER)."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _verifier(key: SSlibKey, curve: Any) -> Callable[[bytes, bytes], bool]:
    from securesystemslib.exceptions import UnverifiedSignatureError
    from securesystemslib.signer import Signature

    def verifies(message: bytes, signature: bytes) -> bool:
        if curve is not None and lower_half(signature, curve) != signature:
            return False
        try:
            key.verify_signature(Signature(key.keyid, signature.hex()), message)
        except UnverifiedSignatureError:
            return False
        return True

    return verifies


def lower_half(signature: bytes, curve: Any) -> bytes:
    """An ECDSA signature in its one form; nothing for what is none."""
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

    try:
        r, s = decode_dss_signature(signature)
    except ValueError:
        return b""
    return encode_dss_signature(r, min(s, curve.group_order - s)) if 0 < s < curve.group_order else b""


def kms_key(text: str) -> PublicKey:
    """The public half of a key in AWS KMS."""
    from indexer.systems.approval_kms import kms_public_half

    try:
        return of_crypto(kms_public_half(text.removeprefix(KMS)), text)
    except ValueError as exc:
        hint = "Make one with `aws kms create-key --key-usage SIGN_VERIFY --key-spec ECC_NIST_P256`."
        raise UsageError(SUMMARY, f"{text}: {exc}", hint) from exc


def _of_ssh(text: str) -> PublicKey:
    """Its fingerprint is that of the same key in PEM: nobody has two keys by writing one down twice."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    kind, encoded = (*text.split(), "")[:2]
    try:
        key = load_ssh_public_key(f"{kind} {encoded}".encode())
        blob = b64decode(encoded, validate=True)
    except (ValueError, UnsupportedAlgorithm, binascii.Error) as exc:
        raise UsageError(SUMMARY, f"{shown_key(text)}: {exc}", f"Give {FORMS}.") from exc
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < LEAST_RSA_BITS:
        detail = f"{shown_key(text)}: it has {key.key_size:,} bits"
        raise UsageError(SUMMARY, detail, f"Use one of {LEAST_RSA_BITS:,} or more, or ed25519.")
    size = key.key_size // 8 if isinstance(key, rsa.RSAPublicKey) else None
    one = ssh_signatures.SshKey(kind, encoded, blob, size)
    # What signs is bound to the application of a hardware key too: that stands in the blob alone.
    fingerprint = sha256(blob) if kind.startswith("sk-") else fingerprint_of(key)
    return PublicKey(fingerprint, f"{kind} {encoded}", one.verifies)
