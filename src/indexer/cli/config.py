"""`indexer config`: the configuration in force, and one made of the predecessor's settings."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from indexer.cli.options import ConfigPath, configured, talks
from indexer.cli.talk import Talk, data
from indexer.errors import UsageError

SUMMARY = "Show the configuration, or make one of the predecessor's settings."
STDIN = "-"

app = typer.Typer(
    name="config",
    add_completion=False,
    short_help=SUMMARY,
    help="Show the configuration in force, or make one of the predecessor's settings.",
    rich_markup_mode=None,
)

OldSettings = Annotated[
    list[str],
    typer.Argument(
        metavar="SETTINGS", help="The predecessor's JSON: a file, ssm:NAME, or - for stdin; several make one."
    ),
]


@app.callback(invoke_without_command=True)
def _root(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help(), err=True)
        raise typer.Exit(2)


def show(_talk: Talk, config: ConfigPath = None) -> None:
    """Print the configuration in force as TOML: each value with where it comes from, secrets as ***.

    Of a URI the hosts are shown. No secret is read from AWS Secrets Manager for it.
    """
    import tomlkit

    from indexer.runs.config_shown import shown_settings

    settings = configured(config)
    document = tomlkit.document()
    for (*tables, name), value, origin in shown_settings(settings, config):
        table: Any = document
        for one in tables:
            table = table.setdefault(one, tomlkit.table())
        table.add(name, tomlkit.item(value).comment(origin))
    data(f"{tomlkit.dumps(document).rstrip()}\n")


def migrate(talk: Talk, settings: OldSettings) -> None:
    """Print a configuration for the predecessor's settings; says what of them has no place in it, and what is missing.

    Secrets are never printed: each is named, with the places where it may be kept.
    """
    from indexer.render.safe import safe
    from indexer.runs.predecessor import migrated, read_settings

    result = migrated({source: read_settings(_text(source), source) for source in settings})
    data(_toml(result.document))
    for note in result.notes:
        talk.warn(safe(str(note)), key=note.key)


def _text(source: str) -> str:
    from indexer.runs.predecessor import text_of

    if source != STDIN:
        return text_of(source)
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except ValueError as exc:
        raise UsageError("The settings are not text", f"stdin: {exc}", "Write them in UTF-8.") from exc


def _toml(document: dict[str, Any]) -> str:
    import tomlkit

    return f"{tomlkit.dumps(document).rstrip()}\n"


app.command(name="show", short_help="Print the configuration in force.")(talks(show))
app.command(name="migrate", short_help="Print a configuration for the predecessor's settings.")(
    talks(migrate)
)
