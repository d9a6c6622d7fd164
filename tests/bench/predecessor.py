"""The predecessor's job over a managed bucket against `indexer plan` and `apply`, in turn on the same worlds.

    python -m bench.predecessor REPOSITORY [--assets 400] [--latency-ms 30] [--drift-every 4] [--rounds 3]

REPOSITORY is a checkout of aind-data-asset-indexer, which is run as it stands, in an environment of its own that is made once
(.venv/predecessor). It reads S3 from the same server as we do, and DocDB as it always does, through an HTTP gateway: bench.light_gateway,
which answers as fast as our DocDB and so is kinder to it than the real one. Each run has a world of its own. A run counts only if
it did its work: no error in its log, every asset looked at, each drift mended, and a plan that finds nothing left to do.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import ssl
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from bench.measure import is_command, record_sizes, say, table
from bench.processes import Watch
from bench.running import Bench, Run, Server, Setting, bench, measured, serving
from bench.world import BUCKET, COLLECTION, DATABASES
from indexer.model.generation import GENERATIONS
from shared.certificates import authority
from shared.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".venv" / "predecessor"
REQUIREMENTS = Path(__file__).with_name("predecessor-requirements.txt")
JOB = Path("src/aind_data_asset_indexer/index_aind_buckets.py")
REQUESTS = frozenset({"LIST asset", "LIST bucket", "GET", "HEAD", "PUT", "COPY", "DELETE"})
WRITES = frozenset({"PUT", "COPY", "DELETE"})
HELD = "already exists in DocDb. Skipping."
"""What the job says of each folder that has a record."""
Row = dict[str, float]


@dataclass(frozen=True, slots=True)
class Predecessor:
    """A checkout, and the Python that has what it needs."""

    repository: Path
    python: Path

    @property
    def version(self) -> str:
        """What it calls itself."""
        words = (self.repository / JOB).with_name("__init__.py").read_text(encoding="utf-8")
        return words.partition('__version__ = "')[2].partition('"')[0]


def environment(folder: Path) -> Path:
    """The Python of an environment with the pinned requirements, made where there is none yet."""
    python, ready = folder / "bin" / "python", folder / "ready"
    pins = REQUIREMENTS.read_text(encoding="utf-8")
    if not ready.exists() or ready.read_text(encoding="utf-8") != pins:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS)], check=True)
        ready.write_text(pins, encoding="utf-8")
    return python


def settings(gateway_host: str) -> dict[str, Any]:
    """The job's settings: all that is not said here is as its own defaults have it."""
    return {
        "s3_buckets": [BUCKET],
        "doc_db_host": gateway_host,
        "doc_db_db_name": DATABASES["v1"],
        "doc_db_collection_name": COLLECTION,
    }


@dataclass(frozen=True, slots=True)
class Front:
    """The gateway, and the bundle that vouches for it."""

    server: Server
    bundle: Path

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server.port}"

    def ask(self, method: str, path: str) -> bytes:
        """A question about itself."""
        context = ssl.create_default_context(cafile=str(self.bundle))
        request = Request(f"https://{self.host}{path}", method=method)
        with urlopen(request, timeout=PATIENCE_S, context=context) as answer:
            return bytes(answer.read())


@contextmanager
def fronted(one: Bench) -> Iterator[Front]:
    """The gateway beside a world's servers."""
    of_front = authority(one.folder, "predecessor")
    of_front.server_context(one.folder)
    options = [*one.setting.of_docdb(), "--certificate", str(one.folder / "server.pem")]
    with serving("bench.light_gateway", options) as server:
        yield Front(server, of_front.bundle)


def row(run: Run, counts: Mapping[str, int], watch: Watch) -> Row:
    """What is compared."""
    of_s3 = {name.removeprefix("s3 "): n for name, n in counts.items() if name.startswith("s3 ")}
    return {
        "wall s": run.wall_s,
        "CPU s": run.cpu_s,
        "largest MB": run.peak_mb,
        "together MB": watch.peak_mb,
        "processes": len(watch.pids),
        "S3": sum(n for name, n in of_s3.items() if name in REQUESTS),
        "DocDB": sum(n for name, n in counts.items() if name.startswith("docdb ") and is_command(name)),
        "writes": sum(n for name, n in of_s3.items() if name in WRITES),
        "load": os.getloadavg()[0],
    }


def its_job(predecessor: Predecessor, setting: Setting) -> Row:
    """One run of the predecessor's job. RuntimeError where it did not do its work."""
    with bench(setting) as one, fronted(one) as front:
        one.reset()
        front.ask("POST", "/_reset")
        watch = Watch()
        env = one.env | {
            "PYTHONPATH": str(predecessor.repository / "src"),
            "REQUESTS_CA_BUNDLE": str(front.bundle),
        }
        module = (str(predecessor.repository / JOB), "-j", json.dumps(settings(front.host)))
        python = str(predecessor.python)
        run = measured((), one.folder, env, module, python=python, watched=watch.on)
        of_front = {f"docdb {name}": n for name, n in json.loads(front.ask("GET", "/_counts")).items()}
        counts = {name: n for name, n in one.counts().items() if name.startswith("s3 ")} | of_front
        for fault in faults(run, counts, setting):
            raise RuntimeError(f"the predecessor's job: {fault}\n{counts}\n{run.said[-2_000:]}")
        hold_in_step(one)
    return row(run, counts, watch)


def faults(run: Run, counts: Mapping[str, int], setting: Setting) -> Iterator[str]:
    """What tells that it did not do its work, or not all of it."""
    if run.status:
        yield f"ended with {run.status}"
    if "ERROR" in run.said or "Traceback" in run.said:
        yield "says of an error"
    if run.said.count(HELD) != setting.assets:
        yield f"says of {run.said.count(HELD)} folders that they have a record"
    files = len(GENERATIONS["v1"].core_fields) + 1
    expected = {
        "s3 HEAD": files * setting.assets,
        "s3 LIST asset": 2 * setting.assets,
        "s3 PUT": stale(setting),
        "s3 COPY": 0,
        "s3 DELETE": 0,
        "docdb documents": setting.assets,
        "docdb refused": 0,
    }
    for name, number in expected.items():
        if counts.get(name, 0) != number:
            yield f"{name}: {counts.get(name, 0)}, not {number}"


def stale(setting: Setting) -> int:
    """How many assets have drift."""
    return setting.assets // setting.drift_every if setting.drift_every else 0


def hold_in_step(one: Bench) -> None:
    """Raises RuntimeError where a plan still finds something to do."""
    _, plan = one.plan("left.json")
    if plan["actions"] or plan["findings"]:
        raise RuntimeError(f"not in step: {plan['actions'][:1]}{plan['findings'][:1]}")


def ours(setting: Setting) -> dict[str, Row]:
    """One run of our commands: `plan`, and with drift `apply`."""
    found = {}
    with bench(setting) as one:
        found["plan"] = _command(one, "plan", "--bucket", BUCKET, "--out", "plan.json")
        if setting.drift_every:
            found["apply"] = _command(one, "apply", "plan.json")
            if found["apply"]["writes"] != stale(setting):
                raise RuntimeError(f"apply wrote {found['apply']['writes']:g} files")
        hold_in_step(one)
    return found


def _command(one: Bench, *arguments: str) -> Row:
    one.reset()
    watch = Watch()
    run = measured(arguments, one.folder, one.env, watched=watch.on)
    if run.status:
        raise RuntimeError(f"indexer {arguments[0]} ended with {run.status}:\n{run.said[-2_000:]}")
    return row(run, one.counts(), watch)


def together(rows: Sequence[Row]) -> Row:
    """Commands that run one after the other: memory and load are those of the larger one."""
    return {
        name: (max if name.endswith("MB") or name == "load" else sum)(one[name] for one in rows)
        for name in rows[0]
    }


def medians(runs: Sequence[Row]) -> Row:
    """Of each figure."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def labelled(rows: Mapping[str, Row]) -> str:
    """A table whose lines have names."""
    lines = table(list(rows.values())).splitlines()
    width = max(map(len, rows))
    return "\n".join(f"{name:{width}}  {line}" for name, line in zip(["", *rows], lines, strict=True))


def in_turn(predecessor: Predecessor, setting: Setting) -> dict[str, Row]:
    """One round on one world: the predecessor's job, and our commands."""
    of_ours = ours(setting)
    if len(of_ours) > 1:
        of_ours["plan and apply"] = together(list(of_ours.values()))
    found = {"predecessor": its_job(predecessor, setting), **of_ours}
    for name, one in found.items():
        say(f"{name}: {json.dumps({key: round(value, 2) for key, value in one.items()})}")
    return found


def compared(rounds: Sequence[Mapping[str, Row]]) -> dict[str, Row]:
    """Medians of the rounds, and the predecessor's in parts of ours."""
    found = {name: medians([one[name] for one in rounds]) for name in rounds[0]}
    its, mine = found["predecessor"], found[list(found)[-1]]
    ratio = {name: its[name] / mine[name] if mine[name] else 0 for name in its}
    return {**found, "times as much": {**ratio, "load": 0}}


def main() -> None:
    """Compare, and print it."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("repository", type=Path, help="a checkout of aind-data-asset-indexer")
    options.add_argument("--assets", type=int, default=400)
    options.add_argument("--latency-ms", type=float, default=30, help="of S3; DocDB has a sixth of it")
    options.add_argument("--drift-every", type=int, nargs="+", default=[0, 4], metavar="K")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--light", action="store_true", help="records of half the size")
    options.add_argument("--environment", type=Path, default=ENVIRONMENT, help="where its Python is made")
    chosen = options.parse_args()
    predecessor = Predecessor(chosen.repository.resolve(), environment(chosen.environment.absolute()))
    say(f"predecessor {predecessor.version}; {record_sizes('v1', heavy=not chosen.light)}")
    worlds = [
        Setting(chosen.assets, chosen.latency_ms, heavy=not chosen.light, drift_every=drift_every)
        for drift_every in chosen.drift_every
    ]
    rounds = [[in_turn(predecessor, world) for world in worlds] for _ in range(chosen.rounds)]
    for world, found in zip(worlds, zip(*rounds, strict=True), strict=True):
        drift = f"drift in {stale(world)}" if world.drift_every else "in step"
        say(f"\n{world.assets:,} assets, {drift}, {world.latency_ms:g} ms a request of S3; medians")
        say(labelled(compared(found)))
    say(f"{os.cpu_count()} cores, Python {platform.python_version()}")


if __name__ == "__main__":
    main()
