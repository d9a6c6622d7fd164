"""The SDK with our retries: what is sent again, and what ends a search."""

from __future__ import annotations

import gzip
import json
from collections import deque
from collections.abc import Iterator
from itertools import count, islice
from time import monotonic

import pytest

from indexer.errors import OutageError, SystemFaultError
from indexer.model.snapshot import DataAsset
from indexer.systems import bodies
from indexer.systems.codeocean import CodeOceanReader, CodeOceanWriter
from indexer.systems.codeocean_client import codeocean_client
from indexer_sandbox.codeocean import CodeOceanServer
from indexer_sandbox.faults import Fault
from indexer_sandbox.loopback import Environ, LoopbackServer, StartResponse
from shared.builders import location, stored_mount
from shared.s3_stub import Answer, S3Stub, running_stub


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


PAGE = json.dumps({"has_more": False, "results": [], "filler": "x" * 6_000})
"""A byte every twentieth of a second, it takes five minutes."""
DRIP_S = 0.05
SOON_S = 120.0
"""Before it all has come, even on a busy machine."""


@pytest.fixture
def stub() -> Iterator[S3Stub]:
    """A server that answers as it is told."""
    with running_stub() as stub:
        yield stub


def search(stub: S3Stub, retries: int = 0) -> list[tuple[DataAsset, ...]]:
    return list(CodeOceanReader(codeocean_client(stub.endpoint, "token", retries)).mounted())


def test_a_body_that_drips_has_a_deadline(stub: S3Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often a byte comes; and nobody asks for it again, which would take as long."""
    monkeypatch.setattr(bodies, "DEADLINE_S", 0.3)
    stub.answer = Answer(PAGE, drip_s=DRIP_S)
    started = monotonic()
    with pytest.raises(OutageError, match="did not come to its end"):
        search(stub, retries=2)
    assert monotonic() - started < SOON_S
    assert len(stub.asked) == 1


def test_an_error_that_drips_does_not_keep_the_next_attempt_waiting(stub: S3Stub) -> None:
    """Its body is of no use: it is not read."""
    stub.answer = lambda _: Answer(PAGE, 503, drip_s=DRIP_S) if len(stub.asked) == 1 else Answer(PAGE)
    started = monotonic()
    assert search(stub, retries=2) == [()]
    assert monotonic() - started < SOON_S


def test_a_creation_whose_answer_drips_may_have_been_done(
    stub: S3Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a lost answer, no refusal."""
    monkeypatch.setattr(bodies, "DEADLINE_S", 0.3)
    stub.answer = Answer(PAGE, drip_s=DRIP_S)
    with pytest.raises(SystemFaultError, match="did not come to its end") as raised:
        CodeOceanWriter(codeocean_client(stub.endpoint, "token")).create(location("a"), "a", [])
    assert not raised.value.refused
    assert len(stub.asked) == 1


def test_what_the_last_answer_says_is_quoted(stub: S3Stub) -> None:
    """After the attempts that were left."""
    stub.answer = Answer('{"message": "closed for repairs"}', 503)
    with pytest.raises(OutageError, match="503 closed for repairs"):
        search(stub, retries=1)
    assert len(stub.asked) == 2


def test_a_body_that_broke_off_is_a_fault_in_words(stub: S3Stub) -> None:
    stub.answer = Answer(PAGE, headers={"Content-Length": str(len(PAGE) + 9)})
    with pytest.raises(OutageError, match="Code Ocean cannot be reached: search external data assets"):
        search(stub)


def test_a_compressed_body_is_read(stub: S3Stub) -> None:
    """The client offers to take one."""
    stub.answer = Answer(gzip.compress(PAGE.encode()), headers={"Content-Encoding": "gzip"})
    assert search(stub) == [()]
    assert "gzip" in stub.asked[0].headers["Accept-Encoding"]
