"""The DocDB server's process: nx-27017, tied to the life of the process that started it, and with DocumentDB's limit.

Run as `python -m indexer_sandbox.docdb_process DIRECTORY PORT` with a pipe on standard input. When the pipe
closes, for whatever reason the parent ended, the process deletes DIRECTORY and exits.
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

from indexer_sandbox.loopback import HOST

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
"""Source: "Amazon DocumentDB quotas and limits". Whole documents the driver refuses by itself; what grows, it cannot see."""
LARGE_BYTES = 64 * 1024
"""A smaller update is let through unseen: a look costs a read of the record."""


def main(directory: Path, port: int) -> None:
    """Serve until the parent closes the pipe or kills the process."""
    threading.Thread(target=_exit_with_parent, args=(directory,), daemon=True).start()
    sys.argv = ["nx-27017", "--host", HOST, "-p", str(port), "--data-dir", str(directory / "data")]
    sys.argv += ["--pid-file", str(directory / "pid"), "--log-file", str(directory / "log")]
    _refuse_what_grows_too_large()
    _read_no_more_than_is_asked_for()
    runpy.run_module("nx_27017.nx_27017", run_name="__main__")


def _refuse_what_grows_too_large() -> None:
    """An update that leaves a document over the limit is an error of that write, as DocumentDB answers it."""
    import bson
    from neosqlite import Collection

    unlimited = Collection.update_one

    def update_one(collection: Any, query: Any, update: Any, *args: Any, **named: Any) -> Any:
        added = update.get("$set", {})
        if len(bson.encode(added)) >= LARGE_BYTES:
            left = {**(collection.find_one(query) or {}), **added}
            if (
                len(bson.encode({name: value for name, value in left.items() if name != "_id"}))
                > MAX_DOCUMENT_BYTES
            ):
                raise ValueError(f"Resulting document after update is larger than {MAX_DOCUMENT_BYTES}")
        return unlimited(collection, query, update, *args, **named)

    Collection.update_one = update_one


def _read_no_more_than_is_asked_for() -> None:
    """Copies of whole records, and a look at each of their objects, took most of the server's time."""
    from neosqlite import collection
    from neosqlite.collection.query_helper.aggregation import AggregationMixin

    of_whole, with_types = AggregationMixin._apply_projection, collection.neosqlite_json_loads

    def apply_projection(self: Any, projection: dict[str, Any], document: dict[str, Any]) -> Any:
        if projection and all(wanted == 1 and "." not in name for name, wanted in projection.items()):
            document = {name: document[name] for name in ("_id", *projection) if name in document}
        return of_whole(self, projection, document)

    def loads(text: str, **named: Any) -> Any:
        if named or any(mark in text for mark in ("__neosqlite", '"$date"')):
            return with_types(text, **named)
        return json.loads(text)

    AggregationMixin._apply_projection = apply_projection
    collection.neosqlite_json_loads = loads


def _exit_with_parent(directory: Path) -> None:
    sys.stdin.buffer.read()
    shutil.rmtree(directory, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
