"""Which write an action asks for."""

from __future__ import annotations

from explore.stage import Change
from indexer.model.action import Action
from indexer.model.generation import DATE_PLACEHOLDER
from indexer.model.ids import id_from_plan
from shared.memory.stored import key_of


def writes_to(action: Action, change: Change) -> bool:
    """Is this the write that the action asks for?"""
    match change.slot:
        case ("object", bucket, key) if action.kind.endswith("-object"):
            target = action.target
            head, placeholder, tail = target.key.partition(DATE_PLACEHOLDER)  # type: ignore[union-attr]
            same = key.startswith(head) and key.endswith(tail) if placeholder else key == target.key  # type: ignore[union-attr]
            return bucket == target.bucket and same
        case ("record", generation, key) if action.kind.endswith("-record"):
            target = action.target
            return (target.generation, key_of(id_from_plan(target.record_id))) == (generation, key)  # type: ignore[union-attr]
        case ("data-asset", one) if action.kind.endswith("-data-asset"):
            made = change.after or change.before
            wanted = action.target.data_asset_id  # type: ignore[union-attr]
            return (
                wanted == one
                if wanted
                else (made.bucket, made.prefix) == (action.target.bucket, action.target.prefix)
            )  # type: ignore[union-attr]
    return False
