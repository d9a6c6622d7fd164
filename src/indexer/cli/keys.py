"""`indexer keys`: a key pair to approve plans with, and what of a key goes into the configuration."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from indexer.cli.approve import PassphraseFrom, ask_passphrase, passphrase_in
from indexer.cli.options import talks
from indexer.cli.talk import Talk, data

SUMMARY = "Make a key to approve plans with, or show what to configure of one."

app = typer.Typer(
    name="keys",
    add_completion=False,
    short_help=SUMMARY,
    help="Make a key to approve plans with, or show what to configure of one.",
    rich_markup_mode=None,
)

NewKey = Annotated[
    Path, typer.Argument(metavar="FILE", help="Where to write the private key; the public one is FILE.pub.")
]
AnyKeys = Annotated[
    list[str],
    typer.Argument(
        metavar="KEY",
        help="A public or private key in a file, an OpenSSH key, env:VARIABLE, or awskms:KEY; all those of one person.",
    ),
]
Whose = Annotated[str, typer.Option("--as", metavar="NAME", help="Whose it is.")]
NewWhose = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="Whose it is. Default: as the file is called.")
]
NoPassphrase = Annotated[
    bool, typer.Option("--no-passphrase", help="Do not protect it: whoever can read the file can sign.")
]


@app.callback(invoke_without_command=True)
def _root(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help(), err=True)
        raise typer.Exit(2)


def make_key(
    talk: Talk,
    file: NewKey,
    as_: NewWhose = None,
    passphrase_from: PassphraseFrom = None,
    no_passphrase: NoPassphrase = False,
) -> None:
    """Make an ed25519 key pair, and print what goes into the configuration.

    The private half is its owner's only, and is never written over anything. It never leaves this machine.
    """
    from indexer.runs.approvals import configured_lines
    from indexer.runs.approve import new_key

    passphrase = None if no_passphrase else passphrase_in(passphrase_from) or _chosen()
    public = new_key(file, passphrase)
    talk.say(
        f"Private key: {file} (keep it). Public key: {file}.pub. Fingerprint: {public.fingerprint}", "bold"
    )
    talk.lines(
        [
            "Have these lines put into the configuration of whoever applies, by a pull request that others review:"
        ]
    )
    data(configured_lines(as_ or file.stem, public))
    talk.steps([f"indexer approve plan.json --key {shlex.quote(str(file))}  # signs a plan"])


def _chosen() -> str:
    """A new passphrase, typed twice."""
    from indexer.errors import UsageError

    if not sys.stdin.isatty():
        hint = "Run it on a terminal, name a variable with --passphrase-from, or say --no-passphrase."
        raise UsageError("The key needs a passphrase", "there is no terminal to ask on", hint)
    asked = "Passphrase (it protects the file)"
    return str(typer.prompt(asked, hide_input=True, confirmation_prompt=True, err=True))


def show_keys(
    _talk: Talk, keys: AnyKeys, as_: Whose = "NAME", passphrase_from: PassphraseFrom = None
) -> None:
    """Print what goes into the configuration for keys that a person has already."""
    from indexer.runs.approvals import configured_lines, known_key

    passphrase = passphrase_in(passphrase_from)
    data(configured_lines(as_, *(known_key(one, ask_passphrase, passphrase) for one in keys)))


for name, one in (("new", make_key), ("show", show_keys)):
    app.command(name=name)(talks(one))
