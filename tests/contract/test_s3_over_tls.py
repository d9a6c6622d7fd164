"""S3 over TLS, with a CA of one's own: everything works as without, and nothing becomes slow in silence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from indexer.errors import SystemFaultError
from indexer.model.ports import PreconditionFailed
from indexer.model.values import etag_of
from indexer.systems.s3 import S3Reader
from indexer.systems.s3_connection import S3, open_s3
from indexer.systems.s3_listing import lean_answer, lean_listing
from indexer.systems.s3_writer import S3Writer
from indexer_sandbox.s3 import S3Server
from shared.certificates import Authority, authority
from shared.relay import Relay
from shared.s3_stub import Answer, Asked, S3Stub, environment, error, running_stub

BUCKET = "over-tls"


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return authority(tmp_path, "ours")


@contextmanager
def opened() -> Iterator[S3]:
    s3 = open_s3(1, attempts=1)
    yield s3
    s3.close()


@pytest.fixture
def secured(
    s3_server: S3Server, ours: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[S3Server]:
    """A server that the environment leads to, through TLS."""
    relay = Relay(s3_server.port, "http", tls=ours.server_context(tmp_path))
    environment(monkeypatch, f"https://127.0.0.1:{relay.port}", AWS_CA_BUNDLE=str(ours.bundle))
    s3_server.create_bucket(BUCKET)
    yield s3_server
    relay.close()


def test_it_is_read_and_written_under_conditions(secured: S3Server) -> None:
    """By the lean client, too."""
    with opened() as s3:
        reader, writer = S3Reader(s3), S3Writer(s3)
        assert writer.put(BUCKET, "a/x", b"1", None) == etag_of(b"1")
        assert writer.put(BUCKET, "a/x", b"2", None) == PreconditionFailed()
        assert writer.put(BUCKET, "a/x", b"2", etag_of(b"1")) == etag_of(b"2")
        assert [one.key for one in reader.listing(BUCKET, "a/").objects] == ["a/x"]
        quick = lean_listing(s3.lean, BUCKET, "a/", lean_answer(s3.lean, BUCKET, "a/"))
        assert quick == S3Reader(s3, fast=False).listing(BUCKET, "a/")
        found = reader.get(BUCKET, "a/x")
        assert found is not None
        assert found.body == b"2"
        assert s3.lean.get(BUCKET, "a/x") == found == S3Reader(s3, fast=False).get(BUCKET, "a/x")
        assert writer.delete(BUCKET, "a/x", etag_of(b"1")) == PreconditionFailed()
        assert writer.delete(BUCKET, "a/x", etag_of(b"2")) is None
    assert secured.objects(BUCKET) == {}


def test_another_s_certificate_is_refused_in_words(
    secured: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting is named."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority(tmp_path, "theirs").bundle))
    with opened() as s3, pytest.raises(SystemFaultError, match="No secure connection to S3") as fault:
        S3Reader(s3).listing(BUCKET, "a/")
    assert "AWS_CA_BUNDLE" in fault.value.hint


@pytest.fixture
def old(ours: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Stub]:
    """A server that wants each body's length beforehand, as radosgw 16 does."""

    def answer(asked: Asked) -> Answer:
        names = {name.lower() for name in asked.headers}
        if "x-amz-trailer" in names or "transfer-encoding" in names:
            return error("MissingContentLength", status=411)
        return Answer(headers={"ETag": f'"{etag_of(asked.body)}"'})

    with running_stub(ours.server_context(tmp_path)) as stub:
        stub.answer = answer
        environment(monkeypatch, stub.endpoint, AWS_CA_BUNDLE=str(ours.bundle))
        yield stub


def test_an_older_server_takes_what_is_put(old: S3Stub) -> None:
    """No checksum follows the body, whose SHA-256 is signed instead."""
    with opened() as s3:
        assert S3Writer(s3).put("bucket", "a/x", b"body", None) == etag_of(b"body")
    (asked,) = old.asked
    headers = {name.lower(): value for name, value in asked.headers.items()}
    assert (asked.body, headers["content-length"]) == (b"body", "4")
    assert headers["x-amz-content-sha256"] == hashlib.sha256(b"body").hexdigest()
    assert "x-amz-content-sha256" in headers["authorization"]


@pytest.mark.parametrize("where", ["environment", "profile"])
def test_who_asks_for_checksums_gets_them(
    old: S3Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """And words for it where the server does not take them."""
    if where == "environment":
        monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported")
    else:
        (tmp_path / "config").write_text("[default]\nrequest_checksum_calculation = when_supported\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with opened() as s3, pytest.raises(SystemFaultError, match="does not take checksums") as fault:
        S3Writer(s3).put("bucket", "a/x", b"body", None)
    assert "AWS_REQUEST_CHECKSUM_CALCULATION" in fault.value.hint
