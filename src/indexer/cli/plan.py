"""`indexer plan`: read the three systems, write the plan, say what it would do."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.options import (
    Assets,
    ConfigPath,
    Dask,
    DaskCleartext,
    EventsFile,
    MaxDeletePercent,
    MaxDeletes,
    Parallel,
    Policy,
    configured,
    known,
    named,
    parallelism,
)
from indexer.cli.streams import check_stdout
from indexer.cli.talk import Talk, data

if TYPE_CHECKING:
    from indexer.model.plan import Plan
    from indexer.model.snapshot import SystemName

NAME = "plan"
SUMMARY = "Compare the three systems and write a plan."
STDOUT = "-"
DRIFT = 3
SYSTEMS: tuple[SystemName, ...] = ("s3", "docdb", "codeocean")

Buckets = Annotated[
    list[str] | None, typer.Option("--bucket", metavar="NAME", help="A configured bucket; repeatable.")
]
Everything = Annotated[bool, typer.Option("--all", help="Every configured bucket.")]
Out = Annotated[
    str,
    typer.Option(
        "--out", metavar="PLACE", help="Where to write the plan: a path, or s3://BUCKET/KEY; - is stdout."
    ),
]
Lookback = Annotated[
    int | None,
    typer.Option("--lookback-days", metavar="N", min=0, help="Only records modified within N days."),
]
AllowEmpty = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-empty",
        metavar="SYSTEM",
        help="Believe it when s3, docdb or codeocean shows nothing; repeatable.",
    ),
]
DetailedExitcode = Annotated[
    bool,
    typer.Option(
        "--detailed-exitcode",
        help="Exit with 3 where there is anything to do, else with 1 where not all could be seen.",
    ),
]


def command(
    talk: Talk,
    bucket: Buckets = None,
    everything: Everything = False,
    out: Out = "plan.json",
    asset: Assets = None,
    lookback_days: Lookback = None,
    policy: Policy = None,
    max_deletes: MaxDeletes = None,
    max_delete_percent: MaxDeletePercent = None,
    allow_empty: AllowEmpty = None,
    detailed_exitcode: DetailedExitcode = False,
    parallel: Parallel = "auto",
    dask: Dask = None,
    dask_cleartext: DaskCleartext = False,
    events: EventsFile = None,
    config: ConfigPath = None,
) -> None:
    """Compare S3, DocDB and Code Ocean, and write a plan of what would bring them into step.

    Writes nothing but the plan. What could not be read is said, and nothing that rests on it is planned.
    """
    from indexer import UnreadError, plan, save_plan
    from indexer.cli.run import Run
    from indexer.model.place import parse_place
    from indexer.runs.files import check_writable, plan_text

    with Run(talk, NAME) as run:
        place = None if out == STDOUT else parse_place(out)
        if place is None:
            check_stdout()
        run.write_events(events, out)
        settings = run.configured(configured(config))
        run.of_plan(talk.run_id)
        if place is not None:
            check_writable(place, frozenset(settings.every_bucket))
        fault = None
        try:
            with run.work("actions") as observer:
                planned = plan(
                    settings,
                    named(settings, bucket, everything=everything),
                    assets=asset or (),
                    lookback_days=lookback_days,
                    policy=policy,
                    max_deletes=max_deletes,
                    max_delete_percent=max_delete_percent,
                    allow_empty=known(allow_empty, SYSTEMS, "--allow-empty"),
                    parallel=parallelism(parallel),
                    dask=dask,
                    dask_cleartext=dask_cleartext,
                    observer=observer,
                    plan_id=talk.run_id,
                )
        except UnreadError as exc:
            planned, fault = exc.plan, exc
        data(plan_text(planned)) if place is None else save_plan(planned, place)
        run.planned(planned, out)
        _report(talk, planned, out, config)
        if fault is not None:
            raise fault
        if detailed_exitcode:
            raise typer.Exit(_detailed(planned))


def _detailed(plan: Plan) -> int:
    """0 where everything was seen and is in step, 3 where there is drift, 1 where nobody can say."""
    if plan.actions or plan.withheld:
        return DRIFT
    return int(not plan.summary.complete or bool(plan.unmatched))


def _report(talk: Talk, plan: Plan, out: str, config: str | None) -> None:
    """What the plan holds, most important last: that is what stays on the screen."""
    import shutil

    from indexer.render.of_plan import plan_report
    from indexer.render.text import WIDTH, alarm_lines, outline

    report = plan_report(plan)
    width = shutil.get_terminal_size().columns if talk.on_terminal else WIDTH
    talk.lines(outline(report, talk.paint, width))
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
        own = f" --config {shlex.quote(config)}" if config else ""
        steps[f"indexer apply {name}{own}"] = "carry it out"
    talk.steps(f"{step:<24}  {why}" for step, why in steps.items())
