"""DocDB that does not answer, or says no: a fault, quickly, and never an empty answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from pymongo.errors import CursorNotFound, OperationFailure
from pymongo.uri_parser import parse_uri

from indexer.errors import AccessDeniedError, OutageError, SystemFaultError, UsageError
from indexer.model.ports import DeleteOne
from indexer.systems import docdb_connection as driver
from indexer.systems.bson_values import RAW_OPTIONS
from indexer.systems.docdb import DocDBReader, DocDBWriter
from indexer.systems.docdb_connection import DocDB, check_primary, connect
from shared.builders import location
from shared.patience import PATIENCE_S
from shared.relay import Relay, hello_says

LONG_S = 300.0
"""More than a busy machine takes, less than what nothing bounds."""


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "SERVER_SELECTION_MS", 300)
    monkeypatch.setattr(driver, "SOCKET_TIMEOUT_MS", 300)
    monkeypatch.setattr(driver, "READ_DEADLINE_S", 1.0)


@pytest.mark.usefixtures("short_timeouts")
def test_a_port_where_nobody_listens_is_a_fault(closed_port: int) -> None:
    """Connecting asks at once, so a command fails before it has done anything."""
    started_at = time.monotonic()
    with pytest.raises(SystemFaultError):
        connect(f"mongodb://127.0.0.1:{closed_port}/?directConnection=true", None, {}, 4)
    assert time.monotonic() - started_at < LONG_S


@pytest.mark.usefixtures("short_timeouts")
def test_a_server_that_cannot_be_found_is_given_up_early(
    closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadline of reads is for servers that answer now and then, not for those that are not there."""
    monkeypatch.setattr(driver, "READ_DEADLINE_S", PATIENCE_S)
    started_at = time.monotonic()
    with pytest.raises(SystemFaultError):
        connect(f"mongodb://127.0.0.1:{closed_port}/?directConnection=true", None, {}, 4)
    assert time.monotonic() - started_at < LONG_S


@pytest.mark.usefixtures("short_timeouts")
def test_a_server_that_never_answers_is_a_fault(silent_port: int) -> None:
    """Timeouts hold."""
    started_at = time.monotonic()
    with pytest.raises(SystemFaultError):
        connect(f"mongodb://127.0.0.1:{silent_port}/?directConnection=true", None, {}, 4)
    assert time.monotonic() - started_at < LONG_S


@pytest.mark.usefixtures("short_timeouts")
def test_a_fault_names_the_server_and_no_password(closed_port: int) -> None:
    """Credentials never leave the configuration."""
    uri = f"mongodb://someone:s3cret@127.0.0.1:{closed_port}/?directConnection=true"
    with pytest.raises(SystemFaultError) as caught:
        connect(uri, None, {}, 4)
    assert f"127.0.0.1:{closed_port}" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_what_the_uri_says_of_the_driver_is_not_overruled(nx_uri: str) -> None:
    """The names of its options may be written as one likes."""
    asked_for = (
        "serverSelectionTimeoutMS=7000&CONNECTTIMEOUTMS=8000&sockettimeoutms=9000&maxPoolSize=3&appName=ours"
    )
    docdb = connect(f"{nx_uri}&{asked_for}", None, {}, 4)
    options, pool = docdb.client.options, docdb.client.options.pool_options
    docdb.client.close()
    assert options.server_selection_timeout == 7
    assert (pool.connect_timeout, pool.socket_timeout, pool.max_pool_size) == (8, 9, 3)
    assert pool.appname == "ours"


def test_writes_are_not_sent_twice_even_if_the_uri_asks_for_it(nx_uri: str) -> None:
    """Most DocumentDB engines refuse such writes."""
    address, _, _ = nx_uri.partition("?")
    docdb = connect(f"{address}?directConnection=true&retryWrites=true", None, {}, 4)
    docdb.client.close()
    assert docdb.client.options.retry_writes is False


def test_a_uri_that_is_none_is_a_usage_error() -> None:
    """It names what to correct, and not the password."""
    with pytest.raises(UsageError) as caught:
        connect("mongodb://someone:s3cret@:nowhere:/", None, {}, 4)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("method", ["rows", "unusable_rows", "holds_any", "by_id", "by_location", "write"])
def test_a_server_that_goes_away_is_a_fault_for_every_method(nx_uri: str, method: str) -> None:
    """What it holds is unknown then, not empty."""
    open_docdb = connect(nx_uri, None, {"v1": ("gone", "gone")}, 4)
    open_docdb.client.close()
    reader, writer = DocDBReader(open_docdb), DocDBWriter(open_docdb)
    asks = {
        "rows": lambda: list(reader.rows("v1", "bucket")),
        "unusable_rows": lambda: reader.unusable_rows("v1", "bucket"),
        "holds_any": lambda: reader.holds_any("v1"),
        "by_id": lambda: reader.by_id("v1", ["a"]),
        "by_location": lambda: reader.by_location("v1", [location()]),
        "write": lambda: writer.write("v1", [DeleteOne("a", {})]),
    }
    with pytest.raises(SystemFaultError):
        asks[method]()


class _Denying:
    """A client whose collections refuse, as a role without rights is refused."""

    def __getitem__(self, name: str) -> _Denying:
        return self

    def get_collection(self, name: str, **_: object) -> _Denying:
        return self

    def with_options(self, **_: object) -> _Denying:
        return self

    def find(self, *_: object) -> _Denying:
        raise OperationFailure("not authorized on metadata_index", 13)

    def bulk_write(self, *_: object, **__: object) -> None:
        raise OperationFailure("not authorized on metadata_index", 13)

    delete_one = bulk_write


def test_a_refusal_is_access_denied() -> None:
    """Code 13 says that the system knows us and says no."""
    denying = DocDB(_Denying(), "host:1", {"v1": ("d", "c")})  # type: ignore[arg-type]
    with pytest.raises(AccessDeniedError):
        list(DocDBReader(denying).rows("v1", "bucket"))
    with pytest.raises(AccessDeniedError):
        DocDBWriter(denying).write("v1", [DeleteOne("a", {})])


class _Torn:
    """A client whose collections hold one record, of which the middle is not BSON."""

    def __init__(self) -> None:
        whole = bson.encode({"_id": "a", "location": "s3://bucket/a", "subject": {"subject_id": "torn here"}})
        self._record = RawBSONDocument(whole.replace(b"torn", b"\xff\xfe\xff\xfe"), RAW_OPTIONS)

    def __getitem__(self, name: str) -> _Torn:
        return self

    def get_collection(self, name: str, **_: object) -> _Torn:
        return self

    def with_options(self, **_: object) -> _Torn:
        return self

    def find(self, *_: object) -> list[RawBSONDocument]:
        return [self._record]


def test_a_record_that_is_no_bson_is_a_fault_where_it_is_opened() -> None:
    """It is nobody else's: the batch that it came in is read."""
    torn = DocDBReader(DocDB(_Torn(), "host:1", {"v1": ("d", "c")}))  # type: ignore[arg-type]
    (record,) = torn.by_id("v1", ["a"])
    assert record["_id"] == "a"
    with pytest.raises(SystemFaultError):
        dict(record)


def test_threads_share_a_connection(nx_uri: str) -> None:
    """Assets are read in parallel."""
    open_docdb = connect(nx_uri, None, {"v1": ("threads", "c")}, 4)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(len(DocDBReader(open_docdb).by_id("v1", ["a"]))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    open_docdb.client.close()
    assert found == [0] * 8


class _Dying:
    """A client whose cursors die on a later batch, so many times."""

    def __init__(self, fault: OperationFailure, times: int) -> None:
        self._fault, self._times, self.asked = fault, times, 0

    def __getitem__(self, name: str) -> _Dying:
        return self

    def get_collection(self, name: str, **_: object) -> _Dying:
        return self

    def with_options(self, **_: object) -> _Dying:
        return self

    def find(self, *_: object) -> Iterator[RawBSONDocument]:
        self.asked += 1
        yield RawBSONDocument(bson.encode({"_id": "a", "location": "s3://bucket/a"}), RAW_OPTIONS)
        if self.asked <= self._times:
            raise self._fault
        yield RawBSONDocument(bson.encode({"_id": "b", "location": "s3://bucket/b"}), RAW_OPTIONS)


@pytest.mark.parametrize(
    "fault", [CursorNotFound("cursor id 5 not found", 43), OperationFailure("killed", 237)]
)
def test_a_cursor_that_is_gone_is_asked_again_from_its_start(fault: OperationFailure) -> None:
    """DocumentDB caps cursors and times them out: one that is gone costs no batch."""
    dying = _Dying(fault, times=2)
    found = DocDBReader(DocDB(dying, "host:1", {"v1": ("d", "c")})).by_location("v1", [location()])  # type: ignore[arg-type]
    assert [one["_id"] for one in found] == ["a", "b"]
    assert dying.asked == 3


def test_an_error_of_the_request_itself_is_not_asked_again() -> None:
    """It would be answered the same way for a minute."""
    dying = _Dying(OperationFailure("unknown operator", 2), times=9)
    with pytest.raises(SystemFaultError) as caught:
        DocDBReader(DocDB(dying, "host:1", {"v1": ("d", "c")})).by_location("v1", [location()])  # type: ignore[arg-type]
    assert not isinstance(caught.value, OutageError)
    assert dying.asked == 1


@contextmanager
def answering(nx_uri: str, **fields: object) -> Iterator[str]:
    """The server, with these fields in its answer to a hello."""
    relay = Relay(
        int(parse_uri(nx_uri)["nodelist"][0][1]), "mongodb", answered=lambda one: hello_says(one, **fields)
    )
    try:
        yield f"mongodb://127.0.0.1:{relay.port}/?directConnection=true"
    finally:
        relay.close()


def test_a_server_that_is_too_old_is_told_so(nx_uri: str) -> None:
    """DocumentDB 4.0's wire version: no network is at fault, and waiting helps nothing."""
    with (
        answering(nx_uri, minWireVersion=0, maxWireVersion=7) as uri,
        pytest.raises(SystemFaultError) as caught,
    ):
        connect(uri, None, {}, 1)
    assert caught.value.summary == "DocDB's server is too old"
    assert "wire version 7" in caught.value.detail
    assert "DocumentDB 5.0" in caught.value.hint


def test_a_secondary_is_not_read_from(nx_uri: str) -> None:
    """`directConnection=true` would read whatever it has, silently; what it lacks would be planned as missing."""
    secondary = {"isWritablePrimary": False, "secondary": True, "setName": "rs0", "hosts": ["127.0.0.1:9"]}
    with answering(nx_uri, **secondary) as uri:
        open_docdb = connect(uri, None, {}, 1)
        with pytest.raises(SystemFaultError, match="not a primary"):
            check_primary(open_docdb)
        open_docdb.client.close()
