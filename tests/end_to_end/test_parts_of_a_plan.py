"""`indexer apply --only` and `--except`: a part of a plan by the real command, then the rest, and the way back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from workbench import BUCKET, Workbench

import indexer
from indexer.runs.config_file import load_config


@pytest.fixture
def drifted(workbench: Workbench) -> Workbench:
    """Two assets whose files are stale, a new core file with its chain of writes, and an asset that is gone."""
    for prefix in ("asset", "other"):
        workbench.insert_in_step(prefix, subject={"subject_id": prefix})
        workbench.put(f"{prefix}/subject.json", b"{}")
    workbench.put("asset/rig.json", b'{"rig_id":"r"}')
    workbench.insert_in_step("gone")
    workbench.remove("gone/metadata.nd.json")
    workbench.plan()
    return workbench


def load(bench: Workbench, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((bench.folder / name).read_text(encoding="utf-8"))
    return loaded


def result(bench: Workbench) -> dict[str, Any]:
    return load(bench, "run/result.json")


def apply(bench: Workbench, *typed: str, status: int = 0) -> str:
    done = bench.run("apply", "plan.json", "--results", "run", *typed)
    assert done.returncode == status, done.stderr
    return done.stderr


def is_in_step(bench: Workbench) -> bool:
    return bench.run("plan", "--bucket", BUCKET, "--detailed-exitcode", "--out", "after.json").returncode == 0


def test_a_part_and_then_the_rest(drifted: Workbench) -> None:
    """It says how many are still to do, and what to type; the same folder takes both."""
    total = len(load(drifted, "plan.json")["actions"])
    said = apply(drifted, "--only", "effect=delete")
    assert f"Done: 1 of {total} actions: 1 applied; {total - 1} still to do." in said
    assert f"→ indexer apply plan.json --results run  # the rest: {total - 1} of the plan's actions" in said
    assert drifted.records().count_documents({"name": "gone"}) == 0
    told = result(drifted)["selection"]
    assert (told["only"], told["not_selected"], told["earlier"]) == (["effect=delete"], total - 1, [])
    shown = drifted.run("show", "run").stdout
    assert "A part of the plan: --only effect=delete." in shown
    assert f"{total - 1} still to do" in shown
    said = apply(drifted)
    assert f"Done: {total} actions: {total - 1} applied, 1 satisfied." in said
    assert "selection" not in result(drifted)
    assert is_in_step(drifted)


def test_parts_that_are_all_of_it_leave_nothing_to_do(drifted: Workbench) -> None:
    """What earlier parts did is kept in the result, with its before-images, and an undo takes back all of it."""
    before = drifted.sandbox.s3.objects(BUCKET)
    total = len(load(drifted, "plan.json")["actions"])
    apply(drifted, "--except", "asset")
    assert drifted.sandbox.s3.objects(BUCKET)["asset/subject.json"] == b"{}"
    said = apply(drifted, "--only", f"asset=s3://{BUCKET}/asset/")
    assert "nothing of the plan is left to do" in said
    assert "see that all is in step" in said
    kept = result(drifted)
    told = [*kept["outcomes"], *kept["selection"]["earlier"]]
    assert (len(told), {one["status"] for one in told}) == (total, {"applied"})
    assert all(one["before"] for one in told)
    assert is_in_step(drifted)
    (drifted.folder / "run" / "journal.jsonl").unlink()
    done = drifted.run("undo", "run", "--out", "undo.json")
    assert done.returncode == 0, done.stderr
    drifted.apply("undo.json")
    assert drifted.sandbox.s3.objects(BUCKET) == before


def test_an_undo_takes_back_the_part_that_was_written(drifted: Workbench) -> None:
    """And nothing else; the rest can be applied all the same, before or after it."""
    apply(drifted, "--only", "asset=other")
    done = drifted.run("undo", "run", "--out", "undo.json")
    assert (done.returncode, "journal tells" in done.stderr) == (0, False)
    assert {one["location"] for one in load(drifted, "undo.json")["actions"]} == {f"s3://{BUCKET}/other"}
    drifted.apply("undo.json")
    assert drifted.sandbox.s3.objects(BUCKET)["other/subject.json"] == b"{}"


def test_what_comes_along_and_what_is_left_out_is_said_before_anything_is_written(drifted: Workbench) -> None:
    """A metadata file rests on the record and the root files before it."""
    said = apply(drifted, "--only", "metadata-file-stale")
    assert "come along: what was chosen rests on them (update-record of" in said
    assert said.index("come along") < said.index("applying")
    assert len(result(drifted)["selection"]["brought_along"]) >= 2
    said = apply(drifted, "--except", "reason=field-missing")
    assert "left out too: " in said
    told = result(drifted)["selection"]
    assert told["left_out"]
    assert "left out with what was excepted" in drifted.run("show", "run").stdout


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("--only", "reason=asset-gon"), "did you mean asset-gone? It is one of core-file-missing,"),
        (("--except", "asset=assett"), "the plan has nothing to do with such an asset"),
        (("--only", "bucket=other"), f"'other' is not known; one of {BUCKET}"),
        (
            ("--only", "delete-recor"),
            "did you mean delete-record? If it is an asset, write asset=delete-recor",
        ),
    ],
)
def test_a_wrong_word_is_refused_before_anything_is_written(
    drifted: Workbench, typed: tuple[str, ...], said: str
) -> None:
    """A mistyped exception would carry out what was to be left alone."""
    before = drifted.sandbox.s3.objects(BUCKET)
    assert said in apply(drifted, *typed, status=2)
    assert not (drifted.folder / "run").exists()
    assert drifted.sandbox.s3.objects(BUCKET) == before


def test_nothing_of_that_sort_is_nothing_to_do(drifted: Workbench) -> None:
    """A word that there is, and that no action of this plan has: a job may always type it."""
    total = len(load(drifted, "plan.json")["actions"])
    assert f"0 of {total} actions; {total} still to do." in apply(drifted, "--only", "create-data-asset")
    assert f"Done: {total} of {total} actions: {total} applied" in apply(
        drifted, "--except", "create-data-asset"
    )


def test_something_stale_in_a_part_is_4(drifted: Workbench) -> None:
    """And the same words are offered again where it can go on."""
    drifted.put("asset/subject.json", b'"edited"')
    said = apply(drifted, "--only", "asset=asset", status=4)
    assert "DONE IN PART" in said
    apply(drifted, "--except", "asset")


def test_bounds_and_limits_are_of_the_whole_plan(drifted: Workbench) -> None:
    """Whatever is chosen of it: what would refuse the plan refuses each part."""
    said = apply(drifted, "--only", "asset=other", "--policy", "upsert-only", status=5)
    assert "nothing is deleted or archived" in said


def test_a_part_by_the_python_api(drifted: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """One word, or several."""
    monkeypatch.chdir(drifted.folder)
    for name, value in drifted.env.items():
        monkeypatch.setenv(name, value)
    plan, config = indexer.load_plan("plan.json"), load_config()
    done = indexer.apply(plan, config, only="effect=delete", results="run")
    assert (len(done.outcomes), done.complete, done.to_do) == (1, True, len(plan.plan.actions) - 1)
    done = indexer.apply(plan, config, except_=["delete", "asset=other"], results="run")
    assert done.complete
    assert done.selection is not None
    assert done.selection.excepted == ("effect=delete", "asset=other")
    with pytest.raises(indexer.IndexerError, match="is not valid"):
        indexer.apply(plan, config, only=["effect=nothing"], results="run")
