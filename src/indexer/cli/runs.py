"""`indexer runs`: past runs of apply, what came of them, and how to take each back."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from indexer.cli.streams import check_stdout
from indexer.cli.talk import Talk, data, paint_for, printed

SUMMARY = "List past runs, and how to take them back."

RunsPlace = Annotated[
    str,
    typer.Argument(
        metavar="PLACE",
        help="Where they are kept: a folder, a plan, or an s3:// prefix. Looked for there, in the folders in it, and in "
        "*.results and plans there. Default: here.",
    ),
]
RunsFormatOption = Annotated[Literal["text", "json"], typer.Option("--format", help="What goes to stdout.")]


def command(talk: Talk, place: RunsPlace = ".", output: RunsFormatOption = "text") -> None:
    """List past runs of apply, newest first: what came of each, whether it was taken back, and how to.

    It reads what runs left behind, and no system. Where a run is damaged, it says which and goes on.
    """
    from indexer import __version__
    from indexer.model.past_run import PastRuns
    from indexer.model.place import parse_place
    from indexer.render.past_runs import run_lines, runs_headline
    from indexer.runs.files import document_text
    from indexer.runs.past_runs import past_runs

    check_stdout()
    found = past_runs(parse_place(place))
    if output == "json":
        told = PastRuns(tool_version=__version__, place=place, runs=found)
        data(document_text(told.model_dump(mode="json", exclude_none=True)))
    else:
        paint = paint_for(sys.stdout)
        for run in found:
            printed(run_lines(run, paint))
    talk.say(runs_headline(found, place), "bold", runs=len(found))
