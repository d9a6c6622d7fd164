"""`indexer show`: a plan or a result, for people, programs and pull requests."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.options import known
from indexer.cli.scope import Assets
from indexer.cli.talk import Talk, data, paint_for
from indexer.render.formats import ShowFormat

if TYPE_CHECKING:
    from indexer.model.outcome import Result
    from indexer.model.place import Place
    from indexer.model.plan import Plan
    from indexer.render.formats import ReportFormat
    from indexer.render.report import Report
    from indexer.render.selection import Selection
    from indexer.runs.loading import PlanFile

NAME = "show"
SUMMARY = "Show a plan or a result."

File = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="A plan, the result of an apply, or a run's folder: a path, or s3://BUCKET/KEY; - is stdin.",
    ),
]
ShowFormatOption = Annotated[
    ShowFormat,
    typer.Option(
        "--format",
        help="markdown: short enough for a comment on a pull request; html: one file for a browser.",
    ),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--action", metavar="KIND", help="Only such actions, e.g. delete-record; repeatable."),
]
Reasons = Annotated[
    list[str] | None,
    typer.Option("--reason", metavar="REASON", help="Only for such a reason, e.g. asset-gone; repeatable."),
]
Against = Annotated[
    str | None,
    typer.Option("--against", metavar="OLDER", help="An older plan: say what is new, gone, and still there."),
]


def command(
    talk: Talk,
    file: File,
    output: ShowFormatOption = "text",
    against: Against = None,
    asset: Assets = None,
    action: Kinds = None,
    reason: Reasons = None,
) -> None:
    """Show a plan or a result: every action with its reason, its condition and its differences."""
    from indexer.model.kinds import KINDS
    from indexer.model.outcome import Result
    from indexer.model.reasons import REASONS
    from indexer.render.selection import Selection
    from indexer.runs.loading import load_either, plan_place
    from indexer.runs.run_folder import result_file

    selection = Selection(
        tuple(asset or ()), known(action, tuple(KINDS), "--action"), known(reason, tuple(REASONS), "--reason")
    )
    place = result_file(plan_place(file))
    shown = load_either(place)
    if against is not None:
        older = result_file(plan_place(against))
        data(_comparison([(place, shown), (older, load_either(older))], output, selection))
    elif isinstance(shown, Result):
        data(_result(shown, place, output, selection))
    else:
        data(_plan(shown.plan, place, output, selection))
        if output == "text" and sys.stdout.isatty():
            talk.lines([""])
            talk.steps([f"indexer apply {shlex.quote(file)}  carries out all of the plan"])


def _plan(plan: Plan, file: Place, output: ShowFormat, selection: Selection) -> str:
    from indexer.render.of_plan import plan_report
    from indexer.render.selection import select_plan
    from indexer.runs.files import document_text, plan_document

    selected = select_plan(plan, selection)
    if output != "json":
        part_of = len(plan.actions) if selection else None
        return _rendered(plan_report(selected, part_of, shlex.quote(str(file))), output)
    document = plan_document(selected)
    if selection:
        del document["digest"]  # a part of a plan was never reviewed as a plan: `apply` refuses it
    return document_text(document)


def _comparison(
    shown: Sequence[tuple[Place, PlanFile | Result]], output: ShowFormat, selection: Selection
) -> str:
    """Of the second one, which is the older, with the first."""
    from indexer.planner.compare import compare
    from indexer.render.of_comparison import comparison_report
    from indexer.render.selection import select_plan
    from indexer.runs.files import document_text
    from indexer.runs.loading import PlanFile

    plans = []
    for place, one in shown:
        if not isinstance(one, PlanFile):
            raise typer.BadParameter(f"{place} is a result: compare two plans", param_hint="--against")
        plans.append(select_plan(one.plan, selection))
    if output == "html":
        raise typer.BadParameter("two plans are compared as text, json or markdown", param_hint="--format")
    found = compare(*plans)
    if output != "json":
        return _rendered(comparison_report(found), output)
    return document_text(found.model_dump(mode="json", exclude_none=True))


def _result(result: Result, file: Place, output: ShowFormat, selection: Selection) -> str:
    from indexer.applier.history import PLAN_FILE
    from indexer.render.of_result import result_report
    from indexer.render.selection import select_result
    from indexer.runs.files import document_text
    from indexer.runs.reviewed import needed_plan_of, plan_of

    plan = needed_plan_of(result, file) if selection else plan_of(result, file)
    actions = {action.id: action for action in plan.actions} if plan else {}
    selected = select_result(result, actions, selection)
    if output != "json":
        beside = [str(file.parent / PLAN_FILE), "--results", str(file.parent)]
        return _rendered(result_report(selected, actions, shlex.join(beside)), output)
    return document_text(selected.model_dump(mode="json", exclude_none=True))


def _rendered(report: Report, output: ReportFormat) -> str:
    from indexer.render.formats import rendered
    from indexer.render.reader import Reader

    return rendered(report, output, Reader(paint_for(sys.stdout)))
