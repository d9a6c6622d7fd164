"""Which schedules there are: each point × each event, then pairs, two runs with two preemptions, then random walks."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from explore.actors import STEPS, act
from explore.director import JUMPS
from explore.play import WRITES, play, prepared
from explore.schedule import THENS, Event, Kind, Schedule, Then
from explore.stage import changes
from explore.worlds import WORLDS

ACTORS: dict[Then, tuple[str, ...]] = {
    "again": ("plan", "apply", "again"),
    "undo": ("apply", "undo"),
    "half": ("undo",),
    "both": ("again",),
    "redo": ("redo",),
}
"""Whose steps are disturbed, by what is done after the run."""
SECOND_RUNS = ("same", "other", "overlap", "undo")
OURS_ALONE = ("line", "file.", "archive.")
"""Steps that no other actor can see: whoever acts before them might as well act before the next one."""
NEVER = 1_000_000
"""A point that no actor gets to: an event there has the planner's points counted."""


def kinds_at(name: str) -> tuple[Kind, ...]:
    """What can happen to a step of ours."""
    if name == "line":
        return ("dies", "power", "torn", "full", "purged")
    if name == "file.plan.json":
        return ("dies", "power", "full", "ignoring")
    if name.startswith(("file.", "archive.")):
        return ("dies", "power", "full")
    if name == "data_assets.search":
        return ("dies", "fails", "lags", "partial", "hides")
    if not WRITES.fullmatch(name):
        return ("dies", "fails")
    more: tuple[Kind, ...] = ()
    if name.startswith("objects."):
        more = ("retried",)
    if name == "records.write":
        more = ("refused",)
    return ("dies", "power") if name == "records.next" else ("dies", "power", "fails", "lost", *more)


@cache
def points(world: str, then: Then) -> tuple[tuple[str, int, str], ...]:
    """The points of our actors where nothing happens."""
    return tuple(play(Schedule(world, (Event("plan", NEVER, "dies"),), then)).passed)


@cache
def steps(world: str) -> tuple[str, ...]:
    """What others can do that changes something."""
    found = []
    for name in STEPS:
        stage = prepared(world).room.another().stage
        before = stage.snapshot()
        act(stage, name)
        if any(changes(before, stage.snapshot())) or name in ("user-unarchives", "predecessor-copies"):
            found.append(name)
    return tuple(found)


@cache
def of_ours(world: str, then: Then, *actors: str, without: tuple[Kind, ...] = ()) -> tuple[Event, ...]:
    """What can happen to our own steps."""
    return tuple(
        Event(actor, number, kind, what)
        for actor, number, name in points(world, then)
        if actor in actors
        for kind in kinds_at(name)
        if kind not in without
        for what in (hidden_in(world) if kind in ("partial", "hides") else ("",))
    )


def hidden_in(world: str) -> tuple[str, ...]:
    """What a search can leave out: each data asset, or all."""
    return (*prepared(world).room.stage.data_assets, "all")


def meetings(world: str, then: Then, *actors: str) -> Iterator[tuple[str, int]]:
    """Points of ours before which others can act to any effect."""
    for actor, number, name in points(world, then):
        if actor in actors and not name.startswith(OURS_ALONE):
            yield actor, number


@cache
def of_others(world: str, then: Then, *actors: str) -> tuple[Event, ...]:
    """What others can do meanwhile; and time can go by."""
    return tuple(
        event
        for actor, number in meetings(world, then, *actors)
        for event in (
            *(Event(actor, number, "acts", name) for name in steps(world)),
            Event(actor, number, "waits"),
            *(Event(actor, number, "clock", what) for what in JUMPS if actor != "plan" or not number),
        )
    )


@cache
def of_second(world: str, then: Then) -> tuple[Event, ...]:
    """A second run of ours can begin."""
    return tuple(
        Event(actor, number, "runs", what)
        for actor, number in meetings(world, then, "apply")
        for what in SECOND_RUNS
    )


@cache
def of_parts(world: str) -> tuple[Event, ...]:
    """The plan can be made of what an index of Code Ocean shows that lacks something."""
    return tuple(one for one in of_ours(world, "again", "plan") if one.kind == "hides")


@dataclass(frozen=True, slots=True)
class Block:
    """All combinations of one event of each list, in one world."""

    world: str
    then: Then
    choices: tuple[Sequence[Event], ...]

    def __len__(self) -> int:
        return math.prod(map(len, self.choices))

    def __getitem__(self, index: int) -> Schedule:
        events = []
        for choice in self.choices:
            index, at = divmod(index, len(choice))
            events.append(choice[at])
        return Schedule(self.world, tuple(events), self.then)


def singles(world: str, then: Then) -> Iterator[Block]:
    """Nothing at all, and each event alone; a plan that was made of a part is taken back, too."""
    yield Block(world, then, ())
    if "plan" not in ACTORS[then]:
        yield Block(world, then, (of_parts(world),))
    yield Block(world, then, (of_ours(world, then, *ACTORS[then]),))
    yield Block(world, then, (of_others(world, then, *ACTORS[then]),))
    if "apply" in ACTORS[then]:
        yield Block(world, then, (of_second(world, then),))


def pairs(world: str, then: Then) -> Iterator[Block]:
    """An event of ours with a step of somebody else's or with another one; two runs with two preemptions."""
    ours, actors = of_ours(world, then, "apply", without=("power", "torn")), ("apply", *ACTORS[then])
    yield Block(world, then, (ours, of_others(world, then, *dict.fromkeys(actors))))
    yield Block(world, then, (ours, of_ours(world, then, ACTORS[then][-1])))
    if then in ("again", "undo"):
        count = len(list(meetings(world, then, "apply")))
        yields = tuple(Event("second", number, "yields") for number in range(2 * count))
        yield Block(world, then, (of_second(world, then), yields))


Blocks = Callable[[str, Then], Iterator[Block]]


def every(kind: Blocks, seed: int, first: int = 0, apart: int = 1) -> Iterator[Schedule]:
    """All schedules of such blocks, each world in its turn; of each every so manieth, for workers that share them."""
    turns = deque(_shuffled(kind, *one, f"{seed} {one}", first, apart) for one in product(WORLDS, THENS))
    while turns:
        one = turns.popleft()
        following = next(one, None)
        if following is not None:
            turns.append(one)
            yield following


def _shuffled(kind: Blocks, world: str, then: Then, seed: str, first: int, apart: int) -> Iterator[Schedule]:
    """One world's, in an order that mixes events, without keeping any."""
    blocks = _blocks(kind, world, then)
    size, rng = sum(map(len, blocks)), random.Random(seed)
    steps = iter(lambda: rng.randrange(1, size + 1), None)
    step = next(one for one in steps if math.gcd(one, size) == 1)
    for index in range(first, size, apart):
        at = index * step % size
        for block in blocks:
            if at < len(block):
                yield block[at]
                break
            at -= len(block)


@cache
def _blocks(kind: Blocks, world: str, then: Then) -> tuple[Block, ...]:
    return tuple(block for block in kind(world, then) if len(block))


def draw(rng: random.Random, kind: Blocks, worlds: Sequence[str] = ()) -> Schedule:
    """Any schedule of such blocks; each world as often as every other, and looked into only when it is drawn."""
    blocks = _blocks(kind, rng.choice(worlds or list(WORLDS)), rng.choice(THENS))
    block = rng.choice(blocks)
    return block[rng.randrange(len(block))]


def walk(rng: random.Random) -> Schedule:
    """A random schedule of two to five events."""
    world, then = rng.choice(list(WORLDS)), rng.choice(THENS)
    actors = tuple(
        dict.fromkeys(("apply", *(one for one in ACTORS[then] if one != "plan" or rng.random() < 0.2)))
    )
    pools = [of_ours(world, then, *actors), of_others(world, then, *actors), of_second(world, then)]
    events = {rng.choice(rng.choice([one for one in pools if one])) for _ in range(rng.randint(2, 5))}
    begins = sorted((one for one in events if one.kind == "runs"), key=repr)[:1]
    if begins and rng.random() < 0.5:
        begins.append(Event("second", rng.randrange(20), "yields"))
    plain = sorted((one for one in events if one.kind != "runs"), key=repr)
    return Schedule(world, (*plain, *begins), then)
