"""A plan by several processes of this machine against one by one, in turn on the same world in step.

    python -m bench.cores [--assets 4000] [--latency-ms 0] [--workers 2] [--rounds 3] [--heavy]

CPU is of all processes of the run together, peak memory that of the largest. The servers need cores, too: look at the ratios,
and at the load that is told.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys

from bench.measure import say, table
from bench.running import Run, Setting, bench


def figures(run: Run) -> dict[str, float]:
    """What is compared."""
    return {
        "wall s": run.wall_s,
        "CPU s": run.cpu_s,
        "peak MB": run.peak_mb,
        "S3's CPU s": run.servers_cpu_s["s3"],
        "DocDB's CPU s": run.servers_cpu_s["docdb"],
        "load": os.getloadavg()[0],
    }


def main() -> None:
    """Compare, and print it."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--assets", type=int, default=4_000)
    options.add_argument("--latency-ms", type=float, default=0)
    options.add_argument("--workers", default="2", help="the command's own option")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--heavy", action="store_true")
    chosen = options.parse_args()
    found: dict[str, list[dict[str, float]]] = {"1": [], chosen.workers: []}
    with bench(Setting(chosen.assets, latency_ms=chosen.latency_ms, heavy=chosen.heavy)) as one:
        for _ in range(chosen.rounds):
            for workers, runs in found.items():
                runs.append(figures(one.plan("plan.json", "--workers", workers)[0]))
                say(
                    f"--workers {workers}: {', '.join(f'{name} {value:.2f}' for name, value in runs[-1].items())}"
                )
    alone, spread = (
        {name: statistics.median(run[name] for run in runs) for name in runs[0]} for runs in found.values()
    )
    say(f"{chosen.assets:,} assets in step, {chosen.latency_ms:g} ms a request")
    say(f"--workers 1, --workers {chosen.workers}, and their ratio:")
    say(table([alone, spread, {name: spread[name] / (alone[name] or 1) for name in alone}]))
    say(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
