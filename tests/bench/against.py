"""This checkout against another commit, in turn on the same worlds: medians, ratios, and what else the machine did.

    python -m bench.against COMMIT [--assets 2000] [--drift-every 2] [--latency-ms 30] [--fsync-ms 0 8] [--rounds 3]

With `--drift-every K` each K-th asset has drift and both plan and apply are measured; each apply has a world of its own.
Machines are noisy: compare what ran in one go, and look at the ratios. More than two processes waiting for the cores means
that somebody else was at work.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.measure import say, table
from bench.running import Bench, Run, Setting, bench

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def sources_of(commit: str) -> Iterator[Path]:
    """The packages as they were at a commit."""
    with tempfile.TemporaryDirectory(prefix="indexer-bench-") as folder:
        tree = Path(folder) / "tree"
        git = ("git", "-C", str(ROOT), "worktree")
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), commit], check=True)
        try:
            yield tree / "src"
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def ran(one: Bench, sources: Path, fsync_ms: float, *arguments: str) -> tuple[Run, int]:
    """A run of the command out of these sources, and its flushes. RuntimeError where it fails."""
    count = one.folder / "flushes"
    module = ("-m", "bench.slow_disk", str(fsync_ms), str(count))
    os.environ["PYTHONPATH"] = str(sources)
    try:
        run = one.run(*arguments, module=module)
    finally:
        del os.environ["PYTHONPATH"]
    if run.status:
        raise RuntimeError(f"indexer {arguments[0]} ended with {run.status}:\n{run.said[-2_000:]}")
    return run, int(count.read_text())


def figures(run: Run, flushes: int) -> dict[str, float]:
    """What is compared."""
    requests = sum(number for name, number in run.counts.items() if name.startswith("s3 "))
    return {
        "wall s": run.wall_s,
        "CPU s": run.cpu_s,
        "peak MB": run.peak_mb,
        "S3 requests": requests,
        "flushes": flushes,
    }


def compared(chosen: argparse.Namespace, setting: Setting, fsync_ms: float, both: Mapping[str, Path]) -> None:
    """One setting, in turn, and its table."""
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _ in range(chosen.rounds):
        for name, sources in both.items():
            with bench(setting) as one:
                plan = ("plan", "--all", "--out", "plan.json", "--parallel", chosen.parallel)
                found.setdefault(("plan", name), []).append(figures(*ran(one, sources, 0, *plan)))
                if setting.drift_every:
                    apply = ("apply", "plan.json", "--parallel", chosen.parallel)
                    found.setdefault(("apply", name), []).append(
                        figures(*ran(one, sources, fsync_ms, *apply))
                    )
    say(f"\n{setting.assets:,} assets, {setting.latency_ms:g} ms a request, {fsync_ms:g} ms more a flush")
    for command in dict.fromkeys(command for command, _ in found):
        say(table(list(_rows(command, found))))


def _rows(
    command: str, found: Mapping[tuple[str, str], Sequence[Mapping[str, float]]]
) -> Iterator[dict[str, float]]:
    """Medians before and now, and now in parts of before."""
    before, now = (
        {
            name: statistics.median(run[name] for run in found[command, which])
            for name in found[command, which][0]
        }
        for which in ("before", "now")
    )
    say(f"{command}: before, now, now/before")
    yield from (before, now, {name: now[name] / before[name] if before[name] else 0 for name in now})


def main() -> None:
    """Compare, and print it."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("commit")
    options.add_argument("--assets", type=int, default=2_000)
    options.add_argument("--drift-every", type=int, default=0, metavar="K")
    options.add_argument("--latency-ms", type=float, default=30)
    options.add_argument("--fsync-ms", type=float, nargs="+", default=[0])
    options.add_argument("--parallel", default="auto")
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    setting = replace(Setting(chosen.assets), latency_ms=chosen.latency_ms, drift_every=chosen.drift_every)
    with sources_of(chosen.commit) as before:
        both = {"before": before, "now": ROOT / "src"}
        for fsync_ms in chosen.fsync_ms:
            compared(chosen, setting, fsync_ms, both)
    say(
        f"\nload of the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, Python {sys.version.split()[0]}"
    )


if __name__ == "__main__":
    main()
