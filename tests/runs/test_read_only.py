"""A configuration that only reads: whoever wants to write is told so, in words, before anything is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer import apply, load_config
from indexer import plan as plan_buckets
from indexer.errors import UsageError
from indexer.model.plan import Plan
from indexer.runs.connect import open_systems, routes_of
from shared.builders import plan_of, record, world_of

ANONYMOUS = '[docdb]\nuri = "mongodb://127.0.0.1:9"\n[docdb.v1]\n[s3]\nanonymous = true\n'
GATEWAY = '[docdb]\nurl = "http://127.0.0.1:9"\n[docdb.v1]\n'


@pytest.fixture
def plan() -> Plan:
    return plan_of(world_of(record("a")))


def written(folder: Path, tables: str) -> Path:
    file = folder / "indexer.toml"
    file.write_text(f'buckets = ["bucket"]\n{tables}')
    return file


@pytest.mark.parametrize(
    ("tables", "why"), [(ANONYMOUS, "s3.anonymous"), (GATEWAY, "docdb.url")], ids=["anonymous", "gateway"]
)
def test_apply_is_refused_before_anything_is_opened(
    tables: str, why: str, plan: Plan, tmp_path: Path
) -> None:
    """Nobody listens where it leads to, and no folder is made."""
    config = load_config(written(tmp_path, tables))
    with pytest.raises(UsageError, match="only reads") as refused:
        apply(plan, config, results=tmp_path / "results")
    assert refused.value.exit_code == 2
    assert "`apply` writes" in refused.value.detail
    assert why in refused.value.detail
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("tables", [ANONYMOUS, GATEWAY], ids=["anonymous", "gateway"])
def test_no_writer_is_made(tables: str, tmp_path: Path) -> None:
    """Neither here nor on a worker, whoever asks for one."""
    config = load_config(written(tmp_path, tables))
    with pytest.raises(UsageError, match="only reads"), open_systems(config, 1):
        pass


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ('[docdb]\nurl = "http://u:p@host"\n[docdb.v1]\n', "docdb.url: should be https:// and a host"),
        ('[docdb]\nurl = "http://host?key=1"\n[docdb.v1]\n', "docdb.url: should be https:// and a host"),
        ('[docdb]\nurl = "mongodb://host"\n[docdb.v1]\n', "docdb.url: should be https:// and a host"),
        ('[docdb]\nurl = "http://host"\nuri = "mongodb://host"\n[docdb.v1]\n', "uri and url given: give one"),
        ('[docdb]\nurl = "http://host"\nsecret = "name"\n[docdb.v1]\n', "secret and url given: give one"),
        ("[docdb]\n[docdb.v1]\n", "none of uri, secret and url given"),
        ('[docdb]\nurl = "http://host"\nlease_collection = "leases"\n[docdb.v1]\n', "url only reads"),
        ('[docdb]\nurl = "http://host"\n[docdb.v1]\nroute = "v1"\n', "a version and a database"),
    ],
)
def test_a_configuration_that_cannot_be_is_told_why(tables: str, says: str, tmp_path: Path) -> None:
    """Exactly one way to DocDB, and nothing secret in a URL; what it holds is not quoted."""
    with pytest.raises(UsageError) as refused:
        load_config(written(tmp_path, tables))
    assert says in refused.value.detail
    assert "u:p" not in str(refused.value)


def test_a_uri_in_the_environment_takes_the_place_of_the_files_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So one file serves to look and, with credentials, to apply."""
    file = written(tmp_path, GATEWAY)
    monkeypatch.setenv("INDEXER_DOCDB__URI", "mongodb://user:s3cret@127.0.0.1:9")
    config = load_config(file)
    assert config.docdb.url is None
    assert config.docdb.uri is not None


def test_routes_are_the_public_clients(tmp_path: Path) -> None:
    """Usual names, others, and whatever is said."""
    usual = load_config(written(tmp_path, f"{GATEWAY}[docdb.v2]\n"))
    assert routes_of(usual) == {"v1": "v1/metadata_index/data_assets", "v2": "v2/metadata_index/data_assets"}
    other = '[docdb]\nurl = "http://h"\n[docdb.v1]\ndatabase = "d"\n[docdb.v2]\nroute = "v9/x"\ncollection = "c"\n'
    assert routes_of(load_config(written(tmp_path, other))) == {"v1": "v1/d/data_assets", "v2": "v9/x/c"}


def test_a_gateway_is_asked_by_one_process(tmp_path: Path) -> None:
    """Everybody shares it: many at once would not be polite."""
    config = load_config(written(tmp_path, GATEWAY))
    for asked in ({"dask": "tls://scheduler:8786"}, {"workers": 2}):
        with pytest.raises(UsageError, match="asked by one process"):
            plan_buckets(config, **asked)  # type: ignore[arg-type]
