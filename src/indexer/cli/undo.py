"""`indexer undo`: the plan that takes a run back."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.options import STDOUT, ConfigPath, configured_here, out_place
from indexer.cli.talk import Talk, data

if TYPE_CHECKING:
    from indexer.runs.undo import Undone

IN_PART = 4
SUMMARY = "Plan the way back from a run of apply."

ResultFile = Annotated[
    str,
    typer.Argument(metavar="RESULT", help="The result of an apply, or its folder; either may be in s3://."),
]
UndoOut = Annotated[
    str,
    typer.Option(
        "--out", metavar="PLACE", help="Where to write the plan: a path, or s3://BUCKET/KEY; - is stdout."
    ),
]


def command(talk: Talk, result: ResultFile, out: UndoOut, config: ConfigPath = None) -> None:
    """Turn what a run wrote into an ordinary plan that takes it back. It reads no system and changes nothing.

    What somebody has changed since the run is left alone when that plan is applied, and reported as stale. It exits
    with 4 if the plan leaves out something that cannot be taken back.
    """
    from indexer import save_plan, undo
    from indexer.cli.run import Run
    from indexer.runs.files import check_writable, plan_text
    from indexer.runs.read_only import check_may_write

    with Run(talk, "undo") as run:
        place = out_place(out)
        settings = configured_here(config)
        if settings is not None:
            check_may_write(settings, "undo")
        undone = undo(result, plan_id=run.run_id)
        apart = {*undone.plan.scope.apart(), *(settings.every_bucket if settings else ())}
        if place is None:
            data(plan_text(undone.plan))
        else:
            check_writable(place, apart)
            save_plan(undone.plan, place, kept_in_step=apart)
        run.planned(undone.plan)
        _report(talk, undone, result, out)
        if undone.impossible:
            raise typer.Exit(IN_PART)


def _report(talk: Talk, undone: Undone, result: str, out: str) -> None:
    """What cannot be taken back, what can, and what to type next."""
    from indexer.runs.undone import all_beside

    for one in (*undone.notes, *(f"Cannot be taken back: {one}" for one in undone.impossible)):
        talk.warn(one)
    talk.say(_headline(undone), "alarm" if undone.impossible else "bold", plan=out)
    if undone.plan.actions and out != STDOUT and not talk.json_lines:
        name = shlex.quote(out)
        run_too = "" if all_beside(undone.plan) else f" --undoes {shlex.quote(result)}"
        talk.steps([f"indexer show {name}   every action", f"indexer apply {name}{run_too}  carry it out"])


def _headline(undone: Undone) -> str:
    from indexer.model.counting import counted

    count, left = len(undone.plan.actions), len(undone.impossible)
    if not count:
        return "Nothing can be taken back." if left else "Nothing to take back: the run wrote nothing."
    assets = undone.plan.summary.assets
    where = f"{counted(count, 'action')} on {counted(assets, 'asset')}"
    verb = "takes" if count == 1 else "take"
    part = f"the run back, but for {left} of its writes" if left else "the run back"
    return f"Plan: {where} {verb} {part}. Nothing is changed yet."
