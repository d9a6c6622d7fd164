"""Every word that a plan or a configuration may hold is described, and none that does not exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
from pages import fenced, read, rows, section
from pydantic import BaseModel, SecretStr, ValidationError

from indexer.config import Config
from indexer.model.check import CHECK_NAMES, CHECK_STATUSES
from indexer.model.content import (
    Absent,
    AsRead,
    Content,
    FieldContent,
    HasBytes,
    HasEtag,
    Mounted,
    NotMounted,
)
from indexer.model.findings import FINDINGS
from indexer.model.kinds import KINDS
from indexer.model.outcome import Status
from indexer.model.reasons import REASONS
from indexer.model.settings import PolicyMode
from indexer.runs.config_file import load_config

PLAN_FORMAT = read("docs/plan-format.md")
CONFIGURATION = read("docs/configuration.md")
PRECONDITIONS = (Absent, HasEtag, HasBytes, AsRead, Mounted, NotMounted)
MINIMAL = {
    "buckets": ["aind-open-data"],
    "docdb": {"uri": "mongodb://127.0.0.1", "v1": {}, "v2": {}},
    "codeocean": {"domain": "https://codeocean.example.org", "token": "secret"},
    "approvals": {"people": {"ada": ["a key"], "bob": ["another"]}},
}


def _kinds(model: type[BaseModel], field: str) -> set[str]:
    """The kinds that a field's value may be of."""
    annotation: Any = model.model_fields[field].annotation
    return {one.model_fields["kind"].default for one in get_args(annotation)}


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Content", sorted(_kinds(Content, "source") | _kinds(FieldContent, "source"))),
        ("Reasons", REASONS),
        ("Kinds", KINDS),
        ("Findings", FINDINGS),
        ("Preconditions", tuple(one.model_fields["kind"].default for one in PRECONDITIONS)),
        (
            "Withheld",
            (*(mode for mode in get_args(PolicyMode) if mode != "sync"), "max_deletes", "max_delete_percent"),
        ),
    ],
)
def test_every_word_of_a_plan_has_one_row(title: str, words: tuple[str, ...]) -> None:
    described = [row[0] for row in rows(_own_tables(title))]
    assert sorted(described) == sorted(words)


def _own_tables(title: str) -> str:
    """A section's first table."""
    return section(PLAN_FORMAT, title).split("\n\n| incomplete")[0].split("\n### ")[0]


def test_every_status_has_one_row() -> None:
    described = {row[0] for row in rows(section(PLAN_FORMAT, "Statuses"))}
    assert described == set(get_args(Status))


def test_every_check_and_status_of_the_doctor_has_one_row() -> None:
    """In the order in which they are made."""
    page = read("docs/doctor.md")
    checks = [row[0] for row in rows(section(page, "Checks"))]
    assert checks == list(CHECK_NAMES)
    statuses = {row[0] for row in rows(page.split("\n## ")[0])}
    assert statuses == set(CHECK_STATUSES)


def test_every_row_says_what_to_do() -> None:
    for title in ("Reasons", "Findings"):
        assert all(len(row) == 3 and all(row) for row in rows(_own_tables(title))), title


def keys(model: type[BaseModel], prefix: str = "") -> dict[str, Any]:
    """Every key of the configuration and its default, tables told apart by dots."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        options = [field.annotation, *get_args(field.annotation)]
        tables = [one for one in options if isinstance(one, type) and issubclass(one, BaseModel)]
        if tables:
            found |= keys(tables[0], f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = field
    return found


def test_every_key_of_the_configuration_has_one_row() -> None:
    described = [row[0] for row in rows(section(CONFIGURATION, "Keys"))]
    assert sorted(described) == sorted(keys(Config))


@pytest.mark.parametrize("row", rows(section(CONFIGURATION, "Keys")), ids=lambda row: row[0])
def test_the_default_that_is_described_is_the_default(row: list[str]) -> None:
    key, described = row[0], row[2].strip("`")
    if described.startswith(("required", "this or ")):
        settings = _without(MINIMAL, key)
        for other in described.removeprefix("this or ").replace("`", "").split(", "):
            settings = _without(settings, other) if "." in other and " " not in other else settings
        with pytest.raises(ValidationError):
            Config(**settings)
        return
    actual = _value(Config(**MINIMAL), key)
    assert described == ("unset" if actual is None else str(actual).lower())


def _without(settings: dict[str, Any], key: str) -> dict[str, Any]:
    """The settings without this one."""
    name, _, rest = key.partition(".")
    kept = {one: value for one, value in settings.items() if one != name or rest}
    return kept | ({name: _without(settings[name], rest)} if rest else {})


@pytest.mark.parametrize("row", rows(section(CONFIGURATION, "Keys")), ids=lambda row: row[0])
def test_the_environment_variable_that_is_described_sets_the_key(
    row: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes over the file, which holds everything that must be there."""
    file = tmp_path / "indexer.toml"
    file.write_text(
        'buckets = ["bucket-one"]\n'
        + '[docdb]\nuri = "mongodb://127.0.0.1"\n[docdb.v1]\n[docdb.v2]\n'
        + '[codeocean]\ndomain = "https://codeocean.example.org"\ntoken = "secret"\n'
        + '[approvals.people]\nada = ["a key"]\nbob = ["another"]\n'
    )
    before = load_config(file)
    key, variable = row[0], row[3].strip("`")
    text, expected = OTHER.get(key, ("another", "another"))
    monkeypatch.setenv(variable, text)
    after = load_config(file)
    assert _value(after, key) == expected
    assert _value(before, key) != expected


OTHER: dict[str, tuple[str, Any]] = {
    "buckets": ('["one", "two"]', ("one", "two")),
    "lookback_days": ("7", 7),
    "docdb.tls_ca_file": ("bundle.pem", Path("bundle.pem")),
    "docdb.v1.route": ("v3/other", "v3/other"),
    "docdb.v2.route": ("v3/other", "v3/other"),
    "docdb.url": ("https://api.example.org", "https://api.example.org"),
    "docdb.whole_values": ("true", True),
    "s3.largest_file_mb": ("8", 8),
    "s3.anonymous": ("true", True),
    "docdb.v1.sync_to_s3": ("false", False),
    "docdb.v2.sync_to_s3": ("true", True),
    "s3.metadata_file": ("remove", "remove"),
    "s3.trust_conditions": ("true", True),
    "codeocean.domain": ("https://other.example.org", "https://other.example.org"),
    "codeocean.register_assets": ("true", True),
    "codeocean.on_missing": ("keep", "keep"),
    "policy.mode": ("upsert-only", "upsert-only"),
    "policy.max_deletes": ("3", 3),
    "policy.max_delete_percent": ("2.5", 2.5),
    "policy.enforce_at_apply": ("true", True),
    "approvals.required": ("false", False),
    "approvals.people": (
        '{"cyd": ["one"], "dan": ["two"]}',
        {"ada": ("a key",), "bob": ("another",), "cyd": ("one",), "dan": ("two",)},
    ),
    "approvals.deletions": ("1", 1),
    "approvals.changes": ("2", 2),
    "approvals.max_age_days": ("7", 7),
    "approvals.applier_counts": ("false", False),
    "approvals.undo_by_applier": ("true", True),
}


def _value(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = getattr(config, part)
    return config.get_secret_value() if isinstance(config, SecretStr) else config


@pytest.mark.parametrize("page", ["README.md", "docs/configuration.md"])
def test_the_configuration_that_a_page_shows_is_valid(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the token in the environment, where no secret holds it."""
    for example in fenced(read(page), "toml"):
        monkeypatch.setenv("INDEXER_CODEOCEAN__TOKEN", "" if "secret = " in example else "secret")
        file = tmp_path / "indexer.toml"
        file.write_text(example)
        assert load_config(file).buckets == ("aind-open-data",)


def test_the_layers_on_the_page_are_those_that_lint_holds() -> None:
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (layers,) = (one["layers"] for one in contracts if one["type"] == "layers")
    (drawn,) = fenced(section(read("docs/architecture.md"), "Layers"), "")
    described = [re.split(r"\s{2,}", line.strip())[0] for line in drawn.splitlines()]
    assert described == [layer.replace("indexer.", "") for layer in layers]
