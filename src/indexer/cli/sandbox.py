"""`indexer sandbox`: S3, DocDB and Code Ocean on loopback, to try things on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.options import new_file
from indexer.cli.signals import tidying
from indexer.cli.talk import Talk, data
from indexer.errors import UsageError

if TYPE_CHECKING:
    from indexer_sandbox import Sandbox

SUMMARY = "Run embedded systems to try things on."
CONFIGURATION = "indexer.toml"
ENVIRONMENT = "env.sh"
WITHOUT_CREDENTIALS = "gateway.toml"

Port = Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="0: any free port.")]
Directory = Annotated[
    Path | None,
    typer.Option(
        "--directory", metavar="DIR", help="Write indexer.toml and env.sh there, while the sandbox runs."
    ),
]
Count = Annotated[
    int, typer.Option("--assets", metavar="N", min=1, max=1000, help="How many assets are in step.")
]


WithGateway = Annotated[
    bool, typer.Option("--gateway", help="With an HTTP gateway in front of DocDB, as the institute has one.")
]


def command(
    talk: Talk,
    port_s3: Port = 0,
    port_docdb: Port = 0,
    port_codeocean: Port = 0,
    port_gateway: Port = 0,
    directory: Directory = None,
    assets: Count = 40,
    gateway: WithGateway = False,
) -> None:
    """Run an embedded S3, DocDB and Code Ocean, with every kind of drift in them, until Ctrl-C.

    Prints the configuration and the environment to use, and leaves nothing behind. With --gateway, DocDB can be read over HTTP,
    too, and the open bucket without credentials: gateway.toml is for that.
    """
    import tempfile
    import threading

    from indexer_sandbox import running
    from indexer_sandbox.seed import seed

    checked(directory, gateway=gateway)
    with tidying(), tempfile.TemporaryDirectory(prefix="indexer-sandbox-") as folder:
        talk.say("Starting an S3, a DocDB and a Code Ocean on 127.0.0.1 …")
        with running(
            Path(folder),
            s3_port=port_s3,
            docdb_port=port_docdb,
            codeocean_port=port_codeocean,
            gateway=gateway,
            gateway_port=port_gateway,
        ) as sandbox:
            seed(sandbox, assets=assets)
            files = {CONFIGURATION: sandbox.config_toml(), ENVIRONMENT: exports(sandbox)}
            if gateway:
                files[WITHOUT_CREDENTIALS] = sandbox.gateway_toml()
            with written(directory, files):
                _introduce(talk, sandbox, directory)
                threading.Event().wait()


def _introduce(talk: Talk, sandbox: Sandbox, directory: Path | None) -> None:
    data(f"# {CONFIGURATION}\n{sandbox.config_toml()}\n# environment\n{exports(sandbox)}")
    if sandbox.gateway is not None:
        data(f"\n# {WITHOUT_CREDENTIALS}\n{sandbox.gateway_toml()}")
    talk.say("Ready. In another terminal:")
    if directory is None:
        talk.say(f"  put the first part into {CONFIGURATION}, and type the export lines")
    else:
        talk.say(f"  cd {shlex.quote(str(directory.absolute()))}")
        talk.say(f"  . ./{ENVIRONMENT}")
    talk.say("  indexer plan --all")
    if sandbox.gateway is not None:
        talk.say(f"  indexer plan --all --config {WITHOUT_CREDENTIALS} --out without-credentials.json")
    talk.say("Ctrl-C stops it; nothing stays behind.", "bold")


def exports(sandbox: Sandbox) -> str:
    """Lines for a shell that lead boto3 to the sandbox."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sandbox.environment().items())


def checked(directory: Path | None, *, gateway: bool = False) -> None:
    """Refuse a place for the files before anything is started. Raises UsageError rather than overwrite one."""
    if directory is None:
        return
    names = (CONFIGURATION, ENVIRONMENT, *([WITHOUT_CREDENTIALS] if gateway else []))
    there = [name for name in names if (directory / name).exists()]
    problem = f"{there[0]} is there already" if there else "" if directory.is_dir() else "no such directory"
    if problem:
        hint = "Name another directory, or leave --directory out and copy what is printed."
        raise UsageError("The sandbox's files are not written", f"{directory}: {problem}", hint)


@contextmanager
def written(directory: Path | None, texts: Mapping[str, str]) -> Iterator[None]:
    """The texts in new files, for as long as what they lead to is there. None: nowhere."""
    ours: list[Path] = []
    try:
        for name, text in texts.items():
            if directory is not None:
                new_file(directory / name, text, "The sandbox's files are not written")
                ours.append(directory / name)
        yield
    finally:
        for file in ours:
            file.unlink(missing_ok=True)
