"""Where the start of a plan goes, in instructions: the same on a busy machine and on a quiet one.

    PYTHONPATH=tests python -m bench.start [--python PYTHON] [--whole]

Needs valgrind. Each row is what an import adds to those above it, in the order in which a plan imports them; the last one is a
plan of one asset, with all that is left. `--python`: an interpreter of another environment, say one that has what users get
(`requirements.txt`) and nothing else. `--whole`: the last row only.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys

from bench.running import BUCKET, Bench, Setting, bench

PARTS = (
    ("the interpreter", ""),
    ("typer", "typer"),
    ("the root of our commands", "indexer.cli.app"),
    ("pydantic", "typer._adapters"),
    ("our models of a plan", "indexer.model.plan"),
    ("our models of a run, its events and outcomes", "indexer.cli.plan indexer.cli.run indexer.runs.files"),
    ("asyncio, which pymongo wants", "asyncio"),
    ("pydantic-settings, and our configuration", "indexer.runs.config_file"),
    ("the planner", "indexer.planner.plan indexer.runs.plan"),
    ("botocore's session", "botocore.session"),
    ("our reader of S3", "indexer.systems.s3_connection indexer.systems.s3"),
    ("pymongo, and our reader of DocDB", "indexer.systems.docdb"),
)
IMPORT = "import importlib, sys; [importlib.import_module(one) for one in sys.argv[1:]]"
COUNTED = re.compile(r"Collected : (\d+)")


def counted(one: Bench, python: str, *arguments: str) -> int:
    """Instructions of a run of Python, which was run once before, so that all is compiled."""
    env = {name: value for name, value in one.env.items() if name != "PYTHONPATH"} | {"PYTHONHASHSEED": "0"}
    subprocess.run([python, *arguments], cwd=one.folder, env=env, check=True, capture_output=True)
    watched = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", python, *arguments]
    run = subprocess.run(watched, cwd=one.folder, env=env, check=True, capture_output=True, text=True)
    found = COUNTED.search(run.stderr)
    if found is None:
        raise RuntimeError(f"valgrind counted nothing:\n{run.stderr[-2_000:]}")
    return int(found[1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--whole", action="store_true")
    chosen = parser.parse_args()
    modules: list[str] = []
    before = 0
    with bench(Setting(1)) as one:
        for name, more in () if chosen.whole else PARTS:
            modules += more.split()
            now = counted(one, chosen.python, "-c", IMPORT, *modules)
            sys.stdout.write(f"{(now - before) / 1e6:8,.0f}  {name}\n")
            sys.stdout.flush()
            before = now
        whole = counted(one, chosen.python, "-m", "indexer", "plan", "--bucket", BUCKET, "--out", "plan.json")
    sys.stdout.write(f"{(whole - before) / 1e6:8,.0f}  the rest: reports, and the work itself\n")
    sys.stdout.write(f"{whole / 1e6:8,.0f}  a plan of one asset\n")


if __name__ == "__main__":
    main()
