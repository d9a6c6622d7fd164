"""SSH keys, as people have them: signed by the real `ssh-keygen`, and looked at by another implementation."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import warnings
from base64 import b64encode
from pathlib import Path

import pytest

from indexer.errors import IndexerError, UsageError
from indexer.systems import ssh_signatures
from indexer.systems.approval_keys import public_key, signed_message
from indexer.systems.approval_signing import Signer, signer_of
from indexer.systems.ssh_signatures import NAMESPACE, ssh_signature

MESSAGE = signed_message(b"what is signed")
NEEDED = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None and not os.environ.get("CI"), reason="needs Debian's openssh-client"
)
pytestmark = NEEDED


def made(folder: Path, kind: str, *, passphrase: str = "", bits: str = "") -> Path:
    """A key pair of OpenSSH's."""
    file = folder / f"id_{kind}{bits}"
    words = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "ada@home", "-f", str(file)]
    subprocess.run([*words, *(["-b", bits] if bits else [])], check=True)
    return file


def nobody(named: str) -> str | None:
    raise AssertionError(named)


@pytest.fixture(params=["ed25519", "rsa"])
def signer(request: pytest.FixtureRequest, tmp_path: Path) -> Signer:
    return signer_of(str(made(tmp_path, request.param)), nobody)


def test_what_ssh_keygen_signs_is_good_for_its_message_and_its_key_alone(
    signer: Signer, tmp_path: Path
) -> None:
    signature = signer.sign(MESSAGE)
    assert signer.public.verifies(MESSAGE, signature)
    assert not signer.public.verifies(MESSAGE + b" ", signature)
    (tmp_path / "other").mkdir()
    other = signer_of(str(made(tmp_path / "other", "ed25519")), nobody)
    assert not other.public.verifies(MESSAGE, signature)
    assert signer.public.verifies(MESSAGE, signature)


def test_another_implementation_takes_it(signer: Signer) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports what later Pythons warn of
        import sshsig

    rows = b64encode(signer.sign(MESSAGE)).decode()
    armoured = f"{ssh_signatures.BEGIN}\n{rows}\n{ssh_signatures.END}\n"
    key = sshsig.PublicKey.from_openssh_str(signer.public.text)
    assert sshsig.verify(MESSAGE, armoured, [key], NAMESPACE) == key
    with pytest.raises(sshsig.InvalidSignature):
        sshsig.verify(MESSAGE + b" ", armoured, [key], NAMESPACE)


def test_each_byte_of_a_signature_counts(tmp_path: Path) -> None:
    signer = signer_of(str(made(tmp_path, "ed25519")), nobody)
    signature = signer.sign(MESSAGE)
    for at in range(len(signature)):
        changed = signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :]
        assert not signer.public.verifies(MESSAGE, changed), at


def strings(*parts: bytes) -> bytes:
    return b"".join(struct.pack("!L", len(one)) + one for one in parts)


def test_what_openssh_overlooks_is_not_overlooked(signer: Signer) -> None:
    """It takes a signature whose reserved field holds something; one approval would have as many forms as one likes."""
    signature = signer.sign(MESSAGE)
    blob, namespace, reserved, hashed, made_by_key = ssh_signatures._strings(signature[10:])
    assert (namespace, reserved, hashed) == (NAMESPACE.encode(), b"", b"sha512")
    assert signature == signature[:10] + strings(blob, namespace, reserved, hashed, made_by_key)
    more = signature[:10] + strings(blob, namespace, b"more", hashed, made_by_key)
    assert not signer.public.verifies(MESSAGE, more)
    for other in (
        signature + b"\0",
        signature[:10] + strings(blob, namespace, reserved, b"sha256", made_by_key),
        signature[:10] + strings(blob, b"git", reserved, hashed, made_by_key),
        signature[:10] + strings(blob, namespace, reserved, hashed, made_by_key + b"\0"),
        signature[:10] + strings(blob, namespace, reserved, hashed),
        signature[:10],
        b"",
    ):
        assert not signer.public.verifies(MESSAGE, other)


def test_a_signature_for_anything_else_is_none_of_an_approval(tmp_path: Path) -> None:
    """What somebody signed for git, with the same key, over the same bytes."""
    key = made(tmp_path, "ed25519")
    done = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-q", "-f", str(key), "-n", "git"],
        input=MESSAGE,
        capture_output=True,
        check=True,
    )
    text = done.stdout.decode().partition(ssh_signatures.BEGIN)[2].partition(ssh_signatures.END)[0]
    from base64 import b64decode

    assert not signer_of(str(key), nobody).public.verifies(MESSAGE, b64decode("".join(text.split())))


def test_an_encrypted_key_signs_by_its_passphrase_in_a_variable(tmp_path: Path) -> None:
    key = made(tmp_path, "ed25519", passphrase="open sesame")
    signer = signer_of(str(key), nobody, "open sesame")
    assert signer.public.verifies(MESSAGE, signer.sign(MESSAGE))
    with pytest.raises(IndexerError, match="does not sign"):
        ssh_signature(key, MESSAGE, "wrong")


def test_an_agents_key_signs_by_its_public_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("ssh-agent") is None:
        pytest.skip("needs Debian's openssh-client")
    key = made(tmp_path, "ed25519")
    socket = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        wait = "import os, sys, time\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.05)"
        subprocess.run([sys.executable, "-c", wait, str(socket)], check=True, timeout=600)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        subprocess.run(["ssh-add", "-q", str(key)], check=True)
        key.unlink()
        signer = signer_of(f"{key}.pub", nobody)
        assert signer.public.verifies(MESSAGE, signer.sign(MESSAGE))
    finally:
        agent.terminate()
        agent.wait()


def test_keys_that_are_weak_or_sign_in_two_forms_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it has 1,024 bits"):
        public_key((made(tmp_path, "rsa", bits="1024").with_suffix(".pub")).read_text())
    with pytest.raises(UsageError, match="Give a public key in PEM"):
        public_key((made(tmp_path, "ecdsa").with_suffix(".pub")).read_text())


def test_without_openssh_it_is_said_how_to_get_it(
    signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signature = signer.sign(MESSAGE)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(IndexerError, match="apt-get install openssh-client"):
        signer.public.verifies(MESSAGE, signature)


def test_a_hardware_key_approves(tmp_path: Path) -> None:
    """One that is played by a key of the library: OpenSSH itself verifies what it signs, with its flags and its counter."""
    import hashlib

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private, application = Ed25519PrivateKey.generate(), b"ssh:"
    kind = ssh_signatures.HARDWARE.encode()
    blob = strings(kind, private.public_key().public_bytes_raw(), application)
    key = public_key(f"{kind.decode()} {b64encode(blob).decode()} ada@key")

    def touched(message: bytes, flags: bytes = b"\x01", counter: bytes = b"\0\0\0\x07") -> bytes:
        wrapped = b"SSHSIG" + strings(NAMESPACE.encode(), b"", b"sha512", hashlib.sha512(message).digest())
        signed = hashlib.sha256(application).digest() + flags + counter + hashlib.sha256(wrapped).digest()
        made = strings(kind, private.sign(signed)) + flags + counter
        return b"SSHSIG" + struct.pack("!L", 1) + strings(blob, NAMESPACE.encode(), b"", b"sha512", made)

    signature = touched(MESSAGE)
    assert key.verifies(MESSAGE, signature)
    assert not key.verifies(MESSAGE + b" ", signature)
    for at in range(len(signature) - 90, len(signature)):
        assert not key.verifies(MESSAGE, signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :]), (
            at
        )
