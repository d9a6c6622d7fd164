"""Nights of small worlds, planned with a memo and without: the plans are the same, whatever has drifted.

python tests/property/memo_worlds.py 10000      # so many worlds, of six nights each
"""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from indexer.model.generation import METADATA_FILE, V2
from indexer.model.settings import CollectionSettings
from indexer.model.values import canonical, to_bytes
from indexer.planner.memo import CHECKED_ONE_IN, Memo
from indexer.runs.memo_file import marks_of, memo_bytes
from shared.builders import BUCKET, COLLECTIONS, NOW, ORIGINALS, in_step, plan_of, record, rules, stored_mount
from shared.memory.stored import StoredObject
from shared.memory.world import World

NIGHTS = 6
PREFIXES = ("a", "a-b", "a.b", "b", "ümlaut", "z")
VALUES: tuple[Any, ...] = ({"n": 1}, {"n": 1.0}, {"n": True}, {"n": "1"}, {"n": None}, {}, [1], [1.0], [True])
"""In which type alone tells some from others."""


@dataclass
class Night:
    """A world, how it is configured, and what is asked for."""

    world: World
    rules: dict[str, Any] = field(default_factory=dict)
    scope: dict[str, Any] = field(default_factory=dict)
    codeocean: bool = True
    tool: str = "1"

    def copied(self) -> Night:
        """Another one that is the same."""
        held = copy.deepcopy((self.world.buckets, self.world.records, self.world.data_assets))
        world = World(buckets=held[0], records=held[1], data_assets=held[2])
        return Night(world, dict(self.rules), dict(self.scope), self.codeocean, self.tool)


Drift = Callable[[random.Random, Night, str], None]


def _record(night: Night, prefix: str, generation: str = "v1") -> dict[str, Any]:
    """The asset's record; a new one, not in the world, where there is none."""
    held = night.world.records[generation].values()  # type: ignore[index]
    return next((one for one in held if one["name"] == prefix or prefix in str(one.get("location"))), {})


def _objects(night: Night, prefix: str) -> dict[str, StoredObject]:
    return {key: one for key, one in night.world.buckets[BUCKET].items() if key.startswith(f"{prefix}/")}


def _some_key(chance: random.Random, night: Night, prefix: str) -> str | None:
    return chance.choice(sorted(_objects(night, prefix)) or [None])


def _field(chance: random.Random, night: Night, prefix: str) -> None:
    _record(night, prefix)["subject"] = copy.deepcopy(chance.choice(VALUES))


def _own_field(chance: random.Random, night: Night, prefix: str) -> None:
    _record(night, prefix, chance.choice(["v1", "v2"]))["kept"] = copy.deepcopy(chance.choice(VALUES))


def _modified(chance: random.Random, night: Night, prefix: str) -> None:
    body = _record(night, prefix)
    body["last_modified"] = chance.choice([None, "2026-01-14T00:00:00Z", "2019-01-01T00:00:00Z", NOW, 7])


def _name(chance: random.Random, night: Night, prefix: str) -> None:
    _record(night, prefix, chance.choice(["v1", "v2"]))["name"] = chance.choice(
        [prefix, "other", None, 1, 1.0]
    )


def _slash(chance: random.Random, night: Night, prefix: str) -> None:
    body = _record(night, prefix, chance.choice(["v1", "v2"]))
    if isinstance(body.get("location"), str):
        body["location"] = body["location"].removesuffix("/") + chance.choice(["", "/"])


def _second(chance: random.Random, night: Night, prefix: str) -> None:
    night.world.add("v1", record(prefix) | {"_id": f"second-{chance.random()}"})


def _other_generation(chance: random.Random, night: Night, prefix: str) -> None:
    held = night.world.records["v2"]
    if chance.random() < 0.3 and (body := _record(night, prefix, "v2")):
        held.pop(repr(body["_id"]), None)
    else:
        links = chance.choice(
            [{}, {"Code Ocean": ["da-1"]}, {"Code Ocean": "da-1"}, "odd", {"Code Ocean": [1]}]
        )
        night.world.add("v2", record(prefix, V2, links=links, subject={"n": 1}) | {"_id": f"v2-{prefix}"})


def _links(chance: random.Random, night: Night, prefix: str) -> None:
    body = _record(night, prefix)
    body["external_links"] = chance.choice([None, {}, {"Code Ocean": ["da-1"]}, [{"Code Ocean": "da-1"}], 7])


def _gone_record(chance: random.Random, night: Night, prefix: str) -> None:
    if body := _record(night, prefix):
        night.world.records["v1"].pop(repr(body["_id"]), None)


def _changed_file(chance: random.Random, night: Night, prefix: str) -> None:
    if (key := _some_key(chance, night, prefix)) is not None:
        night.world.put(
            BUCKET, key, chance.choice([b"{}", b"{broken", b"null", b'{"n": 1}', to_bytes({"n": 1})])
        )


def _other_etag(chance: random.Random, night: Night, prefix: str) -> None:
    if (key := _some_key(chance, night, prefix)) is not None:
        night.world.put(BUCKET, key, night.world.buckets[BUCKET][key].body, etag=chance.choice([None, "0-2"]))


def _touched(chance: random.Random, night: Night, prefix: str) -> None:
    if (key := _some_key(chance, night, prefix)) is not None:
        held = night.world.buckets[BUCKET]
        held[key] = replace(held[key], modified_at=NOW + timedelta(days=chance.randrange(9)))


def _no_file(chance: random.Random, night: Night, prefix: str) -> None:
    if (key := _some_key(chance, night, prefix)) is not None:
        del night.world.buckets[BUCKET][key]


def _new_file(chance: random.Random, night: Night, prefix: str) -> None:
    name = chance.choice(
        ["subject.json", "rig.json", "session.json", METADATA_FILE, "notes.json", "raw/data.bin"]
    )
    night.world.put(BUCKET, f"{prefix}/{name}", chance.choice([b"{}", b"{broken", to_bytes({"n": 1})]))


def _original(chance: random.Random, night: Night, prefix: str) -> None:
    name = chance.choice(
        ["subject.20190101.json", "rig.20200101.json", "subject.20200101.json", "readme.txt"]
    )
    night.world.put(BUCKET, f"{prefix}/{ORIGINALS}/{name}", chance.choice([b"{}", b"{broken"]))


def _gone_folder(chance: random.Random, night: Night, prefix: str) -> None:
    for key in _objects(night, prefix):
        del night.world.buckets[BUCKET][key]


def _mount(chance: random.Random, night: Night, prefix: str) -> None:
    held = night.world.data_assets
    if held and chance.random() < 0.5:
        one = chance.choice(sorted(held))
        held[one] = replace(held[one], archived=not held[one].archived)
    else:
        mount = stored_mount(
            chance.choice(["da-1", "da-2"]), chance.choice([prefix, f"{prefix}/", "elsewhere"])
        )
        night.world.mount(mount)


def _configured(chance: random.Random, night: Night, prefix: str) -> None:
    name, values = chance.choice(
        [
            ("metadata_file", ["sync", "leave", "remove"]),
            ("originals_folder", [ORIGINALS, "raw"]),
            ("on_missing", ["archive", "delete", "keep"]),
            ("register_data_assets", [True, False]),
            ("largest_file_mb", [1, 64]),
            ("collections", [_synced(v1, v2) for v1 in (True, False) for v2 in (True, False)]),
        ]
    )
    night.rules[name] = chance.choice(values)


def _synced(v1: bool, v2: bool) -> dict[str, CollectionSettings]:
    return {
        name: CollectionSettings(
            database=one.database, collection=one.collection, sync_to_s3={"v1": v1, "v2": v2}[name]
        )
        for name, one in COLLECTIONS.items()
    }


def _asked(chance: random.Random, night: Night, prefix: str) -> None:
    name, values = chance.choice(
        [
            ("lookback_days", [None, 3, 14]),
            ("policy", ["sync", "upsert-only", "create-only"]),
            ("assets", [(), (prefix,), ("a*",)]),
            ("exclude", [(), (prefix,)]),
            ("allow_empty", [(), ("codeocean", "docdb", "s3")]),
        ]
    )
    night.scope[name] = chance.choice(values)


def _code_ocean(chance: random.Random, night: Night, prefix: str) -> None:
    night.codeocean = chance.random() < 0.7


def _tool(chance: random.Random, night: Night, prefix: str) -> None:
    night.tool = chance.choice(["1", "2"])


DRIFTS: tuple[Drift, ...] = (
    *(_field, _field, _own_field, _modified, _name, _slash, _second, _other_generation, _links, _gone_record),
    *(_changed_file, _other_etag, _touched, _no_file, _new_file, _original, _gone_folder, _mount),
    *(_configured, _asked, _code_ocean, _tool),
)


def _first(chance: random.Random) -> Night:
    world = World()
    world.buckets[BUCKET] = {}
    for prefix in chance.sample(PREFIXES, chance.randint(2, 5)):
        both = chance.random() < 0.5
        in_step(world, record(prefix, subject=copy.deepcopy(chance.choice(VALUES)), instrument={"rig": 1}))
        if both:
            world.add("v2", record(prefix, V2) | {"_id": f"v2-{prefix}"})
        world.put(BUCKET, f"{prefix}/raw/data.bin", b"data")
    world.mount(stored_mount("da-0", "elsewhere"))
    return Night(world)


def nights(seed: int, drifts: tuple[Drift, ...] = DRIFTS) -> int:
    """Play one world; returns how many assets were remembered. Raises AssertionError where a plan is another one."""
    chance = random.Random(seed)
    night, known, remembered = _first(chance), frozenset[bytes](), 0
    before: list[Night] = []
    for number in range(NIGHTS):
        before.append(night.copied())
        if number and chance.random() < 0.15:
            night = chance.choice(before).copied()  # somebody has set it right again
        elif number:
            for _ in range(chance.randint(0, 3)):
                chance.choice(drifts)(chance, night, chance.choice(PREFIXES))
        settings = {"codeocean": night.codeocean, **night.scope}
        settings["with_rules"] = rules(links=night.codeocean, **night.rules)
        memo = Memo(known, night.tool, f"{seed}-{number}")
        without = plan_of(night.world, **settings)
        with_memo = plan_of(night.world, memo=memo, parallel=chance.choice([1, 1, 4]), **settings)
        assert canonical(with_memo.model_dump(mode="json")) == canonical(without.model_dump(mode="json")), (
            f"seed {seed}, night {number}"
        )
        seen = memo.seen.get(BUCKET, set())
        remembered += len(seen & known)
        known = frozenset(marks_of(memo_bytes({BUCKET: known | seen})).get(BUCKET, ()))
    return remembered


def main() -> None:
    """Play as many worlds as are asked for, and say how many assets were remembered."""
    count = int(sys.argv[1])
    remembered = sum(map(nights, range(count)))
    assert remembered > count, "hardly anything was remembered: this proves nothing"
    sys.stdout.write(
        f"{count:,} worlds of {NIGHTS} nights: the plans are the same; {remembered:,} assets were remembered, "
        f"one in {CHECKED_ONE_IN} of which was decided again\n"
    )


if __name__ == "__main__":
    main()
