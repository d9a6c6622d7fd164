"""The SDK with our retries: what is sent again, and what ends a search."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from itertools import count, islice

import pytest

from builders import location, stored_mount
from indexer.errors import SystemFaultError
from indexer.systems.codeocean import CodeOceanReader, CodeOceanWriter, codeocean_client
from indexer_sandbox.codeocean import CodeOceanServer
from indexer_sandbox.faults import Fault
from indexer_sandbox.loopback import Environ, LoopbackServer, StartResponse


@pytest.fixture
def server() -> Iterator[CodeOceanServer]:
    """A server with one data asset."""
    server = CodeOceanServer()
    one = stored_mount("da-1")
    server.put({"id": one.id, "name": one.name, "type": "dataset", "state": "ready"})
    yield server
    server.close()


@pytest.fixture
def writer(server: CodeOceanServer) -> CodeOceanWriter:
    """A writer on it."""
    return CodeOceanWriter(codeocean_client(server.domain, server.token))


def test_a_creation_that_was_refused_for_its_rate_is_sent_again(
    server: CodeOceanServer, writer: CodeOceanWriter
) -> None:
    """After the time that the refusal names: nothing was done."""
    server.faults.add(Fault("CreateDataAsset", status=429, retry_after_s=1))
    created = writer.create(location("a"), "a", [])
    assert created.id in server.data_assets()


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_creation_that_failed_otherwise_is_not_sent_again(
    server: CodeOceanServer, writer: CodeOceanWriter, status: int
) -> None:
    """It may have been carried out: whoever asked for it looks first."""
    server.faults.add(Fault("CreateDataAsset", status=status))
    with pytest.raises(SystemFaultError):
        writer.create(location("a"), "a", [])
    assert [one.operation for one in server.log.since()].count("CreateDataAsset") == 1


@pytest.mark.parametrize("operation", ["ArchiveDataAsset", "DeleteDataAsset"])
@pytest.mark.parametrize("status", [429, 503])
def test_what_is_safe_to_repeat_is_sent_again(
    server: CodeOceanServer, writer: CodeOceanWriter, operation: str, status: int
) -> None:
    """Archived twice is archived."""
    server.faults.add(Fault(operation, status=status))
    if operation == "ArchiveDataAsset":
        writer.archive("da-1", archive=True)
    else:
        writer.delete("da-1")
    assert [one.status for one in server.log.since()] == [status, 204]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_tokens_that_go_round_end_a_search_as_a_fault(length: int) -> None:
    """A search that never ends was not whole."""

    def answer(environ: Environ, start_response: StartResponse) -> list[bytes]:
        asked = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        turn = int(asked.get("next_token") or 0)
        page = {"has_more": True, "results": [], "next_token": str((turn + 1) % length)}
        content = json.dumps(page).encode()
        start_response("200 OK", [("Content-Length", str(len(content)))])
        return [content]

    server = LoopbackServer("rounds", answer, 0)
    try:
        pages = CodeOceanReader(codeocean_client(server.endpoint, "token")).mounted()
        with pytest.raises(SystemFaultError, match="cut a search short"):
            deque(islice(pages, length + 2), maxlen=0)
    finally:
        server.close()


def test_new_tokens_with_nothing_new_end_a_search_as_a_fault() -> None:
    """The same page again and again, each time with a token of its own."""
    turns = count()
    one = {"id": "x", "name": "x", "created": 1, "mount": "x", "last_used": 0, "owner": "o", "state": "ready"}
    one |= {"tags": [], "type": "result"}

    def answer(environ: Environ, start_response: StartResponse) -> list[bytes]:
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        page = {"has_more": True, "results": [one], "next_token": f"t{next(turns)}"}
        content = json.dumps(page).encode()
        start_response("200 OK", [("Content-Length", str(len(content)))])
        return [content]

    server = LoopbackServer("circles", answer, 0)
    try:
        reader = CodeOceanReader(codeocean_client(server.endpoint, "token"))
        for pages in (reader.mounted(), reader.results(["derived", "processed"])):
            with pytest.raises(SystemFaultError, match="cut a search short"):
                deque(islice(pages, 5), maxlen=0)
    finally:
        server.close()
