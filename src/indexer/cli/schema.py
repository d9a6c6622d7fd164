"""`indexer schema`: the JSON Schema of a file."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from indexer.cli.talk import Talk, data

NAME = "schema"
SUMMARY = "Print the JSON Schema of a file."
What = Annotated[
    Literal["plan", "result", "expected", "config", "verdict", "event", "checkup"],
    typer.Argument(metavar="WHAT", help="One of plan, result, expected, config, verdict, event, checkup."),
]


def command(talk: Talk, what: What) -> None:  # noqa: ARG001 - every command has a voice
    """Print the JSON Schema of a file: for editors, reviewers and programs."""
    from indexer.runs.schemas import schema_text

    data(schema_text(what))
