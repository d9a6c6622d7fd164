"""`indexer apply`: carry out a reviewed plan, and say what came of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from indexer.cli import completion
from indexer.cli.options import EventsFile, WorkOptions, configured, given
from indexer.cli.scope import LimitOptions
from indexer.cli.signals import finishing
from indexer.cli.talk import Talk

if TYPE_CHECKING:
    from indexer.model.outcome import Result
    from indexer.model.place import Place
    from indexer.model.plan import Plan

SUMMARY = "Carry out a reviewed plan."
IN_PART = 4
STOPPING = "Stopping: what is in flight is finished and recorded. Once more to stop at once."

PlanPlace = Annotated[
    str,
    typer.Argument(metavar="PLAN", help="A plan that was reviewed: a path, or s3://BUCKET/KEY; - is stdin."),
]
Results = Annotated[
    str | None,
    typer.Option(
        "--results",
        metavar="PLACE",
        help="Keep the journal, the result and what was replaced there: a folder, or an s3:// prefix. "
        "Default: beside the plan, or here where it comes from a pipe.",
    ),
]

Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="WORD",
        autocompletion=completion.choices,
        help="A part: asset=GLOB, bucket=, system=, action=, effect= or reason=, as in reason=links-stale or "
        "effect=delete; a bare word is what it can only be, else an asset. With all that it rests on. Repeatable: one "
        "thing widens it, another narrows it.",
    ),
]
Except = Annotated[
    list[str] | None,
    typer.Option(
        "--except",
        metavar="WORD",
        autocompletion=completion.choices,
        help="All but what this names, and what rests on that; the same words, repeatable.",
    ),
]
ArchivePlace = Annotated[
    str | None,
    typer.Option(
        "--archive",
        metavar="PLACE",
        help="Keep what was replaced there: a folder, or an s3:// prefix. Default: beside the result.",
    ),
]
Undoes = Annotated[
    str | None,
    typer.Option(
        "--undoes",
        metavar="RESULT",
        help="The run that an undo's plan takes back: needed where its before-images are not in its own folder.",
    ),
]
ApprovalsFolder = Annotated[
    str | None,
    typer.Option(
        "--approvals",
        metavar="PLACE",
        help="Where the plan's approvals are: a folder, or an s3:// prefix. Default: PLAN.approvals beside the plan.",
    ),
]
StealLease = Annotated[bool, typer.Option("--steal-lease", help="Take over the lease of a run that is dead.")]


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """What of the plan is carried out, where a run keeps what it leaves behind, and what it may take over."""

    only: Only = None
    except_: Except = None
    results: Results = None
    archive: ArchivePlace = None
    undoes: Undoes = None
    approvals: ApprovalsFolder = None
    steal_lease: StealLease = False

    def asked(self) -> dict[str, Any]:
        """As `indexer.apply` takes them."""
        return {**asdict(self), "only": self.only or (), "except_": self.except_ or ()}

    def part(self) -> list[str]:
        """What of the plan was asked for, as it was typed."""
        only = [word for one in self.only or () for word in ("--only", one)]
        return [*only, *(word for one in self.except_ or () for word in ("--except", one))]


def command(
    talk: Talk,
    plan: PlanPlace,
    own: ApplyOptions,
    limits: LimitOptions,
    work: WorkOptions,
    events: EventsFile = None,
) -> None:
    """Carry out a plan: exactly what was reviewed, and nothing that somebody else has changed since.

    It asks nothing. A part (--only, --except) is done when all that was chosen is; the rest can be applied later. Ctrl-C finishes what is in flight and records it; applying again goes on from there.
    """
    from indexer import apply, load_plan
    from indexer.applier.history import PLAN_FILE, RESULT_FILE
    from indexer.cli.run import Run
    from indexer.model.place import parse_place
    from indexer.runs.loading import plan_place
    from indexer.runs.run_folder import results_folder

    stop = Event()
    with Run(talk, "apply") as run:
        place = plan_place(plan)
        run.write_events(events, str(place))
        settings = run.configured(configured(work.config))
        reviewed = load_plan(place)
        run.of_plan(reviewed.plan.plan_id)
        folder = results_folder(
            place, reviewed.plan, None if own.results is None else parse_place(own.results)
        )
        with finishing(stop, lambda: talk.shout(STOPPING)), run.work("written") as observer:
            asked = {**own.asked(), **limits.asked(), **work.asked(), "results": folder}
            result = apply(reviewed, settings, **asked, observer=observer, stop=stop, run_id=run.run_id)
        path = folder / RESULT_FILE
        run.carried_out(result, str(path))
        _report(talk, reviewed.plan, result, path)
        whole = [*_applied(place, folder, own), *limits.arguments(), *given("--config", work.config)]
        again = [*whole, *own.part()]
        scope = [*reviewed.plan.scope.arguments(settings.every_bucket), *given("--config", work.config)]
        steps = _next_steps(result, path, again, whole, scope)
        done = steps or _when_done(reviewed.plan, path.parent / PLAN_FILE, scope)
        talk.steps([*done, *_way_back(result, path)])
        if not result.complete:
            raise typer.Exit(IN_PART)


def _applied(plan: Place, folder: Place, own: ApplyOptions) -> list[str]:
    """Plan and places as they are typed to go on: a pipe is empty by then, and its run kept the plan."""
    from pathlib import Path

    from indexer.applier.history import PLAN_FILE
    from indexer.runs.loading import has_neighbours

    typed = [str(plan), *given("--results", own.results)]
    if isinstance(plan, Path) and not has_neighbours(plan):
        typed = [str(folder / PLAN_FILE), "--results", str(folder)]
    places = (("--archive", own.archive), ("--undoes", own.undoes), ("--approvals", own.approvals))
    return [*typed, *(word for option, place in places for word in given(option, place))]


def _report(talk: Talk, plan: Plan, result: Result, path: Place) -> None:
    """What came of it, most important last: that is what stays on the screen."""
    from indexer.render.of_plan import way_out, why_withheld
    from indexer.render.of_result import result_report
    from indexer.render.text import outline

    report = result_report(result, {action.id: action for action in plan.actions})
    talk.lines(outline(report, talk.paint, talk.columns))
    talk.say(
        f"{'Done' if result.complete else 'DONE IN PART'}: {report.headline}",
        "bold" if result.complete else "alarm",
        result=str(path),
        summary=result.summary,
    )
    if plan.withheld:
        # It was no part of the run: without a word, "done" would pass for all of the plan.
        for why in why_withheld(plan):
            talk.say(f"Not carried out: {why}", "yellow")
        talk.lines([f"  {way_out(plan)}"])
    if people := sorted({one.person for one in result.approvals}):
        talk.lines([f"Approved by {', '.join(people)}."])
    talk.lines([f"Result and journal: {path.parent}/"])


def _next_steps(
    result: Result, path: Place, again: Sequence[str], whole: Sequence[str], scope: Sequence[str]
) -> list[str]:
    """What to type now; `again`, `whole`, `scope`: the arguments of this apply, of all of the plan, of a plan like it."""
    steps = []
    if not result.complete:
        steps.append(f"indexer show {shlex.quote(str(path))}  # every outcome")
    if result.summary.get("failed") or result.summary.get("skipped"):
        steps.append(f"indexer apply {shlex.join(again)}  # again: goes on with what is left")
    if result.summary.get("stale"):
        steps.append(f"indexer plan {shlex.join(scope)}  # plans anew what was stale")
    if result.to_do:
        steps.append(f"indexer apply {shlex.join(whole)}  # the rest: {result.to_do:,} of the plan's actions")
    return steps


def _when_done(plan: Plan, kept: Place, scope: Sequence[str]) -> list[str]:
    """What to type where nothing of the run is left to do. `kept`: the plan as the run kept it."""
    # What was withheld is not in step, and planning once more would only withhold it again.
    if plan.withheld:
        return [f"indexer show {shlex.quote(str(kept))} --status withheld  # what policy held back"]
    return [f"indexer plan {shlex.join(scope)}  # see that all is in step"]


def _way_back(result: Result, path: Place) -> list[str]:
    """What to type if it was a mistake; nothing where nothing was written, by this run or an earlier one of the plan."""
    if all(one.before is None for one in result.told):
        return []
    return [f"indexer undo {shlex.quote(str(path.parent))} --out undo.json  # plans the way back"]
