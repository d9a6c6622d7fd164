"""Options that several commands have, and those that every command has."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Literal, ParamSpec, TypeVar

import typer

from indexer.cli.talk import Talk

if TYPE_CHECKING:
    from indexer.config import Config

P = ParamSpec("P")
W = TypeVar("W", bound=str)
CONFIG_HELP = (
    "The configuration: a file, or ssm:NAME in AWS Parameter Store. Default: indexer.toml here; environment "
    "variables (INDEXER_…) go over it."
)

ConfigPath = Annotated[str | None, typer.Option("--config", metavar="PATH", help=CONFIG_HELP)]
MOST_PARALLEL = 256


def _checked_parallel(typed: str) -> str:
    """Said before anything is read."""
    if typed != "auto" and not (typed.isdecimal() and 1 <= int(typed) <= MOST_PARALLEL):
        raise typer.BadParameter(f"{typed!r} is neither auto nor 1 to {MOST_PARALLEL}")
    return typed


Parallel = Annotated[
    str,
    typer.Option(
        "--parallel",
        metavar="N",
        callback=_checked_parallel,
        help="How many requests at a time; auto: as many as S3 answers quickly.",
    ),
]
Dask = Annotated[
    str | None,
    typer.Option(
        "--dask",
        metavar="ADDRESS",
        help="Spread the work over a dask cluster: its scheduler's address (tls://HOST:PORT), or local for this "
        "machine's cores.",
    ),
]
DaskCleartext = Annotated[
    bool,
    typer.Option(
        "--dask-cleartext",
        help="DANGEROUS: take a cluster that is not encrypted; whoever is on its network reads and runs what they like.",
    ),
]
Assets = Annotated[
    list[str] | None,
    typer.Option(
        "--asset", metavar="GLOB", help="Only assets whose folder, or whole location, matches; repeatable."
    ),
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
EventsFile = Annotated[
    Path | None,
    typer.Option("--events", metavar="FILE", help="Write JSON lines of what happens there; - is stdout."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but warnings and errors.")]
Detailed = Annotated[
    bool,
    typer.Option(
        "--detail", "-d", help="Tell how long each stage took, each action's outcome, and a summary."
    ),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="The same, and every request, and where a fault lies.")
]
LogFormat = Annotated[
    Literal["text", "json"],
    typer.Option("--log-format", help="How to talk on stderr; json: each line is one object."),
]


def talks(function: Callable[Concatenate[Talk, P], None]) -> Callable[..., None]:
    """Give a command --quiet, --detail, --verbose and --log-format, and hand it the Talk that obeys them."""

    @functools.wraps(function)
    def command(
        *,
        ctx: typer.Context,
        quiet: bool,
        detail: bool,
        verbose: bool,
        log_format: Literal["text", "json"],
        **others: Any,
    ) -> None:
        ctx.obj.tune(quiet=quiet, detailed=detail, verbose=verbose, log_format=log_format)
        untyped: Callable[..., None] = function
        untyped(ctx.obj, **others)

    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    shared = [
        inspect.Parameter("ctx", keyword, annotation=typer.Context),
        inspect.Parameter("quiet", keyword, default=False, annotation=Quiet),
        inspect.Parameter("detail", keyword, default=False, annotation=Detailed),
        inspect.Parameter("verbose", keyword, default=False, annotation=Verbose),
        inspect.Parameter("log_format", keyword, default="text", annotation=LogFormat),
    ]
    parameters = [*(one.replace(kind=keyword) for one in own), *shared]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command


def configured(source: str | None) -> Config:
    """The configuration; from now on its secrets are kept out of everything that is said."""
    from indexer.runs.config_file import load_config

    return load_config(source)


def configured_here(source: str | None) -> Config | None:
    """The same for a command that needs none; None where nothing says that there is one."""
    from indexer.runs.config_file import is_configured

    return configured(source) if source is not None or is_configured() else None


def named(config: Config, buckets: Sequence[str] | None, *, everything: bool) -> tuple[str, ...]:
    """The buckets that were asked for: --bucket, --all, or both."""
    return (*(config.every_bucket if everything else ()), *(buckets or ()))


def parallelism(typed: str) -> int | None:
    """How many requests at a time; None is auto."""
    return None if typed == "auto" else int(typed)


def known(values: list[str] | None, words: tuple[W, ...], option: str) -> tuple[W, ...]:
    """The values, all of them known words. Raises BadParameter, naming the word that was probably meant."""
    import difflib

    for value in values or ():
        if value not in words:
            close = difflib.get_close_matches(value, words, n=1)
            meant = f"did you mean {close[0]}?" if close else f"one of {', '.join(words)}."
            raise typer.BadParameter(f"{value!r} is not known; {meant}", param_hint=option)
    return tuple(word for word in words if word in (values or ()))
