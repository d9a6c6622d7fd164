"""What policy makes of single actions: who goes ahead, who is held back and why, and what each then rests on."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from indexer.model.action import Action, action_id
from indexer.model.limits import Hold, Limits, mode_hold, over_limits
from indexer.model.plan import Withheld
from indexer.planner.policy import apply_policy, scope_of_undo
from shared.builders import scope
from shared.forgery import copy, delete, delete_record, location, put, update

ACTION: TypeAdapter[Action] = TypeAdapter(Action)
OVER = {"kind": "etag", "etag": "e"}


def step(name: str, document: dict[str, Any], *after: str) -> Action:
    """An action under a short id."""
    return ACTION.validate_python({**document, "id": name, "after": after})


def withheld(hold: Hold | None, *actions: Action) -> tuple[Withheld, ...]:
    assert hold is not None
    return tuple(Withheld(action=action, policy=hold.policy, detail=hold.detail) for action in actions)


def test_what_nothing_is_held_back_of_goes_ahead_as_it_is() -> None:
    """The very same actions, in their order."""
    steps = [step("copy", copy()), step("delete", delete(), "copy"), step("put", put(), "copy", "delete")]
    ruled = apply_policy(steps, {}, Limits())
    assert ruled.withheld == ()
    assert [id(one) for one in ruled.actions] == [id(one) for one in steps]


def test_what_comes_after_a_withheld_deletion_rests_on_what_that_rested_on() -> None:
    """Through several of them, once each, and under a new id, which the next one names."""
    steps = [
        step("copy", copy()),
        step("first", delete(), "copy"),
        step("second", delete(), "copy", "first"),
        step("put", put(), "first", "second"),
        step("last", put(), "put"),
    ]
    ruled = apply_policy(steps, {}, Limits(mode="upsert-only"))
    assert ruled.withheld == withheld(mode_hold(steps[1], "upsert-only"), *steps[1:3])
    kept, put_, last = ruled.actions
    assert kept is steps[0]
    assert put_ == steps[3].model_copy(update={"after": ("copy",), "id": put_.id})
    assert last == steps[4].model_copy(update={"after": (put_.id,), "id": last.id})
    assert [one.id for one in (put_, last)] == [action_id(one) for one in (put_, last)]


def test_what_rests_on_a_withheld_write_is_held_back_for_the_same_reason() -> None:
    """However far away; another asset's first write goes ahead."""
    steps = [
        step("update", update()),
        step("copy", copy(), "update"),
        step("put", put(), "copy"),
        step("other", put(at=location("b"))),
    ]
    ruled = apply_policy(steps, {}, Limits(mode="create-only"))
    assert ruled.withheld == withheld(mode_hold(steps[0], "create-only"), *steps[:3])
    assert ruled.actions == (steps[3],)


def test_of_two_withheld_writes_the_first_one_is_named() -> None:
    """In the order in which the action names them; its own reason goes before both."""
    lost = update(content={**update()["content"], "removed_links": ["da-1"]})
    steps = [
        step("put", put(precondition=OVER)),
        step("lost", lost),
        step("copy", copy(), "lost", "put"),
        step("over", put(precondition=OVER), "lost"),
    ]
    limits = Limits(mode="create-only", max_deletes=0)
    assert over_limits(steps, {}, limits).keys() == {"lost"}
    assert {one.policy for one in apply_policy(steps, {}, limits).withheld} == {"create-only"}
    beyond = apply_policy(steps, {}, Limits(max_deletes=0))
    assert beyond.withheld == withheld(over_limits(steps, {}, limits)["lost"], steps[1], *steps[2:])
    assert beyond.actions == (steps[0],)


def test_losses_beyond_the_limits_are_held_back() -> None:
    """All of a kind, and no other kind."""
    steps = [step("file", delete()), step("a", delete_record()), step("b", delete_record(at=location("b")))]
    limits = Limits(max_deletes=1)
    ruled = apply_policy(steps, {}, limits)
    assert ruled.withheld == withheld(over_limits(steps, {}, limits)["a"], *steps[1:])
    assert ruled.actions == (steps[0],)


@pytest.mark.parametrize(("of_plan", "of_undo"), [(0, 2), (2, 2), (3, 3)])
def test_the_scope_of_an_undo_allows_all_that_it_takes_back(of_plan: int, of_undo: int) -> None:
    """In every mode, by number, and no share; it says the rest as the plan did."""
    gone = [step("a", delete_record()), step("b", delete_record(at=location("b")))]
    asked = {"lookback_days": 3, "assets": ("a*",), "allow_empty": ("s3",)}
    planned = scope(policy="create-only", max_deletes=of_plan, max_delete_percent=5.0, **asked)
    allowed = scope(policy="sync", max_deletes=of_undo, max_delete_percent=100.0, **asked)
    assert scope_of_undo(planned, gone).model_dump() == allowed.model_dump()
