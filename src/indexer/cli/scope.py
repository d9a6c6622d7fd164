"""What `plan` and `drift` are asked to compare, and the plan that comes of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from indexer.cli import completion
from indexer.cli.options import WorkOptions, given, known

if TYPE_CHECKING:
    from indexer.cli.run import Run
    from indexer.config import Config
    from indexer.errors import IndexerError
    from indexer.model.plan import Plan
    from indexer.model.snapshot import SystemName

SYSTEMS: tuple[SystemName, ...] = ("s3", "docdb", "codeocean")

Buckets = Annotated[
    list[str] | None,
    typer.Option(
        "--bucket",
        metavar="NAME",
        help="A configured bucket; repeatable.",
        autocompletion=completion.buckets,
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="Every configured bucket.")]
Assets = Annotated[
    list[str] | None,
    typer.Option(
        "--asset", metavar="GLOB", help="Only assets whose folder, or whole location, matches; repeatable."
    ),
]
Excluded = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude", metavar="GLOB", help="Not assets whose folder, or whole location, matches; repeatable."
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
        autocompletion=completion.facet("system"),
    ),
]
HistoryPlaces = Annotated[
    list[str] | None,
    typer.Option(
        "--history",
        metavar="PLACE",
        help="Past runs, as `indexer runs` finds them there: say what one has written already and somebody else has "
        "undone since. Repeatable.",
    ),
]
NoMemo = Annotated[
    bool,
    typer.Option("--no-memo", help="Decide on every asset anew, whatever is remembered of earlier plans."),
]
Policy = Annotated[
    Literal["sync", "upsert-only", "create-only"] | None,
    typer.Option("--policy", help="What a plan may do. Default: as configured, else sync."),
]
MaxDeletes = Annotated[
    int | None,
    typer.Option(
        "--max-deletes",
        metavar="N",
        min=0,
        help="How many deletions a plan may hold, and how many updates that remove links.",
    ),
]
MaxDeletePercent = Annotated[
    float | None,
    typer.Option(
        "--max-delete-percent",
        metavar="P",
        min=0,
        max=100,
        help="The same, in per cent of what a bucket has; 100: no limit.",
    ),
]


@dataclass(frozen=True, slots=True)
class ScopeOptions:
    """What is to be looked at."""

    bucket: Buckets = None
    everything: Everything = False
    asset: Assets = None
    exclude: Excluded = None
    lookback_days: Lookback = None
    allow_empty: AllowEmpty = None
    history: HistoryPlaces = None
    no_memo: NoMemo = False

    def asked(self, settings: Config) -> dict[str, Any]:
        """As `indexer.plan` takes it. Raises BadParameter for a system that there is not."""
        return {
            "buckets": (*(settings.every_bucket if self.everything else ()), *(self.bucket or ())),
            "assets": self.asset or (),
            "exclude": self.exclude or (),
            "lookback_days": self.lookback_days,
            "history": self.history or (),
            "memo": not self.no_memo,
            "allow_empty": known(self.allow_empty, SYSTEMS, "--allow-empty"),
        }

    @property
    def typed(self) -> bool:
        """Was anything of it asked for?"""
        values = [getattr(self, one.name) for one in fields(self)]
        return any(value is not False and value not in (None, []) for value in values)


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """What a plan may do; None: as configured."""

    policy: Policy = None
    max_deletes: MaxDeletes = None
    max_delete_percent: MaxDeletePercent = None

    def asked(self) -> dict[str, Any]:
        """As `indexer.plan` and `indexer.apply` take them."""
        return asdict(self)

    def arguments(self) -> list[str]:
        """As they were typed."""
        return [
            *given("--policy", self.policy),
            *given("--max-deletes", self.max_deletes),
            *given("--max-delete-percent", self.max_delete_percent),
        ]


AS_CONFIGURED = LimitOptions()
"""For the gate: what a configured mode or limit would hold back is drift, too."""


def compared(
    run: Run,
    settings: Config,
    scope: ScopeOptions,
    work: WorkOptions,
    limits: LimitOptions = AS_CONFIGURED,
) -> tuple[Plan, IndexerError | None]:
    """A fresh plan, with the error that leaves it without anything to do."""
    from indexer import UnreadError, plan

    try:
        with run.work("actions") as observer:
            asked = {**scope.asked(settings), **limits.asked(), **work.asked()}
            found = plan(settings, **asked, observer=observer, plan_id=run.run_id)
    except UnreadError as exc:
        return exc.plan, exc
    return found, None
