"""`indexer sandbox`: S3, DocDB and Code Ocean on loopback, to try things on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.signals import tidying
from indexer.cli.talk import Talk, data
from indexer.errors import UsageError

if TYPE_CHECKING:
    from indexer_sandbox import Sandbox

NAME = "sandbox"
SUMMARY = "Run embedded systems to try things on."

Port = Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="0: any free port.")]
Directory = Annotated[
    Path | None,
    typer.Option("--directory", metavar="DIR", help="Write indexer.toml there, while the sandbox runs."),
]
Count = Annotated[
    int, typer.Option("--assets", metavar="N", min=1, max=1000, help="How many assets are in step.")
]


def command(
    talk: Talk,
    port_s3: Port = 0,
    port_docdb: Port = 0,
    port_codeocean: Port = 0,
    directory: Directory = None,
    assets: Count = 40,
) -> None:
    """Run an embedded S3, DocDB and Code Ocean, with every kind of drift in them, until Ctrl-C.

    Prints the configuration and the environment to use, and leaves nothing behind.
    """
    import tempfile
    import threading

    from indexer_sandbox import running
    from indexer_sandbox.seed import seed

    file = checked(directory)
    with tidying(), tempfile.TemporaryDirectory(prefix="indexer-sandbox-") as folder:
        talk.say("Starting an S3, a DocDB and a Code Ocean on 127.0.0.1 …")
        with running(
            Path(folder), s3_port=port_s3, docdb_port=port_docdb, codeocean_port=port_codeocean
        ) as sandbox:
            seed(sandbox, assets=assets)
            with written(sandbox.config_toml(), file):
                _introduce(talk, sandbox, file)
                threading.Event().wait()


def _introduce(talk: Talk, sandbox: Sandbox, file: Path | None) -> None:
    data(f"# indexer.toml\n{sandbox.config_toml()}\n# environment\n{exports(sandbox)}")
    where = f"It stands in {file}, too." if file else "Put the first part into indexer.toml."
    talk.say(f"Ready. {where} In another terminal: type the export lines, then `indexer plan --all`.")
    talk.say("Ctrl-C stops it; nothing stays behind.", "bold")


def exports(sandbox: Sandbox) -> str:
    """Lines for a shell that lead boto3 to the sandbox."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sandbox.environment().items())


def checked(directory: Path | None) -> Path | None:
    """The indexer.toml to write, before anything is started. Raises UsageError rather than overwrite one."""
    if directory is None:
        return None
    file = directory / "indexer.toml"
    problem = "it is there already" if file.exists() else "" if directory.is_dir() else "no such directory"
    if problem:
        hint = "Name another directory, or leave --directory out and copy what is printed."
        raise UsageError("indexer.toml is not written", f"{file}: {problem}", hint)
    return file


@contextmanager
def written(text: str, file: Path | None) -> Iterator[None]:
    """The text in a new file, for as long as what it leads to is there. None: nowhere."""
    if file is None:
        yield
        return
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as exc:
        raise UsageError("indexer.toml is not written", f"{file}: {exc.strerror}") from exc
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
