"""How the command grows with the number of assets: time, memory, and requests by kind.

    python -m bench.measure [--assets 400 4000 40000] [--latency-ms 0 30] [--quick] [--json FILE]
    python -m bench.measure --drift-every 10     # plan, apply and plan again
    python -m bench.measure --servers            # what the light servers themselves can do

Each figure is of the real command in a process of its own, against the light servers. CPU is
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
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import bson

from bench.running import BUCKET, Run, Setting, bench
from bench.world import COLLECTION, DATABASES, World, template_record

HELP_RUNS, FIXED_RUNS = 5, 3
RAW_S, RAW_ASSETS, RAW_KNOWN, RAW_CONNECTIONS, RAW_BATCH = 2.0, 40_000, 1_000, 16, 16
BESIDE = frozenset({"hello", "ismaster", "isMaster", "ping", "endSessions", "benchCounts", "documents"})
"""What is counted at DocDB and is no command that a run pays for by the asset."""


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

    commands = [name for name in counts if name.startswith("docdb ") and is_command(name)]
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


def is_command(name: str) -> bool:
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
