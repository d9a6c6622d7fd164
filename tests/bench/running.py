"""The command in a process of its own, between the two light servers, measured and counted."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.request import Request, urlopen

import bson

from bench.world import BUCKET
from shared.patience import PATIENCE_S

TESTS = Path(__file__).resolve().parents[1]
START_TIMEOUT_S = 120.0
COMMAND_TIMEOUT_S = 3_600.0
OURS = ("INDEXER", "AWS_", "PYTHONDONTWRITEBYTECODE")
"""How the variables begin that would lead the command elsewhere, or have it compiled anew in each run."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The world that the servers make up, and how far away they are."""

    assets: int
    latency_ms: float = 0
    """Of an S3 request."""
    generation: str = "v1"
    heavy: bool = False
    """Records whose metadata files have 98 kB (v1); else 53."""
    drift_every: int = 0
    differences: int = 0
    """Each core file of a drifted asset differs in so many fields; 0: one file of it, in one."""
    bare_every: int = 0
    originals: bool = True
    warm: bool = True
    """The ETags are computed before the command starts, as S3's are."""
    one_core: bool = False
    """The command is kept on one core."""

    def of_docdb(self) -> list[str]:
        """The options of DocDB, which answers in a sixth of S3's time: 5 ms beside 30."""
        return [*self._shared(), "--latency-ms", str(self.latency_ms / 6)]

    def _shared(self) -> list[str]:
        return [
            *("--assets", str(self.assets), "--generation", self.generation),
            *("--bare-every", str(self.bare_every), *(["--heavy"] if self.heavy else [])),
        ]

    def of_s3(self) -> list[str]:
        """The options of S3."""
        return [
            *(*self._shared(), "--latency-ms", str(self.latency_ms)),
            *("--drift-every", str(self.drift_every), "--differences", str(self.differences)),
            *([] if self.originals else ["--no-originals"]),
            *(["--warm"] if self.warm else []),
        ]


@dataclass(frozen=True, slots=True)
class Server:
    """One of the light servers, in a process of its own."""

    process: subprocess.Popen[bytes]
    port: int

    def cpu_s(self) -> float:
        """User and system time so far; 0 where the machine does not tell."""
        try:
            stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        except OSError:
            return 0.0
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(module: str, options: Sequence[str]) -> Iterator[Server]:
    """Start one of the servers; it ends with the block, and with this process however that ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *options, "--until-eof"],
        cwd=TESTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    slow = Timer(START_TIMEOUT_S, process.kill)
    slow.start()
    try:
        line = process.stdout.readline().split() if process.stdout else []
        slow.cancel()
        if line[:1] != [b"READY"]:
            raise RuntimeError(f"{module} did not start")
        yield Server(process, int(line[1]))
    finally:
        slow.cancel()
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the command."""

    status: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    said: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    servers_cpu_s: Mapping[str, float] = field(default_factory=dict)


@contextmanager
def unwatched(pid: int) -> Iterator[None]:
    """Nobody looks at the process while it runs."""
    yield


@contextmanager
def on_one_core(wanted: bool) -> Iterator[None]:
    """What is started within stays on one core: threads that change cores find their caches empty."""
    if not wanted:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def measured(
    arguments: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    module: Sequence[str] = ("-m", "indexer"),
    *,
    one_core: bool = False,
    python: str = sys.executable,
    watched: Callable[[int], AbstractContextManager[None]] = unwatched,
) -> Run:
    """Run the command in a folder, and measure that process: its CPU with that of the processes that it waited for."""
    said = folder / "said"
    with said.open("wb") as output, on_one_core(one_core):
        started = time.perf_counter()
        process = subprocess.Popen(
            [python, *module, *arguments],
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        slow = Timer(COMMAND_TIMEOUT_S, process.kill)
        slow.start()
        try:
            with watched(process.pid):
                _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            slow.cancel()
        wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    peak_bytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    words = said.read_text(encoding="utf-8", errors="replace")
    return Run(process.returncode, wall_s, usage.ru_utime + usage.ru_stime, peak_bytes / 1e6, words)


@dataclass(frozen=True, slots=True)
class Bench:
    """Both servers, and a folder with the configuration that leads the command to them."""

    setting: Setting
    s3: Server
    docdb: Server
    folder: Path

    @property
    def env(self) -> dict[str, str]:
        """The variables of the command."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        path = os.pathsep.join(filter(None, (kept.get("PYTHONPATH"), str(TESTS))))
        return kept | {
            "PYTHONPATH": path,
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self.s3.port}",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_DEFAULT_REGION": "us-west-2",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "127.0.0.1",
            "COLUMNS": "120",
        }

    def configure(self) -> None:
        """Write `indexer.toml`."""
        uri = f"mongodb://127.0.0.1:{self.docdb.port}/?directConnection=true&retryWrites=false"
        ruling = f"\n[docdb.{self.setting.generation}]\nsync_to_s3 = true\n"
        ruling += "\n[s3]\ntrust_conditions = true\n"  # as of Amazon's S3, which is asked for no proof
        (self.folder / "indexer.toml").write_text(
            f'buckets = ["{BUCKET}"]\n\n[docdb]\nuri = "{uri}"\n{ruling}', encoding="utf-8"
        )

    def run(self, *arguments: str, module: Sequence[str] = ("-m", "indexer")) -> Run:
        """Run the command, with the requests that it sent and what they cost the servers."""
        self.reset()
        before = self.s3.cpu_s(), self.docdb.cpu_s()
        run = measured(arguments, self.folder, self.env, module, one_core=self.setting.one_core)
        spent = {"s3": self.s3.cpu_s() - before[0], "docdb": self.docdb.cpu_s() - before[1]}
        return Run(run.status, run.wall_s, run.cpu_s, run.peak_mb, run.said, self.counts(), spent)

    def plan(self, name: str = "plan.json", *options: str) -> tuple[Run, dict[str, Any]]:
        """Plan the bucket; returns the plan too. Raises RuntimeError where the command fails."""
        run = self.run("plan", "--bucket", BUCKET, "--out", name, *options)
        if run.status:
            raise RuntimeError(f"indexer plan ended with {run.status}:\n{run.said[-2_000:]}")
        return run, json.loads((self.folder / name).read_text(encoding="utf-8"))

    def apply(self, name: str = "plan.json", *options: str, module: Sequence[str] = ("-m", "indexer")) -> Run:
        """Apply a plan. Raises RuntimeError where not all of it could be."""
        run = self.run("apply", name, *options, module=module)
        if run.status:
            raise RuntimeError(f"indexer apply ended with {run.status}:\n{run.said[-2_000:]}")
        return run

    def counts(self) -> dict[str, int]:
        """Requests since the last reset, by kind: `s3 …` and `docdb …`."""
        with urlopen(f"http://127.0.0.1:{self.s3.port}/_counts", timeout=PATIENCE_S) as answer:
            of_s3 = json.load(answer)
        of_docdb = {name: int(one) for name, one in self._ask("benchCounts").items() if name != "ok"}
        return {f"s3 {name}": one for name, one in of_s3.items()} | {
            f"docdb {name}": one for name, one in of_docdb.items()
        }

    def reset(self) -> None:
        """Count from zero."""
        urlopen(Request(f"http://127.0.0.1:{self.s3.port}/_reset", method="POST"), timeout=PATIENCE_S).close()
        self._ask("benchReset")

    def send(self, method: str, key: str, body: bytes = b"") -> None:
        """Change an object as somebody else would: PUT or DELETE, without a condition."""
        url = f"http://127.0.0.1:{self.s3.port}/{BUCKET}/{key}"
        urlopen(Request(url, data=body, method=method), timeout=PATIENCE_S).close()

    def keys(self, prefix: str) -> list[str]:
        """All keys under a prefix."""
        url = f"http://127.0.0.1:{self.s3.port}/{BUCKET}?list-type=2&prefix={prefix}"
        with urlopen(url, timeout=PATIENCE_S) as answer:
            return re.findall("<Key>(.*?)</Key>", answer.read().decode())

    def _ask(self, command: str) -> dict[str, Any]:
        """A command of the light DocDB's own; no driver, whose memory would count as the child's."""
        body = bson.encode({command: 1, "$db": "admin"})
        with socket.create_connection(("127.0.0.1", self.docdb.port), timeout=PATIENCE_S) as sock:
            sock.sendall(struct.pack("<4iIb", 21 + len(body), 1, 0, 2013, 0, 0) + body)
            with sock.makefile("rb") as file:
                size = int.from_bytes(head := file.read(4), "little")
                message = head + file.read(size - 4)
        return dict(bson.decode(message[21:]))


@contextmanager
def bench(setting: Setting) -> Iterator[Bench]:
    """Both servers on a world of their own, and a temporary folder."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        s3 = stack.enter_context(serving("bench.light_s3", setting.of_s3()))
        docdb = stack.enter_context(serving("bench.light_docdb", setting.of_docdb()))
        one = Bench(setting, s3, docdb, folder)
        one.configure()
        yield one
