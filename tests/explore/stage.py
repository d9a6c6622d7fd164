"""A small world that writes down who changed what and who looked at what; each call is a point of the schedule."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from indexer.errors import SystemFaultError
from shared.memory.stored import START, StoredDataAsset, StoredObject, Write
from shared.memory.world import World

TICK = timedelta(milliseconds=10)
"""What each point takes."""
Slot = tuple[str, ...]
"""("object", bucket, key), ("record", generation, repr of `_id`) or ("data-asset", id)."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the systems held at one moment. Nobody changes what is in it."""

    buckets: Mapping[str, Mapping[str, StoredObject]]
    records: Mapping[str, Mapping[str, Mapping[str, Any]]]
    data_assets: Mapping[str, StoredDataAsset]

    def value(self, slot: Slot) -> Any:
        """An object's bytes, a record's body, a data asset; None for nothing."""
        match slot:
            case ("object", bucket, key):
                held = self.buckets.get(bucket, {}).get(key)
                return None if held is None else held.body
            case ("record", generation, key):
                return self.records[generation].get(key)
            case _:
                return self.data_assets.get(slot[1])

    def without(self, unseen: Collection[str]) -> Snapshot:
        """The same, as a search shows it that leaves these data assets out."""
        return replace(
            self, data_assets={key: one for key, one in self.data_assets.items() if key not in unseen}
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One value that took the place of another."""

    author: str
    slot: Slot
    before: Any
    after: Any
    at: datetime


@dataclass(frozen=True, slots=True)
class Look:
    """What an actor saw of something when it looked."""

    at: datetime
    seen: Snapshot


class Point(Protocol):
    """What the schedule has for one step of an actor: raises Crash, or returns what becomes of the call."""

    def __call__(self, actor: str, name: str) -> str: ...


class Witness(Protocol):
    """Is told of each change as it happens."""

    def __call__(self, change: Change, now: Snapshot) -> None: ...


def _nobody(_: Change, __: Snapshot) -> None:
    """No one looks."""


@dataclass(slots=True, repr=False)
class Stage(World):
    """The three systems, with a history."""

    history: list[Change] = field(default_factory=list)
    looks: dict[str, dict[Slot, list[Look]]] = field(default_factory=dict)
    """By actor and what it looked at: ("object", …), ("listing", bucket, prefix), ("record", …),
    ("records at", generation, location), ("search", which)."""
    witness: Witness = _nobody
    compares: bool = True
    """The database compares objects and lists."""
    ignoring: bool = False
    """S3's server ignores all conditions."""
    hidden: set[str] = field(default_factory=set)
    """Data assets that no search of Code Ocean shows."""
    off: timedelta = timedelta()
    """By so much this machine's clock is wrong."""
    unanswered: bool = False
    """A write of ours was sent, or may have been, whose answer never came."""

    def snapshot(self) -> Snapshot:
        """What there is now."""
        return Snapshot(
            {name: dict(held) for name, held in self.buckets.items()},
            {name: dict(held) for name, held in self.records.items()},
            dict(self.data_assets),
        )

    def known_as(self, name: str) -> set[str]:
        """The data assets that an event names: one, or `all`, or none."""
        return {*self.data_assets} if name == "all" else {*filter(None, [name])}

    def another(self) -> Stage:
        """The same once more, history and looks too."""
        now = self.snapshot()
        return Stage(
            page_size=self.page_size,
            compares=self.compares,
            ignoring=self.ignoring,
            now=self.now,
            buckets=now.buckets,  # type: ignore[arg-type]
            records=now.records,  # type: ignore[arg-type]
            data_assets=now.data_assets,  # type: ignore[arg-type]
            history=list(self.history),
            looks={
                actor: {scope: list(one) for scope, one in seen.items()} for actor, seen in self.looks.items()
            },
        )

    @contextmanager
    def acting(self, author: str) -> Iterator[Acting]:
        """Whatever changes in the block is this author's."""
        one = Acting(self, author, self.snapshot())
        try:
            yield one
        finally:
            one.flush()

    def pause(self, seconds: float) -> None:
        """Time goes by."""
        self.now += timedelta(seconds=seconds)

    def clock(self) -> datetime:
        """The time as this machine tells it; no two readings are alike."""
        self.now += timedelta(milliseconds=1)
        return self.now + self.off


@dataclass(slots=True)
class Acting:
    """Somebody at work."""

    stage: Stage
    author: str
    last: Snapshot

    def flush(self) -> None:
        """Write down what was changed by now."""
        before, now = self.last, self.stage.snapshot()
        self.last = now
        for slot, was, became in changes(before, now):
            if was == became:
                continue  # the same bytes again, as where a server must prove that it refuses them
            change = Change(self.author, slot, was, became, self.stage.now)
            self.stage.history.append(change)
            self.stage.witness(change, now)

    def resume(self) -> None:
        """Go on after somebody else's work."""
        self.last = self.stage.snapshot()


def changes(before: Snapshot, after: Snapshot) -> Iterator[tuple[Slot, Any, Any]]:
    """What differs: slot, value before, value after."""
    for bucket in {**before.buckets, **after.buckets}:
        yield from _differing(
            ("object", bucket), before.buckets.get(bucket, {}), after.buckets.get(bucket, {})
        )
    for generation in before.records:
        yield from _differing(("record", generation), before.records[generation], after.records[generation])
    yield from _differing(("data-asset",), before.data_assets, after.data_assets)


def _differing(
    kind: Slot, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[Slot, Any, Any]]:
    for key in {**before, **after}:
        was, became = before.get(key), after.get(key)
        if was is not became and was != became:
            yield (*kind, key), getattr(was, "body", was), getattr(became, "body", became)


@dataclass(slots=True)
class View:
    """The world as one actor reaches it: what the ports in memory take for a world."""

    stage: Stage
    actor: str
    point: Point
    lagging: int = 0
    """So many searches of Code Ocean still show what was there before the last create."""
    unseen: frozenset[str] = frozenset()
    """Data assets that the last search did not show, though they were there: nobody can write by what no search shows."""
    acting: Acting | None = None
    """A write that is being carried out."""
    writes: list[Write] = field(default_factory=list)

    @property
    def page_size(self) -> int:
        """Rows in a page."""
        return self.stage.page_size

    @property
    def now(self) -> datetime:
        """What is written is dated with this."""
        return self.stage.now

    @property
    def told(self) -> datetime:
        """What the systems' clocks say."""
        return self.stage.now

    @property
    def buckets(self) -> dict[str, dict[str, StoredObject]]:
        """S3."""
        return self.stage.buckets

    @property
    def records(self) -> Any:
        """DocDB."""
        return self.stage.records

    @property
    def data_assets(self) -> dict[str, StoredDataAsset]:
        """Code Ocean, as its search shows it just now."""
        if not (late := self._late()):
            return self.stage.data_assets
        return {key: one for key, one in self.stage.data_assets.items() if key not in late}

    def _late(self) -> set[str]:
        """What a search that lags does not show yet."""
        if not self.lagging:
            return set()
        made = [
            one.slot[1] for one in self.stage.history if one.slot[0] == "data-asset" and one.before is None
        ]
        return {*made[-1:]}

    @contextmanager
    def call(self, operation: str, *, write: bool = False) -> Iterator[str]:
        """One request: the schedule says what becomes of it."""
        fate = self.point(self.actor, operation)
        self.stage.unanswered |= write and fate in ("fails", "lost", "retried")
        if fate == "fails":
            raise SystemFaultError("The system failed", operation)
        if fate.startswith("lags"):
            self.lagging = int(fate.removeprefix("lags") or 1)
        if operation == "data_assets.search":
            one = fate.removeprefix("partial") if fate.startswith("partial") else ""
            self.unseen = frozenset(self.stage.hidden | self.stage.known_as(one) | self._late())
        if write:
            try:
                with self.stage.acting(self.actor) as self.acting:
                    yield fate
            except SystemFaultError:
                self.stage.unanswered = True  # whoever asked can't tell it from a lost answer
                raise
        else:
            yield fate
            self.lagging = max(0, self.lagging - (operation == "data_assets.search"))
        if fate == "lost":
            raise SystemFaultError("The answer was lost", operation)

    def between(self, operation: str) -> None:
        """One write of a batch is done, the next one comes."""
        if self.acting is None:
            raise AssertionError("no batch is being written")
        self.acting.flush()
        try:
            self.point(self.actor, operation)
        finally:  # what others did at this point is theirs, also where we died there
            self.acting.resume()

    def looked(self, *scope: str) -> None:
        """Note what this actor has seen."""
        seen = self.stage.looks.setdefault(self.actor, {}).setdefault(scope, [])
        unseen = self.unseen if scope[0] == "search" else frozenset()
        seen.append(Look(self.stage.now, self.stage.snapshot().without(unseen)))

    def again(self, slot: Slot, value: object) -> None:
        """A write that left everything as it was is a write; but for one more over what this actor wrote itself."""
        last = next((one for one in reversed(self.stage.history) if one.slot == slot), None)
        if slot[0] == "object" and last is not None and last.author == self.actor:
            return  # as where a server must prove that it refuses it
        self.stage.history.append(Change(self.actor, slot, value, value, self.stage.now))

    def wrote(self, operation: str, target: str) -> None:
        """One more."""
        self.writes.append(Write(operation, target))


def fresh(stage: Stage) -> Stage:
    """The same world as one that begins only now: no history, the time of the start."""
    made = stage.another()
    made.history, made.looks, made.now = [], {}, START
    return made


def own_copy(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body that nobody else holds."""
    return copy.deepcopy(dict(body))
