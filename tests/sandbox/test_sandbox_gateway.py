"""The sandbox's HTTP gateway: its routes as the public client asks for them, and its limits."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from http.client import IncompleteRead
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo import MongoClient

from indexer_sandbox.docdb import DocDBServer
from indexer_sandbox.faults import Fault
from indexer_sandbox.gateway import GatewayServer
from peers.servers import PYTHON
from shared.certificates import authority
from shared.patience import PATIENCE_S
from shared.relay import Relay

OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
CLIENT = Path(__file__).resolve().parents[1] / "peers" / "public_client.py"


@pytest.fixture(scope="module")
def docdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Ten records of the first generation, two of the second."""
    server = DocDBServer(tmp_path_factory.mktemp("docdb"))
    with MongoClient[dict[str, Any]](server.uri) as client:
        client["metadata_index"]["data_assets"].insert_many(
            {"_id": f"id-{n}", "name": f"a{n}", "location": f"s3://bucket/a{n}", "notes": "x" * 100}
            for n in range(10)
        )
        odd = {"_id": "id-odd", "when": datetime(2024, 1, 1), "by": ObjectId("65a000000000000000000001")}
        client["metadata_index_v2"]["data_assets"].insert_many([{"_id": "id-second"}, odd])
    yield server.uri
    server.close()


@pytest.fixture
def gateway(docdb: str) -> Iterator[GatewayServer]:
    running = GatewayServer(docdb)
    yield running
    running.close()


def ask(gateway: GatewayServer, path: str, body: Any = None, **query: Any) -> Any:
    """A request, whose parameters are JSON."""
    text = urllib.parse.urlencode({name: json.dumps(value) for name, value in query.items()})
    sent = None if body is None else json.dumps(body).encode()
    url = f"{gateway.url}/{path}?{text}"
    with OPEN(urllib.request.Request(url, sent), timeout=PATIENCE_S) as answer:
        return json.loads(answer.read())


def status_of(gateway: GatewayServer, path: str, body: Any = None, **query: Any) -> int:
    try:
        ask(gateway, path, body, **query)
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code
    return 200


FIND = "v1/metadata_index/data_assets/find"


def test_the_public_client_reads_it(gateway: GatewayServer, tmp_path: Path) -> None:
    """`aind-data-access-api` itself: counts, finds, pages, aggregates, both generations; a write is refused."""
    if not PYTHON.exists() or not _has_client():
        if os.environ.get("CI"):
            pytest.fail("the public client is not installed in .venv/peers")
        pytest.skip("the public client is not installed: make .venv/peers/ready")
    ours = authority(tmp_path, "ours")
    relay = Relay(gateway.port, "http", tls=ours.server_context(tmp_path))  # the client speaks TLS only
    gateway.page_rows = 4
    try:
        done = subprocess.run(
            [PYTHON, CLIENT, f"127.0.0.1:{relay.port}", ours.bundle],
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE_S,
            check=False,
        )
    finally:
        relay.close()
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["count"] == {"total_record_count": 10, "filtered_record_count": 10}
    assert [one["_id"] for one in told["everything"]] == [f"id-{n}" for n in range(10)]
    assert told["some"] == [{"_id": "id-9"}, {"_id": "id-8"}, {"_id": "id-7"}]
    assert told["pages"] == [4, 4, 2]
    assert sorted(one["name"] for one in told["matched"]) == ["a1", "a2"]
    assert told["by location"] == {"s3://bucket/a1": "id-1"}
    assert told["second"] == told["by name"] == [{"_id": "id-second"}, {"_id": "id-odd"}]
    assert told["unsigned write"] == 403
    assert {one.operation for one in gateway.log.since(0)} == {
        "find",
        "count_documents",
        "aggregate",
        "Other",
    }


def _has_client() -> bool:
    look = [PYTHON, "-c", "import aind_data_access_api.document_db"]
    return subprocess.run(look, capture_output=True, timeout=PATIENCE_S, check=False).returncode == 0


def test_a_large_answer_is_shortened(gateway: GatewayServer) -> None:
    """Silently, as the client's documentation says; a single record that is too large is refused."""
    gateway.page_bytes = 500
    assert 0 < len(ask(gateway, FIND, limit=10)) < 10
    gateway.page_bytes = 50
    assert status_of(gateway, FIND, limit=10) == 413
    gateway.over = "empty"
    assert ask(gateway, FIND, limit=10) == []


def test_a_large_answer_may_be_refused(gateway: GatewayServer) -> None:
    """The collection's own route always does, and `find` where it is told to."""
    gateway.page_bytes = 500
    assert status_of(gateway, FIND.removesuffix("/find"), limit=10) == 413
    gateway.over = "refused"
    assert status_of(gateway, FIND, limit=10) == 413
    assert status_of(gateway, FIND, limit=1) == 200


def test_a_long_url_is_refused(gateway: GatewayServer) -> None:
    """Filters stand in it."""
    assert status_of(gateway, FIND, filter={"_id": {"$in": ["x" * 100] * 100}}) == 414


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("v1/metadata_index/data_assets/insert_one", {}, 403),
        ("v1/metadata_index/data_assets/bulk_write", [], 403),
        ("v3/metadata_index/data_assets/find", None, 403),
        ("v1/metadata_index", None, 403),
    ],
)
def test_what_is_not_open_is_refused(gateway: GatewayServer, path: str, body: Any, status: int) -> None:
    """As API Gateway refuses what it has no route for without a signature."""
    assert status_of(gateway, path, body) == status


def test_what_json_has_no_form_for_is_text_of_either_kind(gateway: GatewayServer) -> None:
    """Python's, or Extended JSON."""
    path = "v2/metadata_index/data_assets/find"
    (found,) = ask(gateway, path, filter={"_id": "id-odd"})
    assert (found["when"], found["by"]) == ("2024-01-01 00:00:00", "65a000000000000000000001")
    gateway.values = "extended"
    (found,) = ask(gateway, path, filter={"_id": "id-odd"})
    assert (found["when"], found["by"]) == (
        {"$date": "2024-01-01T00:00:00Z"},
        {"$oid": "65a000000000000000000001"},
    )


def test_faults_are_committed_on_demand(gateway: GatewayServer) -> None:
    """A limited rate, a count that is off, a portal's page, an answer that breaks off; the log has all."""
    gateway.faults.add(Fault("find", 429, retry_after_s=7))
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(gateway, FIND)
    with refused.value as answer:
        assert (answer.code, answer.headers["Retry-After"]) == (429, "7")
    gateway.count_off_by = -1
    assert ask(gateway, f"{FIND.removesuffix('find')}count_documents")["total_record_count"] == 9
    gateway.cuts = 1
    with pytest.raises(IncompleteRead):
        ask(gateway, FIND)
    assert len(ask(gateway, FIND)) == 10
    gateway.portal = True
    with pytest.raises(json.JSONDecodeError):
        ask(gateway, FIND)
    assert [one.status for one in gateway.log.since(0)] == [429, 200, 200, 200, 200]
    assert {one.is_write for one in gateway.log.since(0)} == {False}
