"""Whatever setting is a secret, by its type alone: it is hidden, shown nowhere, in no digest, and no worker may have another."""

from __future__ import annotations

import json
from typing import Any

import pytest

from indexer.config import Config, secret_paths, setting_paths
from indexer.errors import UsageError
from indexer.masking import MASK, masked
from indexer.runs.config_file import load_config, secrets_in
from indexer.runs.config_shown import shown_settings
from indexer.runs.worker_config import WorkerConfig

SECRETS = tuple(secret_paths())


def document(changed: tuple[str, ...] = ()) -> dict[str, Any]:
    """A configuration with every secret that there is; one of them changed."""
    held: dict[str, Any] = {
        "buckets": ["bucket-one"],
        "docdb": {"v1": {}},
        "codeocean": {"domain": "https://codeocean.example.org"},
    }
    for path in SECRETS:
        table = held
        for name in path[:-1]:
            table = table[name]
        words = f"hunter-{'other' if path == changed else 'one'}-{'-'.join(path)}"
        table[path[-1]] = f"mongodb://somebody:{words}@docdb.example.org" if path[-1] == "uri" else words
    return held


def words_of(path: tuple[str, ...]) -> str:
    return f"hunter-one-{'-'.join(path)}"


def test_settings_that_hold_a_secret_are_told_from_those_that_name_one() -> None:
    assert set(SECRETS) == {("docdb", "uri"), ("codeocean", "token")}
    assert ("docdb", "secret") in set(setting_paths())


@pytest.mark.parametrize("path", SECRETS, ids=".".join)
def test_the_digest_is_that_of_the_configuration_with_another_secret(path: tuple[str, ...]) -> None:
    assert Config(**document()).sha256 == Config(**document(path)).sha256


@pytest.mark.parametrize("path", SECRETS, ids=".".join)
def test_it_is_not_shown(path: tuple[str, ...]) -> None:
    shown = {at: value for at, value, _ in shown_settings(Config(**document()), None)}
    assert words_of(path) not in str(shown)
    assert MASK in shown[path]


@pytest.mark.parametrize("path", SECRETS, ids=".".join)
def test_it_is_said_where_it_stands_in_a_file(path: tuple[str, ...]) -> None:
    assert ".".join(path) in set(secrets_in(document()))


@pytest.mark.parametrize("path", SECRETS, ids=".".join)
def test_it_is_hidden_wherever_it_comes_from(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    held: Any = document()
    for name in path:
        held = held[name]
    monkeypatch.setenv("INDEXER_" + "__".join(path).upper(), held)
    with pytest.raises(UsageError):
        load_config()  # the rest is missing: it is hidden all the same
    assert masked(f"said {words_of(path)}") == f"said {MASK}"


@pytest.mark.parametrize("path", SECRETS, ids=".".join)
def test_a_worker_with_another_one_is_refused(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    sent = WorkerConfig.like(Config(**document()))
    for name, value in document(path).items():
        monkeypatch.setenv(f"INDEXER_{name.upper()}", json.dumps(value))
    with pytest.raises(UsageError, match="another configuration"):
        sent.load()
