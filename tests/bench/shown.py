"""Peak memory of each command where every action shows as many differences as it may, from this checkout or another.

    python -m bench.shown [--actions 10000] [--differences 20] [--stale] [--copies] [--sources DIR] [--commands plan show …]

Each asset has eight core files that differ from its record in so many fields; all of them are written, unless (`--stale`)
somebody else has written them since the plan. With `--copies` the files are in step, and their originals are missing.
"""

from __future__ import annotations

import argparse
import os
import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import say, table
from bench.running import Bench, Setting, bench

CORE_FILES = 8
COMMANDS = {
    "plan": ("plan", "--all", "--out", "plan.json"),
    "show": ("show", "plan.json"),
    "apply": ("apply", "plan.json", "--results", "run"),
    "undo": ("undo", "run", "--out", "back.json"),
}


def ran(one: Bench, command: str) -> None:
    """Run one command, and say its figures."""
    run = one.run(*COMMANDS[command])
    say(f"\n{command}: exit {run.status}: {run.said[-200:].strip()}")
    size_bytes = (one.folder / "plan.json").stat().st_size
    figures = {"peak MB": run.peak_mb, "CPU s": run.cpu_s, "wall s": run.wall_s}
    say(table([{"plan MB": size_bytes / 1e6, **figures}]))


def main() -> None:
    """Measure what is asked for, and print it."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--actions", type=int, default=10_000)
    options.add_argument("--differences", type=int, default=20)
    options.add_argument(
        "--stale", action="store_true", help="apply it once more, after somebody else's writes"
    )
    options.add_argument("--copies", action="store_true", help="copies, which show no difference")
    options.add_argument("--commands", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    options.add_argument("--sources", type=Path, metavar="DIR", help="another checkout's src")
    chosen = options.parse_args()
    if chosen.sources:
        os.environ["PYTHONPATH"] = str(chosen.sources.resolve())
    setting = Setting(chosen.actions // CORE_FILES, originals=not chosen.copies)
    if not chosen.copies:
        setting = replace(setting, drift_every=1, differences=chosen.differences)
    with TemporaryDirectory(prefix="indexer-bench-") as folder:
        kept = Path(folder) / "plan.json"
        with bench(setting) as one:
            for command in chosen.commands:
                ran(one, command)
            shutil.copy(one.folder / "plan.json", kept)
        if chosen.stale:
            with bench(replace(setting, differences=setting.differences + 1)) as one:
                shutil.copy(kept, one.folder)
                ran(one, "apply")


if __name__ == "__main__":
    main()
