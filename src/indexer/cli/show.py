"""`indexer show`: a plan or a result, for people, programs and pull requests."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.filters import FilterOptions
from indexer.cli.pager import PagerOptions, show_report
from indexer.cli.show_whole import Shown, WholeOptions, show_whole
from indexer.cli.talk import Talk, stream
from indexer.render.formats import ShowFormat

if TYPE_CHECKING:
    from indexer.model.outcome import Result
    from indexer.model.place import Place
    from indexer.model.plan import Plan
    from indexer.render.report import Report
    from indexer.render.selection import Selection
    from indexer.runs.loading import PlanFile

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
Against = Annotated[
    str | None,
    typer.Option("--against", metavar="OLDER", help="An older plan: say what is new, gone, and still there."),
]


Gone = Annotated[
    bool, typer.Option("--gone", help="With --against: list what is gone, too, not only how much of it.")
]


@dataclass(frozen=True, slots=True)
class AgainstOptions:
    """Is the plan laid beside an older one, and how much is told of what is gone?"""

    against: Against = None
    gone: Gone = False


def command(
    talk: Talk,
    file: File,
    filters: FilterOptions,
    output: ShowFormatOption = "text",
    *,
    older: AgainstOptions,
    whole: WholeOptions,
    pager: PagerOptions,
) -> None:
    """Show a plan or a result: every action with its reason, its condition and its differences.

    Filters on one thing are alternatives, those on several narrow each other: `--effect delete` shows the deletions.
    Long values are cut around what differs; --full reads the live systems and shows each difference whole, word by word.
    """
    from indexer.model.outcome import Result
    from indexer.runs.loading import load_either, plan_place
    from indexer.runs.run_folder import result_file

    filters.selection()  # a wrong word is told before anything is read
    if older.gone and older.against is None:
        raise typer.BadParameter("only beside an older plan is anything gone", param_hint="--gone")
    place = result_file(plan_place(file))
    shown = load_either(place)
    if whole.full:
        if older.against is not None or isinstance(shown, Result) or output == "json":
            hint = "--full shows one plan, as text, markdown or html; of a run, that of `indexer undo`"
            raise typer.BadParameter(hint, param_hint="--full")
        selected = _selected(talk, [shown.plan], filters)[0]
        part_of = len(shown.plan.actions) if filters.selection() else None
        approvals = _approvals(shown, whole.config)
        show_whole(talk, Shown(file, shown.plan, selected, part_of, approvals), output, whole, pager)
    elif older.against is not None:
        before = result_file(plan_place(older.against))
        both = [(place, shown), (before, load_either(before))]
        _write(_comparison(talk, both, output, filters, gone=older.gone), output, pager)
    elif isinstance(shown, Result):
        _write(_result(talk, shown, place, output, filters), output, pager)
    else:
        approvals = () if output == "json" else _approvals(shown, whole.config)
        _write(_plan(talk, shown.plan, place, output, filters, approvals), output, pager)
        if output == "text" and sys.stdout.isatty():
            talk.lines([""])
            talk.steps([f"indexer apply {shlex.quote(file)}  carries out all of the plan"])


def _write(told: Report | str, output: ShowFormat, pager: PagerOptions) -> None:
    """A report in the format that was asked for, or a document."""
    if isinstance(told, str) or output == "json":
        stream([str(told)])
    else:
        show_report(told, output, pager)


def _approvals(shown: PlanFile, config: str | None) -> tuple[str, ...]:
    """Who approved a plan, where anybody says so: by the configuration that is here, which showing a plan does not need."""
    from datetime import UTC, datetime

    from indexer.errors import IndexerError
    from indexer.render.of_approvals import approval_notes
    from indexer.runs.approvals import has_approvals, told_approvals
    from indexer.runs.config_file import load_approvals

    try:
        if not has_approvals(shown.place):
            return ()
        settings = load_approvals(config)
        if settings is None:
            return (
                "It has approvals, which are not checked: the configuration here names nobody who may approve.",
            )
        return approval_notes(told_approvals(shown, None, settings, datetime.now(UTC)))
    except IndexerError as exc:
        return (f"It has approvals, which are not checked: {exc.what}",)


def _plan(
    talk: Talk,
    plan: Plan,
    file: Place,
    output: ShowFormat,
    filters: FilterOptions,
    approvals: tuple[str, ...],
) -> Report | str:
    from indexer.render.of_plan import plan_report
    from indexer.runs.files import document_text, plan_document

    selection, selected = filters.selection(), _selected(talk, [plan], filters)[0]
    if output != "json":
        part_of = len(plan.actions) if selection else None
        return plan_report(selected, part_of, shlex.quote(str(file)), approvals=approvals)
    document = plan_document(selected)
    if selection:
        del document["digest"]  # a part of a plan was never reviewed as a plan: `apply` refuses it
    return document_text(document)


def _selected(talk: Talk, plans: Sequence[Plan], filters: FilterOptions) -> list[Plan]:
    """What is asked for of each; says which of the filters none of them has anything for."""
    from indexer.cli.filters import holds_any, say_if_in_vain
    from indexer.render.selection import select_plan

    for one in plans:
        filters.check_plan(one)
    selection = filters.selection()
    selected = [select_plan(one, selection) for one in plans]

    def finds(alone: Selection) -> bool:
        return any(holds_any(select_plan(one, alone)) for one in plans)

    say_if_in_vain(talk, selection, any(map(holds_any, selected)), finds)
    return selected


def _comparison(
    talk: Talk,
    shown: Sequence[tuple[Place, PlanFile | Result]],
    output: ShowFormat,
    filters: FilterOptions,
    *,
    gone: bool,
) -> Report | str:
    """Of the second one, which is the older, with the first."""
    from indexer.planner.compare import compare
    from indexer.render.of_comparison import comparison_report
    from indexer.runs.files import document_text
    from indexer.runs.loading import PlanFile

    plans = []
    for place, one in shown:
        if not isinstance(one, PlanFile):
            raise typer.BadParameter(f"{place} is a result: compare two plans", param_hint="--against")
        plans.append(one.plan)
    found = compare(*_selected(talk, plans, filters))
    if output != "json":
        typed = ["indexer", "show", str(shown[0][0]), "--against", str(shown[1][0])]
        return comparison_report(found, shlex.join(typed), gone_listed=gone or output != "text")
    return document_text(found.model_dump(mode="json", exclude_none=True))


def _result(
    talk: Talk, result: Result, file: Place, output: ShowFormat, filters: FilterOptions
) -> Report | str:
    from indexer.applier.history import PLAN_FILE
    from indexer.cli.filters import holds_any, say_if_in_vain
    from indexer.render.of_result import result_report
    from indexer.render.selection import select_result
    from indexer.runs.files import document_text
    from indexer.runs.reviewed import needed_plan_of, plan_of

    selection = filters.selection()
    plan = needed_plan_of(result, file) if selection.terms or selection.grep else plan_of(result, file)
    filters.check_result(plan)
    actions = {action.id: action for action in plan.actions} if plan else {}
    selected = select_result(result, actions, selection)

    def finds(alone: Selection) -> bool:
        return holds_any(select_result(result, actions, alone))

    say_if_in_vain(talk, selection, holds_any(selected), finds)
    if output != "json":
        beside = [str(file.parent / PLAN_FILE), "--results", str(file.parent)]
        part_of = len(result.outcomes) if selection else None
        typed = shlex.quote(str(file))
        return result_report(selected, actions, shlex.join(beside), part_of, typed)
    return document_text(selected.model_dump(mode="json", exclude_none=True))
