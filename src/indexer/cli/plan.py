"""`indexer plan`: read the three systems, write the plan, say what it would do."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.options import STDOUT, EventsFile, WorkOptions, configured, out_place
from indexer.cli.scope import LimitOptions, ScopeOptions, compared
from indexer.cli.talk import Talk, data

if TYPE_CHECKING:
    from indexer.model.plan import Plan

SUMMARY = "Compare the three systems and write a plan."
DRIFT = 3

PlanOut = Annotated[
    str,
    typer.Option(
        "--out", metavar="PLACE", help="Where to write the plan: a path, or s3://BUCKET/KEY; - is stdout."
    ),
]
DetailedExitcode = Annotated[
    bool,
    typer.Option(
        "--detailed-exitcode",
        help="Exit with 3 if there is anything to do, otherwise with 1 if not everything could be seen.",
    ),
]


def command(
    talk: Talk,
    scope: ScopeOptions,
    limits: LimitOptions,
    work: WorkOptions,
    out: PlanOut = "plan.json",
    detailed_exitcode: DetailedExitcode = False,
    events: EventsFile = None,
) -> None:
    """Compare S3, DocDB and Code Ocean, and write a plan of what would bring them into step.

    It writes nothing but the plan. The plan says what could not be read, and holds nothing that depends on it.
    """
    from indexer import save_plan
    from indexer.cli.run import Run
    from indexer.runs.files import check_writable, plan_text

    with Run(talk, "plan") as run:
        place = out_place(out)
        run.write_events(events, out)
        settings = run.configured(configured(work.config))
        run.of_plan(run.run_id)
        if place is not None:
            check_writable(place, frozenset(settings.every_bucket))
        plan, fault = compared(run, settings, scope, work, limits)
        data(plan_text(plan)) if place is None else save_plan(plan, place)
        run.planned(plan, out)
        _report(talk, plan, out, work.config)
        if fault is not None:
            raise fault
        if detailed_exitcode:
            raise typer.Exit(_detailed(plan))


def _detailed(plan: Plan) -> int:
    """0 where everything was seen and is in step, 3 where there is drift, 1 where nobody can say."""
    if plan.actions or plan.withheld:
        return DRIFT
    return int(not plan.summary.complete or bool(plan.unmatched))


def _report(talk: Talk, plan: Plan, out: str, config: str | None) -> None:
    """What the plan holds, most important last: that is what stays on the screen."""
    from indexer.render.of_plan import plan_report
    from indexer.render.text import alarm_lines, outline

    report = plan_report(plan)
    talk.lines(outline(report, talk.paint, talk.columns))
    for alarm in report.alarms:
        lines = alarm_lines(report, talk.paint)
        talk.alarm("not everything could be read", lines, reads=list(alarm.lines))
    summary = plan.summary.model_dump(mode="json")
    words = f"Plan: {report.headline} Nothing is changed yet." if plan.actions else report.headline
    talk.say(words, "bold", plan=out, plan_id=plan.plan_id, summary=summary)
    if out == STDOUT or talk.json_lines:
        return
    name = shlex.quote(out)
    steps = {f"indexer show {name}": "every action, difference and finding"}
    if plan.actions:
        own = f" --config {shlex.quote(config)}" if config and not plan.via else ""
        steps[f"indexer apply {name}{own}"] = (
            "carry it out; for whoever has credentials" if plan.via else "carry it out"
        )
    talk.steps(f"{step:<24}  {why}" for step, why in steps.items())
