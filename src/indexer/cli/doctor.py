"""`indexer doctor`: is everything there that a run needs?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from indexer.cli.options import ConfigPath, configured
from indexer.cli.streams import check_stdout
from indexer.cli.talk import Talk, data, paint_for, printed

if TYPE_CHECKING:
    from indexer.model.check import Check

SUMMARY = "Check everything that a run needs."

CheckupFormatOption = Annotated[
    Literal["text", "json"], typer.Option("--format", help="What goes to stdout.")
]
WriteProbe = Annotated[
    bool,
    typer.Option(
        "--write-probe",
        help="Also try conditional writes in each managed bucket, on a key of its own that is removed again.",
    ),
]


def command(
    talk: Talk,
    output: CheckupFormatOption = "text",
    write_probe: WriteProbe = False,
    config: ConfigPath = None,
) -> None:
    """Check configuration, connections, permissions, indexes and buckets: one line each, with what to do.

    Writes nothing, unless --write-probe asks for it. Exits with 1 where a run would fail.
    """
    from indexer import __version__
    from indexer.model.check import checkup
    from indexer.render.checkup import FOUND_AT, check_line, checkup_headline
    from indexer.runs.doctor import examine
    from indexer.runs.files import document_text

    check_stdout()
    checks: list[Check] = []
    for check in examine(lambda: configured(config), _source(config), probe=write_probe):
        checks.append(_masked(check, talk))
        if output == "text":
            printed([check_line(checks[-1], paint_for(sys.stdout))], FOUND_AT)
    found = checkup(checks, __version__)
    if output == "json":
        data(document_text(found.model_dump(mode="json")))
    talk.say(checkup_headline(found), "alarm" if found.exit_code else "bold", counts=found.counts)
    raise typer.Exit(found.exit_code)


def _source(config: str | None) -> str:
    """Where the configuration comes from, in words; the environment goes over any file."""
    from indexer.runs.config_file import DEFAULT_FILE

    if config is not None:
        return config
    return DEFAULT_FILE if Path(DEFAULT_FILE).exists() else "the environment"


def _masked(check: Check, talk: Talk) -> Check:
    """The check without any secret: what a server said may hold one."""
    return check.model_copy(
        update={"detail": talk.masked(check.detail), "hint": talk.masked_hint(check.hint)}
    )
