"""Every golden case's first plan, over the wire and over the gateway: the same actions, to the byte.

Where records hold BSON types, the gateway hides them: those cases are named, and plan less, with a finding. Of the
others a fifth is played, unless INDEXER_TEST_LONG is set: what is compared is the reader, not the rules.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from golden.case import CASES, Case, load
from golden.run import arguments_of
from golden.systems import CaseSystems
from indexer_sandbox.gateway import GatewayServer

HIDING = {
    ("python", "bson_binary_elsewhere"),
    ("python", "bson_datetime"),
    ("python", "lookback_instants"),  # plain text that looks like a date
    ("extended", "bson_binary_elsewhere"),
    ("extended", "bson_datetime"),
    ("extended", "bson_objectid"),  # in Python's text it is its hex, as it is in files
}
"""Whose records hold types that a gateway of this kind hides, or what looks like one."""
SHARE = 1 if os.environ.get("INDEXER_TEST_LONG") else 5
PLAYED = sorted({("python", name) for name in sorted(CASES)[::SHARE]} | HIDING)


@dataclass(frozen=True)
class TwoWays:
    """The case's systems, and the gateway in front of their DocDB."""

    systems: CaseSystems
    gateway: GatewayServer


@pytest.fixture(scope="module")
def ways() -> Iterator[TwoWays]:
    systems = CaseSystems()
    gateway = GatewayServer(systems.docdb_uri)
    yield TwoWays(systems, gateway)
    gateway.close()
    systems.close()


def planned(ways: TwoWays, case: Case, folder: Path, name: str) -> dict[str, Any]:
    """What `plan` makes of the case; nothing is written. It may exit with 1 only where the case says so."""
    ways.systems.forget_writes()
    done = ways.systems.run(
        folder, "plan", *arguments_of(case), "--config", f"{name}.toml", "--out", f"{name}.json"
    )
    assert done.returncode in ((0, 1) if case["expect"].get("incomplete") else (0,)), done.stderr
    assert ways.systems.journal() == []
    assert ways.systems.docdb_writes() == 0
    plan: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return plan


def configured(ways: TwoWays, case: Case, folder: Path) -> None:
    """Two configurations that differ in the way to DocDB alone."""
    ways.systems.configure(case, folder)
    config = tomlkit.parse((folder / "indexer.toml").read_text(encoding="utf-8"))
    (folder / "wire.toml").write_text(tomlkit.dumps(config), encoding="utf-8")
    docdb: Any = config["docdb"]
    del docdb["uri"]
    docdb["url"] = ways.gateway.url
    (folder / "gateway.toml").write_text(tomlkit.dumps(config), encoding="utf-8")


@pytest.mark.parametrize(("kind", "name"), PLAYED)
def test_the_first_plan_is_the_same_plan(kind: Any, name: str, ways: TwoWays, tmp_path: Path) -> None:
    """Actions, what is withheld, and what is found; and no write, either way."""
    ways.gateway.values = kind
    case = load(CASES[name].read_text(encoding="utf-8"))
    ways.systems.load(case)
    configured(ways, case, tmp_path)
    wire, over_http = (planned(ways, case, tmp_path, way) for way in ("wire", "gateway"))
    if (kind, name) in HIDING:
        found = {one["kind"] for one in over_http["findings"]}
        assert "type-hidden" in found
        assert [one for one in over_http["actions"] if one not in wire["actions"]] == []
        return
    for part in ("actions", "withheld", "findings", "summary"):
        assert json.dumps(over_http[part]) == json.dumps(wire[part]), part
