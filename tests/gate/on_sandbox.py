"""The drift gate as CI uses it, on a sandbox with every kind of drift: python on_sandbox.py RULES.

Shows that it fails on drift that no rule expects (3), passes where the rules expect all of it (0), fails there without
them (3), and passes once everything is in step (0). Exits with 1 where it does anything else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from indexer_sandbox import running
from indexer_sandbox.seed import seed
from indexer_sandbox.stack import Sandbox

INDEXER = Path(sys.executable).with_name("indexer")


class Gate:
    """The real command in a directory that holds the sandbox's indexer.toml."""

    def __init__(self, sandbox: Sandbox, folder: Path, rules: Path) -> None:
        self._folder, self._rules = folder, rules
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("INDEXER", "AWS_"))}
        self._env = kept | sandbox.environment()
        (folder / "indexer.toml").write_text(sandbox.config_toml(), encoding="utf-8")

    def run(self, status: int, *arguments: str) -> str:
        """Run one command; its status must be this one. Returns its stdout."""
        print(f"$ indexer {' '.join(arguments)}", flush=True)
        done = subprocess.run(
            [INDEXER, *arguments],
            cwd=self._folder,
            env=self._env,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode != status:
            sys.exit(
                f"{done.stdout}\n{done.stderr}\nexit status {done.returncode}, and {status} was expected"
            )
        return done.stdout

    def drift(self, status: int, *arguments: str, rules: bool = True) -> str:
        """The gate over all buckets."""
        expected = ("--expected", str(self._rules)) if rules else ()
        text = self.run(status, "drift", "--all", *expected, *arguments)
        print("".join(f"  {line}\n" for line in text.splitlines()[:4]), flush=True)
        return text


def only_expected(verdict: str) -> list[str]:
    """The assets all of whose drift a rule expects."""
    by_asset: dict[str, set[bool]] = defaultdict(set)
    for one in json.loads(verdict)["actions"]:
        by_asset[one["action"]["location"].rpartition("/")[2]].add("expected_by" in one)
    return sorted(prefix for prefix, expected in by_asset.items() if expected == {True})


def main(rules: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="indexer-gate-") as name:
        servers, work = Path(name) / "servers", Path(name) / "work"
        servers.mkdir()
        work.mkdir()
        with running(servers) as sandbox:
            seed(sandbox, assets=10)
            gate = Gate(sandbox, work, rules)
            gate.drift(3)
            assets = only_expected(
                gate.run(3, "drift", "--all", "--expected", str(rules), "--format", "json")
            )
            if not assets:
                sys.exit("the rules expect all drift of no asset: nothing is shown by them")
            scope = [word for asset in assets for word in ("--asset", asset)]
            gate.drift(0, *scope)
            gate.drift(3, *scope, rules=False)
            gate.run(0, "plan", "--all", "--max-delete-percent", "100")
            gate.run(0, "apply", "plan.json")
            gate.drift(0, rules=False)
    print("The gate fails and passes as it should.")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
