"""Keys in PEM: what they sign is verified, what they did not is not, and no secret of theirs is told."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)

from indexer.config_approvals import ApprovalSettings
from indexer.errors import UsageError
from indexer.masking import masked
from indexer.runs.approvals import approvers
from indexer.systems.approval_keys import public_key, signed_message
from indexer.systems.approval_signing import new_key, public_pem, signer_of
from shared.approvals import Office, approved, person, plan_file

MESSAGE = signed_message(b"what is signed")
CURVES = (None, ec.SECP256R1(), ec.SECP384R1())


def nobody(named: str) -> str | None:
    raise AssertionError(f"asked for the passphrase of {named}")


@pytest.mark.parametrize("curve", CURVES, ids=["ed25519", "p256", "p384"])
def test_a_signature_is_good_for_its_message_and_its_key_alone(curve: Any, tmp_path: Path) -> None:
    one, other = person("ada", curve), person("bob", curve)
    (tmp_path / "key").write_bytes(one.pem)
    signer = signer_of(str(tmp_path / "key"), nobody)
    assert signer.public.fingerprint == one.public.fingerprint
    for _ in range(8):  # of ECDSA's signatures every second one would be in its upper half
        signature = signer.sign(MESSAGE)
        assert one.public.verifies(MESSAGE, signature)
        assert not one.public.verifies(MESSAGE + b" ", signature)
        assert not other.public.verifies(MESSAGE, signature)
        assert not one.public.verifies(MESSAGE, signature[:-1])
        assert not one.public.verifies(MESSAGE, signature + b"\0")
        assert not one.public.verifies(MESSAGE, b"")


@pytest.mark.parametrize("curve", CURVES[1:], ids=["p256", "p384"])
def test_the_other_form_of_an_ecdsa_signature_is_none(curve: Any) -> None:
    """To the mathematics it is as good: whoever has one approval could make a second file of it."""
    ada = person("ada", curve)
    r, s = decode_dss_signature(ada.sign(MESSAGE))
    twin = encode_dss_signature(r, curve.group_order - s)
    assert not ada.public.verifies(MESSAGE, twin)
    for forged in (
        encode_dss_signature(r, 0),
        encode_dss_signature(0, s),
        encode_dss_signature(r, s + curve.group_order),
    ):
        assert not ada.public.verifies(MESSAGE, forged)


def test_openssl_s_own_library_says_the_same_of_the_message_that_is_signed() -> None:
    """DSSE's encoding, as its specification writes it out: nothing of ours has made this text."""
    assert signed_message(b"hello") == b"DSSEv1 28 application/vnd.in-toto+json 5 hello"
    ada = person("ada")
    plan = plan_file()
    one = approved(plan, ada)
    payload = one.statement.payload
    ada.private.public_key().verify(
        one.signature, b"DSSEv1 28 application/vnd.in-toto+json %d %s" % (len(payload), payload)
    )


def test_an_encrypted_key_asks_for_its_passphrase(tmp_path: Path) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    locked = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame"))
    (tmp_path / "key").write_bytes(locked)
    named = str(tmp_path / "key")
    asked: list[str] = []

    def answer(what: str) -> str:
        asked.append(what)
        return "open sesame"

    assert public_key(public_pem(private)).verifies(MESSAGE, signer_of(named, answer).sign(MESSAGE))
    assert asked == [named]
    assert (
        signer_of(named, nobody, "open sesame").public.fingerprint
        == public_key(public_pem(private)).fingerprint
    )
    with pytest.raises(UsageError, match="passphrase is wrong"):
        signer_of(named, lambda _: "sesame")
    with pytest.raises(UsageError, match="--passphrase-from"):
        signer_of(named, lambda _: None)
    assert masked("it is open sesame") == "it is ***"


def test_a_key_in_a_variable_signs_and_is_told_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    ada = person("ada")
    monkeypatch.setenv("ADAS_KEY", ada.pem.decode())
    assert ada.public.verifies(MESSAGE, signer_of("env:ADAS_KEY", nobody).sign(MESSAGE))
    assert "PRIVATE KEY" not in masked(f"it holds {ada.pem.decode()}")
    with pytest.raises(UsageError, match="the variable NO_KEY is not set"):
        signer_of("env:NO_KEY", nobody)


@pytest.mark.parametrize(
    "held", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nabcd\n-----END PRIVATE KEY-----\n"]
)
def test_what_is_no_key_is_said_and_not_quoted(held: bytes, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(held)
    with pytest.raises(UsageError, match="no private key in PEM"):
        signer_of(str(tmp_path / "key"), nobody)


def test_weak_and_other_sorts_of_keys_are_refused() -> None:
    def pem(key: Any) -> str:
        text: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return text.decode()

    of_rsa = rsa.generate_private_key(65537, 2048).public_key()
    with pytest.raises(UsageError, match="neither ed25519 nor ECDSA"):
        public_key(pem(of_rsa))
    with pytest.raises(UsageError, match="its curve is secp521r1"):
        public_key(pem(ec.generate_private_key(ec.SECP521R1()).public_key()))
    for text in ("", "ada", "-----BEGIN PUBLIC KEY-----", "ssh-ed25519 AAAA", "ecdsa-sha2-nistp256 AAAA"):
        with pytest.raises(UsageError, match="cannot be used"):
            public_key(text)


def test_a_new_key_is_its_owners_only_and_goes_over_nothing(tmp_path: Path) -> None:
    file = tmp_path / "ada.key"
    public = new_key(file, None)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert public_key((tmp_path / "ada.key.pub").read_text()).fingerprint == public.fingerprint
    assert public.verifies(MESSAGE, signer_of(str(file), nobody).sign(MESSAGE))
    held = file.read_bytes()
    for again in (file, tmp_path / "ada.key.pub"):
        with pytest.raises(UsageError, match="there already"):
            new_key(again, None)
    (tmp_path / "linked").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="there already"):
        new_key(tmp_path / "linked", None)
    assert file.read_bytes() == held
    assert not (tmp_path / "nowhere").exists()
    locked = new_key(tmp_path / "locked", "open sesame")
    assert signer_of(str(tmp_path / "locked"), nobody, "open sesame").public.fingerprint == locked.fingerprint


def people(**keys: list[str]) -> ApprovalSettings:
    return ApprovalSettings.model_validate({"people": keys, "deletions": 1})


def test_one_key_is_one_persons_however_it_is_written() -> None:
    ada = person("ada")
    ssh = ada.private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    with pytest.raises(ValueError, match="a key of bob is there twice, ada has it too"):
        people(ada=[ada.public.text], bob=[ada.public.text])
    with pytest.raises(ValueError, match="a key of ada is there twice"):
        people(ada=[f"{ssh} at home", f"{ssh} at work"])
    with pytest.raises(UsageError, match=r"bob has a key that ada has too, written otherwise"):
        approvers(people(ada=[ada.public.text], bob=[f"{ssh} bob@home"]))
    with pytest.raises(UsageError, match=r"approvals.people.ada: ssh-ed25519 AAAA"):
        approvers(people(ada=["ssh-ed25519 AAAA"]))


def test_what_nobody_can_ever_fulfil_is_a_mistake() -> None:
    key = Office().people["ada"].public.text
    with pytest.raises(ValueError, match="2 people must approve, and people has 1"):
        ApprovalSettings.model_validate({"people": {"ada": [key]}})
    ApprovalSettings.model_validate({"people": {"ada": [key]}, "required": False})
    with pytest.raises(ValueError, match="people"):
        ApprovalSettings.model_validate({"people": {"../ada": [key]}, "deletions": 1})
