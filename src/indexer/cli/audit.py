"""`indexer audit`: does what a run left behind hold together, and what does it tell?"""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from indexer.cli.options import ConfigPath
from indexer.cli.streams import check_stdout
from indexer.cli.talk import Talk, data, paint_for, printed

SUMMARY = "Replay a run: who did what, by whose word, and whether it holds."
FAULTY = 1

AuditedFile = Annotated[
    str,
    typer.Argument(metavar="RESULT", help="The result of an apply, or its folder; either may be in s3://."),
]
AuditFormat = Annotated[Literal["text", "json"], typer.Option("--format", help="What goes to stdout.")]


def command(talk: Talk, result: AuditedFile, output: AuditFormat = "text", config: ConfigPath = None) -> None:
    """Replay a run's journal against the protocol, read every before-image, and verify the approvals by the keys here.

    Exits with 1 where something does not hold. It reads what the run left behind, and no system; it changes nothing.
    """
    from indexer.render.audit import audit_headline, audit_lines
    from indexer.runs.audit import audit
    from indexer.runs.config_file import load_approvals
    from indexer.runs.files import document_text

    check_stdout()
    found = audit(result, load_approvals(config))
    if output == "json":
        data(document_text(found.model_dump(mode="json", exclude_none=True)))
    else:
        printed(audit_lines(found, paint_for(sys.stdout)))
    talk.say(
        audit_headline(found), "bold" if found.holds else "alarm", holds=found.holds, faults=len(found.faults)
    )
    if found.undo:
        talk.steps([f"{found.undo}  # plans the way back"])
    raise typer.Exit(0 if found.holds else FAULTY)
