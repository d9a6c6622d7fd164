"""A plan with a memo against one without, in turn on the same world in step: what the memo spares.

    python -m bench.remembered [--assets 4000] [--latency-ms 0] [--rounds 3] [--heavy] [--one-core]

Machines are noisy: look at the ratios, and at the load that is told.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from pathlib import Path

from bench.measure import say, table
from bench.running import Bench, Run, Setting, bench

MEMO = "memo"


def with_memo(one: Bench) -> Path:
    """Configure a memo; returns its place."""
    with (one.folder / "indexer.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[plan]\nmemo = "{MEMO}"\n')
    return one.folder / MEMO


def figures(run: Run) -> dict[str, float]:
    """What is compared."""
    return {"wall s": run.wall_s, "CPU s": run.cpu_s, "peak MB": run.peak_mb}


def main() -> None:
    """Compare, and print it."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--assets", type=int, default=4_000)
    options.add_argument("--latency-ms", type=float, default=0)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--heavy", action="store_true")
    options.add_argument("--one-core", action="store_true")
    chosen = options.parse_args()
    setting = Setting(
        chosen.assets, latency_ms=chosen.latency_ms, heavy=chosen.heavy, one_core=chosen.one_core
    )
    found: dict[str, list[dict[str, float]]] = {"without": [], "with": []}
    with bench(setting) as one:
        memo = with_memo(one)
        first, _ = one.plan()
        for _ in range(chosen.rounds):
            for which, more in (("without", ["--no-memo"]), ("with", [])):
                found[which].append(figures(one.plan("plan.json", *more)[0]))
        size = memo.stat().st_size
    for which, runs in found.items():
        say(f"CPU s {which}: {[round(run['CPU s'], 2) for run in runs]}")
    before, now = (
        {name: statistics.median(run[name] for run in runs) for name in runs[0]} for runs in found.values()
    )
    say(f"{chosen.assets:,} assets in step, {chosen.latency_ms:g} ms a request; the memo has {size:,} bytes")
    say("without, with, with/without:")
    say(table([before, now, {name: now[name] / before[name] for name in now}]))
    say(f"the first one, which fills the memo: {first.cpu_s:.2f} s of CPU")
    say(
        f"load of the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, Python {sys.version.split()[0]}"
    )


if __name__ == "__main__":
    main()
