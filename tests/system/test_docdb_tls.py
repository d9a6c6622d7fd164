"""TLS to DocDB: a CA bundle that fits, one that does not, and none at all."""

from __future__ import annotations

import ipaddress
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from workbench import BUCKET, Workbench

from relay import Relay


@dataclass(frozen=True)
class Authority:
    """A CA of this test's own."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    bundle: Path

    def server_context(self, folder: Path, address: str = "127.0.0.1", days: int = 1) -> ssl.SSLContext:
        """For a server whose certificate this CA has signed, for an address, valid until so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        issued = signed("a server", key, self.certificate.subject, self.key, days).add_extension(names, False)
        certificate = issued.sign(self.key, hashes.SHA256())
        file = folder / "server.pem"
        file.write_bytes(pem(certificate) + private_pem(key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def signed(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    days: int,
) -> x509.CertificateBuilder:
    """A certificate that is still to be signed."""
    now = datetime.now(UTC)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(authority, False)
    )


def named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def authority(folder: Path, name: str) -> Authority:
    """A CA, and its bundle as a file."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    certificate = (
        signed(name, key, named(name), key, 1)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .add_extension(usage, True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    bundle = folder / f"{name}.pem"
    bundle.write_bytes(pem(certificate))
    return Authority(key, certificate, bundle)


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    """The CA of the server."""
    return authority(tmp_path, "ours")


@pytest.fixture
def bench(workbench: Workbench) -> Workbench:
    """One record whose file is stale: there is something to plan and to write."""
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.put("asset/subject.json", b"{}")
    for generation in ("v1", "v2"):
        workbench.records(generation).create_index("location")
    return workbench


@contextmanager
def secured(bench: Workbench, context: ssl.SSLContext) -> Iterator[dict[str, str]]:
    """The environment in which DocDB is reached through TLS only."""
    relay = Relay(bench.sandbox.docdb.port, "mongodb", tls=context)
    options = "directConnection=true"
    yield {"INDEXER_DOCDB__URI": f"mongodb://127.0.0.1:{relay.port}/?{options}"}
    relay.close()


def host_check(bench: Workbench, **env: str) -> dict[str, Any]:
    """What doctor says of DocDB's host."""
    done = bench.run("doctor", "--format", "json", **env)
    assert "Traceback" not in done.stderr
    (check,) = (one for one in json.loads(done.stdout)["checks"] if one["name"] == "docdb-host")
    return dict(check)


def test_a_ca_bundle_that_fits_is_all_it_takes(bench: Workbench, ours: Authority, tmp_path: Path) -> None:
    """Plan and apply through TLS; doctor says that the certificate is accepted."""
    with secured(bench, ours.server_context(tmp_path)) as env:
        env |= {"INDEXER_DOCDB__TLS_CA_FILE": str(ours.bundle)}
        planned = bench.run("plan", "--bucket", BUCKET, **env)
        assert planned.returncode == 0, planned.stderr
        applied = bench.run("apply", "plan.json", **env)
        assert applied.returncode == 0, applied.stderr
        assert b'"1"' in bench.sandbox.s3.objects(BUCKET)["asset/subject.json"]
        check = host_check(bench, **env)
    assert (check["status"], "certificate accepted" in check["detail"]) == ("ok", True)


@pytest.mark.parametrize(
    ("bundle", "certificate", "words"),
    [
        ("theirs", {}, "certificate verify failed"),
        ("ours", {"address": "127.0.0.2"}, "not valid for '127.0.0.1'"),
        ("ours", {"days": -1}, "expired"),
    ],
    ids=["another CA", "another host", "expired"],
)
def test_a_certificate_that_is_not_accepted_is_refused_in_words(
    bench: Workbench, ours: Authority, tmp_path: Path, bundle: str, certificate: dict[str, Any], words: str
) -> None:
    """Nothing is planned or applied; the error names the cause and the setting, and doctor says the same."""
    bundles = {"ours": ours.bundle, "theirs": authority(tmp_path, "theirs").bundle}
    with secured(bench, ours.server_context(tmp_path, **certificate)) as env:
        env |= {"INDEXER_DOCDB__TLS_CA_FILE": str(bundles[bundle])}
        done = bench.run("plan", "--bucket", BUCKET, **env)
        check = host_check(bench, **env)
    assert done.returncode == 1
    assert "DocDB cannot be reached" in done.stderr
    assert words in done.stderr
    assert "`docdb.tls_ca_file`" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (bench.folder / "plan.json").exists()
    assert check["status"] == "error"
    assert check["detail"].startswith("its certificate is refused: ")
    assert "`docdb.tls_ca_file`" in check["hint"]


def test_plain_and_tls_are_not_confused(bench: Workbench, ours: Authority, tmp_path: Path) -> None:
    """TLS wanted of a server that speaks none, no TLS with one that wants it, and a bundle that is none."""
    plain = {"INDEXER_DOCDB__TLS_CA_FILE": str(ours.bundle)}
    plain["INDEXER_DOCDB__URI"] = bench.sandbox.docdb_uri
    check = host_check(bench, **plain)
    assert (check["status"], check["detail"].split(":")[0]) == ("error", "no TLS connection")
    assert bench.run("plan", "--bucket", BUCKET, **plain).returncode == 1
    with secured(bench, ours.server_context(tmp_path)) as env:
        done = bench.run("plan", "--bucket", BUCKET, **env)
        assert (done.returncode, "DocDB cannot be reached" in done.stderr) == (1, True)
        for name in ("no-such.pem", "indexer.toml"):
            wrong = env | {"INDEXER_DOCDB__TLS_CA_FILE": name}
            done = bench.run("plan", "--bucket", BUCKET, **wrong)
            assert (done.returncode, "`docdb.tls_ca_file`" in done.stderr) == (2, True)
            assert f"the CA bundle cannot be used: {name}: " in host_check(bench, **wrong)["detail"]


def test_certificates_that_are_not_checked_are_a_warning(
    bench: Workbench, ours: Authority, tmp_path: Path
) -> None:
    """An option of the URI that switches the check off works, and doctor does not pass over it."""
    with secured(bench, ours.server_context(tmp_path)) as env:
        env["INDEXER_DOCDB__URI"] += "&tls=true&tlsAllowInvalidCertificates=true"
        check = host_check(bench, **env)
        assert bench.run("plan", "--bucket", BUCKET, **env).returncode == 0
    assert (check["status"], "not checked" in check["detail"]) == ("warning", True)
