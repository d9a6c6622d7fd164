"""A bucket of 300 assets with every kind of drift among them."""

from __future__ import annotations

from pathlib import Path

from workbench import Workbench

from indexer.sandbox import running
from indexer.sandbox.seed import seed


def test_three_hundred_assets_come_into_step(tmp_path: Path) -> None:
    """At most two LISTs an asset and no HEAD, each file that differs is read once, the second plan is empty."""
    servers, work = tmp_path / "servers", tmp_path / "work"
    servers.mkdir()
    work.mkdir()
    with running(servers) as sandbox:
        bench = Workbench(sandbox, work)
        try:
            seeded = seed(sandbox, assets=300)
            before = len(sandbox.s3.log)
            plan = bench.plan("--all")
            counts = sandbox.s3.log.counts(before)
            reads = [
                (one.bucket, one.key) for one in sandbox.s3.log.since(before) if one.operation == "GetObject"
            ]
            bench.apply()
            again = bench.plan("--all", name="again.json")
        finally:
            bench.close()
    planned = {action["location"] for action in plan["actions"]}
    assert planned.isdisjoint(map(str, seeded.in_step))
    assert len(seeded.in_step) >= 300
    assert counts["ListObjectsV2"] <= 2 * plan["summary"]["assets"] + 4
    assert counts["HeadObject"] == 0
    assert len(reads) == len(set(reads))
    assert plan["summary"]["complete"]
    assert again["actions"] == []
