"""Is the instrument any good? Each fault of the table is planted, in a process of its own, and must be found.

python tests/explore/planted.py [--schedules N] [--name WORDS] [--workers N]
"""

from __future__ import annotations

import argparse
import importlib.machinery
import importlib.util
import os
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, count, islice
from pathlib import Path
from types import ModuleType

if __name__ == "__main__":
    sys.path[:1] = [str(Path(__file__).resolve().parents[1])]

from explore.faults import FAULTS, SHOWN_BY, WORLDS_OF, Fault

MOST_SCHEDULES = 6_000


class _Patched(importlib.machinery.SourceFileLoader):
    """Loads a module with one line changed."""

    def __init__(self, fault: Fault, path: str) -> None:
        super().__init__(fault.module, path)
        self._fault = fault

    def get_code(self, fullname: str) -> object:  # type: ignore[override]
        """Never from a cache."""
        source = Path(self.path).read_text(encoding="utf-8")
        if source.count(self._fault.old) != 1:
            raise LookupError(
                f"{self._fault.name}: stands {source.count(self._fault.old)} times in {self.path}"
            )
        return compile(source.replace(self._fault.old, self._fault.new), str(self.path), "exec")


class _Planter:
    """Finds the module that a fault is planted in."""

    def __init__(self, fault: Fault) -> None:
        self._fault, self._off = fault, False

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Only for that one."""
        if name != self._fault.module or self._off:
            return None
        self._off = True
        spec = importlib.util.find_spec(name)
        self._off = False
        if spec is None or spec.origin is None:
            raise LookupError(name)
        return importlib.util.spec_from_file_location(
            name, spec.origin, loader=_Patched(self._fault, spec.origin)
        )


def plant(fault: Fault) -> None:
    """From now on the module is imported with the fault in it."""
    if fault.module in sys.modules:
        raise AssertionError(f"{fault.module} is imported already")
    sys.meta_path.insert(0, _Planter(fault))  # type: ignore[arg-type]


def hunt(fault: Fault, most: int) -> str:
    """The first schedule that shows something wrong, and what; empty where none of so many does."""
    from explore.play import play
    from explore.schedule import THENS, Schedule
    from explore.space import draw, pairs, singles
    from explore.worlds import WORLDS

    rng = random.Random(1)
    worlds = WORLDS_OF.get(fault.module, tuple(WORLDS))
    plain = (Schedule(world, (), then) for world in worlds for then in THENS)
    drawn = (draw(rng, pairs if number % 3 == 0 else singles, worlds) for number in count())
    wanted = re.compile(SHOWN_BY.get(fault.name, ""))
    drawn = (schedule for schedule in drawn if wanted.search(str(schedule)))
    for number, schedule in enumerate(islice(chain(plain, drawn), most), start=1):
        problems = play(schedule).problems
        if problems:
            return f"{number} schedules: {schedule} | {problems[0]}"
    return ""


def found(fault: Fault, most: int = MOST_SCHEDULES) -> str:
    """Hunt for one fault in a process of its own; what showed it, empty where nothing did."""
    command = [sys.executable, str(Path(__file__).resolve()), "--hunt", fault.name, "--schedules", str(most)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(done.stderr.strip().rpartition("\n")[2])
    return done.stdout.strip()


def is_its_own(how: str) -> bool:
    """Does the schedule show nothing where no fault is planted?"""
    from explore.play import play
    from explore.schedule import parse

    return not play(parse(how.partition(" schedules: ")[2].partition(" | ")[0])).problems


def main() -> int:
    """0 where each fault was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--schedules", type=int, default=MOST_SCHEDULES)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--name", default="")
    parser.add_argument("--hunt", metavar="FAULT")
    asked = parser.parse_args()
    if asked.hunt:
        fault = next(one for one in FAULTS if one.name == asked.hunt)
        plant(fault)
        print(hunt(fault, asked.schedules))
        return 0
    wanted = [one for one in FAULTS if asked.name in one.name]
    missed = 0
    with ThreadPoolExecutor(asked.workers) as pool:
        for fault, how in zip(wanted, pool.map(lambda one: _told(one, asked.schedules), wanted), strict=True):
            how = how if how and is_its_own(how) else ""
            missed += not how
            print(
                f"{'found' if how else 'MISSED':7} {fault.module.removeprefix('indexer.')}: {fault.name}: {how[:160]}",
                flush=True,
            )
    print(f"planted={len(wanted)} found={len(wanted) - missed}")
    return 1 if missed else 0


def _told(fault: Fault, most: int) -> str:
    try:
        return found(fault, most)
    except AssertionError as exc:
        print(f"{fault.name}: {exc}", file=sys.stderr)
        return ""


if __name__ == "__main__":
    sys.exit(main())
