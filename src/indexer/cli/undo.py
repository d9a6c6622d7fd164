"""`indexer undo`: the plan that takes a run back."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from indexer.cli.options import ConfigPath, configured_here
from indexer.cli.run import Run
from indexer.cli.talk import Talk

NAME = "undo"
SUMMARY = "Plan the way back from a run of apply."

ResultFile = Annotated[
    str,
    typer.Argument(metavar="RESULT", help="The result of an apply, or its folder; either may be in s3://."),
]
Out = Annotated[
    str, typer.Option("--out", metavar="PLACE", help="Where to write the plan: a path, or s3://BUCKET/KEY.")
]


def command(talk: Talk, result: ResultFile, out: Out, config: ConfigPath = None) -> None:
    """Turn what a run wrote into an ordinary plan that takes it back. Reads no system, changes nothing.

    What somebody has changed since the run is left alone when that plan is applied, and reported as stale.
    """
    from indexer import save_plan, undo
    from indexer.model.place import parse_place
    from indexer.runs.files import check_writable
    from indexer.runs.own_places import check_apart

    run, place = Run(talk, NAME), parse_place(out)
    settings = configured_here(config, talk)
    undone = undo(result, plan_id=talk.run_id)
    apart = {*undone.plan.scope.apart(), *(settings.every_bucket if settings else ())}
    check_apart(place, apart, "--out")
    check_writable(place, apart)
    save_plan(undone.plan, place, kept_in_step=apart)
    run.planned(undone.plan)
    for one in undone.impossible:
        talk.warn(f"Cannot be taken back: {one}")
    count = len(undone.plan.actions)
    assets = undone.plan.summary.assets
    words = f"Plan: {count} actions on {assets} assets take the run back. Nothing is changed yet."
    talk.say(words if count else "Nothing to take back: the run wrote nothing.", "bold", plan=out)
    if count and not talk.json_lines:
        name = shlex.quote(out)
        talk.lines([f"→ indexer show {name}   every action", f"→ indexer apply {name}  carry it out"])
