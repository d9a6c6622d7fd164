"""The DocDB server answers at once, holds what records hold and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from indexer.errors import IndexerError
from indexer_sandbox import docdb
from indexer_sandbox.docdb import DocDBServer
from shared.patience import PATIENCE_S

AWKWARD = {
    "floats": [0.30000000000000004, 1e-07, 1e22, 5e-324, 1.0, -0.0, 1.7976931348623157e308],
    "integers": [9007199254740993, 2**63 - 1, -(2**63), 1],
    "texts": ["größe µm", "日本語 🐭", "e\u0301 ≠ é", 'line\u2028, tab\t, quote ", nul-free \x7f'],
    "größe": {"": None, "a b": {}, "empty": [], "yes": True},
}


def test_a_record_comes_back_as_it_was_stored(collection: Any) -> None:
    """Value for value, with the types and the order of the fields."""
    record = {"_id": "r", "z": AWKWARD, "a": [AWKWARD]}
    collection.insert_one(record)
    held = collection.find_one({"_id": "r"})
    assert list(held) == ["_id", "z", "a"]
    assert repr(held) == repr(record)


def test_filters_guard_updates_and_deletes(collection: Any) -> None:
    """A filter on what was read lets the first writer through and stops the second."""
    collection.insert_one({"_id": "r", "last_modified": "1", "links": {}})
    guard = {"_id": "r", "last_modified": "1"}
    change = {"$set": {"last_modified": "2", "links": {"Code Ocean": ["x"]}}}
    assert collection.update_one(guard, change).matched_count == 1
    assert collection.update_one(guard, change).matched_count == 0
    assert collection.delete_one(guard).deleted_count == 0
    assert collection.delete_one({"_id": "r", "last_modified": "2"}).deleted_count == 1


def test_an_id_is_taken_once(collection: Any) -> None:
    """Inserting an `_id` again is refused."""
    collection.insert_one({"_id": "r"})
    with pytest.raises(DuplicateKeyError):
        collection.insert_one({"_id": "r"})


def test_ranges_page_in_order(collection: Any) -> None:
    """A range over an indexed key with an explicit sort finds a bucket's records."""
    collection.create_index("location")
    places = ["s3://a/x", "s3://a/x-2", "s3://a/x 2", "s3://ab/x", "s3://a/é"]
    collection.insert_many([{"_id": str(number), "location": place} for number, place in enumerate(places)])
    found = collection.find({"location": {"$gte": "s3://a/", "$lt": "s3://a0"}}).sort("location", 1)
    assert [row["location"] for row in found] == ["s3://a/x", "s3://a/x 2", "s3://a/x-2", "s3://a/é"]


def test_it_leaves_no_file_behind(empty_directory: Path) -> None:
    """After `close` the folder is as it was, also when closed twice."""
    server = DocDBServer(empty_directory)
    with MongoClient[dict[str, Any]](server.uri) as client:
        client["metadata_index"]["data_assets"].insert_one({"_id": "r"})
    assert list(empty_directory.iterdir())
    server.close()
    server.close()
    assert list(empty_directory.iterdir()) == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=1)


def test_a_taken_port_is_said_so(empty_directory: Path) -> None:
    """The error names the port; nothing is started."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        with pytest.raises(IndexerError, match=str(holder.getsockname()[1])):
            DocDBServer(empty_directory, holder.getsockname()[1])
    assert list(empty_directory.iterdir()) == []


def test_a_port_that_is_taken_at_the_last_moment_is_not_the_end(
    empty_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else had it first: another free one does."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken, free = holder.getsockname()[1], docdb._free_port
        found = iter([taken])
        monkeypatch.setattr(docdb, "_free_port", lambda port: next(found, None) or free(port))
        server = DocDBServer(empty_directory)
        try:
            assert server.port != taken
            with MongoClient[dict[str, Any]](server.uri) as client:
                client["metadata_index"]["data_assets"].insert_one({"_id": "r"})
        finally:
            server.close()
    assert list(empty_directory.iterdir()) == []


def test_a_server_that_does_not_come_up_is_an_error(empty_directory: Path) -> None:
    """The error says so in good time, and the process is gone."""
    with pytest.raises(IndexerError, match="did not answer in time"):
        DocDBServer(empty_directory, timeout_s=0.0)
    assert list(empty_directory.iterdir()) == []


def test_it_ends_with_its_parent(empty_directory: Path) -> None:
    """Killed outright, the parent leaves neither the server nor its files behind."""
    code = (
        "import sys, time; from pathlib import Path; from indexer_sandbox.docdb import DocDBServer\n"
        "server = DocDBServer(Path(sys.argv[1])); print(server.pid, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(empty_directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
        parent.kill()
    assert _gone_in_time(pid, empty_directory)


def test_ctrl_c_in_the_terminal_does_not_reach_it(empty_directory: Path) -> None:
    """It stands outside the terminal's process group."""
    server = DocDBServer(empty_directory)
    try:
        assert os.getpgid(server.pid) != os.getpgid(0)
        assert os.getsid(server.pid) == server.pid
    finally:
        server.close()
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, signal.SIGTERM)


def _gone_in_time(pid: int, directory: Path) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if not _alive(pid) and not list(directory.iterdir()):
            return True
        time.sleep(0.02)
    return False


def _alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_record_does_not_grow_beyond_16_mb(collection: Any) -> None:
    """The driver refuses whole documents; an update is refused by the server, and the others of its batch go on."""
    collection.insert_many([{"_id": "full", "x": "a" * (15 << 20)}, {"_id": "small"}])
    grow = {"$set": {"y": "b" * (2 << 20)}}
    with pytest.raises(BulkWriteError) as caught:
        collection.bulk_write([UpdateOne({"_id": one}, grow) for one in ("full", "small")], ordered=False)
    [error] = caught.value.details["writeErrors"]
    assert (error["index"], "larger than 16777216" in error["errmsg"]) == (0, True)
    assert "y" not in collection.find_one({"_id": "full"})
    assert "y" in collection.find_one({"_id": "small"})
