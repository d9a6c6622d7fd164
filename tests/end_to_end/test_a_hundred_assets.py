"""A bucket of a hundred assets, several batches, with every kind of drift among them."""

from __future__ import annotations

from workbench import Workbench

from indexer_sandbox.seed import seed


def test_a_hundred_assets_come_into_step(workbench: Workbench) -> None:
    """At most two LISTs an asset and no HEAD, each file that differs is read once, the second plan is empty."""
    sandbox = workbench.sandbox
    seeded = seed(sandbox, assets=10)
    before = len(sandbox.s3.log)
    plan = workbench.plan("--all")
    counts = sandbox.s3.log.counts(before)
    reads = [(one.bucket, one.key) for one in sandbox.s3.log.since(before) if one.operation == "GetObject"]
    workbench.apply()
    again = workbench.plan("--all", name="again.json")
    planned = {action["location"] for action in plan["actions"]}
    assert planned.isdisjoint(map(str, seeded.in_step))
    assert len(seeded.in_step) >= 10
    assert plan["summary"]["assets"] > 100
    assert counts["ListObjectsV2"] <= 2 * plan["summary"]["assets"] + 4
    assert counts["HeadObject"] == 0
    assert len(reads) == len(set(reads))
    assert plan["summary"]["complete"]
    assert again["actions"] == []
