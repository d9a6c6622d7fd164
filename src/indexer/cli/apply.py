"""`indexer apply`: carry out a reviewed plan, and say what came of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.events import EventsFile, event_stream
from indexer.cli.options import ConfigPath, Parallel, configured, parallelism
from indexer.cli.signals import finishing
from indexer.cli.talk import Talk

if TYPE_CHECKING:
    from indexer.config import Config
    from indexer.model.plan import Plan
    from indexer.runs.apply import Applied

NAME = "apply"
SUMMARY = "Carry out a reviewed plan."
IN_PART = 4
LISTED = 20
STOPPING = "Stopping: what is in flight is finished and recorded. Once more to stop at once."

PlanFile = Annotated[
    str, typer.Argument(metavar="PLAN", help="A plan that was reviewed: a path, or s3://BUCKET/KEY.")
]
Results = Annotated[
    str | None,
    typer.Option(
        "--results",
        metavar="PLACE",
        help="Keep the journal, the result and what was replaced there: a folder, or an s3:// prefix. "
        "Default: beside the plan.",
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
StealLease = Annotated[bool, typer.Option("--steal-lease", help="Take over the lease of a run that is dead.")]


def command(
    talk: Talk,
    plan: PlanFile,
    results: Results = None,
    archive: ArchivePlace = None,
    steal_lease: StealLease = False,
    parallel: Parallel = "auto",
    events: EventsFile = None,
    config: ConfigPath = None,
) -> None:
    """Carry out a plan: exactly what was reviewed, and nothing that somebody else has changed since.

    Asks nothing. Ctrl-C finishes what is in flight and records it; applying again goes on from there.
    """
    from indexer.model.place import parse_place
    from indexer.runs.apply import apply, results_folder
    from indexer.runs.files import load_plan

    place = parse_place(plan)
    with event_stream(events, talk, NAME) as stream:
        settings = configured(config, talk)
        reviewed, digest = load_plan(place)
        folder = results_folder(place, reviewed, None if results is None else parse_place(results))
        stop = Event()
        with finishing(stop, lambda: talk.shout(STOPPING)), talk.progress("written") as progress:
            applied = apply(
                settings,
                reviewed,
                digest,
                folder,
                parallelism(parallel),
                stream.progress(progress),
                stop,
                archive=archive,
                steal_lease=steal_lease,
                watch=stream.settled,
            )
        summary = applied.result.summary
        stream.outcome = {"plan_id": reviewed.plan_id, "file": str(applied.path), "counts": summary}
        _report(talk, reviewed, applied)
        if not talk.json_lines:
            places = _given("--results", results) + _given("--archive", archive)
            again = [plan, *places, *_given("--config", config)]
            scope = [*_scope(reviewed, settings), *_given("--config", config)]
            talk.lines(f"→ {step}" for step in _next_steps(applied, again, scope))
        if set(summary) - {"applied", "satisfied"}:
            raise typer.Exit(IN_PART)


def _report(talk: Talk, plan: Plan, applied: Applied) -> None:
    """What came of it, most important last: that is what stays on the screen."""
    from indexer.render.result_text import outcome_table, result_headline, unsuccessful

    result = applied.result
    actions = {action.id: action for action in plan.actions}
    talk.lines(outcome_table(result, actions, talk.paint))
    talk.lines(unsuccessful(result, actions, talk.paint, LISTED))
    complete = not set(result.summary) - {"applied", "satisfied"}
    talk.say(
        f"{'Done' if complete else 'DONE IN PART'}: {result_headline(result)}",
        "bold" if complete else "alarm",
        result=str(applied.path),
        summary=result.summary,
    )
    talk.lines([f"Result and journal: {applied.path.parent}/"])


def _next_steps(applied: Applied, again: Sequence[str], scope: Sequence[str]) -> list[str]:
    """What to type now; `again` and `scope`: the arguments of this apply, and of a plan like this one."""
    summary = applied.result.summary
    steps = []
    if set(summary) - {"applied", "satisfied"}:
        steps.append(f"indexer show {shlex.quote(str(applied.path))}  # every outcome")
    if summary.get("failed") or summary.get("skipped"):
        steps.append(f"indexer apply {shlex.join(again)}  # again: goes on with what is left")
    if summary.get("stale"):
        steps.append(f"indexer plan {shlex.join(scope)}  # plans anew what was stale")
    return steps or [f"indexer plan {shlex.join(scope)}  # see that all is in step"]


def _given(option: str, value: object) -> list[str]:
    """An option as it was typed, where it was."""
    return [] if value is None else [option, str(value)]


def _scope(plan: Plan, config: Config) -> list[str]:
    """The arguments that ask for the same buckets and assets."""
    everything = {*config.buckets, *filter(None, [config.results_bucket])} == set(plan.scope.buckets)
    named = [word for bucket in plan.scope.buckets for word in ("--bucket", bucket)]
    globs = [word for glob in plan.scope.assets for word in ("--asset", glob)]
    return [*(["--all"] if everything else named), *globs]
