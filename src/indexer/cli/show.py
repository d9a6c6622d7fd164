"""`indexer show`: a plan or a result, for people, programs and pull requests."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from indexer.cli.options import Assets, known
from indexer.cli.talk import Talk, data, paint_for

if TYPE_CHECKING:
    from indexer.render.selection import Selection

NAME = "show"
SUMMARY = "Show a plan or a result."
Format = Literal["text", "json", "markdown"]

File = Annotated[Path, typer.Argument(metavar="FILE", help="A plan, or the result of an apply.")]
FormatOption = Annotated[
    Format, typer.Option("--format", help="markdown: short enough for a comment on a pull request.")
]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--action", metavar="KIND", help="Only such actions, e.g. delete-record; repeatable."),
]
Reasons = Annotated[
    list[str] | None,
    typer.Option("--reason", metavar="REASON", help="Only for such a reason, e.g. asset-gone; repeatable."),
]


def command(
    talk: Talk,
    file: File,
    output: FormatOption = "text",
    asset: Assets = None,
    action: Kinds = None,
    reason: Reasons = None,
) -> None:
    """Show a plan or a result: every action with its why, its condition and its differences."""
    from indexer.model.action import KINDS, REASONS
    from indexer.render.selection import Selection
    from indexer.runs.files import is_plan

    selection = Selection(
        tuple(asset or ()), known(action, KINDS, "--action"), known(reason, REASONS, "--reason")
    )
    if is_plan(file):
        data(_plan(file, output, selection))
        if output == "text" and sys.stdout.isatty():
            talk.lines(["", f"→ indexer apply {shlex.quote(str(file))}  carries out all of the plan"])
    else:
        data(_result(file, output, selection))


def _plan(file: Path, output: Format, selection: Selection) -> str:
    from indexer.render.markdown import plan_markdown
    from indexer.render.plan_text import plan_text
    from indexer.render.selection import select_plan
    from indexer.runs.files import document_text, load_plan, plan_document

    plan, _ = load_plan(file)
    selected, part_of = select_plan(plan, selection), len(plan.actions) if selection else None
    match output:
        case "json":
            document = plan_document(selected)
            if selection:
                del document["digest"]  # a part of a plan was never reviewed as a plan: `apply` refuses it
            return document_text(document)
        case "markdown":
            return plan_markdown(selected, part_of)
        case "text":
            return _text(plan_text(selected, paint_for(sys.stdout), part_of))


def _result(file: Path, output: Format, selection: Selection) -> str:
    from indexer.render.markdown import result_markdown
    from indexer.render.result_text import result_text
    from indexer.render.selection import select_result
    from indexer.runs.files import document_text, load_result
    from indexer.runs.reviewed import needed_plan_of, plan_of

    result = load_result(file)
    plan = needed_plan_of(result, file) if selection else plan_of(result, file)
    actions = {action.id: action for action in plan.actions} if plan else {}
    selected = select_result(result, actions, selection)
    match output:
        case "json":
            return document_text(selected.model_dump(mode="json", exclude_none=True))
        case "markdown":
            return result_markdown(selected, actions)
        case "text":
            return _text(result_text(selected, actions, paint_for(sys.stdout)))


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
