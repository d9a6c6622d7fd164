"""Policy: from planned actions to those that go ahead and those that are withheld. Nothing vanishes silently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from indexer.model.action import Action, with_id
from indexer.model.limits import ALL, Hold, Limits, deletes, losses, mode_hold, over_limits
from indexer.model.plan import Measures, Scope, Withheld


@dataclass(frozen=True, slots=True)
class Ruled:
    """What policy made of a plan's actions."""

    actions: tuple[Action, ...]
    withheld: tuple[Withheld, ...]


def apply_policy(actions: Sequence[Action], measures: Mapping[str, Measures], limits: Limits) -> Ruled:
    """Hold back what the mode does not allow, and losses beyond the limits.

    `measures`: by bucket. What rests on a withheld write is withheld with it; what only comes
    after a withheld deletion goes ahead without it.
    """
    beyond = over_limits(actions, measures, limits)
    held: dict[str, Hold] = {}
    resolved: dict[str, tuple[str, ...]] = {}
    allowed: list[Action] = []
    withheld: list[Withheld] = []
    # In the plan's order: an action comes after all that it rests on, so one pass sees every hold before its followers.
    for action in actions:
        rests_on = (held[one] for one in action.after if one in held and one not in resolved)
        hold = mode_hold(action, limits.mode) or beyond.get(action.id) or next(rests_on, None)
        after = tuple(dict.fromkeys(new for one in action.after for new in resolved.get(one, (one,))))
        if hold is not None:
            held[action.id] = hold
            withheld.append(Withheld(action=action, policy=hold.policy, detail=hold.detail))
            # What follows a deletion does not need it done, only done before: it inherits what the deletion waited for.
            if deletes(action):
                resolved[action.id] = after
        else:
            ruled = action if after == action.after else with_id(action.model_copy(update={"after": after}))
            resolved[action.id] = (ruled.id,)
            allowed.append(ruled)
    return Ruled(tuple(allowed), tuple(withheld))


def scope_of_undo(scope: Scope, actions: Sequence[Action]) -> Scope:
    """The scope that the plan of an undo states: everything that the run wrote, with limits just wide enough for it.

    There is no set of which that would be a share. The applier's configuration decides whether so much may go.
    """
    limits = {"max_deletes": max(scope.max_deletes, losses(actions)), "max_delete_percent": float(ALL)}
    return scope.model_copy(update={"policy": "sync", **limits})
