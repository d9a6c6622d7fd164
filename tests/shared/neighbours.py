"""Who else writes, to be played on a world in memory: what docs/neighbours.md says of each, and nothing more."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from indexer.model.generation import CODE_OCEAN, V1, V2, GenerationName
from indexer.model.values import iso_time
from shared.builders import in_step, record, stored_mount
from shared.memory.stored import key_of
from shared.memory.world import World


@dataclass
class Upgrader:
    """Copies v1's records into v2 whenever their last-modified field changed since it looked last."""

    world: World
    fails: Collection[str] = ()
    """Names of records whose upgrade fails: v2 loses them."""
    seen: dict[str, Any] = field(default_factory=dict)

    def run(self) -> None:
        """One pass over v1."""
        for key, body in list(self.world.records["v1"].items()):
            stamp = body.get(V1.modified_field)
            if key not in self.seen or self.seen[key] != stamp:
                self.seen[key] = stamp
                self._upgrade(body)

    def _upgrade(self, body: dict[str, Any]) -> None:
        there = next((one for one in records_at(self.world, "v2", body["location"])), None)
        if body["name"] in self.fails:
            if there is not None:
                del self.world.records["v2"][key_of(there["_id"])]
            return
        old, links = there or {}, body.get(V1.links_field)
        fresh = {name: copy.deepcopy(body.get(name)) for name in V2.core_fields}
        if old.get("quality_control") is not None:
            fresh["quality_control"] = old["quality_control"]
        self.world.add(
            "v2",
            {
                "_id": old.get("_id") or str(uuid.uuid5(uuid.NAMESPACE_OID, body["location"])),
                "name": body["name"],
                "location": body["location"],
                V2.created_field: old.get(V2.created_field) or iso_time(self.world.now),
                V2.modified_field: iso_time(self.world.now),
                V2.links_field: copy.deepcopy(links) if isinstance(links, dict) else {},
                **V2.constants,
                **fresh,
            },
        )


@dataclass
class Registrar:
    """Registers assets under ids of its own, in v1, without a look at what is there."""

    world: World

    def register(self, prefix: str, bucket: str = "bucket") -> str:
        """Returns the id that it made up."""
        own, at = str(uuid.uuid5(uuid.NAMESPACE_DNS, prefix)), iso_time(self.world.now)
        stamps = {V1.created_field: at, V1.modified_field: at}
        self.world.add("v1", {"_id": own, "name": prefix, "location": f"s3://{bucket}/{prefix}"} | stamps)
        return own


@dataclass
class Curator:
    """Corrects records by hand; sets the last-modified field as everybody should."""

    world: World

    def set(self, key: str, generation: GenerationName = "v1", /, **fields: Any) -> None:
        """Write fields of the record that is kept under `key`; None stands for null."""
        body = self.world.records[generation][key]
        shape = V1 if generation == "v1" else V2
        body |= fields | {shape.modified_field: iso_time(self.world.now + timedelta(seconds=1))}


@dataclass
class Cache:
    """Holds copies of records, and asks for those that were modified since the newest that it has."""

    world: World
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    newest: str = ""

    def poll(self) -> int:
        """How many records it had to fetch."""
        fetched = 0
        for key, body in self.world.records["v1"].items():
            stamp = body.get(V1.modified_field)
            if isinstance(stamp, str) and stamp > self.newest:
                self.held[key] = copy.deepcopy(body)
                fetched += 1
        self.newest = max((str(one[V1.modified_field]) for one in self.held.values()), default="")
        return fetched


def records_at(world: World, generation: GenerationName, location: str) -> Iterator[dict[str, Any]]:
    """The records at a location."""
    return (one for one in world.records[generation].values() if one.get("location") == location)


LINKS: dict[str, object] = {
    "object": {CODE_OCEAN: ["da-object"], "Dandi": ["d"]},
    "list": [{CODE_OCEAN: "da-list"}, {"Dandi": "d"}],
    "stale-list": [{CODE_OCEAN: ["old"]}],
    "text": {CODE_OCEAN: "da-text"},
    "null": None,
    "empty-list": [],
    "none": {},
    "unreadable": 7,
}
"""Links of v1 in every form, by the name of their asset."""
NEVER_UPGRADED = "never-upgraded"


def links_world(bucket: str) -> tuple[World, Upgrader]:
    """Records of v1 with links in every form, each with a data asset, and v2 as the upgrader left it long ago."""
    world = World()
    for name, links in LINKS.items():
        in_step(world, record(name, bucket=bucket, links=links, subject={"n": name}), bucket=bucket)
    world.add("v1", record(NEVER_UPGRADED, bucket=bucket, links=[{CODE_OCEAN: f"da-{NEVER_UPGRADED}"}]))
    world.put(bucket, f"{NEVER_UPGRADED}/subject.json", b'{"n":1}')
    for name in (*LINKS, NEVER_UPGRADED):
        world.mount(stored_mount(f"da-{name}", name, bucket))
    upgrader = Upgrader(world, fails={NEVER_UPGRADED})
    upgrader.run()
    for name in LINKS:
        for body in records_at(world, "v2", f"s3://{bucket}/{name}"):
            body["quality_control"] = {"by": "hand"}
    return world, upgrader
