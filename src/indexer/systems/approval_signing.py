"""Sign approvals: by a private key in a file or a variable, by OpenSSH, or by AWS KMS. New keys, too."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexer.disk import read_file
from indexer.durable import OWNER_ONLY, replace_file
from indexer.errors import IndexerError, UsageError
from indexer.masking import hide
from indexer.systems import ssh_signatures
from indexer.systems.approval_keys import KMS, PublicKey, kms_key, lower_half, of_crypto, public_key

VARIABLE = "env:"
MOST_KEY_BYTES = 100_000
SUMMARY = "The key cannot be used"
OPENSSH = b"OPENSSH PRIVATE KEY"
HINT = "Give a private key in PEM (`indexer keys new` makes one), a key of OpenSSH's, env:VARIABLE, or awskms:KEY."
Ask = Callable[[str], str | None]
"""Asks for the passphrase of what is named; None where nobody can be asked."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signs."""

    public: PublicKey
    sign: Callable[[bytes], bytes]


def signer_of(key: str, ask: Ask, passphrase: str | None = None) -> Signer:
    """The key that is named: a path, `env:VARIABLE` or `awskms:KEY`. Raises IndexerError.

    `passphrase`: one that is known already; else `ask` is called where one is needed.
    """
    if passphrase is not None:
        hide(passphrase)
    if key.startswith(KMS):
        return _of_kms(key)
    if key.startswith(VARIABLE):
        return _of_pem(_variable(key.removeprefix(VARIABLE)), key, ask, passphrase)
    path = Path(key).expanduser()
    try:
        body = read_file(path, limit=MOST_KEY_BYTES)
    except OSError as exc:
        raise UsageError(SUMMARY, f"{key}: {exc.strerror}", HINT) from exc
    if OPENSSH in body or body.lstrip().startswith(tuple(one.encode() for one in ssh_signatures.KEY_TYPES)):
        return _of_ssh(path, body, passphrase)
    return _of_pem(body, key, ask, passphrase)


def _variable(name: str) -> bytes:
    held = os.environ.get(name)
    if not held:
        raise UsageError(SUMMARY, f"the variable {name} is not set", HINT)
    hide(held)
    return held.encode()


def _of_pem(body: bytes, named: str, ask: Ask, passphrase: str | None) -> Signer:
    from securesystemslib.signer import CryptoSigner

    private = _private(body, named, ask, passphrase)
    try:
        public = of_crypto(private.public_key(), public_pem(private))
    except ValueError as exc:
        raise UsageError(SUMMARY, f"{named}: {exc}", HINT) from exc
    curve = getattr(private, "curve", None)
    made_by = CryptoSigner(private)

    def sign(message: bytes) -> bytes:
        signature = bytes.fromhex(made_by.sign(message).signature)
        return signature if curve is None else lower_half(signature, curve)

    return Signer(public, sign)


def _private(body: bytes, named: str, ask: Ask, passphrase: str | None) -> Any:
    """Asks for the passphrase only where there is one. Errors never quote what was read."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(body, None)
    except TypeError:  # it is encrypted
        passphrase = passphrase if passphrase is not None else ask(named)
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(SUMMARY, f"{named}: it is no private key in PEM", HINT) from None
    if passphrase is None:
        hint = "Run it on a terminal, or name a variable that holds it with --passphrase-from."
        raise UsageError("The key needs a passphrase", named, hint)
    hide(passphrase)
    try:
        return load_pem_private_key(body, passphrase.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError("The passphrase is wrong", named, "Try again.") from None


def public_pem(private: Any) -> str:
    """The public half of a private key."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem: bytes = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def _of_kms(key: str) -> Signer:
    from indexer.systems.approval_kms import kms_public_half, kms_signature

    key_id = key.removeprefix(KMS)
    public, half = kms_key(key), kms_public_half(key_id)

    def sign(message: bytes) -> bytes:
        return lower_half(kms_signature(key_id, half.curve.name, message), half.curve)

    return Signer(public, sign)


def _of_ssh(path: Path, body: bytes, passphrase: str | None) -> Signer:
    """OpenSSH reads the private half itself; the public one stands beside it, or in the file that was named."""
    text = body
    if OPENSSH in body:
        try:
            text = read_file(path.with_name(f"{path.name}.pub"), limit=MOST_KEY_BYTES)
        except OSError as exc:
            hint = f"Make it: ssh-keygen -y -f {path} > {path}.pub"
            raise UsageError(SUMMARY, f"{path}.pub: {exc.strerror}", hint) from exc
    public = public_key(text.decode("utf-8", "replace").strip())
    return Signer(public, lambda message: ssh_signatures.ssh_signature(path, message, passphrase))


def new_key(path: Path, passphrase: str | None) -> PublicKey:
    """A new ed25519 key: the private half in `path`, its owner's only, the public one in `path.pub`.

    Raises UsageError where either is there already, IndexerError where it cannot be written.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    beside = path.with_name(f"{path.name}.pub")
    for one in (path, beside):
        if one.exists() or one.is_symlink():
            raise UsageError("The key is not written", f"{one}: it is there already", "Name another file.")
    private = Ed25519PrivateKey.generate()
    lock = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    text = public_pem(private)
    try:
        _write_new(path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
        replace_file(beside, text.encode())
        beside.chmod(0o644)
    except FileExistsError as exc:
        raise UsageError(
            "The key is not written", f"{path}: it is there already", "Name another file."
        ) from exc
    except OSError as exc:
        raise IndexerError(
            "The key cannot be written", f"{path}: {exc.strerror}", "Make room there."
        ) from exc
    return of_crypto(private.public_key(), text)


def _write_new(path: Path, body: bytes) -> None:
    """Never over anything, and nobody else's from its first byte on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
