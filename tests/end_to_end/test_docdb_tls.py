"""TLS to DocDB: a CA bundle that fits, one that does not, and none at all."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from workbench import BUCKET, Workbench

from shared.certificates import Authority, authority
from shared.relay import Relay


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
    options = "directConnection=true&serverSelectionTimeoutMS=4000"
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
    plain["INDEXER_DOCDB__URI"] = f"{bench.sandbox.docdb_uri}&serverSelectionTimeoutMS=4000"
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
