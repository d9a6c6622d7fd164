"""A DocDB server on loopback: nx-27017, which speaks MongoDB's wire protocol, in a process of its own."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from indexer.errors import IndexerError
from indexer_sandbox.loopback import HOST, missing_extra

START_TIMEOUT_S = 120.0
_POLL_S = 0.02
_LOG_TAIL_LINES = 15
_PORTS = 3
"""So many free ports are tried."""


class _EndedError(IndexerError):
    """The server's process has ended."""


class DocDBServer:
    """nx-27017 on 127.0.0.1, empty at the start, answering once the constructor returns.

    It lives in a session of its own, so a terminal's Ctrl-C does not reach it, and it ends with this
    process however that ends. Its files stand in a new folder under `directory`, gone after `close`.
    Raises IndexerError, with the end of its log, when it does not come up in `timeout_s`.
    """

    def __init__(self, directory: Path, port: int = 0, timeout_s: float = START_TIMEOUT_S) -> None:
        if importlib.util.find_spec("nx_27017") is None:
            raise missing_extra("nx-27017")
        deadline = time.monotonic() + timeout_s
        # A free port is somebody else's by the time the server binds it, now and then: then another one is as good.
        for others in reversed(range(1 if port else _PORTS)):
            try:
                self._begin(directory, _free_port(port), deadline)
                return
            except _EndedError:
                if not others:
                    raise

    def _begin(self, directory: Path, port: int, deadline: float) -> None:
        self.port = port
        self._folder = Path(tempfile.mkdtemp(prefix="docdb-", dir=directory))
        (self._folder / "data").mkdir()
        try:
            self._process = _start(self._folder, self.port)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        try:
            self._wait(deadline)
        except BaseException:
            self.close()
            raise

    @property
    def uri(self) -> str:
        """The connection string, with the two options that nx-27017 needs."""
        return f"mongodb://{HOST}:{self.port}/?directConnection=true&retryWrites=false"

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._process.pid

    def close(self) -> None:
        """Stop the process and delete its files; a second call does nothing."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self, deadline: float) -> None:
        """Return when the server has answered a ping."""
        while not _accepts(self.port):
            self._check(deadline)
            time.sleep(_POLL_S)
        while not _answers_ping(self.uri):
            self._check(deadline)
            time.sleep(_POLL_S)
        self._check(deadline)

    def _check(self, deadline: float) -> None:
        """Raise when the process has ended or the time is over."""
        status = self._process.poll()
        if status is None and time.monotonic() < deadline:
            return
        kind, why = (
            (IndexerError, "did not answer in time")
            if status is None
            else (_EndedError, f"ended with status {status}")
        )
        raise kind(
            "The sandbox's DocDB did not start",
            f"nx-27017 on {HOST}:{self.port} {why}.\n{self._log_tail()}",
            "Try again; if a port was given, try another one.",
        )

    def _log_tail(self) -> str:
        lines: list[str] = []
        for name in ("log", "output"):
            path = self._folder / name
            if path.exists():
                lines += path.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LOG_TAIL_LINES:])


def _start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-W", "ignore", "-m", "indexer_sandbox.docdb_process", str(folder), str(port)]
    with (folder / "output").open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own module
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
        )


def _free_port(port: int) -> int:
    """The port asked for, or any free one; IndexerError when it is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as exc:
            raise IndexerError(
                "The sandbox could not listen",
                f"docdb on {HOST}:{port}: {exc.strerror}.",
                "Choose another port, or 0 for any free one.",
            ) from exc
        return int(probe.getsockname()[1])


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _answers_ping(uri: str) -> bool:
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    client: MongoClient[dict[str, object]]
    with MongoClient(uri, serverSelectionTimeoutMS=2000) as client:
        try:
            client.admin.command("ping")
        except PyMongoError:
            return False
    return True
