"""The whole story on one S3 server, typed as an operator would: doctor, plan, apply, plan, drift, undo."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from indexer.cli.demo import environment
from indexer.systems.write_probe import SAID, Tried, probed
from indexer_sandbox.codeocean import CodeOceanServer
from indexer_sandbox.docdb import DocDBServer
from indexer_sandbox.s3 import S3Server
from indexer_sandbox.seed import seed
from indexer_sandbox.stack import MANAGED_BUCKETS, Sandbox
from peers.servers import PeerS3
from shared.patience import PATIENCE_S
from shared.s3_stub import s3_with

INDEXER = str(Path(sys.executable).with_name("indexer"))
ASSETS = 10
"""In step, beside some sixty that are not."""
Outcomes = dict[str, str]
"""What was tried → what came of it, in the order in which it was tried."""


@dataclass(frozen=True)
class _Teller:
    """Types commands in one folder."""

    folder: Path
    env: Mapping[str, str]

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit status, and what was printed to stdout; a traceback is a failure of the test itself."""
        done = subprocess.run(
            [INDEXER, *arguments],
            cwd=self.folder,
            env=dict(self.env),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S * 6,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout

    def document(self, name: str) -> dict[str, Any]:
        return dict(json.loads((self.folder / name).read_text(encoding="utf-8")))


def tell(server: S3Server | PeerS3, folder: Path) -> Outcomes:
    """Seed all three systems with drift, and go through all of it; every step is tried."""
    docdb, codeocean = DocDBServer(folder), CodeOceanServer()
    try:
        sandbox = Sandbox(s3=cast("S3Server", server), docdb=docdb, codeocean=codeocean)
        seed(sandbox, assets=ASSETS)
        work = folder / "work"
        work.mkdir()
        (work / "indexer.toml").write_text(sandbox.config_toml(), encoding="utf-8")
        return _conditions(server) | _told(_Teller(work, environment(sandbox.environment())))
    finally:
        docdb.close()
        codeocean.close()


def _conditions(server: S3Server | PeerS3) -> Outcomes:
    """The write probe in a bucket without versions and in one that keeps them."""
    found = {}
    with s3_with(server.endpoint, "sandbox", "sandbox-secret") as s3:
        for kind in ("without", "with"):
            bucket = f"probed-{uuid.uuid4()}"
            server.create_bucket(bucket, versioned=kind == "with")
            found[f"conditions, {kind} versions"] = _said(list(probed(s3, bucket)))
    return found


def _said(tried: list[Tried]) -> str:
    wrong = {came: [one.name for one in tried if one.came == came] for came in SAID}
    said = [f"{SAID[came]}: {', '.join(names)}" for came, names in wrong.items() if names]
    return "; ".join(said) or f"all {len(tried)} obeyed"


def _told(teller: _Teller) -> Outcomes:
    told: Outcomes = {}
    status, printed = teller.run("doctor", "--format", "json")
    told["`doctor`"] = _checked(status, printed)
    status, printed = teller.run("doctor", "--write-probe", "--format", "json")
    told["`doctor --write-probe`"] = _checked(status, printed)
    status, _ = teller.run("plan", "--all")
    told["`plan`"] = f"{status}: {len(teller.document('plan.json')['actions'])} actions"
    status, _ = teller.run("apply", "plan.json", "--results", "run")
    told["`apply`"] = f"{status}: {_applied(teller, 'run/result.json')}"
    status, _ = teller.run("plan", "--all", "--out", "again.json")
    told["`plan` again"] = f"{status}: {len(teller.document('again.json')['actions'])} actions"
    status, _ = teller.run("drift", *(part for one in MANAGED_BUCKETS for part in ("--bucket", one)))
    told["`drift`"] = f"{status}"
    status, _ = teller.run("undo", "run", "--out", "undo.json")
    told["`undo`"] = (
        f"{status}: {len(teller.document('undo.json')['actions'])} actions"
        if status in (0, 4)
        else f"{status}"
    )
    if status in (0, 4):
        status, _ = teller.run("apply", "undo.json", "--results", "back")
        told["`apply` of it"] = f"{status}: {_applied(teller, 'back/result.json')}"
    return told


def _checked(status: int, printed: str) -> str:
    """The exit status, and what is not well about S3."""
    checks = json.loads(printed)["checks"]
    wrong = [one for one in checks if one["name"].startswith("s3-") and one["status"] in ("warning", "error")]
    names = ", ".join(dict.fromkeys(f"{one['name']} ({one['status']})" for one in wrong))
    return f"{status}: {names or 'S3 is well'}"


def _applied(teller: _Teller, name: str) -> str:
    """How many actions came to what."""
    if not (teller.folder / name).exists():
        return "no result"
    counts: dict[str, int] = {}
    for one in teller.document(name)["outcomes"]:
        counts[one["status"]] = counts.get(one["status"], 0) + 1
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
