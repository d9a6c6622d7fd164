"""A configuration that only reads: whoever wants to write is told so, in words, before anything is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer import apply, load_config
from indexer.errors import UsageError
from indexer.model.plan import Plan
from shared.builders import plan_of, record, world_of

ANONYMOUS = '[docdb]\nuri = "mongodb://127.0.0.1:9"\n[docdb.v1]\n[s3]\nanonymous = true\n'


@pytest.fixture
def plan() -> Plan:
    return plan_of(world_of(record("a")))


@pytest.mark.parametrize("tables", [ANONYMOUS], ids=["anonymous"])
def test_apply_is_refused_before_anything_is_opened(tables: str, plan: Plan, tmp_path: Path) -> None:
    """Nobody listens where it leads to, and no folder is made."""
    (tmp_path / "indexer.toml").write_text(f'buckets = ["bucket"]\n{tables}')
    config = load_config(tmp_path / "indexer.toml")
    with pytest.raises(UsageError, match="only reads") as refused:
        apply(plan, config, results=tmp_path / "results")
    assert refused.value.exit_code == 2
    assert "`apply` writes" in refused.value.detail
    assert not (tmp_path / "results").exists()
