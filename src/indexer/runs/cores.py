"""How many processes of this machine plan: as many as there are cores, and as there is work for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain, islice
from pathlib import Path

from indexer.config import Config
from indexer.model.ports import Readers
from indexer.planner.asset import AssetPlan
from indexer.planner.asset_planner import AssetPlanner, PlanAssets, plan_here
from indexer.planner.assets import Unread
from indexer.planner.whole_records import AssetToRead
from indexer.runs.workforce import Workforce
from indexer.systems.pace import at_most

MOST_UNASKED = 4
"""Four workers ask a bucket for some 5,500 listings a second, which is what S3 answers before it grows."""
ASSETS_A_WORKER = 2_500
"""It takes 0.4 to 0.7 s of CPU to start one, and some 1.4 ms to plan an asset that is in step: a fifth at most is lost."""
ASSETS_A_SHARD = 64
"""So few that all workers end at about the same time."""


def cores() -> int:
    """How many processes can compute at a time: on the cores that this one may use, in the time that its container has."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # another system, or no quota
        group = Path("/proc/self/cgroup").read_text(encoding="ascii").rpartition("0::/")[2].strip()
        quota, period = Path("/sys/fs/cgroup", group, "cpu.max").read_text(encoding="ascii").split()
        allowed = min(allowed, -(-int(quota) // int(period)))
    return max(1, allowed)


@contextmanager
def plan_on_cores(config: Config, workforce: Workforce) -> Iterator[Callable[[Readers], PlanAssets]]:
    """Assets are planned by workers of this machine; where nobody said by how many, by as many as pay off, if any do."""
    with ExitStack() as stack:

        def hired(count: int) -> PlanAssets:
            from indexer.runs.shards import Sender, plan_there
            from indexer.runs.workers import PLANNING, open_workers

            crew = stack.enter_context(open_workers(count, PLANNING))
            return plan_there(crew, Sender(config, workforce.share_of(count)), ASSETS_A_SHARD)

        if workforce.workers is not None:
            there = hired(workforce.workers)  # now: they start while rows are read
            yield lambda _: there
        else:
            most = min(cores(), MOST_UNASKED)
            yield lambda readers: plan_where_it_pays(
                plan_here(readers, at_most(workforce.parallel)), most, hired
            )


def plan_where_it_pays(here: PlanAssets, most: int, hired: Callable[[int], PlanAssets]) -> PlanAssets:
    """By workers from the first bucket on that has enough for two, and until then here. `most`: of them."""
    there: PlanAssets | None = None

    def plan_assets(work: Iterable[AssetToRead], planner: AssetPlanner) -> Iterator[AssetPlan | Unread]:
        nonlocal there
        items = iter(work)
        if there is None and most > 1:
            seen = list(islice(items, most * ASSETS_A_WORKER))
            if (count := len(seen) // ASSETS_A_WORKER) > 1:
                there = hired(count)
            items = chain(seen, items)
        return (there or here)(items, planner)

    return plan_assets
