"""The three servers start and stop together."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import requests

from indexer.errors import IndexerError
from indexer_sandbox import Sandbox, running


def test_the_configuration_is_toml_for_these_servers(sandbox: Sandbox) -> None:
    """It names what the seed fills, in the words of `indexer.toml`."""
    assert tomllib.loads(sandbox.config_toml()) == {
        "buckets": ["aind-open-data", "aind-private-data"],
        "docdb": {
            "uri": sandbox.docdb_uri,
            "v1": {"database": "metadata_index", "collection": "data_assets", "sync_to_s3": True},
            "v2": {"database": "metadata_index_v2", "collection": "data_assets", "sync_to_s3": False},
        },
        "codeocean": {
            "domain": sandbox.codeocean_domain,
            "token": sandbox.token,
            "results_bucket": "codeocean-results",
        },
    }


def test_the_environment_leads_boto3_here(sandbox: Sandbox) -> None:
    """A process with these variables alone reaches the sandbox."""
    sandbox.s3.create_bucket("from-the-environment")
    code = "import boto3; print([b['Name'] for b in boto3.client('s3').list_buckets()['Buckets']])"
    names = {"PATH": os.environ["PATH"], **sandbox.environment()}
    done = subprocess.run([sys.executable, "-c", code], env=names, capture_output=True, text=True, check=True)
    assert "from-the-environment" in done.stdout


@pytest.mark.parametrize("leaving", [None, KeyboardInterrupt, SystemExit, RuntimeError])
def test_everything_stops_however_the_block_is_left(
    empty_directory: Path, leaving: type[BaseException] | None
) -> None:
    """No server answers and no file is left, apart from what the caller made."""

    def use() -> Sandbox:
        with running(empty_directory) as servers:
            (empty_directory / "mine").touch()
            if leaving is not None:
                kept.append(servers)
                raise leaving
        return servers

    kept: list[Sandbox] = []
    if leaving is None:
        kept.append(use())
    else:
        with pytest.raises(leaving):
            use()
    for address in (kept[0].s3_endpoint, kept[0].codeocean_domain, f"http://127.0.0.1:{kept[0].docdb.port}"):
        with pytest.raises(requests.ConnectionError):
            requests.get(address, timeout=5)
    assert [path.name for path in empty_directory.iterdir()] == ["mine"]


def test_a_start_that_fails_half_way_leaves_nothing(empty_directory: Path, sandbox: Sandbox) -> None:
    """When the last server cannot start the first ones are stopped."""
    with (
        pytest.raises(IndexerError, match=str(sandbox.codeocean.port)),
        running(empty_directory, codeocean_port=sandbox.codeocean.port),
    ):
        pass
    assert list(empty_directory.iterdir()) == []


def test_ports_can_be_chosen(empty_directory: Path) -> None:
    """Each server listens where it is told to."""
    with running(empty_directory) as first:
        ports = (first.s3.port, first.docdb.port, first.codeocean.port)
    with running(empty_directory, s3_port=ports[0], docdb_port=ports[1], codeocean_port=ports[2]) as second:
        assert (second.s3.port, second.docdb.port, second.codeocean.port) == ports


def test_the_package_is_light_to_import() -> None:
    """The command line may import it without paying for moto, boto3 or pymongo."""
    code = (
        "import sys, indexer_sandbox, indexer_sandbox.seed;"
        "print([name for name in ('moto', 'boto3', 'pymongo', 'flask', 'codeocean') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_extra_is_said_so(empty_directory: Path) -> None:
    """Without moto the error says what to install."""
    code = (
        "import sys; sys.modules['moto.moto_server.werkzeug_app'] = None\n"
        "from pathlib import Path; from indexer.errors import IndexerError; from indexer_sandbox import running\n"
        "try:\n    running(Path(sys.argv[1])).__enter__()\n"
        "except IndexerError as exc: print(exc.hint)"
    )
    command = [sys.executable, "-c", code, str(empty_directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "pip install 'data-asset-indexer[sandbox]'" in done.stdout
