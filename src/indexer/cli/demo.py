"""`indexer demo`: the whole story in one go, on a sandbox: plan, show, apply, and a second plan that is empty."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from indexer.cli.plan import DRIFT
from indexer.cli.signals import tidying
from indexer.cli.talk import Talk
from indexer.errors import IndexerError

SUMMARY = "The whole story on embedded systems."
ASSETS = 30
"""In step, beside some sixty that are not: enough that the drift stays within the limits on deletions."""
FOREIGN = ("AWS_", "INDEXER_")
"""What leads to somebody's real systems: the demo's commands must not see it."""
FORMER_SETTINGS = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


@dataclass(frozen=True, slots=True)
class DemoStep:
    """One command of the story, and the exit status that it must have."""

    tells: str
    typed: str
    status: int = 0


STORY = (
    DemoStep(
        "1. Plan: read all three systems, write plan.json, change nothing. (Status 3: there is drift.)",
        "indexer plan --all --detailed-exitcode",
        DRIFT,
    ),
    DemoStep(
        "2. Review: two kinds of drift, assets that are gone and files that are not what their record says.",
        "indexer show plan.json --asset 'ecephys_7001*' --reason asset-gone --reason core-file-stale",
    ),
    DemoStep(
        "3. Review Code Ocean's part: results to register, records of results that are gone.",
        "indexer show plan.json --reason result-unregistered --reason result-gone",
    ),
    DemoStep(
        "4. Apply: exactly this plan; each write only if nobody was there since.",
        "indexer apply plan.json --results run",
    ),
    DemoStep(
        "5. Plan again: all is in step, so there is nothing to do. (Status 0.)",
        "indexer plan --all --detailed-exitcode --out again.json",
    ),
    DemoStep(
        "6. Apply the first plan once more: all of it is so already, nothing is written.",
        "indexer apply plan.json --results run",
    ),
    DemoStep(
        "7. The way back: an ordinary plan that takes the whole run back, for review.",
        "indexer undo run --out undo.json",
    ),
)


def command(talk: Talk) -> None:
    """Show it all on an embedded S3, DocDB and Code Ocean: plan, show, apply, plan again.

    Takes less than a minute, touches nothing of yours, and leaves nothing behind.
    """
    import tempfile

    from indexer_sandbox import running
    from indexer_sandbox.seed import seed

    with tidying(), tempfile.TemporaryDirectory(prefix="indexer-demo-") as folder:
        directory = Path(folder)
        talk.say("Starting an S3, a DocDB and a Code Ocean on 127.0.0.1, with drift in them …")
        with running(directory) as sandbox:
            seed(sandbox, assets=ASSETS)
            work = directory / "work"
            work.mkdir()
            (work / "indexer.toml").write_text(sandbox.config_toml(), encoding="utf-8")
            for step in STORY:
                _carry_out(talk, step, work, environment(sandbox.environment()))
    talk.say("\nThat was all of it. `indexer sandbox` gives you the same systems to try things on.", "bold")


def environment(sandbox: Mapping[str, str]) -> dict[str, str]:
    """This process's, without what leads to other systems than the sandbox, and without a pager: it is one go."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return own | FORMER_SETTINGS | {"PAGER": ""} | dict(sandbox)


def _carry_out(talk: Talk, step: DemoStep, work: Path, variables: Mapping[str, str]) -> None:
    """Run a step's command where this process's output goes. Raises IndexerError where it does not come out."""
    import subprocess

    talk.say(f"\n{step.tells}", "bold")
    talk.say(f"$ {step.typed}", "cyan")
    typed = shlex.split(step.typed)[1:]
    finished = subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, "-m", "indexer", *typed], cwd=work, env=variables, check=False
    )
    if finished.returncode != step.status:
        detail = f"`{step.typed}` exited with {finished.returncode}, and {step.status} was told"
        raise IndexerError("The demo did not come out as told", detail, "Report it, with what it printed.")
