"""`indexer undo`: the plan that takes a run back."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from indexer.cli.run import Run
from indexer.cli.talk import Talk

NAME = "undo"
SUMMARY = "Plan the way back from a run of apply."

ResultFile = Annotated[Path, typer.Argument(metavar="RESULT", help="The result of an apply, or its folder.")]
Out = Annotated[Path, typer.Option("--out", metavar="PATH", help="Where to write the plan.")]


def command(talk: Talk, result: ResultFile, out: Out) -> None:
    """Turn what a run wrote into an ordinary plan that takes it back. Reads no system, changes nothing.

    What somebody has changed since the run is left alone when that plan is applied, and reported as stale.
    """
    from indexer import save_plan, undo
    from indexer.runs.files import check_writable

    run = Run(talk, NAME)
    check_writable(out)
    undone = undo(result, plan_id=talk.run_id)
    save_plan(undone.plan, out)
    run.planned(undone.plan)
    for one in undone.impossible:
        talk.warn(f"Cannot be taken back: {one}")
    count = len(undone.plan.actions)
    assets = undone.plan.summary.assets
    words = f"Plan: {count} actions on {assets} assets take the run back. Nothing is changed yet."
    talk.say(words if count else "Nothing to take back: the run wrote nothing.", "bold", plan=str(out))
    if count and not talk.json_lines:
        name = shlex.quote(str(out))
        talk.lines([f"→ indexer show {name}   every action", f"→ indexer apply {name}  carry it out"])
