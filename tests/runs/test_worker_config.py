"""A worker of a cluster reads its own configuration, and it must be the command's."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from indexer.disk import DiskFolder
from indexer.errors import UsageError
from indexer.runs.carry_out import Work
from indexer.runs.clock import now
from indexer.runs.config_file import load_config
from indexer.runs.worker_config import WorkerConfig

SETTINGS = """
buckets = ["bucket-one"]
[docdb]
uri = "mongodb://somebody:hunter2@docdb.example.org"
[docdb.v1]
[codeocean]
domain = "https://codeocean.example.org"
token = "cop_secret"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration with secrets in it."""
    path = tmp_path / "indexer.toml"
    path.write_text(SETTINGS, encoding="utf-8")
    return path


def test_no_secret_travels(file: Path) -> None:
    """What is sent says where the configuration is; the worker has all of it."""
    config = load_config(file)
    sent = pickle.dumps(WorkerConfig.like(config))
    assert str(file).encode() in sent
    for secret in (b"hunter2", b"somebody", b"cop_secret", b"docdb.example.org"):
        assert secret not in sent
    received: WorkerConfig = pickle.loads(sent)
    assert received.load() == config


def test_a_run_travels_to_its_workers(tmp_path: Path) -> None:
    """With its folder, into which the worker writes beside the command."""
    work = Work(
        folder=DiskFolder(tmp_path),
        run_id="run",
        plan_id="plan",
        archive="archive",
        generations=("v1",),
        originals_folder="original_metadata",
        kept_in_step=frozenset(),
        parallel=1,
        clock=now,
    )
    work.folder.write("journal.jsonl", b"ours\n")
    received: Work = pickle.loads(pickle.dumps(work))
    received.folder.write("journal.shard-1.jsonl", b"theirs\n")
    assert list(work.folder.names()) == ["journal.jsonl", "journal.shard-1.jsonl"]


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("docdb.example.org", "staging.example.org"),
        ("hunter2", "hunter3"),
        ("cop_secret", "cop_other"),
        ("bucket-one", "bucket-two"),
    ],
)
def test_another_configuration_is_refused(file: Path, here: str, there: str) -> None:
    """Whatever differs, a secret too; the words tell none."""
    sent = WorkerConfig.like(load_config(file))
    file.write_text(SETTINGS.replace(here, there), encoding="utf-8")
    with pytest.raises(UsageError, match="another configuration") as caught:
        sent.load()
    assert "hunter" not in str(caught.value)


def test_a_worker_without_one_says_what_is_missing(file: Path) -> None:
    """And that it is a worker who misses it."""
    sent = WorkerConfig.like(load_config(file))
    file.unlink()
    with pytest.raises(UsageError, match="worker of the cluster has no configuration"):
        sent.load()


def test_a_relative_path_is_found_from_anywhere(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker works in a folder of its own."""
    monkeypatch.chdir(file.parent)
    assert WorkerConfig.like(load_config("indexer.toml")).source == str(file)
