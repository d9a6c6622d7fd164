"""`indexer apply` under limits: the plan's own, and those of the configuration that it runs with."""

from __future__ import annotations

import json
from typing import Any

import pytest
from workbench import BUCKET, Workbench

from shared.forgery import signed, write


def gone(bench: Workbench, count: int = 2) -> dict[str, Any]:
    """A plan that deletes so many records, beside one that is in step."""
    bench.insert_in_step("here")
    for number in range(count):
        bench.records().insert_one(
            {"_id": f"gone{number}", "name": f"gone{number}", "location": f"s3://{BUCKET}/gone{number}"}
        )
    return bench.plan()


def test_withheld_actions_moved_into_the_actions_are_refused(workbench: Workbench) -> None:
    """With every digest made again: nothing is written, and status 5 says which limit."""
    gone(workbench)
    plan = workbench.plan("--bucket", BUCKET, "--max-deletes", "1")
    assert len(plan["withheld"]) == 2
    plan["actions"] += [one["action"] for one in plan.pop("withheld")]
    del plan["digest"]
    write(workbench.folder / "forged.json", signed(plan))
    done = workbench.run("apply", "forged.json")
    assert done.returncode == 5, done.stderr
    assert "deletions of 2 records exceed the limit of 1" in done.stderr
    assert workbench.records().count_documents({}) == 3
    assert not list(workbench.folder.glob("*.results"))


def test_limits_that_are_wider_than_those_here_are_said(workbench: Workbench) -> None:
    """And the plan goes on: whoever planned was asked."""
    gone(workbench)
    workbench.plan("--bucket", BUCKET, "--max-deletes", "300", "--max-delete-percent", "100")
    done = workbench.run("apply", "plan.json")
    assert done.returncode == 0, done.stderr
    assert "up to 300 deletions, here 100; up to 100 %, here 10 %" in done.stderr
    assert workbench.records().count_documents({}) == 1


def test_limits_that_are_wider_are_refused_where_they_are_enforced(workbench: Workbench) -> None:
    """`apply`'s own options go over its configuration, as everywhere."""
    gone(workbench)
    workbench.plan("--bucket", BUCKET, "--max-deletes", "300")
    enforced = {"INDEXER_POLICY__ENFORCE_AT_APPLY": "true"}
    done = workbench.run("apply", "plan.json", **enforced)
    assert done.returncode == 5
    assert "--max-deletes" in done.stderr
    assert workbench.records().count_documents({}) == 3
    done = workbench.run("apply", "plan.json", "--max-deletes", "300", **enforced)
    assert done.returncode == 0, done.stderr
    assert "wider" not in done.stderr


def test_the_appliers_own_mode_counts(workbench: Workbench) -> None:
    """A plan made before the configuration said so is refused whole; `--policy` goes over it."""
    gone(workbench)
    workbench.put("here/rig.json", b"[1]")
    workbench.plan()
    done = workbench.run("apply", "plan.json", INDEXER_POLICY__MODE="upsert-only")
    assert done.returncode == 5
    assert "upsert-only" in done.stderr
    assert workbench.records().count_documents({}) == 3
    assert workbench.records().count_documents({"rig": [1]}) == 0
    done = workbench.run("apply", "plan.json", "--policy", "sync", INDEXER_POLICY__MODE="upsert-only")
    assert done.returncode == 0, done.stderr
    assert "under another configuration" in done.stderr


@pytest.mark.parametrize(
    "says",
    [
        {"INDEXER_CODEOCEAN__ON_MISSING": "keep"},
        {"INDEXER_DOCDB__V1__SYNC_TO_S3": "false"},
        {"INDEXER_POLICY__MODE": "create-only"},
    ],
)
def test_what_this_configuration_forbids_is_refused(workbench: Workbench, says: dict[str, str]) -> None:
    """Though the plan was right when it was made."""
    gone(workbench)
    workbench.put("here/metadata.nd.json", b"old")
    workbench.sandbox.codeocean.put(
        {
            "id": "00000000-0000-4000-8000-000000000001",
            "name": "gone0",
            "mount": "gone0",
            "created": 1718227288,
            "last_used": 0,
            "owner": "owner-1",
            "state": "ready",
            "tags": [],
            "type": "dataset",
            "source_bucket": {"bucket": BUCKET, "prefix": "gone0", "origin": "aws", "external": True},
        }
    )
    assert {"archive-data-asset", "put-object"} <= set(workbench.plan()["summary"]["actions"])
    done = workbench.run("apply", "plan.json", **says)
    assert done.returncode == 5, done.stderr
    assert workbench.records().count_documents({}) == 3
    assert workbench.sandbox.s3.objects(BUCKET)["here/metadata.nd.json"] == b"old"


def test_the_plan_of_an_undo_names_what_it_takes_away(workbench: Workbench) -> None:
    """Its limits are its own: not those of the run that it takes back, and none is silently exempt."""
    workbench.insert_in_step("here")
    for number in range(3):
        workbench.put(f"new{number}/data_description.json", b'{"data_level": "derived"}')
    workbench.plan(
        "--bucket", BUCKET, "--max-deletes", "1", "--policy", "create-only", "--allow-empty", "docdb"
    )
    workbench.apply()
    done = workbench.run("undo", "--out", "undo.json", str(next(workbench.folder.glob("plan.results/*"))))
    assert done.returncode == 0, done.stderr
    undo = json.loads((workbench.folder / "undo.json").read_text())
    limits = [undo["scope"][name] for name in ("policy", "max_deletes", "max_delete_percent")]
    assert limits == ["sync", 3, 100]
    done = workbench.run("apply", "undo.json", INDEXER_POLICY__MAX_DELETES="2")
    assert "up to 3 deletions, here 2" in done.stderr
    assert workbench.records().count_documents({}) == 1
