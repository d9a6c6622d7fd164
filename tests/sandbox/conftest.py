"""One sandbox for all of these tests; each test takes a bucket or a collection of its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from codeocean import CodeOcean
from pymongo import MongoClient
from pymongo.collection import Collection

from indexer_sandbox import Sandbox, running
from indexer_sandbox.scenario import Seeded
from indexer_sandbox.seed import seed


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running(tmp_path_factory.mktemp("sandbox")) as servers:
        yield servers


@pytest.fixture(scope="session")
def s3_client_for() -> Iterator[Callable[[str], Any]]:
    """Makes plain boto3 clients that try once, for an endpoint each."""
    with ExitStack() as stack:

        def make(endpoint: str) -> Any:
            client = boto3.client(
                "s3",
                endpoint_url=endpoint,
                region_name="us-west-2",
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(retries={"total_max_attempts": 1}, max_pool_connections=32),
            )
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture(scope="session")
def s3(sandbox: Sandbox, s3_client_for: Callable[[str], Any]) -> Any:
    return s3_client_for(sandbox.s3_endpoint)


@pytest.fixture
def bucket(sandbox: Sandbox) -> str:
    name = f"bucket-{uuid.uuid4()}"
    sandbox.s3.create_bucket(name)
    return name


@pytest.fixture(scope="session")
def mongo(sandbox: Sandbox) -> Iterator[MongoClient[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](sandbox.docdb_uri) as client:
        yield client


@pytest.fixture
def collection(mongo: MongoClient[dict[str, Any]]) -> Collection[dict[str, Any]]:
    return mongo["tests"][f"c{uuid.uuid4().hex}"]


@pytest.fixture
def code_ocean(sandbox: Sandbox) -> Iterator[CodeOcean]:
    """The SDK's client; whatever a test leaves in the server is taken away."""
    before = set(sandbox.codeocean.data_assets())
    client = CodeOcean(domain=sandbox.codeocean_domain, token=sandbox.token)
    yield client
    client.session.close()
    sandbox.codeocean.faults.clear()
    for data_asset_id in set(sandbox.codeocean.data_assets()) - before:
        sandbox.codeocean.remove(data_asset_id)


@pytest.fixture(scope="session")
def seeded_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Seeded]]:
    with running(tmp_path_factory.mktemp("seeded")) as servers:
        yield servers, seed(servers, assets=30)


@pytest.fixture
def empty_directory(tmp_path: Path) -> Path:
    path = tmp_path / "empty"
    path.mkdir()
    return path
