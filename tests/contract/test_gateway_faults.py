"""A gateway that is limited, wrong or cut short: what it shows is never less than it seems, and never waited for without end."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pymongo import MongoClient

from indexer.errors import AccessDeniedError, OutageError, SystemFaultError
from indexer.model.generation import GenerationName
from indexer.systems import docdb_gateway, gateway_client
from indexer.systems.docdb_gateway import GatewayReader
from indexer.systems.gateway_client import AT_ONCE, DEADLINE_S, LONGEST_PAUSE_S, LONGEST_URL, open_gateway
from indexer.threads import pool_of
from indexer_sandbox.faults import Fault
from indexer_sandbox.gateway import GatewayServer
from shared.builders import location, record
from shared.s3_stub import Answer, S3Stub, running_stub

ROUTES: dict[GenerationName, str] = {"v1": "v1/gateway/data_assets"}
NAMES = [f"a{number:02}" for number in range(10)]
IDS = [f"id-{name}" for name in NAMES]


class Front:
    """The stand-in in front of ten records, and a reader whose pauses are noted and not waited for."""

    def __init__(self, uri: str) -> None:
        self.server = GatewayServer(uri)
        self.collection = MongoClient[dict[str, Any]](uri)["gateway"]["data_assets"]
        self.collection.delete_many({})
        self.collection.insert_many([record(name, subject={"text": "x" * 200}) for name in NAMES])
        self.pauses: list[float] = []
        gateway = open_gateway(self.server.url, None, ROUTES, version="1.2.3")
        self.gateway = replace(gateway, pause=self.pauses.append)
        self.reader = GatewayReader(self.gateway)

    def rows(self) -> list[Any]:
        return [row.id for page in self.reader.rows("v1", "bucket") for row in page]

    def asked(self) -> list[str]:
        return [one.operation for one in self.server.log.since()]

    def close(self) -> None:
        self.gateway.pool.clear()
        self.collection.database.client.close()
        self.server.close()


@pytest.fixture
def front(nx_uri: str) -> Iterator[Front]:
    running = Front(nx_uri)
    yield running
    running.close()


def test_rows_cost_a_request_for_each_page_and_a_count(front: Front) -> None:
    """The last page is shorter than it was asked for: the count tells that it is the last."""
    assert front.rows() == IDS
    assert front.asked() == ["find", "count_documents"]


@pytest.mark.parametrize("rows", [1, 2, 3, 9])
def test_short_pages_are_not_taken_for_the_last(front: Front, rows: int) -> None:
    """However few records an answer holds, all come; and nobody counts after each."""
    front.server.page_rows = rows
    assert front.rows() == IDS
    assert front.asked().count("count_documents") <= 3


@pytest.mark.parametrize("over", ["refused", "short"])
def test_an_answer_over_the_limit_is_asked_for_in_halves(
    front: Front, monkeypatch: pytest.MonkeyPatch, over: Any
) -> None:
    """413 to a page of rows, or to a batch of records."""
    monkeypatch.setattr(docdb_gateway, "ROWS_A_PAGE", 8)
    front.server.over, front.server.page_bytes = over, 500
    assert front.rows() == IDS
    assert sorted(one["_id"] for one in front.reader.by_id("v1", IDS)) == IDS
    assert (413 in {one.status for one in front.server.log.since()}) == (over == "refused")


@pytest.mark.parametrize("over", ["refused", "short", "empty"])
def test_a_record_over_the_limit_is_nobody_elses_fault(front: Front, over: Any) -> None:
    """The others of its batch are read; it is there, and cannot be opened."""
    front.collection.update_one({"_id": "id-a05"}, {"$set": {"subject": {"text": "x" * 5000}}})
    front.server.over, front.server.page_bytes = over, 2000
    found = {one["_id"]: one for one in front.reader.by_id("v1", [*IDS, "nobody"])}
    assert sorted(found) == IDS
    assert [dict(found[one])["_id"] for one in IDS if one != "id-a05"] == [
        one for one in IDS if one != "id-a05"
    ]
    with pytest.raises(SystemFaultError, match="over the gateway's limit: id-a05") as fault:
        dict(found["id-a05"])
    assert "docdb.uri" in fault.value.hint


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_passes_is_waited_for(front: Front, status: int) -> None:
    """Twice as long each time."""
    front.server.faults.add(Fault("*", status, count=3))
    assert front.rows() == IDS
    assert len(front.pauses) == 3
    assert front.pauses[0] < front.pauses[2]


@pytest.mark.parametrize(("asked_s", "waited_s"), [(7, 7), (86400, LONGEST_PAUSE_S)])
def test_a_retry_after_is_followed_within_bounds(front: Front, asked_s: int, waited_s: float) -> None:
    """A day is not waited for."""
    front.server.faults.add(Fault("find", 429, retry_after_s=asked_s))
    assert front.rows() == IDS
    assert front.pauses == [waited_s]


@pytest.mark.parametrize("status", [429, 503])
def test_what_does_not_pass_is_an_outage_in_the_end(front: Front, status: int) -> None:
    """After a minute of patience, in words."""
    front.server.faults.add(Fault("*", status, count=None))
    with pytest.raises(OutageError, match=f"patience.*{status}"):
        front.rows()
    assert DEADLINE_S / 2 < sum(front.pauses) <= DEADLINE_S


@pytest.mark.parametrize(
    ("status", "kind"), [(403, AccessDeniedError), (400, SystemFaultError), (500, SystemFaultError)]
)
def test_a_refusal_is_final(front: Front, status: int, kind: type[Exception]) -> None:
    """It would be the same the next time."""
    front.server.faults.add(Fault("*", status, count=None))
    with pytest.raises(kind):
        front.rows()
    assert (len(front.server.log), front.pauses) == (1, [])


@pytest.mark.parametrize("off", [-1, 1])
def test_a_count_that_disagrees_is_no_complete_read(front: Front, off: int) -> None:
    """All rows are shown, and the read fails at its end: after three reads, which may have been disturbed."""
    front.server.count_off_by = off
    shown: list[Any] = []
    with pytest.raises(SystemFaultError, match=f"shows 10, and counts {10 + off}"):
        shown.extend(row.id for page in front.reader.rows("v1", "bucket") for row in page)
    assert shown == IDS
    assert front.asked().count("find") <= docdb_gateway.READS * 3


@pytest.mark.parametrize("name", ["a000", "a99"])
def test_a_record_that_comes_meanwhile_is_read_the_next_time(
    front: Front, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Before where the read is, or behind it; none comes twice."""
    monkeypatch.setattr(docdb_gateway, "ROWS_A_PAGE", 4)
    pages = front.reader.rows("v1", "bucket")
    shown = [row.id for row in next(pages)]
    front.collection.insert_one(record(name))
    shown += [row.id for page in pages for row in page]
    assert sorted(shown) == sorted([*IDS, f"id-{name}"])


def test_a_record_that_goes_meanwhile_does_not_spoil_the_read(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was shown, and is no longer counted: the next read agrees."""
    monkeypatch.setattr(docdb_gateway, "ROWS_A_PAGE", 4)
    pages = front.reader.rows("v1", "bucket")
    shown = [row.id for row in next(pages)]
    front.collection.delete_one({"_id": "id-a00"})
    shown += [row.id for page in pages for row in page]
    assert shown == IDS


def test_an_answer_that_breaks_off_is_asked_for_again(front: Front) -> None:
    """Half of one is never read."""
    front.server.cuts = 2
    assert front.rows() == IDS
    assert len(front.pauses) == 2


def test_a_gateway_that_stops_in_the_middle_is_an_outage(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was shown before is no whole read."""
    monkeypatch.setattr(docdb_gateway, "ROWS_A_PAGE", 4)
    pages = front.reader.rows("v1", "bucket")
    assert next(pages)
    front.server.cuts = 1_000_000
    with pytest.raises(OutageError, match="does not answer to the end"):
        list(pages)
    front.server.close()
    for ask in (
        lambda: front.rows(),
        lambda: front.reader.by_id("v1", IDS),
        lambda: front.reader.holds_any("v1"),
    ):
        with pytest.raises(OutageError):
            ask()


def test_it_is_asked_politely(front: Front) -> None:
    """By a name, unsigned, and by few at a time, whatever the run's own parallelism is."""
    front.server.faults.add(Fault("*", delay_s=0.02, count=None))
    with pool_of(16, "polite") as pool:
        list(pool.map(lambda one: front.reader.by_id("v1", [one]), IDS * 4))
    assert 1 < front.server.busiest <= AT_ONCE
    assert {one.agent for one in front.server.log.since()} == {"data-asset-indexer/1.2.3"}


def test_no_question_is_longer_than_proxies_take(front: Front) -> None:
    """Many long ids are asked for in parts, and what is too long alone is not there for us."""
    long = [f"{number}{'é' * 300}" for number in range(16)]
    front.collection.insert_many([record(f"b{number}", _id=one) for number, one in enumerate(long)])
    assert sorted(one["_id"] for one in front.reader.by_id("v1", long)) == sorted(long)
    assert max(one.url_bytes for one in front.server.log.since()) <= LONGEST_URL
    (beyond,) = front.reader.by_id("v1", ["x" * LONGEST_URL])
    with pytest.raises(SystemFaultError):
        dict(beyond)


@pytest.fixture
def closed_port() -> int:
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def stub() -> Iterator[S3Stub]:
    with running_stub() as running:
        yield running


def reader_of(stub: S3Stub) -> GatewayReader:
    return GatewayReader(replace(open_gateway(stub.endpoint, None, ROUTES), pause=lambda _: None))


ROW = {"_id": "1", "location": "s3://bucket/a"}
WRONG = {
    "a portal's page": Answer("<html>Log in</html>", headers={"Content-Type": "text/html"}),
    "nothing": Answer(""),
    "a message": Answer('{"message": "Hello"}'),
    "no records": Answer("[1]"),
    "records without an id": Answer('[{"location": "s3://bucket/a"}]'),
    "another bucket's": Answer(json.dumps([ROW | {"location": "s3://other/a"}])),
    "another order": Answer(json.dumps([ROW | {"location": "s3://bucket/b"}, ROW | {"_id": "2"}])),
    "too many": Answer(json.dumps([ROW | {"_id": str(number)} for number in range(1001)])),
    "a redirect": Answer(status=302, headers={"Location": "https://portal.example.org"}),
    "not found": Answer('{"message": "Not Found"}', status=404),
    "no UTF-8": Answer(b'["\xff"]'),
    "too deep": Answer("[" * 100_000),
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_answer_is_a_fault(stub: S3Stub, answer: Answer) -> None:
    """With 200 or without: nothing is taken for "none"."""
    stub.answer = answer
    with pytest.raises(SystemFaultError) as fault:
        list(reader_of(stub).rows("v1", "bucket"))
    assert "docdb.url" in fault.value.hint
    assert len(stub.asked) == 1


@pytest.mark.parametrize("count", ['{"total_record_count": 1}', "[]", '{"filtered_record_count": "1"}', "1"])
def test_what_is_no_count_is_a_fault(stub: S3Stub, count: str) -> None:
    """A read of rows rests on it."""
    stub.answer = lambda asked: Answer(count if "count_documents" in asked.path else json.dumps([ROW]))
    with pytest.raises(SystemFaultError, match="no count"):
        list(reader_of(stub).rows("v1", "bucket"))


def test_one_page_again_and_again_is_a_fault(stub: S3Stub) -> None:
    """A cache that knows no range would go on for ever."""
    stub.answer = lambda asked: Answer(
        '{"filtered_record_count": 9}' if "count_documents" in asked.path else json.dumps([ROW])
    )
    with pytest.raises(SystemFaultError, match="a page comes again"):
        list(reader_of(stub).rows("v1", "bucket"))


def test_other_records_than_those_asked_for_are_a_fault(stub: S3Stub) -> None:
    """By their ids, too."""
    stub.answer = Answer(json.dumps([ROW]))
    with pytest.raises(SystemFaultError, match="sends others"):
        reader_of(stub).by_id("v1", ["2"])


def test_a_packed_answer_is_read_and_bounded(stub: S3Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small on the way, and too large to hold."""
    packed = gzip.compress(json.dumps([ROW | {"text": "x" * 100_000}]).encode())
    stub.answer = Answer(packed, headers={"Content-Encoding": "gzip"})
    assert len(reader_of(stub).by_id("v1", ["1"])) == 1
    monkeypatch.setattr(gateway_client, "LARGEST_BODY", 50_000)
    reader = reader_of(stub)
    with pytest.raises(SystemFaultError, match="cannot be read"):
        reader.by_id("v1", ["1"])
    stub.answer = Answer(f"[{' ' * 1_000_000}]")
    for _ in range(AT_ONCE + 1):  # what was not read to its end takes no place for good
        with pytest.raises(SystemFaultError, match="cannot be read"):
            reader.by_id("v1", ["1"])


def test_nothing_secret_is_sent(stub: S3Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No signature, no cookie, and nothing from a .netrc."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password s3cret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    stub.answer = Answer(json.dumps([ROW]))
    reader_of(stub).holds_any("v1")
    sent = {name.lower() for name in stub.asked[0].headers}
    assert not sent & {"authorization", "cookie", "x-amz-security-token", "x-api-key"}


ASKS: dict[str, Callable[[GatewayReader], object]] = {
    "rows": lambda reader: list(reader.rows("v1", "bucket")),
    "unusable_rows": lambda reader: reader.unusable_rows("v1", "bucket"),
    "holds_any": lambda reader: reader.holds_any("v1"),
    "by_id": lambda reader: reader.by_id("v1", ["a"]),
    "by_location": lambda reader: reader.by_location("v1", [location()]),
    "server_time": lambda reader: reader.server_time(),
}


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS.keys())
def test_nobody_there_is_an_outage_at_once(closed_port: int, ask: Callable[[GatewayReader], object]) -> None:
    """Somebody mistyped the host: no minute of patience."""
    pauses: list[float] = []
    gateway = replace(open_gateway(f"http://127.0.0.1:{closed_port}", None, ROUTES), pause=pauses.append)
    with pytest.raises(OutageError, match="cannot be reached"):
        ask(GatewayReader(gateway))
    assert pauses == []
