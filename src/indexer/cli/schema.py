"""`indexer schema`: the JSON Schema of a file."""

from __future__ import annotations

from typing import Annotated, get_args

import typer

from indexer.cli.talk import Talk, data
from indexer.runs.schema_names import SchemaName

SUMMARY = "Print the JSON Schema of a file."
What = Annotated[
    SchemaName, typer.Argument(metavar="WHAT", help=f"One of {', '.join(get_args(SchemaName))}.")
]


def command(talk: Talk, what: What) -> None:  # noqa: ARG001 - every command has a voice
    """Print the JSON Schema of a file: for editors, reviewers and programs."""
    from indexer.runs.schemas import schema_text

    data(schema_text(what))
