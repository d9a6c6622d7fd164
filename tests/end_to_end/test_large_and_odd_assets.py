"""Assets that are larger or odder than usual go through plan and apply like any other."""

from __future__ import annotations

import json

import pytest
from workbench import BUCKET, Workbench, our_bytes

ODD_NAMES = (
    "with a space",
    "plus+plus",
    "per%20cent%",
    "ünïcödé_データ",
    ".leading_dot",
    "a-b",
    "a",
    "quote'\"s",
    "semi;colon,comma=and&more",
    "tilde~(paren)[bracket]!",
)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_asset_name_is_a_name(name: str, workbench: Workbench) -> None:
    """A stale file is rewritten, a new one adopted and copied, whatever the asset is called."""
    record = workbench.insert_in_step(name, subject={"subject_id": "ünï", "n": 1.0})
    workbench.put(f"{name}/subject.json", b"{}")
    workbench.put(f"{name}/rig.json", b'{"rig_id": "r"}')
    workbench.plan()
    workbench.apply()
    objects = workbench.sandbox.s3.objects(BUCKET)
    after = workbench.records().find_one({"_id": record["_id"]})
    assert objects[f"{name}/subject.json"] == our_bytes(record["subject"])
    assert objects[f"{name}/rig.json"] == our_bytes({"rig_id": "r"})
    assert objects[f"{name}/metadata.nd.json"] == our_bytes(after)
    originals = [key for key in objects if key.startswith(f"{name}/original_metadata/rig.")]
    assert [objects[key] for key in originals] == [b'{"rig_id": "r"}']
    assert workbench.plan(name="again.json")["actions"] == []


def test_odd_keys_beside_the_files_are_no_business_of_ours(workbench: Workbench) -> None:
    """Double slashes, folder markers, leading dots and lookalikes neither disturb nor are touched."""
    record = workbench.insert_in_step("asset", subject={"subject_id": "1"})
    odd = {
        "asset/": b"",
        "asset//subject.json": b"double",
        "asset/.subject.json": b"dot",
        "asset/subject.json.bak": b"bak",
        "asset/sub dir+%/subject.json": b"deep",
        "asset/original_metadata/": b"",
        "asset/original_metadata/sub/rig.20250101.json": b"deep original",
        "asset/original_metadata/subject.2025.json": b"no date",
        "//": b"nameless",
        "/leading/subject.json": b"no name",
        "top-level.json": b"no folder",
    }
    for key, body in odd.items():
        workbench.put(key, body)
    workbench.put("asset/subject.json", b"[]")
    plan = workbench.plan()
    assert [action["reason"] for action in plan["actions"]] == ["core-file-stale"]
    workbench.apply()
    objects = workbench.sandbox.s3.objects(BUCKET)
    assert {key: objects[key] for key in odd} == odd
    assert objects["asset/subject.json"] == our_bytes(record["subject"])
    assert workbench.plan(name="again.json")["actions"] == []


def test_an_asset_with_two_pages_of_root_files(workbench: Workbench) -> None:
    """1,500 root files take two pages; a core file on the second one is seen."""
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    for number in range(1500):
        workbench.put(f"asset/file_{number:04}.bin", b"x")
    workbench.put("asset/subject.json", b"{}")
    before = len(workbench.sandbox.s3.log)
    plan = workbench.plan()
    listed = workbench.sandbox.s3.log.counts(before)["ListObjectsV2"]
    assert [action["target"]["key"] for action in plan["actions"]] == ["asset/subject.json"]
    # The bucket, the originals, the root's first page by the quick client, and both by boto3, which it leaves pages to.
    assert listed == 5
    workbench.apply()
    assert workbench.plan(name="again.json")["actions"] == []


def test_a_record_of_several_megabytes(workbench: Workbench) -> None:
    """A large record is planned and written like a small one."""
    epochs = [{"epoch": number, "note": "ö" * 200, "values": [number / 3, -0.5]} for number in range(12_000)]
    record = workbench.insert_in_step("asset", session={"epochs": epochs})
    workbench.put("asset/session.json", our_bytes({"epochs": epochs[:-1]}))
    plan = workbench.plan()
    assert [action["reason"] for action in plan["actions"]] == ["core-file-stale"]
    assert plan["actions"][0]["content"]["size"] > 3_000_000
    workbench.apply()
    assert json.loads(workbench.sandbox.s3.objects(BUCKET)["asset/session.json"]) == record["session"]
    assert workbench.plan(name="again.json")["actions"] == []


def test_both_generations_at_one_location(workbench: Workbench) -> None:
    """v1 rules the files, v2 is left alone, and neither is registered anew."""
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    v2 = {
        "_id": "v2",
        "name": "asset",
        "location": f"s3://{BUCKET}/asset",
        "_last_modified": "2025-06-02T11:22:33Z",
        "subject": {"subject_id": "2"},
        "other_identifiers": {},
    }
    workbench.records("v2").insert_one(dict(v2))
    workbench.put("asset/subject.json", b"{}")
    workbench.plan()
    workbench.apply()
    assert workbench.sandbox.s3.objects(BUCKET)["asset/subject.json"] == our_bytes({"subject_id": "1"})
    assert workbench.records("v2").find_one({"_id": "v2"}) == v2
    assert workbench.plan(name="again.json")["actions"] == []
