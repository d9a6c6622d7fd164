"""How the command grows with the number of assets: time, memory, and requests by kind.

    python tests/bench/bench.py [--assets 400 4000 40000] [--latency-ms 0 30] [--quick] [--json FILE]
    python tests/bench/bench.py --drift-every 10     # plan, apply and plan again
    python tests/bench/bench.py --servers            # what the light servers themselves can do

Each figure is of the real command in a process of its own, against light_s3.py and light_docdb.py. CPU is
user + system time of that process alone. "CPU ms" an asset is without the start-up of `indexer --help`;
"net ms" is without a whole run on one asset, which imports and connects too, and is what N multiplies.
A shared machine is not always as fast: "yardstick ms" is what a fixed piece of work took just then.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.request import Request, urlopen

import bson

HERE = Path(__file__).resolve().parent
BUCKET = "bench"
START_TIMEOUT_S = 120.0
COMMAND_TIMEOUT_S = 3_600.0
HELP_RUNS, FIXED_RUNS = 5, 3
RAW_S, RAW_ASSETS, RAW_KNOWN, RAW_CONNECTIONS, RAW_BATCH = 2.0, 40_000, 1_000, 16, 16
OURS = ("INDEXER", "AWS_", "PYTHONDONTWRITEBYTECODE")
"""How the variables begin that would lead the command elsewhere, or have it compiled anew in each run."""
BESIDE = frozenset({"hello", "ismaster", "isMaster", "ping", "endSessions", "benchCounts", "documents"})
"""What is counted at DocDB and is no command that a run pays for by the asset."""


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
            *("--drift-every", str(self.drift_every)),
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
def serving(script: str, options: Sequence[str]) -> Iterator[Server]:
    """Start one of the servers; it ends with the block, and with this process however that ends."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / script), *options, "--until-eof"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    slow = Timer(START_TIMEOUT_S, process.kill)
    slow.start()
    try:
        line = process.stdout.readline().split() if process.stdout else []
        slow.cancel()
        if line[:1] != [b"READY"]:
            raise RuntimeError(f"{script} did not start")
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
) -> Run:
    """Run the command in a folder, and measure that process alone."""
    said = folder / "said"
    with said.open("wb") as output, on_one_core(one_core):
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *module, *arguments],
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        slow = Timer(COMMAND_TIMEOUT_S, process.kill)
        slow.start()
        try:
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
        return kept | {
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

    def apply(self, name: str = "plan.json", *options: str) -> Run:
        """Apply a plan. Raises RuntimeError where not all of it could be."""
        run = self.run("apply", name, *options)
        if run.status:
            raise RuntimeError(f"indexer apply ended with {run.status}:\n{run.said[-2_000:]}")
        return run

    def counts(self) -> dict[str, int]:
        """Requests since the last reset, by kind: `s3 …` and `docdb …`."""
        with urlopen(f"http://127.0.0.1:{self.s3.port}/_counts", timeout=10) as answer:
            of_s3 = json.load(answer)
        of_docdb = {name: int(one) for name, one in self._ask("benchCounts").items() if name != "ok"}
        return {f"s3 {name}": one for name, one in of_s3.items()} | {
            f"docdb {name}": one for name, one in of_docdb.items()
        }

    def reset(self) -> None:
        """Count from zero."""
        urlopen(Request(f"http://127.0.0.1:{self.s3.port}/_reset", method="POST"), timeout=10).close()
        self._ask("benchReset")

    def send(self, method: str, key: str, body: bytes = b"") -> None:
        """Change an object as somebody else would: PUT or DELETE, without a condition."""
        url = f"http://127.0.0.1:{self.s3.port}/{BUCKET}/{key}"
        urlopen(Request(url, data=body, method=method), timeout=10).close()

    def keys(self, prefix: str) -> list[str]:
        """All keys under a prefix."""
        url = f"http://127.0.0.1:{self.s3.port}/{BUCKET}?list-type=2&prefix={prefix}"
        with urlopen(url, timeout=10) as answer:
            return re.findall("<Key>(.*?)</Key>", answer.read().decode())

    def _ask(self, command: str) -> dict[str, Any]:
        """A command of the light DocDB's own; no driver, whose memory would count as the child's."""
        body = bson.encode({command: 1, "$db": "admin"})
        with socket.create_connection(("127.0.0.1", self.docdb.port), timeout=10) as sock:
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
        s3 = stack.enter_context(serving("light_s3.py", setting.of_s3()))
        docdb = stack.enter_context(serving("light_docdb.py", setting.of_docdb()))
        one = Bench(setting, s3, docdb, folder)
        one.configure()
        yield one


@dataclass(frozen=True, slots=True)
class Base:
    """What a run costs before the first asset."""

    help_cpu_s: float
    help_wall_s: float
    one_cpu_s: float
    """Of a plan of one asset."""


def base_cost(setting: Setting, *, quick: bool) -> Base:
    """Medians of a few runs."""
    with bench(replace(setting, assets=1, latency_ms=0)) as one:
        helps = [one.run("--help") for _ in range(1 if quick else HELP_RUNS)]
        plans = [one.plan()[0] for _ in range(1 if quick else FIXED_RUNS)]
    return Base(
        statistics.median(run.cpu_s for run in helps),
        statistics.median(run.wall_s for run in helps),
        statistics.median(run.cpu_s for run in plans),
    )


def record_sizes(generation: Any, *, heavy: bool) -> str:
    """How large the world's records are, in words."""
    from light_docdb import template_record

    record: Any = template_record(generation, bare=False, heavy=heavy)
    file = json.dumps(record, indent=3, ensure_ascii=False).encode()
    return f"records of {len(bson.encode(record)) / 1_000:.0f} kB in BSON, {len(file) / 1_000:.0f} kB as a metadata file"


def yardstick_ms() -> float:
    """CPU time of one `json.dumps(indent=3)` of 100 kB here and now: figures are compared by it."""
    value = {f"key {number}": ["value"] * 10 for number in range(500)}
    taken = []
    for _ in range(5):
        started = time.process_time()
        json.dumps(value, indent=3)
        taken.append(1_000 * (time.process_time() - started))
    return min(taken)


Row = dict[str, float]


def figures(setting: Setting, run: Run, actions: int, base: Base) -> Row:
    """One run's figures, those of requests an asset."""
    n, counts = setting.assets, run.counts

    def each(*names: str) -> float:
        return sum(counts.get(name, 0) for name in names) / n

    commands = [name for name in counts if name.startswith("docdb ") and _is_command(name)]
    return {
        "N": n,
        "latency ms": setting.latency_ms,
        "wall s": run.wall_s,
        "assets/s": n / run.wall_s,
        "CPU s": run.cpu_s,
        "CPU ms": 1_000 * (run.cpu_s - base.help_cpu_s) / n,
        "net ms": 1_000 * (run.cpu_s - base.one_cpu_s) / n,
        "peak MB": run.peak_mb,
        "LIST": each("s3 LIST asset"),
        "LIST/1000": 1_000 * each("s3 LIST bucket"),
        "GET": each("s3 GET"),
        "HEAD": each("s3 HEAD"),
        "write": each("s3 PUT", "s3 COPY", "s3 DELETE"),
        "docdb": each(*commands),
        "docdb kB": each("docdb document bytes") / 1_000,
        "actions": actions,
        "S3's CPU s": run.servers_cpu_s["s3"],
        "DocDB's CPU s": run.servers_cpu_s["docdb"],
        "yardstick ms": yardstick_ms(),
    }


def _is_command(name: str) -> bool:
    return name.removeprefix("docdb ") not in BESIDE | {"document bytes", "refused"}


def table(rows: Sequence[Mapping[str, float]]) -> str:
    """Rows as aligned text."""
    names = list(rows[0])
    cells = [names, *([_shown(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(names))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells
    )


def _shown(value: float) -> str:
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"


def growth(rows: Sequence[Row]) -> Iterator[str]:
    """How CPU an asset and memory grow with N; 1.00 is in proportion, and for memory not at all."""
    for latency_ms in sorted({row["latency ms"] for row in rows}):
        same = sorted((row for row in rows if row["latency ms"] == latency_ms), key=lambda row: row["N"])
        for few, many in pairwise(same):
            yield (
                f"at {latency_ms:g} ms, N {few['N']:,.0f} → {many['N']:,.0f}: "
                f"net CPU an asset ×{many['net ms'] / few['net ms']:.2f}, "
                f"memory ×{many['peak MB'] / few['peak MB']:.2f}"
            )


def say(text: str = "") -> None:
    """A line to stdout, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def in_step(chosen: argparse.Namespace, base: Base) -> dict[str, Any]:
    """Plan worlds that are in step, each N at each latency."""
    rows: list[Row] = []
    for latency_ms in chosen.latency_ms:
        for assets in chosen.assets:
            setting = replace(chosen.setting, assets=assets, latency_ms=latency_ms)
            with bench(setting) as one:
                run, plan = one.plan("plan.json", "--parallel", str(chosen.parallel))
            rows.append(figures(setting, run, len(plan["actions"]), base))
            say(table(rows[-1:]))
    say(f"\n{table(rows)}\n")
    for line in growth(rows):
        say(line)
    return {"rows": rows, "growth": list(growth(rows))}


def with_drift(chosen: argparse.Namespace, base: Base) -> dict[str, Any]:
    """Plan worlds with drift, apply, and plan again."""
    found: list[dict[str, Any]] = []
    parallel = "--parallel", str(chosen.parallel)
    for latency_ms in chosen.latency_ms:
        for assets in chosen.assets:
            setting = replace(chosen.setting, assets=assets, latency_ms=latency_ms)
            with bench(setting) as one:
                first, plan = one.plan("plan.json", *parallel)
                applied = one.apply("plan.json", *parallel)
                second, again = one.plan("again.json", *parallel)
            rows = [
                figures(setting, first, len(plan["actions"]), base),
                figures(setting, applied, len(plan["actions"]), base),
                figures(setting, second, len(again["actions"]), base),
            ]
            say(
                f"\nN {assets:,} at {latency_ms:g} ms, each {chosen.drift_every}th stale: plan, apply, plan again"
            )
            say(table(rows))
            say(f"apply's requests: {json.dumps(applied.counts, sort_keys=True)}")
            found.append({"rows": rows, "apply": dict(applied.counts)})
    return {"drift": found}


async def _raw_s3(port: int, assets: int, seconds: float) -> int:
    """LIST one asset's root after the other on connections of a client that does nothing else."""
    from light_docdb import World

    world = World(assets)
    numbers = iter(range(1 << 40))
    end = time.perf_counter() + seconds
    done = 0

    async def client() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            name = world.name(next(numbers) % assets)
            writer.write(
                b"GET /%b?list-type=2&prefix=%b%%2F&delimiter=%%2F&encoding-type=url HTTP/1.1\r\nHost: x\r\n\r\n"
                % (BUCKET.encode(), name.encode())
            )
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(size)
            done += 1
        writer.close()

    await asyncio.gather(*(client() for _ in range(RAW_CONNECTIONS)))
    return done


def _raw_docdb(port: int, assets: int, seconds: float) -> int:
    """Records a driver that does not decode them can read, 16 at a time."""
    from bson.raw_bson import RawBSONDocument
    from light_docdb import COLLECTION, DATABASES, World
    from pymongo import MongoClient

    done = 0
    with MongoClient[Any]("127.0.0.1", port, directConnection=True, document_class=RawBSONDocument) as client:
        collection = client[DATABASES["v1"]][COLLECTION]
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            ids = [World.record_id(number % assets) for number in range(done, done + RAW_BATCH)]
            done += len(list(collection.find({"_id": {"$in": ids}})))
    return done


def servers_alone() -> dict[str, float]:
    """What the servers do for clients that cost little: requests and records a second, and CPU for each."""
    found: dict[str, float] = {}
    with bench(Setting(RAW_ASSETS, warm=False)) as one:
        for label, assets in (("ETags new", RAW_ASSETS), ("ETags known", RAW_KNOWN)):
            before, started = one.s3.cpu_s(), time.perf_counter()
            done = asyncio.run(_raw_s3(one.s3.port, assets, RAW_S))
            found[f"LIST an asset, {label}: requests/s"] = done / (time.perf_counter() - started)
            found[f"LIST an asset, {label}: server's CPU ms"] = 1_000 * (one.s3.cpu_s() - before) / done
        before, started = one.docdb.cpu_s(), time.perf_counter()
        done = _raw_docdb(one.docdb.port, RAW_ASSETS, RAW_S)
        found["records by _id: records/s"] = done / (time.perf_counter() - started)
        found["records by _id: server's CPU ms"] = 1_000 * (one.docdb.cpu_s() - before) / done
    for name, value in found.items():
        say(f"{name:48} {_shown(value):>8}")
    return found


def main() -> None:
    """Measure what is asked for, and print it."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--assets", type=int, nargs="+", default=[400, 4_000])
    options.add_argument("--latency-ms", type=float, nargs="+", default=[0, 30])
    options.add_argument("--generation", choices=("v1", "v2"), default="v1")
    options.add_argument("--heavy", action="store_true", help="metadata files of 98 kB, not of 53")
    options.add_argument("--one-core", action="store_true", help="keep the command on one core (Linux)")
    options.add_argument("--parallel", default="auto", help="the command's own option")
    options.add_argument("--drift-every", type=int, default=0, metavar="K", help="plan, apply, plan again")
    options.add_argument("--servers", action="store_true", help="measure the light servers instead")
    options.add_argument("--quick", action="store_true", help="100 assets, no latency")
    options.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    chosen = options.parse_args()
    if chosen.quick:
        chosen.assets, chosen.latency_ms = [100], [0.0]
    if chosen.servers:
        found: dict[str, Any] = {"servers": servers_alone()}
    else:
        chosen.setting = Setting(
            1,
            generation=chosen.generation,
            heavy=chosen.heavy,
            drift_every=chosen.drift_every,
            one_core=chosen.one_core,
        )
        base = base_cost(chosen.setting, quick=chosen.quick)
        cores = "one core" if chosen.one_core else f"{os.cpu_count()} cores"
        say(f"Python {platform.python_version()}, {cores}, --parallel {chosen.parallel}")
        say(record_sizes(chosen.generation, heavy=chosen.heavy))
        say(
            f"start-up: `indexer --help` {base.help_cpu_s:.2f} s CPU ({base.help_wall_s:.2f} s wall); "
            f"a plan of one asset {base.one_cpu_s:.2f} s CPU\n"
        )
        measure = with_drift if chosen.drift_every else in_step
        found = {"start-up": asdict(base), **measure(chosen, base)}
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
