"""The command in a process of its own, forked from one that has imported everything: a real exit status, environment,
directory, stdout and stderr, without the second of CPU that the imports of each new interpreter cost.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from shared.aws_files import keep_what_botocore_reads
from shared.patience import PATIENCE_S

TESTS = Path(__file__).resolve().parents[1]
IMPORTED = (
    "indexer.cli",
    *(f"indexer.runs.{name}" for name in ("apply", "doctor", "plan", "predecessor", "schemas", "undo")),
    *(f"indexer.systems.{name}" for name in ("checks_codeocean", "checks_docdb", "checks_s3", "docdb", "s3")),
    *(
        f"indexer.render.{name}"
        for name in ("html", "markdown", "of_comparison", "of_plan", "of_result", "of_verdict", "text")
    ),
    *(f"indexer.cli.{name}" for name in ("events", "run", "run_log")),
    *("indexer.render.progress", "indexer.systems.codeocean", "indexer.systems.gateway_client"),
    *("deepdiff", "encodings.utf_8_sig", "pwd"),
)


MOST_STREAMS = 64
"""bash numbers those of `<(…)` from 63 downwards."""
SHIM = """#!{python} -IS
import json, os, socket, sys
if sys.argv[1:2] == ["sandbox"]:  # which lives until somebody signals to it
    os.execv({installed!r}, [{installed!r}, *sys.argv[1:]])
streams = [number for number in range({most}) if os.path.exists(f"/dev/fd/{{number}}")]
line = socket.socket(socket.AF_UNIX)
line.connect({address!r})
job = dict(arguments=sys.argv[1:], folder=os.getcwd(), env=dict(os.environ), streams=streams)
socket.send_fds(line, [b"."], streams)
line.sendall(json.dumps(job).encode() + b"\\n")
status = int(line.makefile().readline())
sys.exit(status if status >= 0 else 128 - status)
"""
"""What a shell finds as `indexer`: it has the command carried out by the warm process, on its own streams.

All that it has, and no other: those that a shell closed (`>&-`) are closed, and those that it opened (`<(…)`) are open.
"""


@functools.cache
def command_for_shells() -> Path:
    """A folder with nothing in it but such an `indexer`, to be put before the others on a shell's path."""
    address = _address()
    command = Path(address).with_name("bin") / "indexer"
    command.parent.mkdir()
    installed = str(Path(sys.executable).with_name("indexer"))
    text = SHIM.format(python=sys.executable, installed=installed, address=address, most=MOST_STREAMS)
    command.write_text(text, encoding="utf-8")
    command.chmod(0o755)
    return command.parent


def run(arguments: Sequence[str], folder: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command there. Several may run at the same time."""
    job = {"arguments": arguments, "folder": str(folder), "env": dict(env), "streams": [0, 1, 2]}
    with (
        socket.socket(socket.AF_UNIX) as line,
        Path(os.devnull).open("rb") as nothing,
        tempfile.TemporaryFile("w+b") as out,
        tempfile.TemporaryFile("w+b") as err,
    ):
        line.settimeout(PATIENCE_S)
        line.connect(_address())
        socket.send_fds(line, [b"."], [nothing.fileno(), out.fileno(), err.fileno()])
        line.sendall(json.dumps(job).encode() + b"\n")
        status = int(line.makefile().readline())
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(
            arguments, status, out.read().decode("utf-8"), err.read().decode("utf-8")
        )


@functools.cache
def _address() -> str:
    """Where the warm process listens; started when it is first asked for, gone with this process."""
    address = str(Path(tempfile.mkdtemp(prefix="warm-")) / "socket")
    started = subprocess.Popen(
        [sys.executable, "-m", "shared.warm", address],
        cwd=TESTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert started.stdin is not None
    assert started.stdout is not None
    assert started.stdout.readline(), "it did not start"

    def end() -> None:
        for stream in (started.stdin, started.stdout):
            stream.close()  # type: ignore[union-attr]
        started.wait()
        shutil.rmtree(Path(address).parent)

    atexit.register(end)
    return address


def _serve(address: str) -> None:
    """Fork for whoever connects, until stdin is closed; whoever asked is told the status of the child."""
    for name in IMPORTED:
        importlib.import_module(name)
    keep_what_botocore_reads()
    _keep_what_typer_makes()
    gc.freeze()
    ended, wake = socket.socketpair()
    for end in (ended, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    asking: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(32)
        os.write(1, b"ready\n")
        while sys.stdin not in (ready := select.select([listener, ended, sys.stdin], [], [])[0]):
            if listener in ready:
                line, _ = listener.accept()
                child = os.fork()
                if not child:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for one in (listener, ended, wake, *asking.values()):
                        one.close()
                    _carry_out(line)
                    return
                asking[child] = line
            if ended in ready:
                ended.recv(4096)
                _tell(asking)
    for child in asking:
        os.waitpid(child, 0)


def _tell(asking: dict[int, socket.socket]) -> None:
    """Tell those whose child has ended; one who is gone need not be told."""
    for child in list(asking):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            with asking.pop(child) as line, contextlib.suppress(OSError):
                line.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _keep_what_typer_makes() -> None:
    """It makes each command out of its function's signature, when it is first asked for."""
    from typer import main as typer_main

    from indexer.cli.app import app

    # Without the options of completion, which depend on the shell that each command is run in.
    made = typer_main.get_group(app)
    list(made.commands.values())
    typer_main.get_group = lambda _: made


def _carry_out(line: socket.socket) -> None:
    """Run one command, as the first thing that this interpreter does, on the streams that come with it."""
    _, received, _, _ = socket.recv_fds(line, 1, MOST_STREAMS)
    job = json.loads(line.makefile().readline())
    line.close()
    # None may be closed where another one is put: first out of the way, then each to its place.
    for number in range(3):
        os.close(number)
    aside = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, MOST_STREAMS) for one in received]
    for one in received:
        os.close(one)
    for number, one in zip(job["streams"], aside, strict=True):
        os.dup2(one, number)
        os.close(one)
    # Python's own objects would know of the former streams whether they can be sought in.
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        last = number == 2
        one = (
            open(  # noqa: SIM115 - it ends with the process
                number,
                "w" if number else "r",
                buffering=1 if last else -1,
                encoding="utf-8",
                errors="backslashreplace" if last else "strict",
                closefd=False,
            )
            if number in job["streams"]
            else None
        )
        setattr(sys, name, one)
        setattr(sys, f"__{name}__", one)
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["env"])
    time.tzset()
    from indexer.cli import main

    status: object = None
    try:
        main(job["arguments"])
    except SystemExit as exc:
        status = exc.code
    _end(status)


def _end(status: object) -> None:
    """End as an interpreter does, but for taking all modules apart: that costs more than most commands.

    Whatever is out of the ordinary, as a stream that nobody reads any more, is left to the interpreter.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if status is None or isinstance(status, int):
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status or 0)
    sys.exit(status)  # type: ignore[arg-type]


if __name__ == "__main__":
    _serve(sys.argv[1])
