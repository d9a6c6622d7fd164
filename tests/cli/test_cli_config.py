"""`indexer config`: what is in force, and what becomes of the predecessor's settings."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from shared.commands import Run
from shared.patience import PATIENCE_S

OLD = {
    "s3_buckets": ["aind-open-data"],
    "lookback_days": 14,
    "doc_db_host": "docdb.example.org",
    "doc_db_port": 27018,
    "doc_db_user_name": "hush-user",
    "doc_db_password": "hush-password",
    "codeocean_domain": "https://codeocean.example.org",
    "codeocean_token": "hush-token",
    "n_partitions": 20,
    "\x1b[2J": 1,
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The predecessor's settings, secrets and all."""
    file = tmp_path / "old.json"
    file.write_text(json.dumps(OLD), encoding="utf-8")
    return file


def test_what_is_printed_is_a_configuration(indexer: Run, old: Path, tmp_path: Path) -> None:
    """With the secrets where the notes say, `config show` reads it back."""
    migrated = indexer("config", "migrate", "old.json")
    assert migrated.returncode == 0, migrated.stderr
    (tmp_path / "indexer.toml").write_text(migrated.stdout, encoding="utf-8")
    uri = "mongodb://me:pass-word@docdb.example.org:27018"
    shown = indexer("config", "show", INDEXER_DOCDB__URI=uri, INDEXER_CODEOCEAN__TOKEN="t0ken")
    assert (shown.returncode, shown.stderr) == (0, "")
    document = tomllib.loads(shown.stdout)
    assert document["buckets"] == ["aind-open-data"]
    assert document["lookback_days"] == 14
    assert document["codeocean"]["domain"] == "https://codeocean.example.org"
    assert document["policy"]["max_deletes"] == 100
    assert document["docdb"]["uri"] == "mongodb://***@docdb.example.org:27018"
    assert document["codeocean"]["token"] == "***"
    assert "pass-word" not in shown.stdout
    assert "t0ken" not in shown.stdout


def test_what_is_shown_says_where_it_comes_from(indexer: Run, tmp_path: Path) -> None:
    """A file, a variable (one of a whole table, too), or the default."""
    (tmp_path / "indexer.toml").write_text(
        'buckets = ["bucket"]\n[docdb]\nuri = "mongodb://127.0.0.1"\n[docdb.v1]\n[docdb.v2]\n',
        encoding="utf-8",
    )
    shown = indexer(
        "config",
        "show",
        INDEXER_LOOKBACK_DAYS="14",
        INDEXER_POLICY='{"max_deletes": 3}',
        INDEXER_POLICY__MODE="",
    )
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    for line in (
        'buckets = ["bucket"] # indexer.toml',
        "lookback_days = 14 # INDEXER_LOOKBACK_DAYS",
        'uri = "mongodb://127.0.0.1:27017" # indexer.toml',
        'database = "metadata_index_v2" # default',
        "max_deletes = 3 # INDEXER_POLICY",
        'mode = "sync" # default',
    ):
        assert line in lines


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("mongodb://me:pa%40ss@one:1,two:2/?tlsCertificateKeyFilePassword=hush", "mongodb://***@one:1,two:2"),
        ("mongodb://me:hu/sh@one:1", "***"),
        ("mongodb://me:hu@sh@one:1", "***"),
        ("mongodb+srv://me:hush@cluster.example.org/", "***"),
    ],
)
def test_of_a_uri_only_the_hosts_are_shown(indexer: Run, tmp_path: Path, uri: str, shown: str) -> None:
    """Where they cannot be told from a password that was not encoded, nothing is."""
    (tmp_path / "indexer.toml").write_text('buckets = ["bucket"]\n[docdb.v1]\n', encoding="utf-8")
    done = indexer("config", "show", INDEXER_DOCDB__URI=uri)
    assert tomllib.loads(done.stdout)["docdb"]["uri"] == shown, done.stderr
    assert "hush" not in done.stdout


def test_notes_go_to_stderr_and_secrets_nowhere(indexer: Run, old: Path) -> None:
    """One line for each key that has no place, safe on a terminal; as JSON for programs."""
    text, lines = (indexer("config", "migrate", "old.json", *more) for more in ((), ("--log-format", "json")))
    for key in ("doc_db_user_name", "doc_db_password", "codeocean_token", "n_partitions"):
        assert f"\n{key}: " in f"\n{text.stderr}"
    assert "INDEXER_DOCDB__URI" in text.stderr
    assert "INDEXER_CODEOCEAN__TOKEN" in text.stderr
    assert "\x1b" not in text.stderr
    told = [json.loads(line) for line in lines.stderr.splitlines()]
    assert {"\x1b[2J", "n_partitions"} <= {one["key"] for one in told}
    assert lines.stdout == text.stdout
    assert "hush" not in text.stdout + text.stderr + lines.stderr


def test_stdin_is_read_too(old: Path, variables: dict[str, str]) -> None:
    """As a file is."""
    command = [sys.executable, "-m", "indexer", "config", "migrate", "-", "--quiet"]
    for body, status in ((old.read_bytes(), 0), (b"\xff", 2), (b"", 2)):
        done = subprocess.run(
            command, input=body, env=variables, capture_output=True, timeout=PATIENCE_S, check=False
        )
        assert done.returncode == status
        assert (b"aind-open-data" in done.stdout) is (status == 0)
        assert (b"Error: The settings are no" in done.stderr) is (status == 2)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("none.json", "No such file"),
        ("old.toml", "not JSON"),
        ("list.json", "not a JSON object"),
        (".", "directory"),
    ],
)
def test_what_cannot_be_migrated(indexer: Run, tmp_path: Path, name: str, says: str) -> None:
    """Two lines, and nothing on stdout."""
    (tmp_path / "old.toml").write_text("buckets = ['hush']")
    (tmp_path / "list.json").write_text("[1]")
    done = indexer("config", "migrate", name)
    assert (done.returncode, done.stdout) == (2, "")
    first, hint = done.stderr.splitlines()
    assert says in first
    assert name in first
    assert hint.startswith("→ ")
    assert "hush" not in done.stderr


def test_the_predecessors_settings_are_no_configuration(indexer: Run, old: Path) -> None:
    """Whoever tries is told what to type."""
    done = indexer("plan", "--all", "--config", "old.json")
    assert done.returncode == 2
    assert "indexer config migrate old.json" in done.stderr
    assert "hush" not in done.stderr


def test_a_group_without_a_command_is_wrong_usage(indexer: Run) -> None:
    """As the command itself is."""
    done = indexer("config")
    assert (done.returncode, done.stdout) == (2, "")
    assert "migrate" in done.stderr
