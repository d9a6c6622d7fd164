"""`indexer show` on files: forms, filters, and a reader who leaves early."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.runs.files import plan_text
from indexer.runs.loading import load_plan
from shared.commands import Run
from shared.patience import PATIENCE_S
from shared.rendered import delete, plan_of, put, result_of


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    """A plan that changes one asset and deletes another one's record."""
    file = tmp_path / "plan.json"
    file.write_text(plan_text(plan_of([put(), delete()])), encoding="utf-8")
    return file


def test_json_of_a_whole_plan_is_the_file(indexer: Run, plan_file: Path) -> None:
    """Byte for byte."""
    assert indexer("show", "plan.json", "--format", "json").stdout == plan_file.read_text(encoding="utf-8")


def test_part_of_a_plan_cannot_be_applied(indexer: Run, plan_file: Path, configured: Path) -> None:
    """It was never reviewed as a plan: it carries no digest."""
    part = indexer("show", "plan.json", "--format", "json", "--action", "delete-record").stdout
    assert [action["kind"] for action in json.loads(part)["actions"]] == ["delete-record"]
    plan_file.write_text(part, encoding="utf-8")
    assert indexer("apply", "plan.json").returncode == 5


@pytest.mark.parametrize(
    ("filters", "shown", "hidden"),
    [
        (("--asset", "ass*"), "s3://bucket/asset", "s3://bucket/gone"),
        (("--reason", "asset-gone"), "s3://bucket/gone", "s3://bucket/asset"),
        (("--action", "put-object"), "s3://bucket/asset", "s3://bucket/gone"),
    ],
)
def test_filters(indexer: Run, plan_file: Path, filters: tuple[str, str], shown: str, hidden: str) -> None:
    """What was not asked for is not shown, and it is said that there is more."""
    text = indexer("show", "plan.json", *filters).stdout
    assert shown in text
    assert hidden not in text
    assert "1 of 2 actions" in text


@pytest.mark.parametrize("output", ["text", "markdown", "html"])
def test_filters_that_nothing_passes_are_no_all_clear(indexer: Run, plan_file: Path, output: str) -> None:
    """It never says of a plan with actions that there is no drift."""
    text = indexer("show", "plan.json", "--asset", "typo*", "--format", output).stdout
    assert "None of its 2 actions was asked for." in text
    assert "Nothing to do" not in text


def test_a_result_is_not_taken_for_a_damaged_plan(indexer: Run, tmp_path: Path, configured: Path) -> None:
    (tmp_path / "result.json").write_text(result_of().model_dump_json(), encoding="utf-8")
    for typed in (("apply", "result.json"), ("drift", "--plan", "result.json")):
        done = indexer(*typed)
        assert (done.returncode, "It is a result" in done.stderr) == (5, True)


def test_markdown(indexer: Run, plan_file: Path) -> None:
    """A table and a diff."""
    text = indexer("show", "plan.json", "--format", "markdown").stdout
    assert "| bucket | reason |" in text
    assert "diff\n" in text


def test_result_with_its_plan_beside_it(indexer: Run, tmp_path: Path, plan_file: Path) -> None:
    """Outcomes name actions by id; the plan that `apply` left there says what they were."""
    plan, digest, *_ = load_plan(plan_file)
    result = result_of((plan.actions[0], "stale", "the file was changed since the plan"))
    file = tmp_path / "result.json"
    file.write_text(result.model_copy(update={"plan_digest": digest}).model_dump_json(), encoding="utf-8")
    text = indexer("show", "result.json").stdout
    assert "put-object s3://bucket/asset subject.json" in text
    assert "the file was changed since the plan" in text


def test_filters_on_a_result_need_its_plan(indexer: Run, tmp_path: Path) -> None:
    """A clear word rather than an empty answer."""
    (tmp_path / "result.json").write_text(result_of((put(), "applied", "")).model_dump_json())
    assert indexer("show", "result.json").returncode == 0
    finished = indexer("show", "result.json", "--action", "put-object")
    assert finished.returncode == 2
    assert "plan" in finished.stderr


def test_reader_who_leaves_early_is_no_error(tmp_path: Path, variables: dict[str, str]) -> None:
    """`indexer show plan.json | head -1` says nothing on stderr."""
    actions = [put(f"asset-{number:05}") for number in range(3000)]
    (tmp_path / "plan.json").write_text(plan_text(plan_of(actions)), encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "indexer", "show", "plan.json"],
        cwd=tmp_path,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE_S) == 141


def test_quiet_leaves_the_data(indexer: Run, plan_file: Path) -> None:
    """--quiet is about talk."""
    finished = indexer("show", "plan.json", "--quiet")
    assert "s3://bucket/asset" in finished.stdout
    assert finished.stderr == ""


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ("text", "1 new action, 0 gone"),
        ("markdown", "| core-file-stale | 1 |"),
        ("html", "1 new action, 0 gone, 1 still there."),
    ],
)
def test_a_plan_against_an_older_one(indexer: Run, plan_file: Path, output: str, shown: str) -> None:
    """What is new, gone, still there."""
    (plan_file.parent / "older.json").write_text(plan_text(plan_of([delete()])), encoding="utf-8")
    done = indexer("show", "plan.json", "--against", "older.json", "--format", output)
    assert (done.returncode, done.stderr) == (0, "")
    assert shown in done.stdout


def test_a_comparison_for_programs_and_its_limits(indexer: Run, plan_file: Path) -> None:
    """JSON holds all of it; filters go for both plans; a result is no plan."""
    (plan_file.parent / "older.json").write_text(plan_text(plan_of([delete()])), encoding="utf-8")
    (plan_file.parent / "result.json").write_text(
        result_of((put(), "applied", "")).model_dump_json(), encoding="utf-8"
    )
    against = ("show", "plan.json", "--against")
    found = json.loads(indexer(*against, "older.json", "--format", "json").stdout)
    assert [len(found[name]) for name in ("new", "altered", "gone", "still")] == [1, 0, 0, 1]
    found = json.loads(indexer(*against, "older.json", "--format", "json", "--asset", "gone").stdout)
    assert [len(found[name]) for name in ("new", "altered", "gone", "still")] == [0, 0, 0, 1]
    assert indexer(*against, "result.json").returncode == 2


def test_what_is_gone_is_listed_where_it_is_asked_for(indexer: Run, plan_file: Path) -> None:
    """Else counted, as text; a page lists it either way. Without an older plan nothing is gone."""
    (plan_file.parent / "older.json").write_text(plan_text(plan_of([put("past")])), encoding="utf-8")
    against = ("show", "plan.json", "--against", "older.json")
    assert "s3://bucket/past" not in (counted := indexer(*against).stdout)
    assert "listed by `indexer show plan.json --against older.json --gone`" in counted
    assert "s3://bucket/past" in indexer(*against, "--gone").stdout
    assert "s3://bucket/past" in indexer(*against, "--format", "markdown").stdout
    refused = indexer("show", "plan.json", "--gone")
    assert (refused.returncode, refused.stdout) == (2, "")
