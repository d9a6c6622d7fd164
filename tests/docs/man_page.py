"""The man page, made of what `--help` is made of: `make docs` writes docs/indexer.1, and a wheel installs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from indexer.cli.app import app

FILES = """\
.SH FILES
.TP
.B indexer.toml
The configuration; \\fBindexer init\\fR writes one.
.TP
.B plan.json, plan.results/
A plan, and a folder for each of its runs: journal, result and before\\-images.
.SH ENVIRONMENT
.B INDEXER_*
variables go over the configuration, two underscores between a table and its key.
S3 follows the AWS variables, profiles and roles.
"""


def man_page() -> str:
    """All commands and options in troff, for man(1)."""
    root: Any = typer.main.get_command(app)
    about, _, more = root.help.partition("\n\n")
    lines = [
        '.TH INDEXER 1 "" "indexer" "User Commands"',
        ".SH NAME",
        f"indexer \\- {_troff(about)}",
        ".SH SYNOPSIS",
        ".B indexer\n.I COMMAND\n[\\fIOPTIONS\\fR]",
        ".SH DESCRIPTION",
        _troff(more),
        ".SH OPTIONS",
        *_options(root),
        ".SH COMMANDS",
        *_commands(root, "indexer"),
        ".SH EXIT STATUS",
        _troff(root.epilog.removeprefix("Exit codes: ")),
    ]
    return "\n".join(lines) + "\n" + FILES


def _commands(group: Any, above: str) -> Iterator[str]:
    """Each command with its options, those of a group behind it."""
    for name, command in group.commands.items():
        whole = f"{above} {name}"
        arguments = " ".join(
            (one.metavar or one.name).upper() for one in command.params if not _is_option(one)
        )
        yield f'.SS "{_troff(f"{whole} {arguments}".strip())}"'
        yield from (f"{_troff(part)}\n.PP" for part in (command.help or "").split("\n\n"))
        yield from _options(command)
        if hasattr(command, "commands"):
            yield from _commands(command, whole)


def _options(command: Any) -> Iterator[str]:
    context = command.make_context("indexer", [], resilient_parsing=True)
    for one in filter(_is_option, command.params):
        words, meaning = one.get_help_record(context)
        yield f".TP\n.B {_troff(words)}\n{_troff(meaning)}"


def _is_option(parameter: Any) -> bool:
    return bool(parameter.opts[0].startswith("-"))


def _troff(text: str) -> str:
    """Other people's reading of a line: no request begins with it, and a hyphen stays one."""
    plain = " ".join(text.replace("\\", "\\e").replace("-", "\\-").split())
    ascii_only = "".join(one if one.isascii() else f"\\[u{ord(one):04X}]" for one in plain)
    return f"\\&{ascii_only}" if plain.startswith((".", "'")) else ascii_only
