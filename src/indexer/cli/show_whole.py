"""`indexer show --full`: each difference whole, read from the live systems."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.apply import Undoes
from indexer.cli.options import ConfigPath, configured
from indexer.cli.pager import PagerOptions, show_report
from indexer.cli.talk import Talk

if TYPE_CHECKING:
    from indexer.model.plan import Plan
    from indexer.render.formats import ReportFormat

UNSEEN = 1
Full = Annotated[
    bool,
    typer.Option(
        "--full", help="Read the live systems, and show every difference whole; nothing is written."
    ),
]


@dataclass(frozen=True, slots=True)
class WholeOptions:
    """Is all to be shown, which systems are read, and what an undo's images may be read from?"""

    full: Full = False
    undoes: Undoes = None
    config: ConfigPath = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A plan as it was named, and the part of it that was asked for."""

    file: str
    plan: Plan
    part: Plan
    part_of: int | None
    """So many actions has the plan; None: the part is all of it."""
    approvals: tuple[str, ...] = ()
    """Who approved it."""


def show_whole(
    talk: Talk, shown: Shown, output: ReportFormat, options: WholeOptions, pager: PagerOptions
) -> None:
    """Show a part of a plan, or all of it. Exits with 1 where not every difference could be read."""
    from indexer.model.place import parse_place
    from indexer.render.of_plan import plan_report
    from indexer.runs.run_folder import result_file
    from indexer.runs.whole import whole_differences

    undoes = None if options.undoes is None else result_file(parse_place(options.undoes)).parent
    with whole_differences(shown.plan, shown.part, configured(options.config), undoes) as reader:
        report = plan_report(shown.part, shown.part_of, shlex.quote(shown.file), reader.of, shown.approvals)
        show_report(report, output, pager, whole=True)
    if reader.unread:
        talk.warn(
            f"Differences that could not be read: {reader.unread:,}. They say so.", unread=reader.unread
        )
        raise typer.Exit(UNSEEN)
