"""How many requests ten thousand rows cost, and the records of a page of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import ceil
from typing import Any

import pytest
from pymongo import MongoClient

from indexer.model.generation import GenerationName
from indexer.systems.docdb_gateway import ROWS_A_PAGE, GatewayReader
from indexer.systems.gateway_client import open_gateway
from indexer_sandbox.docdb import DocDBServer
from indexer_sandbox.gateway import GatewayServer

ROWS = 10_000
ROUTES: dict[GenerationName, str] = {"v1": "v1/many/data_assets"}


@pytest.fixture(scope="module")
def docdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Light records, since only their rows are read."""
    server = DocDBServer(tmp_path_factory.mktemp("many"))
    with MongoClient[dict[str, Any]](server.uri) as client:
        collection = client["many"]["data_assets"]
        collection.create_index("location")
        collection.insert_many(
            {"_id": f"id-{n:05}", "name": f"a{n:05}", "location": f"s3://bucket/a{n:05}"} for n in range(ROWS)
        )
    yield server.uri
    server.close()


@pytest.fixture
def gateway(docdb: str) -> Iterator[GatewayServer]:
    running = GatewayServer(docdb)
    yield running
    running.close()


def requests(gateway: GatewayServer) -> Counter[str]:
    return gateway.log.counts()


def rows_of(gateway: GatewayServer) -> int:
    """All of them, read once."""
    opened = open_gateway(gateway.url, None, ROUTES)
    found = [row.id for page in GatewayReader(opened).rows("v1", "bucket") for row in page]
    opened.pool.clear()
    assert len(set(found)) == len(found)
    return len(found)


def test_ten_thousand_rows_are_eleven_pages_and_a_count(gateway: GatewayServer) -> None:
    """Each page begins with the last row of the one before, so the last holds ten; the count says that it is the last."""
    assert rows_of(gateway) == ROWS
    assert requests(gateway) == {"find": ceil((ROWS - 1) / (ROWS_A_PAGE - 1)), "count_documents": 1}
    assert requests(gateway)["find"] == 11


def test_a_gateway_that_shortens_costs_its_own_pages(gateway: GatewayServer) -> None:
    """A count where the first page is short, and one where as many were shown: not one for each page."""
    gateway.page_rows = 250
    assert rows_of(gateway) == ROWS
    assert requests(gateway) == {"find": ceil((ROWS - 1) / 249), "count_documents": 2}


def test_a_gateway_that_refuses_is_asked_for_less_once(gateway: GatewayServer) -> None:
    """The page that it takes is the page from then on."""
    gateway.over, gateway.page_bytes = "refused", 30_000
    assert rows_of(gateway) == ROWS
    refused = [one for one in gateway.log.since() if one.status == 413]
    assert len(refused) <= 3
    assert len(gateway.log) < 60
