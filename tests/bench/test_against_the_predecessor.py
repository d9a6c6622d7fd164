"""The comparison with the predecessor, as far as it goes without it: what it is told, and when a run of it counts."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import bson
import pytest

from bench.light_docdb import Records
from bench.light_gateway import IDS, OF_BUCKET, Gateway
from bench.predecessor import HELD, faults, labelled, settings
from bench.processes import PROC, Watch
from bench.running import Run, Setting
from bench.world import BUCKET, COLLECTION, DATABASES, World, location_of
from indexer.runs.predecessor import migrated
from indexer_sandbox.gateway import PAGE_BYTES
from shared.patience import PATIENCE_S

ASSETS = 200
PLACE = f"{DATABASES['v1']}/{COLLECTION}"


def asked(gateway: Gateway, method: str, path: str, query: Mapping[str, str] = {}, body: Any = None) -> Any:
    """What the gateway answers, decoded; None where it refuses."""
    target = f"/{path}?{urlencode(query)}"
    answer = gateway.answer(method, target, {}, json.dumps(body).encode())
    head, _, content = answer.partition(b"\r\n\r\n")
    assert len(content) < PAGE_BYTES
    return json.loads(content) if head.startswith(b"HTTP/1.1 200") else None


def pages(gateway: Gateway, version: str = "v1") -> list[list[Any]]:
    """All pages, asked for as the predecessor does, until an empty one."""
    found: list[list[Any]] = []
    while not found or found[-1]:
        query = {"filter": json.dumps(OF_BUCKET), "limit": "200", "skip": str(sum(map(len, found)))}
        found.append(asked(gateway, "GET", f"{version}/{PLACE}/find", query))
    return found


def test_both_read_the_same_records() -> None:
    """In pages that the real gateway lets pass, from HTTP as from MongoDB's wire."""
    world = World(ASSETS, heavy=True)
    found = pages(Gateway(world))
    wired = Records(world)
    assert len(found) > 2
    assert [one for page in found for one in page] == [bson.decode(wired.encoded(n)) for n in range(ASSETS)]


def test_a_folder_s_record_is_found_by_its_location() -> None:
    """In the world's own generation; the other has none."""
    pipeline = [
        {"$match": {"location": {"$in": [location_of(World.name(3)), location_of("gone")]}}},
        {"$project": IDS},
    ]
    gateway = Gateway(World(ASSETS))
    found = asked(gateway, "POST", f"v1/{PLACE}/aggregate", body=pipeline)
    assert found == [{"_id": World.record_id(3), "location": location_of(World.name(3))}]
    assert asked(gateway, "POST", f"v2/{PLACE}/aggregate", body=pipeline) == []
    assert pages(gateway, "v2") == [[]]


@pytest.mark.parametrize(
    ("method", "operation", "query"),
    [("POST", "update_one", {}), ("DELETE", "deregister", {}), ("GET", "find", {"filter": '{"name": 1}'})],
)
def test_what_the_gateway_does_not_know_is_refused_and_counted(
    method: str, operation: str, query: dict[str, str]
) -> None:
    """Nothing is answered that would make a run look as if it had done its work."""
    gateway = Gateway(World(ASSETS))
    assert asked(gateway, method, f"v1/{PLACE}/{operation}", query) is None
    assert gateway.counts["refused"] == 1


def test_the_predecessor_is_told_of_our_bucket() -> None:
    """Our own migration of its settings reads the same out of them."""
    assert migrated({"bench": settings("127.0.0.1:1")}).document["buckets"] == [BUCKET]


WHOLE = {"s3 HEAD": 40, "s3 LIST asset": 8, "s3 PUT": 1, "docdb documents": 4}
SETTING = Setting(4, drift_every=4)


def test_a_run_that_did_its_work_counts() -> None:
    """Every asset looked at, and each drift mended."""
    assert not list(faults(Run(0, 1, 1, 1, HELD * 4), WHOLE, SETTING))


@pytest.mark.parametrize(
    ("run", "counts"),
    [
        (Run(1, 1, 1, 1, HELD * 4), WHOLE),
        (Run(0, 1, 1, 1, HELD * 4 + "ERROR:root:Error processing"), WHOLE),
        (Run(0, 1, 1, 1, HELD * 3), WHOLE),
        (Run(0, 1, 1, 1, HELD * 4), WHOLE | {"s3 PUT": 0}),
        (Run(0, 1, 1, 1, HELD * 4), WHOLE | {"s3 HEAD": 39}),
        (Run(0, 1, 1, 1, HELD * 4), WHOLE | {"docdb refused": 1}),
    ],
)
def test_a_run_that_did_not_does_not(run: Run, counts: dict[str, int]) -> None:
    """Whether it failed, said so, or left something out."""
    assert list(faults(run, counts, SETTING))


def test_each_line_has_its_name() -> None:
    """And all are as long."""
    lines = labelled({"predecessor": {"wall s": 3.0}, "plan": {"wall s": 1.0}}).splitlines()
    assert [line.split() for line in lines] == [["wall", "s"], ["predecessor", "3"], ["plan", "1"]]
    assert len({len(line) for line in lines}) == 1


@pytest.mark.skipif(not (PROC / "self" / "smaps_rollup").exists(), reason="Linux tells what a process holds")
def test_what_a_process_starts_is_held_against_it() -> None:
    """Its memory, and that it was there."""
    child = "import sys; held = b'x' * 60_000_000; sys.stdin.read()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    watch, until = Watch(), time.monotonic() + PATIENCE_S
    with (
        subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE) as process,
        watch.on(process.pid),
    ):
        while watch.peak_mb < 60 and time.monotonic() < until:
            time.sleep(0.05)
        assert process.stdin is not None
        process.stdin.close()
    assert watch.peak_mb >= 60
    assert len(watch.pids) == 2
