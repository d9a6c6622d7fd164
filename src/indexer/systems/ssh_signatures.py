"""Signatures that OpenSSH makes and verifies: `ssh-keygen -Y`, in the format of its PROTOCOL.sshsig.

OpenSSH itself does both, so that agents and hardware keys work as everywhere. Before it is asked, a signature must be in its one
form: OpenSSH overlooks a field that is reserved, and pads what is too short.
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
import subprocess
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import IndexerError

NAMESPACE = "approval@data-asset-indexer"
"""A signature that was made for anything else (a commit, a login) is none of an approval."""
ED25519, HARDWARE, RSA = "ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ssh-rsa"
KEY_TYPES = (f"{ED25519} ", f"{HARDWARE} ", f"{RSA} ")
"""Not ECDSA: OpenSSH signs by it in either of two forms, so one approval would have two."""
MAGIC, VERSION, HASH = b"SSHSIG", 1, b"sha512"
BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
ED25519_BYTES = 64
WAIT_S = 120.0
"""So long may a hardware key wait to be touched."""
PERSON = "approver"


@dataclass(frozen=True, slots=True)
class SshKey:
    """The public half of an SSH key."""

    kind: str
    encoded: str
    blob: bytes
    size_bytes: int | None
    """Of an RSA signature."""

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Is it this key's, for an approval, and in its one form? Raises IndexerError where OpenSSH is not installed."""
        if not self._has_one_form(signature):
            return False
        allowed = f'{PERSON} namespaces="{NAMESPACE}" {self.kind} {self.encoded}\n'
        with tempfile.TemporaryDirectory(prefix="indexer-") as folder:
            signers, armoured = Path(folder, "signers"), Path(folder, "signature")
            signers.write_text(allowed, encoding="ascii")
            armoured.write_text(_armoured(signature), encoding="ascii")
            words = ["verify", "-f", str(signers), "-I", PERSON, "-n", NAMESPACE, "-s", str(armoured)]
            return _ssh_keygen(words, message).returncode == 0

    def _has_one_form(self, signature: bytes) -> bool:
        """Everything but what the key alone can make is as it must be."""
        fields = list(_strings(signature.removeprefix(MAGIC)[4:]))
        made = list(_strings(fields[4])) if len(fields) == 5 else []
        if len(made) < 2:
            return False
        counter = b""
        if self.kind == HARDWARE:  # a byte of flags and a counter follow, which are signed too
            counter = fields[4][-5:]
            made = list(_strings(fields[4][:-5]))
        named = b"rsa-sha2-512" if self.kind == RSA else self.kind.encode()
        if len(made) != 2 or made[0] != named or len(made[1]) != (self.size_bytes or ED25519_BYTES):
            return False
        last = _string(made[0]) + _string(made[1]) + counter
        whole = (self.blob, NAMESPACE.encode(), b"", HASH, last)
        return signature == MAGIC + struct.pack("!L", VERSION) + b"".join(map(_string, whole))


def ssh_signature(key: Path, message: bytes, passphrase: str | None = None) -> bytes:
    """Sign by a private key in a file, or by an agent's, whose public half the file holds. Raises IndexerError.

    `passphrase`: None: OpenSSH asks the terminal where it needs one.
    """
    with tempfile.TemporaryDirectory(prefix="indexer-") as folder:
        asked = {} if passphrase is None else _asking(Path(folder), passphrase)
        done = _ssh_keygen(["sign", "-q", "-f", str(key), "-n", NAMESPACE], message, asked)
    if done.returncode:
        why = " ".join(done.stderr.decode(errors="replace").split())[:300]
        hint = "See that it is the right file, that the agent holds it (`ssh-add -l`), and that the passphrase is right."
        raise IndexerError("The SSH key does not sign", f"{key}: {why}", hint)
    text = done.stdout.decode("ascii")
    return b64decode("".join(text.partition(BEGIN)[2].partition(END)[0].split()), validate=True)


def _asking(folder: Path, passphrase: str) -> Mapping[str, str]:
    """What makes OpenSSH ask a program for the passphrase; it stands in no file and in no command."""
    program = folder / "asked"
    program.write_text("#!/bin/sh\nprintf '%s\\n' \"$INDEXER_ASKED\"\n", encoding="ascii")
    program.chmod(stat.S_IRWXU)
    return {"SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force", "INDEXER_ASKED": passphrase}


def has_ssh_keygen() -> bool:
    """Is OpenSSH's client installed?"""
    return shutil.which("ssh-keygen") is not None


def _ssh_keygen(
    words: list[str], message: bytes, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("ssh-keygen")
    if program is None:
        raise IndexerError(
            "ssh-keygen is not here",
            "an SSH key signs or has signed an approval",
            "Install OpenSSH's client (on Debian: apt-get install openssh-client), or use keys in PEM or AWS KMS.",
        )
    try:
        return subprocess.run(  # noqa: S603 - no word of it is anybody else's
            [program, "-Y", *words],
            input=message,
            capture_output=True,
            check=False,
            timeout=WAIT_S,
            env={**os.environ, **(more or {})},
        )
    except subprocess.TimeoutExpired as exc:
        hint = "Touch the hardware key when it blinks, and try again."
        raise IndexerError("ssh-keygen does not answer", f"for {WAIT_S:.0f} s", hint) from exc


def _armoured(signature: bytes) -> str:
    text = b64encode(signature).decode()
    rows = [text[at : at + 70] for at in range(0, len(text), 70)]
    return "\n".join([BEGIN, *rows, END, ""])


def _string(text: bytes) -> bytes:
    return struct.pack("!L", len(text)) + text


def _strings(rest: bytes) -> list[bytes]:
    """The strings that a text is made of, as far as it is made of any."""
    found = []
    while len(rest) >= 4:
        size = struct.unpack("!L", rest[:4])[0]
        if size > len(rest) - 4:
            break
        found.append(rest[4 : 4 + size])
        rest = rest[4 + size :]
    return found
