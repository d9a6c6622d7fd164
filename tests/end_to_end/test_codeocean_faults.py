"""Code Ocean answers wrongly, late, or not at all: no deletion, no lost link, clear words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from workbench import BUCKET, Workbench

from indexer_sandbox.faults import Fault

RESULTS = "codeocean-results"


def mount(bench: Workbench, number: int, prefix: str) -> str:
    """An external data asset that mounts a folder of the bucket."""
    return data_asset(
        bench,
        number,
        name=prefix,
        type="dataset",
        source_bucket={"origin": "aws", "bucket": BUCKET, "prefix": prefix, "external": True},
    )


def result(bench: Workbench, number: int, **fields: Any) -> str:
    """A wanted result."""
    return data_asset(
        bench,
        number,
        name=f"sorted_{number}",
        type="result",
        tags=["derived"],
        provenance={"computation": f"comp-{number}"},
        **fields,
    )


def data_asset(bench: Workbench, number: int, **fields: Any) -> str:
    """A data asset as the API returns it."""
    asset_id = f"00000000-0000-4000-8000-{number:012}"
    bench.sandbox.codeocean.put(
        {
            "id": asset_id,
            "created": 1718227288 + number,
            "mount": fields["name"],
            "last_used": 0,
            "owner": "owner-1",
            "state": "ready",
            "tags": [],
            **fields,
        }
    )
    return asset_id


def result_record(bench: Workbench, asset_id: str) -> None:
    """The record that a result has."""
    bench.records().insert_one(
        {
            "_id": f"record of {asset_id}",
            "name": "sorted",
            "location": f"s3://{RESULTS}/{asset_id}",
            "last_modified": "2025-06-02T11:22:33Z",
            "external_links": {"Code Ocean": [asset_id]},
        }
    )


def without_owner(bench: Workbench, asset_id: str) -> None:
    """As a server shows it that lacks a field of it."""
    shown = bench.sandbox.codeocean.data_assets()[asset_id]
    bench.sandbox.codeocean.put({name: value for name, value in shown.items() if name != "owner"})


def linked_asset(bench: Workbench, number: int) -> dict[str, Any]:
    """An asset in step that a data asset mounts."""
    asset_id = mount(bench, number, f"asset_{number}")
    return bench.insert_in_step(f"asset_{number}", external_links={"Code Ocean": [asset_id]})


@pytest.fixture
def third_page_fails(workbench: Workbench) -> Workbench:
    """Searches answer two data assets a page, and the third page is a 500 for ever."""
    workbench.sandbox.codeocean.max_page = 2
    # A 400, which no retry helps: one of a 500 waits for 40 seconds before it is given up, and ends the same.
    workbench.sandbox.codeocean.faults.add(Fault("SearchDataAssets", status=400, after=2, count=None))
    return workbench


def test_an_empty_search_deletes_no_result(workbench: Workbench) -> None:
    """No result is found and DocDB has some: suspicious, incomplete, nothing planned."""
    result_record(workbench, "00000000-0000-4000-8000-000000000001")
    plan = workbench.plan("--bucket", RESULTS)
    assert plan["actions"] == []
    assert not plan["summary"]["complete"]
    assert {finding["kind"] for finding in plan["findings"]} == {"read-suspiciously-empty"}


def test_a_search_that_fails_on_its_third_page_deletes_no_result(third_page_fails: Workbench) -> None:
    """Results beyond the second page were not seen, which does not make them gone."""
    bench = third_page_fails
    for number in range(1, 8):
        result_record(bench, result(bench, number))
    done = bench.run("plan", "--bucket", RESULTS)
    plan = json.loads((bench.folder / "plan.json").read_text())
    assert done.returncode == 0
    assert "Code Ocean" in done.stderr
    assert plan["actions"] == []
    assert not plan["summary"]["complete"]


def test_a_search_that_fails_on_its_third_page_loses_no_link(third_page_fails: Workbench) -> None:
    """Links of data assets beyond the second page stay; S3 is kept in step all the same."""
    bench = third_page_fails
    records = [linked_asset(bench, number) for number in range(1, 8)]
    bench.put("asset_7/metadata.nd.json", b"{}")
    plan = bench.plan()
    assert [action["reason"] for action in plan["actions"]] == ["metadata-file-stale"]
    assert not plan["summary"]["complete"]
    bench.apply()
    assert [bench.records().find_one({"_id": one["_id"]}) for one in records] == records


def test_a_storm_of_429_is_waited_out(workbench: Workbench) -> None:
    """Throttling that passes costs time and nothing else; Retry-After is honoured."""
    record = workbench.insert_in_step("asset")
    asset_id = mount(workbench, 1, "asset")
    workbench.sandbox.codeocean.faults.add(Fault("*", status=429, count=3, retry_after_s=1))
    plan = workbench.plan()
    assert [action["reason"] for action in plan["actions"]] == ["links-stale", "metadata-file-stale"]
    workbench.apply()
    after = workbench.records().find_one({"_id": record["_id"]})
    assert after is not None
    assert after["external_links"] == {"Code Ocean": [asset_id]}


def test_an_expired_token_is_said_and_costs_no_link(workbench: Workbench) -> None:
    """A 401 is an incomplete read: the message names the token, and no link is removed."""
    linked_asset(workbench, 1)
    done = workbench.run("plan", "--bucket", BUCKET, INDEXER_CODEOCEAN__TOKEN="expired-and-secret")
    plan = json.loads((workbench.folder / "plan.json").read_text())
    assert done.returncode == 0
    assert "denies access" in done.stderr
    assert "expired-and-secret" not in done.stderr + done.stdout + json.dumps(plan)
    assert plan["actions"] == []
    assert not plan["summary"]["complete"]


def test_an_expired_token_with_nothing_else_to_do_is_an_error(workbench: Workbench) -> None:
    """The results bucket rests on Code Ocean alone."""
    done = workbench.run("plan", "--bucket", RESULTS, INDEXER_CODEOCEAN__TOKEN="expired-and-secret")
    assert done.returncode == 1
    assert "Renew the token" in done.stderr


def test_a_result_that_comes_back_after_the_plan_keeps_its_record(workbench: Workbench) -> None:
    """Between plan and apply a result is unarchived: its deletion is stale."""
    gone, there = (f"00000000-0000-4000-8000-{number:012}" for number in (1, 2))
    result_record(workbench, gone)
    result_record(workbench, there)
    result(workbench, 2)
    plan = workbench.plan("--bucket", RESULTS)
    assert [action["reason"] for action in plan["actions"]] == ["result-gone"]
    result(workbench, 1)
    done = workbench.run("apply", "plan.json")
    assert done.returncode == 4
    assert "there by now" in done.stderr
    assert workbench.records().count_documents({}) == 2


def test_a_data_asset_that_is_archived_after_the_plan_is_not_linked(workbench: Workbench) -> None:
    """The planned link is stale, and the files that rest on it are left alone."""
    record = workbench.insert_in_step("asset")
    asset_id = mount(workbench, 1, "asset")
    workbench.plan()
    workbench.sandbox.codeocean.remove(asset_id)
    done = workbench.run("apply", "plan.json")
    assert done.returncode == 4
    assert workbench.records().find_one({"_id": record["_id"]}) == record


def test_a_folder_that_comes_back_after_the_plan_keeps_record_and_data_asset(workbench: Workbench) -> None:
    """Between plan and apply the asset is uploaded again: nothing is archived or deleted."""
    for number in range(3):
        workbench.insert_in_step(f"stays_{number}")
    record = workbench.insert_in_step("asset", external_links={"Code Ocean": [mount(workbench, 1, "asset")]})
    for key in [key for key in workbench.sandbox.s3.objects(BUCKET) if key.startswith("asset/")]:
        workbench.remove(key)
    plan = workbench.plan()
    assert {action["kind"] for action in plan["actions"]} == {"archive-data-asset", "delete-record"}
    workbench.put("asset/data.bin", b"back")
    done = workbench.run("apply", "plan.json")
    assert done.returncode == 4
    assert workbench.records().find_one({"_id": record["_id"]}) == record
    assert [one["archived"] for one in workbench.sandbox.codeocean.data_assets().values()] == [False]


def test_a_failing_bucket_does_not_stop_the_others(workbench: Workbench) -> None:
    """--all: one bucket cannot be listed; the others are planned, and the plan is incomplete."""
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.put("asset/subject.json", b"{}")
    workbench.sandbox.s3.faults.add(
        Fault("ListObjectsV2", status=403, count=None, contains="aind-private-data")
    )
    plan = workbench.plan("--all")
    assert [action["reason"] for action in plan["actions"]] == ["core-file-stale"]
    assert [row["scope"] for row in plan["coverage"] if not row["complete"]] == [
        "folders of aind-private-data"
    ]


def test_a_data_asset_that_cannot_be_read_is_named_and_left_out(workbench: Workbench) -> None:
    """The search was not whole: no link is touched for it, whatever else it shows; the files are, and so are results."""
    workbench.insert_in_step("a", subject={"subject_id": "1"})
    workbench.put("a/subject.json", b"{}")
    torn, whole = mount(workbench, 1, "a"), mount(workbench, 2, "a")
    without_owner(workbench, torn)
    plan = workbench.plan()
    assert [one["kind"] for one in plan["actions"]] == ["put-object"]
    [row] = [one for one in plan["coverage"] if not one["complete"]]
    assert row["system"] == "codeocean"
    assert row["count"] == 1
    assert torn in row["why"]
    assert whole not in row["why"]
    assert "owner" in row["why"]


def test_a_result_that_cannot_be_read_costs_no_other_one(workbench: Workbench) -> None:
    """What was found is registered; no record of a result is deleted."""
    torn, wanted = result(workbench, 1), result(workbench, 2)
    without_owner(workbench, torn)
    result_record(workbench, torn)
    result_record(workbench, "00000000-0000-4000-8000-000000000009")
    plan = workbench.plan("--bucket", RESULTS)
    assert [(one["kind"], one["location"]) for one in plan["actions"]] == [
        ("insert-record", f"s3://{RESULTS}/{wanted}")
    ]
    workbench.apply()
