"""Each port in memory and as the real driver on a server, under one handle for the contract suites."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from contract_handles import DataAssets, Objects, Records
from pymongo import MongoClient

from indexer.model.generation import GenerationName
from indexer.systems import codeocean as codeocean_reader
from indexer.systems import codeocean_client as codeocean_driver
from indexer.systems import docdb as docdb_driver
from indexer.systems import docdb_gateway
from indexer.systems.codeocean import CodeOceanReader, CodeOceanWriter
from indexer.systems.codeocean_client import codeocean_client
from indexer.systems.docdb import DocDBReader, DocDBWriter
from indexer.systems.docdb_connection import connect
from indexer.systems.docdb_gateway import GatewayReader
from indexer.systems.gateway_client import open_gateway
from indexer.systems.pace import Pace
from indexer.systems.s3 import S3Reader
from indexer.systems.s3_connection import S3
from indexer.systems.s3_writer import S3Writer
from indexer_sandbox.codeocean import CodeOceanServer
from indexer_sandbox.docdb import DocDBServer
from indexer_sandbox.faults import Fault
from indexer_sandbox.gateway import GatewayServer
from indexer_sandbox.s3 import S3Server
from peers.relayed import DenyingRelay
from peers.servers import PeerS3
from shared.memory.data_assets import MemoryDataAssetReader, MemoryDataAssetWriter
from shared.memory.objects import MemoryObjectReader, MemoryObjectWriter
from shared.memory.records import MemoryRecordReader, MemoryRecordWriter
from shared.memory.stored import StoredDataAsset
from shared.memory.world import World
from shared.s3_stub import s3_of


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    server = S3Server()
    yield server
    server.close()


@pytest.fixture(scope="session")
def opened_s3(s3_server: S3Server) -> Iterator[S3]:
    session = botocore.session.get_session()
    session.set_credentials("test", "test")
    config = Config(retries={"total_max_attempts": 1}, request_checksum_calculation="when_required")
    client = session.create_client(
        "s3", region_name="us-west-2", endpoint_url=s3_server.endpoint, config=config
    )
    yield S3(session, Pace(8, adapts=True), lambda: client)
    client.close()


@pytest.fixture(scope="session")
def opened_ministack(ministack: PeerS3) -> Iterator[tuple[S3, DenyingRelay]]:
    """Through a relay that can deny everything, which the server itself cannot."""
    relay = DenyingRelay(ministack.port)
    with s3_of(relay.endpoint) as s3:
        yield s3, relay
    relay.close()


@pytest.fixture
def ministack_objects(ministack: PeerS3, opened_ministack: tuple[S3, DenyingRelay]) -> Iterator[Objects]:
    bucket = f"bucket-{uuid.uuid4()}"
    s3, relay = opened_ministack
    ministack.create_bucket(bucket)
    yield Objects(
        S3Reader(s3),
        S3Writer(s3),
        bucket,
        lambda key, body, modified_at=None: ministack.put(bucket, key, body),
        lambda: ministack.objects(bucket),
        lambda: setattr(relay, "denies", True),
        takes_times=False,
    )
    relay.denies = False


@pytest.fixture(params=["memory", "boto3", "fast", "ministack"])
def objects(request: pytest.FixtureRequest) -> Iterator[Objects]:
    if request.param == "ministack":
        yield request.getfixturevalue("ministack_objects")
        return
    bucket = f"bucket-{uuid.uuid4()}"
    if request.param == "memory":
        world = World()
        world.buckets[bucket] = {}
        yield Objects(
            MemoryObjectReader(world),
            MemoryObjectWriter(world),
            bucket,
            lambda key, body, modified_at=None: world.put(bucket, key, body, modified_at),
            lambda: {key: one.body for key, one in world.buckets[bucket].items()},
            lambda: world.deny("objects"),
        )
        return
    server: S3Server = request.getfixturevalue("s3_server")
    s3: S3 = request.getfixturevalue("opened_s3")
    server.create_bucket(bucket)
    yield Objects(
        S3Reader(s3, fast=request.param == "fast"),
        S3Writer(s3, fast=request.param == "fast"),
        bucket,
        lambda key, body, modified_at=None: server.put(bucket, key, body, modified_at),
        lambda: server.objects(bucket),
        lambda: server.faults.add(Fault("*", 403, count=None, contains=bucket)),
    )
    server.faults.clear()


@pytest.fixture(scope="session")
def nx_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = DocDBServer(tmp_path_factory.mktemp("nx"))
    yield server.uri
    server.close()


def _client(uri: str, database: str) -> Iterator[MongoClient[Any]]:
    """One client for a session; the throw-away database is dropped at the end."""
    client = connect(uri, None, {}, 4).client
    yield client
    client.drop_database(database)
    client.close()


@pytest.fixture(scope="session")
def nx_client(nx_uri: str, database_name: str) -> Iterator[MongoClient[Any]]:
    yield from _client(nx_uri, database_name)


@pytest.fixture(scope="session")
def secantus_client(secantus_uri: str, database_name: str) -> Iterator[MongoClient[Any]]:
    yield from _client(secantus_uri, database_name)


@pytest.fixture(scope="session")
def given_client(given_uri: str, database_name: str) -> Iterator[MongoClient[Any]]:
    yield from _client(given_uri, database_name)


@pytest.fixture(scope="session")
def gateways() -> Iterator[Callable[[MongoClient[Any]], GatewayServer]]:
    """The gateway in front of a server, one for each."""
    running: dict[str, GatewayServer] = {}

    def of(client: MongoClient[Any]) -> GatewayServer:
        host, port = client.address or ("", 0)
        uri = f"mongodb://{host}:{port}/?directConnection=true"
        if uri not in running:
            running[uri] = GatewayServer(uri)
        return running[uri]

    yield of
    for one in running.values():
        one.close()


CLIENTS = {"nx-27017": "nx_client", "secantusdb": "secantus_client"}
if os.environ.get("INDEXER_TEST_DOCDB_URI"):
    CLIENTS["given"] = "given_client"
OVER_HTTP = {"gateway-nx-27017": "nx-27017", "gateway-secantusdb": "secantusdb"}
"""The gateway in front of each server."""


@pytest.fixture(params=["memory", *CLIENTS, *OVER_HTTP])
def records(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Records]:
    """Every reader there is."""
    if request.param in OVER_HTTP:
        yield from _over_http(request, monkeypatch)
    else:
        yield from _over_the_wire(request, monkeypatch, request.param)


@pytest.fixture(params=["memory", *CLIENTS])
def typed_records(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Records]:
    """Those that keep types and have a writer beside them: the gateway does neither."""
    yield from _over_the_wire(request, monkeypatch, request.param)


def _over_http(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Records]:
    server = OVER_HTTP[request.param]
    front: GatewayServer = request.getfixturevalue("gateways")(request.getfixturevalue(CLIENTS[server]))
    for wire in _over_the_wire(request, monkeypatch, server):
        gateway = open_gateway(
            front.url, None, {name: f"v1/{'/'.join(wire.places[name])}" for name in wire.places}
        )
        yield replace(
            wire,
            reader=GatewayReader(gateway),
            rows_a_page=lambda rows: monkeypatch.setattr(docdb_gateway, "ROWS_A_PAGE", rows),
        )
        gateway.pool.clear()


def _over_the_wire(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, server: str
) -> Iterator[Records]:
    if server == "memory":
        world = World()
        world.records["v1"].clear()
        yield Records(
            "memory",
            MemoryRecordReader(world),
            MemoryRecordWriter(world),
            world.add,
            lambda rows: setattr(world, "page_size", rows),
        )
        return
    client = request.getfixturevalue(CLIENTS[server])
    database = request.getfixturevalue("database_name")
    name = f"c{uuid.uuid4().hex[:12]}"
    open_docdb = docdb_driver.DocDB(client, "test", {"v1": (database, name), "v2": (database, f"{name}_v2")})

    def add(generation: GenerationName, *bodies: Mapping[str, Any]) -> None:
        open_docdb.collection(generation).insert_many([dict(body) for body in bodies])

    for generation in open_docdb.places:
        open_docdb.collection(generation).create_index("location")
    yield Records(
        server,
        DocDBReader(open_docdb),
        DocDBWriter(open_docdb),
        add,
        lambda rows: monkeypatch.setattr(docdb_driver, "ROWS_A_PAGE", rows),
        open_docdb.places,
    )
    for generation in open_docdb.places:
        open_docdb.collection(generation).drop()


@pytest.fixture(params=["memory", "codeocean"])
def data_assets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataAssets]:
    if request.param == "memory":
        world = World()
        yield DataAssets(
            MemoryDataAssetReader(world),
            MemoryDataAssetWriter(world),
            world.mount,
            lambda: {key: one.archived for key, one in world.data_assets.items()},
            lambda: world.deny("data_assets"),
            lambda nth: world.fail("data_assets.search", nth),
            lambda rows: setattr(world, "page_size", rows),
        )
        return
    server = CodeOceanServer(repeat_across_pages=True)
    monkeypatch.setattr(codeocean_driver, "PASSING", ())
    client = codeocean_client(server.domain, server.token)
    yield DataAssets(
        CodeOceanReader(client),
        CodeOceanWriter(client),
        lambda one: server.put(_as_served(one)),
        lambda: {key: bool(one["archived"]) for key, one in server.data_assets().items()},
        lambda: server.faults.add(Fault("*", 403, count=None)),
        lambda nth: server.faults.add(Fault("SearchDataAssets", 500, after=nth - 1, count=None)),
        lambda rows: monkeypatch.setattr(codeocean_reader, "ROWS_A_PAGE", rows),
    )
    client.session.close()
    server.close()


def _as_served(one: StoredDataAsset) -> dict[str, Any]:
    served: dict[str, Any] = {
        "id": one.id,
        "created": 0,
        "name": one.name,
        "mount": one.name,
        "last_used": 0,
        "owner": "somebody",
        "state": one.state,
        "type": one.type,
        "tags": list(one.tags),
        "archived": one.archived,
    }
    if one.bucket is not None:
        served["source_bucket"] = {
            "origin": "aws",
            "bucket": one.bucket,
            "prefix": one.prefix or "",
            "external": one.external,
        }
    if one.has_computation:
        served["provenance"] = {"computation": "c-1"}
    return served
