"""What the doctor says of DocDB's HTTP gateway, and whom it trusts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from indexer.errors import OutageError, UsageError
from indexer.model.check import Check
from indexer.model.generation import GenerationName
from indexer.systems.checks_gateway import gateway_checks
from indexer.systems.docdb_gateway import GatewayReader
from indexer.systems.gateway_client import Gateway, open_gateway
from indexer_sandbox.docdb import DocDBServer
from indexer_sandbox.faults import Fault
from indexer_sandbox.gateway import GatewayServer
from shared.builders import record
from shared.certificates import authority
from shared.relay import Relay

ROUTES: dict[GenerationName, str] = {"v1": "v1/full/data_assets", "v2": "v2/full/data_assets"}
NAMES: dict[GenerationName, str] = {"v1": "full.data_assets", "v2": "full_v2.data_assets"}


@pytest.fixture(scope="module")
def docdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two records of the first generation, none of the second."""
    server = DocDBServer(tmp_path_factory.mktemp("docdb"))
    with MongoClient[dict[str, Any]](server.uri) as client:
        client["full"]["data_assets"].insert_many([record("a"), record("b")])
    yield server.uri
    server.close()


@pytest.fixture
def server(docdb: str) -> Iterator[GatewayServer]:
    running = GatewayServer(docdb)
    yield running
    running.close()


def opened(url: str, ca_file: Path | None = None) -> Gateway:
    gateway = open_gateway(url, str(ca_file) if ca_file else None, ROUTES)
    return replace(gateway, patience_s=0.6, pause=lambda _: None)


def checked(url: str) -> dict[tuple[str, str], Check]:
    gateway = opened(url)
    found = {(one.name, one.about): one for one in gateway_checks(gateway, None, NAMES)}
    gateway.pool.clear()
    return found


def test_a_gateway_is_looked_at_collection_by_collection(server: GatewayServer) -> None:
    """Records and counts of each; an empty one is doubted; what a gateway has not is said in words."""
    found = checked(server.url)
    assert found["docdb-host", f"127.0.0.1:{server.port}"].status == "ok"
    assert found["docdb-connection", server.url].status == "ok"
    assert found["clock", "DocDB"].status == "ok"
    full, empty = (
        found["docdb-collection", "full.data_assets"],
        found["docdb-collection", "full_v2.data_assets"],
    )
    assert (full.status, "counted: 2 records" in full.detail) == ("ok", True)
    assert (empty.status, "`.route`" in empty.hint) == ("warning", True)
    for one in (
        found["docdb-role", ""],
        found["docdb-settings", ""],
        found["docdb-index", "full.data_assets"],
    ):
        assert one.status == "not-tried"
        assert one.detail.startswith("not applicable")


@pytest.mark.parametrize("operation", ["find", "count_documents"])
def test_what_a_read_rests_on_is_an_error_where_it_fails(server: GatewayServer, operation: str) -> None:
    """A plan counts what it was shown."""
    server.faults.add(Fault(operation, 500, count=None))
    assert checked(server.url)["docdb-collection", "full.data_assets"].status == "error"


def test_a_rate_limit_is_asked_twice_and_told(server: GatewayServer) -> None:
    """As of any other system: the doctor does not wait a minute."""
    server.faults.add(Fault("*", 503, count=None))
    found = checked(server.url)
    assert found["docdb-connection", server.url].status == "error"
    assert len(server.log) <= 2 * 6


def test_nobody_there_leaves_the_rest_out(server: GatewayServer) -> None:
    """One error, and not one for each collection."""
    server.close()
    found = checked(server.url)
    assert found["docdb-host", f"127.0.0.1:{server.port}"].status == "error"
    assert found["docdb-connection", ""].status == found["docdb-collection", ""].status == "not-tried"


def test_over_tls_its_certificate_is_checked(server: GatewayServer, tmp_path: Path) -> None:
    """By the machine's authorities, or those of `docdb.tls_ca_file`; another's is refused in words."""
    ours = authority(tmp_path, "ours")
    relay = Relay(server.port, "http", tls=ours.server_context(tmp_path))
    url = f"https://127.0.0.1:{relay.port}"
    try:
        assert GatewayReader(opened(url, ours.bundle)).holds_any("v1")
        for ca_file in (None, authority(tmp_path, "theirs").bundle):
            with pytest.raises(OutageError, match="certificate"):
                GatewayReader(opened(url, ca_file)).holds_any("v1")
    finally:
        relay.close()


def test_a_ca_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    """Before anything is asked."""
    with pytest.raises(UsageError, match="cannot be read") as wrong:
        opened("https://127.0.0.1:9", tmp_path / "missing.pem")
    assert "docdb.tls_ca_file" in wrong.value.hint


def test_a_proxy_of_the_environment_is_used_and_its_password_hidden(
    server: GatewayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And left out where NO_PROXY says so."""
    monkeypatch.setenv("http_proxy", "http://somebody:s3cretword@127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(OutageError) as fault:
        GatewayReader(opened("http://gateway.example.org")).holds_any("v1")
    assert "s3cretword" not in str(fault.value)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert GatewayReader(opened(server.url)).holds_any("v1")
