"""Random worlds, random faults, random kills and a curator who never sleeps, until all is in step.

    python tests/resilience/soak.py ROUNDS [--seed N] [--small] [--workers N]

Every round checks what must hold whatever happens: it ends; a second plan is empty; the end state is that
of an undisturbed run; no object was written twice by one plan; nothing was registered twice; no edit of the
curator's was lost; each journal keeps to the protocol, and an audit of each run finds nothing. The last line has the figures.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from indexer.applier.protocol import protocol_problems  # noqa: E402
from indexer.runs.audit import audit  # noqa: E402
from resilience.arena import Arena, Proxies, Shares, State, arena  # noqa: E402

MOST_TRIES = 30
"""A round that is not in step after so many is a failure."""


@dataclass
class Figures:
    """What came of all rounds."""

    rounds: int = 0
    requests: int = 0
    faults: int = 0
    kills: int = 0
    edits: int = 0
    stale: int = 0
    lost: int = 0
    problems: list[str] = field(default_factory=list)

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            *(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True))
        )

    def __str__(self) -> str:
        shown = {name: value for name, value in vars(self).items() if name != "problems"}
        return " ".join(f"{name}={value}" for name, value in shown.items())


@dataclass(frozen=True)
class World:
    """Which world a round has: the full seed, or the little one with so many assets."""

    kind: str
    assets: int

    def build(self, world: Arena) -> list[str]:
        """Build it; the records that the curator edits."""
        if self.kind == "seed":
            world.seeded(assets=self.assets)
            found = world.records().find({"location": {"$regex": "^s3://aind-open-data/ecephys_71"}})
            wanted = [one["_id"] for one in found if one.get("subject") is not None]
            return sorted(map(str, wanted))[: self.assets]
        world.drifting(self.assets)
        return [f"id of asset_{number:03}" for number in range(self.assets)]


class Curator(threading.Thread):
    """Edits random records at random moments, and remembers what it wrote last."""

    def __init__(self, world: Arena, ids: list[str], seed: int) -> None:
        super().__init__(name="curator", daemon=True)
        self._world, self._ids, self._rng = world, ids, random.Random(seed)
        self._resting = threading.Event()
        self.last: dict[str, Any] = {}
        self.edits = 0

    def run(self) -> None:
        while not self._resting.wait(self._rng.uniform(0.1, 0.6)):
            one = self._rng.choice(self._ids)
            value = {"subject_id": "curated", "edit": self.edits}
            stamp = f"2025-08-01T00:00:00.{self.edits:06}Z"
            self._world.records().update_one(
                {"_id": one}, {"$set": {"subject": value, "last_modified": stamp}}
            )
            self.last[one] = value
            self.edits += 1

    def rest(self) -> None:
        """No more edits."""
        self._resting.set()
        self.join()


class Soak:
    """Rounds, each in a world of its own."""

    def __init__(self, seed: int, small: bool) -> None:
        self.figures, self._seed, self._small = Figures(), seed, small
        self._undisturbed: dict[World, State] = {}

    def round(self, number: int) -> None:
        """One world from drift to in step."""
        rng = random.Random(f"{self._seed} {number}")
        kind = "little" if self._small or rng.random() < 0.5 else "seed"
        shape = World(kind, rng.choice((2, 3, 4)) if kind == "little" else 30)
        share = rng.choice((0.05, 0.1) if self._small else (0.05, 0.1, 0.2, 0.3))
        with tempfile.TemporaryDirectory(prefix="soak-") as folder, arena(Path(folder) / "world") as world:
            ids = shape.build(world)
            curator = Curator(world, ids, rng.randrange(2**32))
            with world.proxies(Shares.mixed(share), seed=rng.randrange(2**32)) as proxies:
                if rng.random() < 0.6:
                    curator.start()
                tries = self._until_in_step(world, proxies, curator, rng)
                counted = sum((proxy.counts for proxy in proxies), Counter())
            self._check(world, shape, curator, number)
            self.figures.requests += counted["requests"]
            self.figures.faults += proxies.failures
            self.figures.edits += curator.edits
        self.figures.rounds += 1
        line = f"round {number}: {kind} {shape.assets}, faults {share:.0%}, tries {tries}: {self.figures}"
        sys.stderr.write(f"{line}\n")

    def _until_in_step(self, world: Arena, proxies: Proxies, curator: Curator, rng: random.Random) -> int:
        """Plan and apply through the proxies, killed now and then; the curator rests after a while."""
        for tries in range(1, MOST_TRIES + 1):
            if tries == (2 if self._small else 4) and curator.ident is not None and curator.is_alive():
                curator.rest()
            if rng.random() < 0.3:
                self.figures.kills += world.killed(rng.uniform(0.3, 3), "plan", "--all", **proxies.env)
            planned = world.run("plan", "--all", **proxies.env)
            if planned.returncode not in (0, 1):
                raise AssertionError(planned.stderr)
            if planned.returncode == 1:
                continue
            plan = world.load("plan.json")
            if plan["summary"]["complete"] and not plan["actions"] and not curator.is_alive():
                return tries
            self._apply(world, proxies, plan, rng)
        raise AssertionError(f"not in step after {MOST_TRIES} tries")

    def _apply(self, world: Arena, proxies: Proxies, plan: dict[str, Any], rng: random.Random) -> None:
        since = len(world.sandbox.s3.log)
        for _ in range(rng.choice((0, 0, 1, 2))):
            self.figures.kills += _killed_in_apply(world, plan, rng.randrange(1, 40), proxies.env)
        done = world.run("apply", "plan.json", **proxies.env)
        if done.returncode not in (0, 1, 4):
            raise AssertionError(done.stderr)
        if done.returncode != 1:
            self.figures.stale += world.result(plan)["summary"].get("stale", 0)
        for one in world.written_twice(since):
            self.figures.problems.append(f"written twice by one plan: {one}")
        if world.journal_path(plan).exists():
            self.figures.problems.extend(f"journal: {one}" for one in protocol_problems(world.journal(plan)))
            found = audit(world.journal_path(plan).parent)
            self.figures.problems.extend(f"audit: {one.about}: {one.detail}" for one in found.faults)

    def _check(self, world: Arena, shape: World, curator: Curator, number: int) -> None:
        world.assert_in_step()
        for one, value in curator.last.items():
            record = world.records().find_one({"_id": one})
            if record is None or record["subject"] != value:
                self.figures.lost += 1
                self.figures.problems.append(f"round {number}: the edit of {one} is lost")
        if shape not in self._undisturbed:
            self._undisturbed[shape] = _undisturbed(shape)
        edited = {name for one in curator.last for name in _names(world, one)}
        wanted, found = self._undisturbed[shape], world.end_state()
        for key in wanted.keys() | found.keys():
            if wanted.get(key) != found.get(key) and not any(name in key for name in edited):
                self.figures.problems.append(f"round {number}: {key} is not as after an undisturbed run")


def _names(world: Arena, record_id: str) -> tuple[str, ...]:
    record = world.records().find_one({"_id": record_id})
    return (record_id, record["name"]) if record else (record_id,)


def _undisturbed(shape: World) -> State:
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, arena(Path(folder) / "world") as world:
        shape.build(world)
        world.apply_everything(world.plan_everything())
        world.assert_in_step()
        return world.end_state()


def _killed_in_apply(world: Arena, plan: dict[str, Any], lines: int, env: dict[str, str]) -> bool:
    return world.interrupted(signal.SIGKILL, plan, lines, **env) == -signal.SIGKILL


def soak(rounds: int, seed: int, small: bool = False, workers: int = 1) -> Figures:
    """Run so many rounds, in so many processes; each round's luck is its own, whoever runs it."""
    shares = [range(first, rounds, workers) for first in range(min(workers, rounds))]
    if len(shares) <= 1:
        return _soaked(seed, small, range(rounds))
    with ProcessPoolExecutor(len(shares)) as pool:
        return sum(pool.map(partial(_soaked, seed, small), shares), Figures())


def _soaked(seed: int, small: bool, numbers: Iterable[int]) -> Figures:
    made = Soak(seed, small)
    for number in numbers:
        made.round(number)
    return made.figures


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rounds", type=int)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--small", action="store_true", help="little worlds and few faults: quick")
    parser.add_argument("--workers", type=int, default=1 + (os.cpu_count() or 1), help="rounds at a time")
    asked = parser.parse_args()
    figures = soak(asked.rounds, asked.seed, asked.small, asked.workers)
    sys.stdout.write("\n".join([*figures.problems, f"seed={asked.seed} {figures}", ""]))
    return 1 if figures.problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.TimeoutExpired as exc:
        sys.exit(f"it hung: {exc}")
