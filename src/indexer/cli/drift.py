"""`indexer drift`: the gate for CI. Fails on drift that no rule expects, and on reads that saw not everything."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.apply import ApprovalsFolder
from indexer.cli.options import WorkOptions, configured, given
from indexer.cli.repository import lines_of_buckets, repository_path
from indexer.cli.scope import ScopeOptions, compared
from indexer.cli.streams import check_stdout
from indexer.cli.talk import Talk, data, screen
from indexer.render.formats import GateFormat

if TYPE_CHECKING:
    from indexer.cli.run import Run
    from indexer.errors import IndexerError
    from indexer.model.approvals import Approvals
    from indexer.model.drift import Verdict
    from indexer.model.plan import Plan
    from indexer.render.reader import Where
    from indexer.render.report import Report
    from indexer.runs.loading import PlanFile

SUMMARY = "Fail on drift that no rule expects."

Expected = Annotated[
    Path | None,
    typer.Option("--expected", metavar="FILE", help="Rules of expected drift (TOML). Default: none is."),
]
SavedPlan = Annotated[
    str | None,
    typer.Option(
        "--plan",
        metavar="PLAN",
        help="Judge a saved plan (a path, or s3://BUCKET/KEY); the systems are not read again.",
    ),
]
VerdictFormatOption = Annotated[
    GateFormat, typer.Option("--format", help="What goes to stdout; github: annotations of a workflow.")
]


def _checked_summary(typed: Path | None) -> Path | None:
    """Said before anything is read: a variable that is not set makes an empty name."""
    if typed is not None and (typed.is_dir() or not typed.parent.is_dir()):
        wrong = "it names no file" if typed == Path() else f"{typed} is no file in a folder that there is"
        raise typer.BadParameter(wrong)
    return typed


SummaryFile = Annotated[
    Path | None,
    typer.Option(
        "--summary",
        metavar="FILE",
        callback=_checked_summary,
        help='Append a Markdown summary there, e.g. "$GITHUB_STEP_SUMMARY".',
    ),
]
Approved = Annotated[
    bool,
    typer.Option(
        "--approved",
        help="With --plan: what enough people approved is expected, by [approvals] of the configuration.",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Findings that no rule expects fail too.")]


@dataclass(frozen=True, slots=True)
class SavedOptions:
    """The plan that is judged, where none is made, and whether people's approvals of it count."""

    plan: SavedPlan = None
    approved: Approved = False
    approvals: ApprovalsFolder = None

    def check(self) -> None:
        """Raise BadParameter for approvals of a plan that there is not yet."""
        if self.approved and self.plan is None:
            wrong = "only a saved plan can be approved: name it with --plan"
            raise typer.BadParameter(wrong, param_hint="--approved")


def command(
    talk: Talk,
    scope: ScopeOptions,
    work: WorkOptions,
    saved: SavedOptions,
    expected: Expected = None,
    strict: Strict = False,
    output: VerdictFormatOption = "text",
    summary: SummaryFile = None,
) -> None:
    """Compare as `plan` does, and fail (exit 3) on drift that no rule expects; nothing is written.

    What policy would withhold is drift too. If not everything could be read, or a glob matched no asset, the exit code is 1, never 0.
    """
    from indexer import __version__, drift
    from indexer.cli.run import Run
    from indexer.render.formats import rendered
    from indexer.render.of_verdict import verdict_report
    from indexer.render.reader import Reader
    from indexer.runs.expected import load_expected
    from indexer.runs.files import append_text

    with Run(talk, "drift") as run:
        check_stdout()
        saved.check()
        rules = load_expected(expected) if expected else None
        found, approvals, fault = _saved(saved, scope, work) if saved.plan else _read(run, scope, work)
        run.planned(found)
        verdict = drift(found, rules, strict=strict, approvals=approvals)
        run.judged(verdict)
        report = verdict_report(verdict, __version__)
        if summary is not None:
            append_text(summary, rendered(report, "markdown", Reader()))
        every = found.scope.buckets if scope.everything else ()
        steps = _next_steps(verdict, found, saved.plan, expected, work.config, every)
        # After all else but what stderr is told: whoever reads it may have gone.
        data(_rendered(verdict, report, output, expected, work.config))
        _report(talk, verdict, report.headline, output, steps)
        if fault is not None:
            raise fault
        raise typer.Exit(verdict.exit_code)


def _saved(
    saved: SavedOptions, scope: ScopeOptions, work: WorkOptions
) -> tuple[Plan, Approvals | None, None]:
    """A saved plan, which has its scope already, and who approved it."""
    from indexer import load_plan

    if scope.typed:
        wrong = "a saved plan is judged as it is: leave out --bucket, --all, --asset, --exclude, --lookback-days, --allow-empty, --history, --no-memo"
        raise typer.BadParameter(wrong, param_hint="--plan")
    reviewed = load_plan(str(saved.plan))
    approvals = _approvals(reviewed, saved.approvals, work.config) if saved.approved else None
    return reviewed.plan, approvals, None


def _approvals(reviewed: PlanFile, place: str | None, config: str | None) -> Approvals:
    """Who approved the plan."""
    from datetime import UTC, datetime

    from indexer.model.place import parse_place
    from indexer.runs.approvals import told_approvals
    from indexer.runs.config_file import load_approvals

    named = None if place is None else parse_place(place)
    return told_approvals(reviewed, named, load_approvals(config), datetime.now(UTC))


def _read(run: Run, scope: ScopeOptions, work: WorkOptions) -> tuple[Plan, None, IndexerError | None]:
    """A fresh plan."""
    settings = run.configured(configured(work.config))
    run.of_plan(run.run_id)
    found, fault = compared(run, settings, scope, work)
    return found, None, fault


def _rendered(
    verdict: Verdict, report: Report, output: GateFormat, expected: Path | None, config: str | None
) -> str:
    from indexer.render.formats import rendered
    from indexer.runs.files import document_text

    if output == "json":
        return document_text(verdict.model_dump(mode="json", exclude_none=True))
    reader = replace(screen(sys.stdout), where=_where(verdict, expected, config))
    return rendered(report, output, reader)


def _where(verdict: Verdict, expected: Path | None, config: str | None) -> Where:
    """Where drift is shown: in the rules, where an expectation would go, or else at the bucket in the configuration."""
    from indexer.model.location import parse_location
    from indexer.render.reader import CONFIGURATION, Where

    if expected is not None:
        return Where(repository_path(expected))
    file = Path(config or CONFIGURATION)
    if not file.is_file():  # a parameter, or the environment alone
        file = Path(CONFIGURATION)
    drifted = [
        *(one.action.location for one in verdict.actions),
        *(one.finding.location for one in verdict.findings),
    ]
    buckets = sorted({location.bucket for one in drifted if (location := parse_location(one))})
    return Where(repository_path(file), lines_of_buckets(file, buckets))


def _report(talk: Talk, verdict: Verdict, headline: str, output: GateFormat, steps: list[str]) -> None:
    """On stderr: the verdict in one line, where stdout has it in no words for people, and what to type next."""
    if output != "text" or talk.json_lines:
        style = "bold" if verdict.status == "in-step" else "alarm"
        figures = {"status": verdict.status, "exit_code": verdict.exit_code}
        totals = verdict.totals.model_dump(mode="json")
        if verdict.status == "incomplete":
            talk.warn(headline, **figures, totals=totals)
        else:
            talk.say(headline, style, **figures, totals=totals)
    talk.steps(steps)


def _next_steps(
    verdict: Verdict,
    plan: Plan,
    saved: str | None,
    expected: Path | None,
    config: str | None,
    every: Sequence[str],
) -> list[str]:
    """What to type now; `every`: the buckets that --all means, where they were named by it."""
    totals, steps = verdict.totals, []
    if verdict.incomplete:
        steps.append("see that the systems named above answer, and run this again")
    if totals.unexpected:
        scope = [*plan.scope.arguments(every), *given("--config", config)]
        again = f"indexer plan {shlex.join(scope)}  # then review it and apply it"
        steps.append(f"indexer show {shlex.quote(saved)}  # every difference" if saved else again)
    if totals.expired_rules or totals.unused_rules:
        steps.append(f"edit {expected}  # renew or take out the rules named above")
    return steps
