"""No file of ours is written among what is kept in step, or over what a run left behind: whoever writes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from workbench import BUCKET, Workbench, working_at

from indexer import IndexerError, apply, load_config, load_plan, save_plan
from indexer_sandbox.stack import MANAGED_BUCKETS, RESULTS_BUCKET

RUNS = "indexer-runs"
MANAGED = (
    f"s3://{BUCKET}/asset/metadata.nd.json",
    f"s3://{BUCKET}/asset/plan.json",
    f"s3://{MANAGED_BUCKETS[-1]}/asset/subject.json",
    f"s3://{RESULTS_BUCKET}/plan.json",
)
RUN_HERE = ("run/journal.jsonl", "run/result.json", "run/plan.json", "run/../run/plan.json", "link.jsonl")
NEW_HERE = ("journal.jsonl", "result.json", "run.lock", "journal.shard-000001.jsonl", "run.pulse-1")
RUN_THERE = tuple(f"s3://{RUNS}/run/{name}" for name in ("journal.jsonl", "result.json", "plan.json"))


@pytest.fixture
def bench(workbench: Workbench) -> Workbench:
    """A finished run in a folder and one in S3, and drift for another."""
    return after_two_runs(workbench)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """The same, for all tests in which nothing is ever written."""
    with working_at(tmp_path_factory.mktemp("untouched")) as workbench:
        yield after_two_runs(workbench)


def after_two_runs(workbench: Workbench) -> Workbench:
    """One in a folder and one in S3, and drift for a third."""
    workbench.sandbox.s3.create_bucket(RUNS)
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    for results in ("run", f"s3://{RUNS}/run"):
        workbench.put("asset/subject.json", b"{}")
        workbench.plan()
        done = workbench.run("apply", "plan.json", "--results", results)
        assert done.returncode == 0, done.stderr
    workbench.put("asset/subject.json", b"{}")
    workbench.plan()
    (workbench.folder / "link.jsonl").symlink_to(workbench.folder / "run" / "journal.jsonl")
    return workbench


def everything(bench: Workbench) -> dict[str, bytes]:
    """Every byte in the run's folder and in every bucket."""
    here = {str(path): path.read_bytes() for path in bench.folder.rglob("run/**/*") if path.is_file()}
    buckets = (*MANAGED_BUCKETS, RESULTS_BUCKET, RUNS)
    objects = bench.sandbox.s3.objects
    return here | {f"{name}/{key}": body for name in buckets for key, body in objects(name).items()}


def image_of(bench: Workbench) -> str:
    return str(next(bench.folder.glob("run/archive/*")).relative_to(bench.folder))


@pytest.mark.parametrize(
    ("command", "places"),
    [
        (("plan", "--bucket", BUCKET, "--out"), (*MANAGED, *RUN_HERE[:4], *NEW_HERE, *RUN_THERE)),
        (("undo", "run", "--out"), (*MANAGED, *RUN_HERE[:4], *NEW_HERE, *RUN_THERE)),
        (("plan", "--bucket", BUCKET, "--out", "other.json", "--events"), (*RUN_HERE, *NEW_HERE)),
        (("apply", "plan.json", "--events"), (*RUN_HERE, *NEW_HERE)),
        (("drift", "--plan", "plan.json", "--summary"), (*RUN_HERE, *NEW_HERE)),
        (("apply", "plan.json", "--results"), MANAGED),
        (("apply", "plan.json", "--archive"), MANAGED),
    ],
    ids=["plan", "undo", "plan-events", "apply-events", "drift-summary", "apply-results", "apply-archive"],
)
def test_no_command_writes_there(
    untouched: Workbench, command: tuple[str, ...], places: tuple[str, ...]
) -> None:
    """Exit status 2, and every byte is as it was."""
    bench = untouched
    image = (image_of(bench),) if "--results" not in command and "--archive" not in command else ()
    before = everything(bench)
    for place in (*places, *image):
        done = bench.run(*command, place)
        assert done.returncode == 2, (place, done.returncode, done.stderr)
        assert everything(bench) == before, place
    assert not [name for name in NEW_HERE if (bench.folder / name).exists()]


def test_undo_knows_the_buckets_without_a_configuration(bench: Workbench, tmp_path: Path) -> None:
    """The plan that the run left names every bucket that was configured, planned or not."""
    (bench.folder / "indexer.toml").rename(tmp_path / "away.toml")
    before = everything(bench)
    for place in MANAGED:
        done = bench.run("undo", "run", "--out", place)
        assert done.returncode == 2, (place, done.stderr)
    assert everything(bench) == before
    done = bench.run("undo", "run", "--out", "back.json")
    assert done.returncode == 0, done.stderr


def test_undo_keeps_out_of_what_is_configured_here_by_now(bench: Workbench) -> None:
    """Though it was not when the plan was made."""
    text = (bench.folder / "indexer.toml").read_text(encoding="utf-8")
    more = text.replace("buckets = [", f'buckets = ["{RUNS}", ')
    (bench.folder / "more.toml").write_text(more, encoding="utf-8")
    done = bench.run("undo", "run", "--out", f"s3://{RUNS}/back.json", "--config", "more.toml")
    assert done.returncode == 2, done.stderr
    done = bench.run("undo", "run", "--out", f"s3://{RUNS}/back.json")
    assert done.returncode == 0, done.stderr


def test_a_plan_may_lie_in_a_run_folder_under_another_name(bench: Workbench) -> None:
    """And be written again there: it is nobody's but the user's."""
    for _ in range(2):
        for place in ("run/back.json", f"s3://{RUNS}/run/back.json"):
            done = bench.run("undo", "run", "--out", place)
            assert done.returncode == 0, done.stderr


def test_the_python_api_writes_there_neither(untouched: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It raises in words, before anything is read or written."""
    bench = untouched
    for name in [name for name in os.environ if name.startswith(("INDEXER", "AWS_"))]:
        monkeypatch.delenv(name)
    for name, value in bench.sandbox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(bench.folder)
    config, plan = load_config(), load_plan("plan.json").plan
    before = everything(bench)
    writers: list[tuple[Callable[[str], object], tuple[str, ...]]] = [
        (lambda place: save_plan(plan, place), (*MANAGED, *RUN_HERE[:4], *NEW_HERE, *RUN_THERE)),
        (lambda place: apply(plan, config, results=place), MANAGED),
        (lambda place: apply(plan, config, archive=place), MANAGED),
    ]
    for write, places in writers:
        for place in places:
            with pytest.raises(IndexerError, match=r"kept in step|belongs to a run"):
                write(place)
    assert everything(bench) == before


@pytest.mark.parametrize("results", [".", f"s3://{RUNS}/plans"])
def test_a_run_does_not_replace_another_plan(bench: Workbench, results: str) -> None:
    """Where a plan lies that waits to be reviewed, no other one's run is kept."""
    (bench.folder / "mine.json").write_bytes((bench.folder / "plan.json").read_bytes())
    for place in ("plan.json", f"s3://{RUNS}/plans/plan.json"):
        done = bench.run("plan", "--bucket", BUCKET, "--out", place)
        assert done.returncode == 0, done.stderr
    before = everything(bench), (bench.folder / "plan.json").read_bytes()
    done = bench.run("apply", "mine.json", "--results", results)
    assert done.returncode == 2, done.stderr
    assert "The results folder is taken" in done.stderr
    assert (everything(bench), (bench.folder / "plan.json").read_bytes()) == before
