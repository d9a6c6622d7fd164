"""The filters of `indexer show`: on plans and results, in every format, and what is said of a word that chooses nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from indexer.model.content import Change
from indexer.model.outcome import Result
from indexer.model.plan import Finding, Withheld
from indexer.render.selection import Selection, select_plan
from indexer.runs.files import plan_text
from indexer.runs.loading import load_plan
from shared.commands import Run
from shared.rendered import delete, plan_of, put, result_of

FOUND = (
    Finding(kind="name-mismatch", location="s3://bucket/asset", detail="its name is 'Äther'"),
    Finding(kind="core-file-corrupt", location="s3://bucket/other", detail="subject.json is not JSON"),
)
HELD = Withheld(action=delete("kept"), policy="max_deletes", detail="9 exceed the limit of 3")


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    """A plan that changes one asset, creates a file of another, deletes a record, and withholds one; with findings."""
    actions = [
        put("asset", Change(path="subject_id", before="1", after="Ωmega")),
        put("new", etag=None),
        delete(),
    ]
    file = tmp_path / "plan.json"
    file.write_text(plan_text(plan_of(actions, FOUND, [HELD])), encoding="utf-8")
    return file


@pytest.fixture
def result_file(plan_file: Path) -> Path:
    """What came of it: written, changed by somebody else, failed."""
    plan, digest, *_ = load_plan(plan_file)
    said = zip(
        plan.actions,
        ("applied", "stale", "failed"),
        ("", "somebody was there", "the disk is full"),
        strict=True,
    )
    result: Result = result_of(*said)  # type: ignore[arg-type]
    file = plan_file.parent / "result.json"
    file.write_text(result.model_copy(update={"plan_digest": digest}).model_dump_json(), encoding="utf-8")
    return file


def left(document: dict[str, Any]) -> set[str]:
    """What is left of a plan, by the folders of its assets."""
    held = [*document["actions"], *(one["action"] for one in document["withheld"]), *document["findings"]]
    return {one["location"].rpartition("/")[2] for one in held}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("--effect delete", {"gone", "kept"}),
        ("--effect create --effect change", {"asset", "new"}),
        ("--system docdb", {"gone", "kept"}),
        ("--system s3 --effect create", {"new"}),
        ("--bucket bucket --reason asset-gone", {"gone", "kept"}),
        ("--status withheld", {"kept"}),
        ("--status planned --effect delete", {"gone"}),
        ("--grep ωMEGA", {"asset"}),
        ("--grep SUBJECT.json", {"asset", "new", "other"}),
        ("--grep max_deletes", {"kept"}),
        ("--grep subject --grep absent-word", set()),
        ("--findings", {"asset", "other"}),
        ("--findings --asset oth*", {"other"}),
        ("--findings --grep äther", {"asset"}),
        ("--findings --grep name-mismatch --bucket bucket", {"asset"}),
        ("--asset s3://bucket/asset/", {"asset"}),
    ],
)
def test_a_plan_is_filtered_by_everything_that_its_page_is(
    indexer: Run, plan_file: Path, filters: str, expected: set[str]
) -> None:
    """JSON has just these; so has every other format."""
    typed = filters.split()
    document = json.loads(indexer("show", "plan.json", "--format", "json", *typed).stdout)
    assert left(document) == expected
    assert "digest" not in document
    for output in ("text", "markdown"):
        done = indexer("show", "plan.json", "--format", output, *typed)
        assert done.returncode == 0, done.stderr
        for name in ("asset", "new", "gone", "kept", "other"):
            assert (f"s3://bucket/{name}" in done.stdout) == (name in expected), (output, name)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("--status stale", ["stale"]),
        ("--status failed --status applied", ["applied", "failed"]),
        ("--effect delete", ["failed"]),
        ("--system s3", ["applied", "stale"]),
        ("--grep DISK full", ["failed"]),
        ("--bucket bucket --action put-object --status stale", ["stale"]),
    ],
)
def test_a_result_too(indexer: Run, result_file: Path, filters: str, expected: list[str]) -> None:
    typed = [word.replace("_", " ") for word in filters.replace("DISK full", "DISK_full").split()]
    told = json.loads(indexer("show", "result.json", "--format", "json", *typed).stdout)
    assert [one["status"] for one in told["outcomes"]] == expected
    assert told["summary"] == dict.fromkeys(expected, 1)
    text = indexer("show", "result.json", *typed).stdout
    assert f"Only what was asked for: {len(expected)} of 3 actions." in text


def test_a_result_alone_can_be_filtered_by_what_came_of_it(indexer: Run, result_file: Path) -> None:
    """For that its plan is not needed."""
    (result_file.parent / "plan.json").unlink()
    told = json.loads(indexer("show", "result.json", "--format", "json", "--status", "stale").stdout)
    assert [one["status"] for one in told["outcomes"]] == ["stale"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--effect delet", "'delet' is not known; did you mean delete? It is one of create, change, delete."),
        ("--system doc", "did you mean docdb? It is one of s3, docdb, codeocean."),
        ("--bucket buckets", "did you mean bucket? It is one of bucket."),
        ("--status failed", "'failed' is not known; one of planned, withheld."),
        ("--reason gone", "one of core-file-missing, core-file-stale,"),
        ("--action delete", "It is one of put-object, copy-object,"),
        ("--findings --reason asset-gone --status planned", "leave out --reason, --status"),
    ],
)
def test_a_wrong_word_lists_the_right_ones(indexer: Run, plan_file: Path, typed: str, said: str) -> None:
    done = indexer("show", "plan.json", *typed.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--status withheld", "'withheld' is not known; one of applied, satisfied, stale, failed, skipped."),
        ("--bucket other", "'other' is not known; one of bucket."),
        ("--findings", "a result has no findings"),
    ],
)
def test_a_word_of_plans_is_wrong_for_a_result(
    indexer: Run, result_file: Path, typed: str, said: str
) -> None:
    done = indexer("show", "result.json", *typed.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())


@pytest.mark.parametrize("output", ["text", "json", "markdown", "html"])
@pytest.mark.parametrize("file", ["plan.json", "result.json"])
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("--asset", "typo*", "--asset", "asset"), "Nothing matches --asset typo*.\n"),
        (("--effect", "delete", "--grep", "zzz yyy"), "Nothing matches --grep zzz or --grep yyy.\n"),
        (("--effect", "delete", "--asset", "new"), "Nothing matches all of these filters at once.\n"),
    ],
)
def test_a_filter_that_nothing_passes_says_so(
    indexer: Run, result_file: Path, file: str, output: str, typed: tuple[str, ...], said: str
) -> None:
    """Whatever the format, and quiet or not; it is no error."""
    done = indexer("show", file, "--format", output, "--quiet", *typed)
    assert (done.returncode, done.stderr) == (0, said)


def test_both_plans_of_a_comparison_are_filtered(indexer: Run, plan_file: Path) -> None:
    """A word that one of them has something for is not in vain."""
    (plan_file.parent / "older.json").write_text(plan_text(plan_of([put()])), encoding="utf-8")
    done = indexer("show", "plan.json", "--against", "older.json", "--format", "json", "--effect", "delete")
    assert (len(json.loads(done.stdout)["new"]), done.stderr) == (2, "")


def test_a_plan_without_findings_says_so(indexer: Run, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(plan_text(plan_of([put()])), encoding="utf-8")
    assert indexer("show", "plan.json", "--findings").stderr == "Nothing matches --findings.\n"


def test_findings_that_are_only_counted_stay_counted() -> None:
    """With nothing but findings asked for, none of them is left out."""
    plan = plan_of([put()], FOUND)
    counts = {**plan.summary.findings, "raw-unregistered": 7}
    plan = plan.model_copy(update={"summary": plan.summary.model_copy(update={"findings": counts})})
    assert select_plan(plan, Selection(findings=True)).summary.findings == counts
