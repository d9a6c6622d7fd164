"""Random worlds, of which a plan is asked to look at a part."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from indexer.model.plan import Plan
from indexer.model.values import canonical
from property.test_convergence import PREFIXES, plan_all, quick, settings_of_a_run, worlds
from shared.builders import BUCKET
from shared.memory.world import World

NAMED = (*PREFIXES, "x")
"""Every folder, and what no location can name, that a world may have in the managed bucket."""


def seen(plan: Plan) -> bytes:
    """What a plan says but for its scope."""
    told = plan.model_dump(mode="json", exclude={"scope"})
    return canonical({**told, "summary": {**told["summary"], "unmatched": None}})


@quick(60)
@given(worlds(), settings_of_a_run(), st.sets(st.sampled_from(NAMED), min_size=1))
def test_to_leave_some_out_is_to_ask_for_the_rest(
    world: World, run: dict[str, Any], left_out: set[str]
) -> None:
    """The same actions, withheld ones, findings, measures and reads."""
    rest = [f"s3://{BUCKET}/{name}" for name in NAMED if name not in left_out]
    asked = plan_all(world, run, assets=(*rest, "r-?"))
    excluded = plan_all(world, run, assets=("*",), exclude=tuple(sorted(left_out)))
    assert seen(asked) == seen(excluded)
