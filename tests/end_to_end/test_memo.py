"""The memo of `plan` and `drift`, with the real command: in a file, in S3, and left alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from workbench import BUCKET, Workbench

PLACES = "indexer-runs"


@pytest.fixture
def bench(workbench: Workbench) -> Workbench:
    """Four assets in step, and a bucket for files of ours."""
    for prefix in ("a", "a-b", "b", "ümlaut"):
        workbench.insert_in_step(prefix, subject={"subject_id": prefix}, instrument={"rig": 1.0})
    workbench.sandbox.s3.create_bucket(PLACES)
    return workbench


def plan(bench: Workbench, *more: str, memo: str = "memo") -> tuple[dict[str, Any], str]:
    """The plan, but for its name and its time; and what is said."""
    done = bench.run("plan", "--bucket", BUCKET, "--verbose", *more, INDEXER_PLAN__MEMO=memo)
    assert done.returncode == 0, done.stderr
    found = json.loads((bench.folder / "plan.json").read_text())
    return {name: found[name] for name in found.keys() - {"plan_id", "created_at", "digest"}}, done.stderr


@pytest.mark.parametrize("memo", ["memo", f"s3://{PLACES}/memos/ours"])
def test_drift_after_a_night_in_step_is_in_the_plan(bench: Workbench, memo: str) -> None:
    """Type alone, a file, an original: the same plan as without a memo; the others are remembered."""
    first, _ = plan(bench, memo=memo)
    assert (first["actions"], first.get("findings", [])) == ([], [])
    again, said = plan(bench, memo=memo)
    assert again == first
    assert f"{memo}: 4 assets in step, as remembered" in said
    bench.records().update_one({"name": "a"}, {"$set": {"instrument": {"rig": 1}}})
    bench.put("a-b/subject.json", b"{}")
    bench.remove("ümlaut/original_metadata/subject.20250501.json")
    drifted, said = plan(bench, memo=memo)
    assert f"{memo}: 1 asset in step" in said
    assert drifted == plan(bench, "--no-memo", memo=memo)[0]
    assert {action["location"].rpartition("/")[2] for action in drifted["actions"]} == {"a", "a-b", "ümlaut"}


def test_without_it_there_is_none(bench: Workbench) -> None:
    """Neither read nor written."""
    (bench.folder / "memo").write_bytes(b"")
    plan(bench, "--no-memo")
    assert (bench.folder / "memo").read_bytes() == b""
    plan(bench)
    assert (bench.folder / "memo").stat().st_size > 64


def test_the_gate_has_it_too(bench: Workbench) -> None:
    """It fails on drift in what is remembered."""
    env = {"INDEXER_PLAN__MEMO": "memo"}
    assert bench.run("drift", "--bucket", BUCKET, **env).returncode == 0
    assert (bench.folder / "memo").exists()
    bench.put("b/subject.json", b"{}")
    assert bench.run("drift", "--bucket", BUCKET, **env).returncode == 3


def test_no_memo_is_kept_among_what_is_kept_in_step(bench: Workbench) -> None:
    """Said before anything is read."""
    done = bench.run("plan", "--bucket", BUCKET, INDEXER_PLAN__MEMO=f"s3://{BUCKET}/a/memo")
    assert done.returncode == 2
    assert "kept in step" in done.stderr
    assert f"s3://{BUCKET}/a/memo" in done.stderr


def test_a_bucket_that_is_not_there_is_no_error(bench: Workbench) -> None:
    """People are told, and all is decided."""
    done = bench.run("plan", "--bucket", BUCKET, INDEXER_PLAN__MEMO="s3://nobodys-bucket/memo")
    assert done.returncode == 0
    assert "Nothing is remembered of earlier plans: s3://nobodys-bucket/memo" in done.stderr
