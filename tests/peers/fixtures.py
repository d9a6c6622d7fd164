"""Servers that give a second opinion, each in a process of its own; CI has them, others may not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from peers.servers import PYTHON, PeerS3
from peers.servers import ministack as start_ministack
from shared.patience import PATIENCE_S


@pytest.fixture(scope="session")
def secantus_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """SecantusDB in a process of its own: a second opinion on what nx-27017 gets wrong."""
    pytest.importorskip("secantus", reason="secantusdb is not installed (a second opinion, never needed)")
    folder = tmp_path_factory.mktemp("secantus")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    output = (folder / "output").open("wb")
    command = [sys.executable, "-W", "ignore", "-m", "secantus", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--storage-path", str(folder / "data"), "--sync-on-commit", "--standalone"]
    command += ["--cache-size", "64M"]
    process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
    uri = f"mongodb://127.0.0.1:{port}/?directConnection=true&retryWrites=false"
    try:
        if not _comes_up(process, uri):
            pytest.skip(f"secantusdb did not start: {_tail(folder / 'output')}")
        yield uri
    finally:
        process.kill()
        process.wait()
        output.close()


def _comes_up(process: subprocess.Popen[bytes], uri: str) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        with MongoClient[dict[str, object]](uri, serverSelectionTimeoutMS=500) as client:
            try:
                client.admin.command("ping")
            except PyMongoError:
                time.sleep(0.1)
            else:
                return True
    return False


def _tail(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")[-500:]


@pytest.fixture(scope="session")
def given_uri() -> str:
    """A real MongoDB or DocumentDB; asked for only where one is named."""
    return os.environ["INDEXER_TEST_DOCDB_URI"]


@pytest.fixture(scope="session")
def database_name() -> str:
    """A throw-away database: nobody else's has this name."""
    return f"indexer_test_{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerS3]:
    """A second opinion on S3, in a process of its own; CI has it, others may not."""
    if not PYTHON.exists() and not os.environ.get("CI"):
        pytest.skip("ministack is not installed (a second opinion, never needed): make .venv/peers/ready")
    with start_ministack(tmp_path_factory.mktemp("ministack")) as server:
        yield server
