"""The predecessor's settings become a configuration that our own parser takes, and no secret comes along."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.config import Config
from indexer.errors import UsageError
from indexer.runs.config_file import load_config
from indexer.runs.predecessor import HANDLERS, NOTES, PLACES, migrated, read_settings
from shared.depth import examples

MARK = "hush"
BUCKETS_JOB = {
    "s3_buckets": ["aind-open-data", "aind-private-data"],
    "n_partitions": 20,
    "lookback_days": 14,
    "copy_original_md_subdir": "first_uploads/",
    "doc_db_host": "docdb.example.org",
    "doc_db_port": 27018,
    "doc_db_user_name": "hush-user",
    "doc_db_password": "hush-password",
    "doc_db_db_name": "metadata_index",
    "doc_db_collection_name": "assets",
    "run_docdb_sync": True,
    "run_s3_sync": True,
}
CODEOCEAN_JOB = {
    "s3_bucket": "codeocean-results",
    "doc_db_host": "docdb.example.org",
    "doc_db_port": 27018,
    "doc_db_db_name": "metadata_index",
    "doc_db_collection_name": "assets",
    "codeocean_domain": "https://codeocean.example.org",
    "codeocean_token": "hush-token",
    "temp_codeocean_endpoint": None,
    "run_co_sync": True,
}
SECRETS = ("doc_db_password", "doc_db_user_name", "codeocean_token")
JOBS = {"buckets.json": BUCKETS_JOB, "codeocean.json": CODEOCEAN_JOB}


def parsed(document: dict[str, Any], folder: Path) -> Config:
    """Written as `config migrate` prints it, and read as `--config` reads it."""
    file = folder / "indexer.toml"
    file.write_text(tomlkit.dumps(document), encoding="utf-8")
    return load_config(file)


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the notes ask for."""
    monkeypatch.setenv("INDEXER_DOCDB__URI", "mongodb://me:secret@docdb.example.org:27018")
    monkeypatch.setenv("INDEXER_CODEOCEAN__TOKEN", "token")


@pytest.mark.usefixtures("credentials")
def test_both_jobs_become_one_configuration(tmp_path: Path) -> None:
    """The managed buckets of the one, the results bucket of the other."""
    config = parsed(migrated(JOBS).document, tmp_path)
    assert config.buckets == ("aind-open-data", "aind-private-data")
    assert config.lookback_days == 14
    assert config.s3.originals_folder == "first_uploads"
    assert (config.docdb.v1.database, config.docdb.v1.collection) == ("metadata_index", "assets")
    assert config.docdb.v1.sync_to_s3
    assert config.results_bucket == "codeocean-results"
    assert config.codeocean is not None
    assert config.codeocean.domain == "https://codeocean.example.org"


def test_secrets_are_named_and_never_come_along() -> None:
    """Neither in the configuration nor in a note, and the note says where each may be kept."""
    result = migrated(JOBS)
    assert MARK not in json.dumps(result.document)
    notes = [str(one) for one in result.notes]
    assert not [one for one in notes if MARK in one]
    for key in SECRETS:
        (note,) = (one for one in notes if f" {key}: " in one)
        assert "INDEXER_" in note
        assert ".secret" in note
    assert result.document["docdb"]["uri"] == "mongodb://docdb.example.org:27018/?retryWrites=false"


def test_named_secrets_stay_named(tmp_path: Path) -> None:
    """What is in them is not asked for a second time."""
    jobs = {
        "a": {
            "s3_buckets": "aind-open-data",
            "doc_db_secret_name": "/aind/docdb",
            "doc_db_host": "old",
            "doc_db_port": 1,
        },
        "b": {"s3_bucket": "results", "codeocean_secret_name": "/aind/codeocean", "doc_db_host": "gateway"},
    }
    result = migrated(jobs)
    config = parsed(result.document, tmp_path)
    assert config.docdb.secret == "/aind/docdb"
    assert config.codeocean is not None
    assert config.codeocean.secret == "/aind/codeocean"
    assert "still" not in " ".join(map(str, result.notes))


@pytest.mark.parametrize(
    ("job", "table", "key", "value"),
    [
        ({"s3_bucket": "one-bucket"}, "", "buckets", ["one-bucket"]),
        ({"s3_buckets": "one-bucket"}, "", "buckets", ["one-bucket"]),
        ({"s3_bucket": ["one-bucket", "two-bucket"]}, "", "buckets", ["one-bucket", "two-bucket"]),
        ({"s3_buckets": ["one-bucket", "one-bucket"]}, "", "buckets", ["one-bucket"]),
        ({"s3_bucket": None, "s3_buckets": ["two-bucket"]}, "", "buckets", ["two-bucket"]),
        ({"s3_bucket": "its", "run_co_sync": True}, "codeocean", "results_bucket", "its"),
        (
            {"s3_bucket": "ours", "run_s3_sync": True, "codeocean_domain": "https://c.org"},
            "",
            "buckets",
            ["ours"],
        ),
        ({"codeocean_domain": "c.org"}, "codeocean", "domain", "https://c.org"),
        ({"lookback_days": "14"}, "", "lookback_days", 14),
        ({"doc_db_host": "h"}, "docdb", "uri", "mongodb://h:27017/?retryWrites=false"),
    ],
)
def test_where_a_setting_goes(job: dict[str, Any], table: str, key: str, value: Any) -> None:
    """Its place and its form here."""
    document = migrated({"-": job}).document
    assert (document[table] if table else document)[key] == value


def test_a_results_bucket_is_never_managed() -> None:
    """Code Ocean's job knows it by the managed buckets' name: it would be written to."""
    jobs = {"a": {"s3_buckets": ["open", "results"]}, "b": {"s3_bucket": "results", "codeocean_token": "x"}}
    document = migrated(jobs).document
    assert document["buckets"] == ["open"]
    assert document["codeocean"]["results_bucket"] == "results"


@pytest.mark.parametrize("key", ["run_docdb_sync", "run_s3_sync", "run_co_sync"])
@pytest.mark.parametrize("on", [True, False])
def test_switches(key: str, on: bool) -> None:
    """On means nothing; off has its own words, and a place where there is one."""
    result = migrated({"-": {"s3_buckets": ["open"], "codeocean_domain": "https://c.org", key: on}})
    (note,) = (one.says for one in result.notes if one.key == key)
    assert ("nothing any more" in note) is on
    assert ("codeocean" in result.document) is (on or key != "run_co_sync")
    written = result.document.get("docdb", {}).get("v1", {}).get("sync_to_s3")
    assert written is (False if (key, on) == ("run_docdb_sync", False) else None)


def test_every_key_that_is_not_taken_has_a_note() -> None:
    """Unknown, of another type, or in the way of what another job says."""
    jobs = {
        "a": {
            "s3_buckets": ["open"],
            "lookback_days": 14,
            "doc_db_ssh_host": MARK,
            "\x1b[2J": 1,
            "n_partitions": 2,
        },
        "b": {"lookback_days": MARK, "s3_bucket": 5, "doc_db_host": f"{MARK}@x", "doc_db_db_name": ["x"]},
        "c": {"lookback_days": 7, "doc_db_port": 1, "run_s3_sync": None},
    }
    result = migrated(jobs)
    told = {one.key for one in result.notes}
    assert {
        "a: doc_db_ssh_host",
        "a: \x1b[2J",
        "a: n_partitions",
        "b: lookback_days",
        "b: s3_bucket",
        "b: doc_db_host",
        "b: doc_db_db_name",
        "c: lookback_days",
        "c: doc_db_port",
    } <= told
    v1 = {"database": "metadata_index"}
    assert result.document == {"buckets": ["open"], "lookback_days": 14, "docdb": {"v1": v1}}
    assert MARK not in " ".join(map(str, result.notes))


GIVEN: dict[str, Any] = {
    "buckets": ["given-by-hand"],
    "docdb.uri": "mongodb://given",
    "codeocean.token": "given",
    "codeocean.domain": "https://given.example.org",
}
KEYS = sorted({*PLACES, *HANDLERS, *NOTES})
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
GOOD = st.sampled_from(
    ["open-data", "h.example.org", "https://c.example.org", "a/b", "mongodb://h", ["x-y", "z-z"]]
)
VALUES = GOOD | st.recursive(
    LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(), one), max_leaves=5
)
ANY_JOB = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=12), VALUES, max_size=12)


@settings(
    max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(jobs=st.lists(ANY_JOB, min_size=1, max_size=3))
def test_whatever_the_settings_hold_our_parser_takes_what_comes_of_them(
    jobs: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Once what the notes call missing is given, and nothing else."""
    result = migrated({f"job {number}": one for number, one in enumerate(jobs)})
    missing = {one.key for one in result.notes if one.says.startswith("still to be given")}
    document = json.loads(json.dumps(result.document))
    for path in missing:
        table, _, key = path.rpartition(".")
        (document.setdefault(table, {}) if table else document)[key] = GIVEN[path]
    config = parsed(document, tmp_path)
    assert list(config.buckets) == document["buckets"]
    assert config.results_bucket == document.get("codeocean", {}).get("results_bucket")


@pytest.mark.parametrize(
    "text", ["", "x = 1", "[]", "5", "null", "{", '{"doc_db_password": "hush', "[" * 100_000]
)
def test_what_are_no_settings_is_said_and_not_quoted(text: str) -> None:
    """Not JSON, or no object."""
    with pytest.raises(UsageError) as raised:
        read_settings(text, "settings.json")
    assert "settings.json" in raised.value.detail
    assert MARK not in str(raised.value)
    assert raised.value.hint
