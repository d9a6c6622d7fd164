"""Options that several commands have, and those that every command has."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Literal, ParamSpec, TypeVar, get_type_hints

import typer

from indexer.cli.streams import check_stdout
from indexer.cli.talk import Talk
from indexer.errors import UsageError
from indexer.runs.crew import MOST_WORKERS

if TYPE_CHECKING:
    from indexer.config import Config
    from indexer.model.place import Place

P = ParamSpec("P")
W = TypeVar("W", bound=str)
STDOUT = "-"
KEYWORD = inspect.Parameter.KEYWORD_ONLY
CONFIG_HELP = (
    "The configuration: a file, or ssm:NAME in AWS Parameter Store. Default: indexer.toml here; environment "
    "variables (INDEXER_…) go over it."
)

ConfigPath = Annotated[str | None, typer.Option("--config", metavar="PATH", help=CONFIG_HELP)]
MOST_PARALLEL = 256


def _auto_or(most: int) -> Callable[[str], str]:
    """Checks a number, or `auto`: a mistake is said before anything is read."""

    def checked(typed: str) -> str:
        if typed != "auto" and not (typed.isdecimal() and 1 <= int(typed) <= most):
            raise typer.BadParameter(f"{typed!r} is neither auto nor 1 to {most}")
        return typed

    return checked


def _number(typed: str) -> int | None:
    return None if typed == "auto" else int(typed)


Parallel = Annotated[
    str,
    typer.Option(
        "--parallel",
        metavar="N",
        callback=_auto_or(MOST_PARALLEL),
        help="How many requests at a time; auto: as many as S3 answers quickly.",
    ),
]
Processes = Annotated[
    str,
    typer.Option(
        "--workers",
        metavar="N",
        callback=_auto_or(MOST_WORKERS),
        help="How many processes of this machine do the work; auto: for a plan as many as its cores and the number of "
        "assets make worth it, for apply one.",
    ),
]
Dask = Annotated[
    str | None,
    typer.Option(
        "--dask",
        metavar="ADDRESS",
        help="Spread the work over a dask cluster of several machines: its scheduler's address (tls://HOST:PORT).",
    ),
]
DaskCleartext = Annotated[
    bool,
    typer.Option(
        "--dask-cleartext",
        help="DANGEROUS: take a cluster that is not encrypted; whoever is on its network reads and runs what they like.",
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


ORDER = (
    *("file", "bucket", "docdb_uri", "docdb_secret", "docdb_url", "anonymous", "tls_ca_file", "generation"),
    *("codeocean_domain", "codeocean_secret", "results_bucket"),
    *("everything", "out", "plan", "only", "except_", "results", "archive", "undoes", "steal_lease"),
    *("key", "passphrase_from", "as_", "scope"),
    *("expected", "strict", "output", "against", "gone", "summary", "asset", "exclude", "lookback_days"),
    *("days", "note", "yes", "approvals", "approved", "verify"),
    *("in_bucket", "system", "action", "effect", "reason", "status", "grep", "findings", "full", "no_pager"),
    *(
        "policy",
        "max_deletes",
        "max_delete_percent",
        "allow_empty",
        "history",
        "no_memo",
        "detailed_exitcode",
        "no_doctor",
    ),
    *("parallel", "workers", "dask", "dask_cleartext", "events", "config"),
)
"""In which `--help` lists the options of a command that has groups of them."""


@dataclass(frozen=True, slots=True)
class WorkOptions:
    """How the work is done, and by which configuration."""

    parallel: Parallel = "auto"
    workers: Processes = "auto"
    dask: Dask = None
    dask_cleartext: DaskCleartext = False
    config: ConfigPath = None

    def asked(self) -> dict[str, Any]:
        """As `indexer.plan` and `indexer.apply` take it."""
        return {
            "parallel": _number(self.parallel),
            "workers": _number(self.workers),
            "dask": self.dask,
            "dask_cleartext": self.dask_cleartext,
        }


def talks(function: Callable[Concatenate[Talk, P], None]) -> Callable[..., None]:
    """Give a command --quiet, --detail, --verbose and --log-format, and hand it the Talk that obeys them.

    A parameter that is a dataclass is a group of options: each field is an option, and the command gets them as one value.
    """
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    groups: dict[str, Any] = {one.name: one.annotation for one in own if is_dataclass(one.annotation)}

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
        for name, group in groups.items():
            others[name] = group(**{one.name: others.pop(one.name) for one in fields(group)})
        untyped: Callable[..., None] = function
        untyped(ctx.obj, **others)

    options = [option for one in own for option in _options(one)]
    if groups:
        options.sort(key=lambda one: ORDER.index(one.name))
    shared = [
        inspect.Parameter("ctx", KEYWORD, annotation=typer.Context),
        inspect.Parameter("quiet", KEYWORD, default=False, annotation=Quiet),
        inspect.Parameter("detail", KEYWORD, default=False, annotation=Detailed),
        inspect.Parameter("verbose", KEYWORD, default=False, annotation=Verbose),
        inspect.Parameter("log_format", KEYWORD, default="text", annotation=LogFormat),
    ]
    command.__signature__ = inspect.Signature([*options, *shared])  # type: ignore[attr-defined]
    return command


def _options(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    """A parameter's options: itself, or the fields of a group."""
    group = parameter.annotation
    if not is_dataclass(group):
        yield parameter.replace(kind=KEYWORD)
        return
    types = get_type_hints(group, include_extras=True)
    for one in fields(group):
        yield inspect.Parameter(one.name, KEYWORD, default=one.default, annotation=types[one.name])


def configured(source: str | None) -> Config:
    """The configuration; from now on its secrets are kept out of everything that is said."""
    from indexer.runs.config_file import load_config

    return load_config(source)


def configured_here(source: str | None) -> Config | None:
    """The same for a command that needs none; None where nothing says that there is one."""
    from indexer.runs.config_file import is_configured

    return configured(source) if source is not None or is_configured() else None


def out_place(out: str) -> Place | None:
    """Where a plan is to be written; None: to stdout. Raises IndexerError where that is closed."""
    from indexer.model.place import parse_place

    if out != STDOUT:
        return parse_place(out)
    check_stdout()
    return None


def new_file(file: Path, text: str, failed: str) -> None:
    """A text in a new file, never over another. Raises UsageError; `failed`: its summary."""
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as exc:
        raise UsageError(failed, f"{file}: {exc.strerror}") from exc


def given(option: str, value: object) -> list[str]:
    """An option as it was typed, where it was."""
    return [] if value is None else [option, str(value)]


def known(values: list[str] | None, words: tuple[W, ...], option: str) -> tuple[W, ...]:
    """The values, all of them known words. Raises BadParameter, with all that there are, and the one that was probably meant."""
    from indexer.model.choosing import unknown_word

    for value in values or ():
        if value not in words:
            raise typer.BadParameter(f"{unknown_word(value, words)}.", param_hint=option)
    return tuple(word for word in words if word in (values or ()))
