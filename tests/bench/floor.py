"""What an asset in step costs at least: each piece of work that no plan can do without, by itself, beside a whole plan.

    python -m bench.floor [--assets 400] [--rounds 5] [--heavy]

CPU time of one thread, in ms an asset; the least of the rounds. A plan's is that of the real command, in a process of its own, without a
run on one asset.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench.measure import say
from bench.running import BUCKET, Bench, Setting, bench
from bench.world import World
from indexer.config import Config
from indexer.model.generation import GENERATIONS
from indexer.model.ports import Readers
from indexer.model.values import etag_of, record_bytes, to_bytes
from indexer.runs.config_file import load_config
from indexer.runs.connect import open_readers
from indexer.systems.bson_values import decoded

A_BATCH = 16


def least_ms(work: Callable[[Any], object], items: Sequence[Any], assets: int, rounds: int) -> float:
    """CPU an asset, where the machine disturbs least."""
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        for item in items:
            work(item)
        taken.append(time.process_time() - began)
    return 1_000 * min(taken) / assets


def pieces(readers: Readers, world: World, rounds: int) -> dict[str, float]:
    """What each costs."""
    names = [world.name(number) for number in range(world.assets)]
    ids = [world.record_id(number) for number in range(world.assets)]
    batches = [ids[at : at + A_BATCH] for at in range(0, len(ids), A_BATCH)]
    raw = [body.raw for batch in batches for body in readers.records.by_id("v1", batch)]  # type: ignore[attr-defined]
    records = [decoded(one) for one in raw]
    held = [
        {field: record[field] for field in GENERATIONS["v1"].core_fields if record.get(field) is not None}
        for record in records
    ]
    fields = [{field: to_bytes(value) for field, value in one.items()} for one in held]
    whole = [record_bytes(record, known) for record, known in zip(records, fields, strict=True)]
    files = [[*known.values(), body] for known, body in zip(fields, whole, strict=True)]

    def lists(name: str) -> None:
        for prefix in (f"{name}/", f"{name}/original_metadata/"):
            readers.objects.listing(BUCKET, prefix)

    def measured(work: Callable[[Any], object], items: Sequence[Any]) -> float:
        return least_ms(work, items, len(names), rounds)

    return {
        "two LISTs, sent, signed and read": measured(lists, names),
        "reading the record, sixteen at a time": measured(
            lambda batch: readers.records.by_id("v1", batch), batches
        ),
        "decoding its BSON": measured(decoded, raw),
        "serialising its fields": measured(lambda one: [to_bytes(value) for value in one.values()], held),
        "composing the record from them": measured(
            lambda at: record_bytes(records[at], fields[at]), range(len(records))
        ),
        "MD5 of all of it": measured(lambda one: [etag_of(body) for body in one], files),
    }


def plan_ms(one: Bench, alone: Bench, rounds: int) -> float:
    """CPU that a plan takes for each asset."""
    many, few = (
        min(which.plan("plan.json", "--workers", "1")[0].cpu_s for _ in range(rounds))
        for which in (one, alone)
    )
    return 1_000 * (many - few) / (one.setting.assets - 1)


def read_here(one: Bench) -> Config:
    """The configuration of the bench, with its variables in this process, too."""
    os.environ.update(one.env)
    return load_config(str(one.folder / "indexer.toml"))


def main() -> None:
    """Measure, and print it."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--assets", type=int, default=400)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--heavy", action="store_true")
    chosen = options.parse_args()
    with (
        bench(Setting(1, heavy=chosen.heavy)) as alone,
        bench(Setting(chosen.assets, heavy=chosen.heavy)) as one,
    ):
        a_plan = plan_ms(one, alone, chosen.rounds)
        with open_readers(read_here(one), None) as readers:
            found = pieces(readers, World(chosen.assets, "v1"), chosen.rounds)
    for name, cost in found.items():
        say(f"{cost:6.2f}  {name}")
    say(f"{sum(found.values()):6.2f}  all of these: the floor")
    say(f"{a_plan:6.2f}  a plan")
    say(f"load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
