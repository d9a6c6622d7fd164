"""The commands put together, and what becomes of an error that reaches the top."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
import typer.core
from typer.main import get_command

from indexer import __version__
from indexer.cli.options import talks
from indexer.cli.signals import Stopped, stoppable
from indexer.cli.streams import open_closed_streams, unwritten
from indexer.cli.talk import Talk, data
from indexer.errors import IndexerError, UsageError

# The class above every fault that typer finds in what was typed; it has no public name.
TYPED_WRONGLY: Any = typer.BadParameter.__bases__[0]

COMMANDS = (
    *("plan", "show", "explain", "approve", "apply", "runs", "audit", "drift", "undo"),
    *("init", "doctor", "schema", "sandbox", "demo", "config", "keys"),
)
"""In the order of `--help`; each is the module of its name."""


class _Commands(Mapping[str, Any]):
    """The commands, each imported and made when it is asked for: all of them would add a fourteenth to a plan of one asset."""

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        return _command(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


@cache
def _command(name: str) -> Any:
    """A command, or a group of some, as typer makes it."""
    module = import_module(f"indexer.cli.{name}")
    if not hasattr(module, "app"):
        alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        alone.command(name=name, short_help=module.SUMMARY)(talks(module.command))
        return get_command(alone)
    return get_command(module.app)


class _Group(typer.core.TyperGroup):
    """The root, which knows its commands by their names."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given | {"commands": _Commands()})


app = typer.Typer(
    name="indexer",
    cls=_Group,
    help="Keep the metadata of scientific data assets in step across S3, DocDB and Code Ocean.\n\n"
    "`plan` reads and writes a plan, `show` lets you review it, `apply` carries it out.",
    epilog="Exit codes: 0 fine, in step; 1 error, or a gate that could not see everything; 2 wrong usage; "
    "3 there is (unexpected) drift (drift, plan --detailed-exitcode); 4 applied in part; 5 refused. "
    "`indexer explain WORD` says what any word of a plan or a result means, or an exit code.",
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        data(f"indexer {__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback has done it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help(), err=True)
        raise typer.Exit(2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its status."""
    open_closed_streams()
    typed = list(sys.argv[1:] if arguments is None else arguments)
    talk = Talk.for_process(typed)
    # Records are trees of thousands of small objects and no cycles: looking for some cost a fifth of a plan's CPU.
    gc.set_threshold(100_000, 20, 50)

    def run() -> int:
        return int(app(typed, prog_name="indexer", obj=talk, standalone_mode=False) or 0)

    status = status_of(run, talk)
    gc.freeze()  # the end of a process needs no last search: it cost a quarter of a second
    if (docdb := sys.modules.get("indexer.systems.docdb_connection")) is not None:
        docdb.leave_monitors()  # nor half a second for threads that sleep
    sys.exit(status)


def status_of(run: Callable[[], int], talk: Talk) -> int:
    """The exit status of one command, which is told to whoever waits for its end."""
    status = _status_of(run, talk)
    with contextlib.suppress(Stopped), stoppable():
        talk.at_end(status)
    return status


def _status_of(run: Callable[[], int], talk: Talk) -> int:
    """Every error becomes words here and nowhere else."""
    try:
        with stoppable():
            return run()
    except IndexerError as exc:
        talk.fail(exc)
        return exc.exit_code
    except Stopped as exc:
        talk.error(f"{exc}.")
        return exc.status
    except Exception as exc:  # noqa: BLE001 - the top level
        return _unforeseen(exc, talk)


def _unforeseen(exc: Exception, talk: Talk) -> int:
    """What was typed wrongly, a help that went nowhere, or a fault of ours."""
    if isinstance(exc, TYPED_WRONGLY):
        context = getattr(exc, "ctx", None)
        command = context.command_path if context else "indexer"
        message = " ".join(exc.format_message().split())  # of choices, typer makes a line for each
        wrong = UsageError(
            message.replace(": Value error,", ":"),
            "",
            f"`{command} --help` lists what it takes.",
        )
        talk.fail(wrong)
        return wrong.exit_code
    if isinstance(exc, OSError) and not talk.tuned:  # no command has begun: typer could not write its help
        talk.fail(lost := unwritten(exc))
        return lost.exit_code
    if talk.verbose:
        import traceback

        trace = traceback.format_exc().rstrip()
        for line in [trace] if talk.json_lines else trace.splitlines():
            talk.error(line)
    hint = "" if talk.verbose else "Run it again with --verbose, and report what it says. "
    talk.fail(
        IndexerError("Internal error", f"{type(exc).__name__}: {exc}", f"{hint}It is a fault in indexer.")
    )
    return 1
