"""Play every schedule there is of the small worlds, for as long as you like.

    python tests/explore/explorer.py [--minutes N | --seconds N] [--seed N] [--workers N]
    python tests/explore/explorer.py --play 'adopted: apply@3 fails; again'

First each point × each event alone, then in pairs, then random walks. A counterexample is shrunk and printed as a line for
tests/explore/test_regressions.py. The last line has the figures.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path[:1] = [str(Path(__file__).resolve().parents[1])]

from explore.play import Verdict, play
from explore.schedule import Schedule, parse
from explore.shrink import shrunk, signatures
from explore.space import every, pairs, singles, walk

LOST = ("lost", "unfounded", "bounds")
"""Kinds of problems in which something was lost, or might have been; all others were not reported as they should be."""
CRASHES = ("dies", "power", "torn")
FOREIGN = ("acts", "runs")


@dataclass(slots=True)
class Figures:
    """What was played, and what it showed."""

    schedules: int = 0
    points: int = 0
    events: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    unreported: int = 0
    found: dict[str, str] = field(default_factory=dict)
    """By what went wrong: the first schedule that showed it."""
    times: Counter[str] = field(default_factory=Counter)

    def take(self, verdict: Verdict) -> None:
        """One more."""
        self.schedules += 1
        self.points += len(verdict.passed)
        self.events.update(verdict.struck)
        kinds = {one.kind for one in verdict.problems}
        self.lost += bool(kinds & {*LOST})
        self.unreported += bool(kinds - {*LOST})
        for one in signatures(verdict):
            self.found.setdefault(one, str(verdict.schedule))
            self.times[one] += 1

    def add(self, other: Figures) -> None:
        """Another worker's."""
        self.schedules, self.points = self.schedules + other.schedules, self.points + other.points
        self.events.update(other.events)
        self.times.update(other.times)
        self.lost, self.unreported = self.lost + other.lost, self.unreported + other.unreported
        self.found = {**other.found, **self.found}

    def __str__(self) -> str:
        """The line at the end."""
        crashes = sum(self.events[kind] for kind in CRASHES)
        foreign = sum(self.events[kind] for kind in FOREIGN)
        faults = self.events.total() - crashes - foreign
        return (
            f"schedules={self.schedules} points={self.points} crashes={crashes} faults={faults} foreign={foreign} "
            f"lost={self.lost} unreported={self.unreported}"
        )


def all_schedules(seed: int, share: int, shares: int) -> Iterator[Schedule]:
    """One worker's share of all; it does not end."""
    yield from every(singles, seed, share, shares)
    rng = random.Random(f"{seed} {share}")
    for number, one in enumerate(every(pairs, seed, share, shares)):
        yield one
        if number % 3 == 0:
            yield walk(rng)
    while True:
        yield walk(rng)


def explore(schedules: Iterator[Schedule] | Sequence[Schedule], until: float = float("inf")) -> Figures:
    """Play them until the time is over."""
    figures = Figures()
    for one in schedules:
        if time.monotonic() >= until:
            break
        figures.take(play(one))
    return figures


def _worker(seed: int, share: int, shares: int, seconds: float, out: multiprocessing.Queue[Figures]) -> None:
    until = time.monotonic() + seconds
    out.put(explore(all_schedules(seed, share, shares), until))


def on_all_cores(seconds: float, seed: int, workers: int) -> Figures:
    """Play for so long, each worker its share."""
    out: multiprocessing.Queue[Figures] = multiprocessing.Queue()
    made = [
        multiprocessing.Process(target=_worker, args=(seed, share, workers, seconds, out))
        for share in range(workers)
    ]
    for one in made:
        one.start()
    figures = Figures()
    for _ in made:
        figures.add(out.get())
    for one in made:
        one.join()
    return figures


def _tell(figures: Figures, seed: int) -> None:
    for number, (problem, schedule) in enumerate(
        sorted(figures.found.items(), key=lambda item: -figures.times[item[0]])
    ):
        small = shrunk(parse(schedule)) if number < 40 else parse(schedule)
        print(f"\n{figures.times[problem]} × {problem}\n    seed {seed}: {str(small)!r}")
        for one in play(small).problems[:4]:
            print(f"        {one}")


def main() -> int:
    """0 where nothing was lost, and all was reported."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--play", metavar="SCHEDULE")
    asked = parser.parse_args()
    if asked.play:
        return _play(parse(asked.play))
    seconds = asked.minutes * 60 if asked.seconds is None else asked.seconds
    figures = on_all_cores(seconds, asked.seed, asked.workers)
    _tell(figures, asked.seed)
    print(figures)
    return 1 if figures.lost or figures.unreported else 0


def _play(schedule: Schedule) -> int:
    verdict = play(schedule)
    for actor, number, name in verdict.passed:
        print(f"{actor}@{number} {name}")
    for one in verdict.problems:
        print(one)
    return 1 if verdict.problems else 0


if __name__ == "__main__":
    sys.exit(main())
