"""Which part of a plan or a result `show` is asked for: the filters that the HTML report has, too."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from indexer.cli import completion
from indexer.cli.options import known
from indexer.cli.scope import SYSTEMS, Assets
from indexer.cli.talk import Talk

if TYPE_CHECKING:
    from indexer.model.choosing import Term
    from indexer.model.outcome import Result
    from indexer.model.plan import Plan
    from indexer.render.selection import Selection

InBucket = Annotated[
    list[str] | None,
    typer.Option(
        "--bucket",
        metavar="NAME",
        help="Only assets of this bucket; repeatable.",
        autocompletion=completion.buckets,
    ),
]
SystemNames = Annotated[
    list[str] | None,
    typer.Option(
        "--system",
        metavar="SYSTEM",
        help="Only writes to s3, docdb or codeocean; repeatable.",
        autocompletion=completion.facet("system"),
    ),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--action",
        metavar="KIND",
        help="Only such actions, e.g. delete-record; repeatable.",
        autocompletion=completion.facet("action"),
    ),
]
Effects = Annotated[
    list[str] | None,
    typer.Option(
        "--effect",
        metavar="EFFECT",
        help="Only what does this (create, change, delete) to what is there; repeatable.",
        autocompletion=completion.facet("effect"),
    ),
]
Reasons = Annotated[
    list[str] | None,
    typer.Option(
        "--reason",
        metavar="REASON",
        help="Only for such a reason, e.g. asset-gone; repeatable.",
        autocompletion=completion.facet("reason"),
    ),
]
Statuses = Annotated[
    list[str] | None,
    typer.Option(
        "--status",
        metavar="STATUS",
        help="Of a result: only applied, satisfied, stale, failed, skipped. Of a plan: only planned or withheld. "
        "Repeatable.",
        autocompletion=completion.statuses,
    ),
]
Grep = Annotated[
    list[str] | None,
    typer.Option(
        "--grep", metavar="WORDS", help="Only where all these words are: asset, file, field, value, error."
    ),
]
OnlyFindings = Annotated[bool, typer.Option("--findings", help="Only findings.")]


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """Words on one thing are alternatives; those on several narrow each other."""

    asset: Assets = None
    in_bucket: InBucket = None
    system: SystemNames = None
    action: Kinds = None
    effect: Effects = None
    reason: Reasons = None
    status: Statuses = None
    grep: Grep = None
    findings: OnlyFindings = False

    def selection(self) -> Selection:
        """What is asked for. Raises BadParameter for a word that there is not in any plan or result."""
        from indexer.model.outcome import Status
        from indexer.render.selection import IN_PLANS, Selection

        terms = tuple(self._terms())
        statuses = known(self.status, (*get_args(Status), *IN_PLANS), "--status")
        unfit = [f"--{term.facet}" for term in terms if term.facet not in ("asset", "bucket")]
        unfit += ["--status"] if statuses else []
        if self.findings and unfit:
            wrong = f"findings are chosen by --asset, --bucket and --grep: leave out {', '.join(dict.fromkeys(unfit))}"
            raise typer.BadParameter(wrong, param_hint="--findings")
        words = tuple(word for typed in self.grep or () for word in typed.split())
        return Selection(terms, statuses, words, self.findings)

    def _terms(self) -> Iterator[Term]:
        from indexer.model.choosing import FACETS, Term

        yield from (Term("asset", glob) for glob in self.asset or ())
        yield from (Term("bucket", name) for name in self.in_bucket or ())
        yield from (Term("system", word) for word in known(self.system, SYSTEMS, "--system"))
        yield from (Term("action", word) for word in known(self.action, FACETS["action"], "--action"))
        yield from (Term("effect", word) for word in known(self.effect, FACETS["effect"], "--effect"))
        yield from (Term("reason", word) for word in known(self.reason, FACETS["reason"], "--reason"))

    def check_plan(self, plan: Plan) -> None:
        """Raise BadParameter for a bucket or a status that this plan does not have."""
        from indexer.render.selection import IN_PLANS

        known(self.status, IN_PLANS, "--status")
        known(self.in_bucket, plan.scope.buckets, "--bucket")

    def check_result(self, plan: Plan | None) -> None:
        """The same for a result, and for findings. `plan`: of the result, where it is needed."""
        from indexer.model.outcome import Status

        if self.findings:
            raise typer.BadParameter("a result has no findings: show its plan", param_hint="--findings")
        known(self.status, get_args(Status), "--status")
        if plan is not None:
            known(self.in_bucket, plan.scope.buckets, "--bucket")


def say_if_in_vain(talk: Talk, selection: Selection, found: bool, finds: Callable[[Selection], bool]) -> None:
    """Say which of the words nothing passes, and where only all of them together leave nothing."""
    from indexer.render.selection import in_vain

    if vain := in_vain(selection, finds):
        talk.warn(f"Nothing matches {' or '.join(vain)}.")
    elif selection and not found:
        talk.warn("Nothing matches all of these filters at once.")


def holds_any(one: Plan | Result) -> bool:
    """Is anything left of it?"""
    from indexer.model.plan import Plan

    parts: tuple[Collection[object], ...]
    if isinstance(one, Plan):
        parts = (one.actions, one.withheld, one.findings, one.summary.findings)
    else:
        parts = (one.outcomes,)
    return any(parts)
