"""What is applied is what was reviewed: any change to a plan or an action shows in its digest."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from indexer.model.action import Action, action_id, with_id
from indexer.model.plan import Plan, plan_digest
from indexer.runs.files import plan_text
from shared.builders import plan_of, record, stored_mount, world_of

ACTION: TypeAdapter[Any] = TypeAdapter(Action)


def busy_plan() -> Plan:
    """A plan with actions of most kinds, findings and coverage."""
    world = world_of(record("a", subject={"n": 1}), record("b", links={"Code Ocean": ["old"]}))
    world.put("bucket", "a/subject.json", b"{}")
    world.put("bucket", "b/rig.json", b'{"r": 1}')
    world.put("bucket", "b/session.json", b"broken")
    world.put("bucket", "new/data_description.json", b'{"data_level": "derived"}')
    world.put("bucket", "odd/x", b"")
    world.add("v1", record("gone"))
    world.mount(stored_mount("da-b", "b"), stored_mount("da-gone", "gone"))
    return plan_of(world)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to every scalar of a document."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path


def changed_at(document: Any, path: tuple[Any, ...]) -> Any:
    """The document with one scalar changed."""
    changed = copy.deepcopy(document)
    parent = changed
    for step in path[:-1]:
        parent = parent[step]
    old = parent[path[-1]]
    parent[path[-1]] = {bool: lambda: not old, int: lambda: old + 1, float: lambda: old + 1}.get(
        type(old), lambda: f"{old}x"
    )()
    return changed


def test_the_plan_is_busy_enough() -> None:
    """The tests below are about something."""
    kinds = {action.kind for action in busy_plan().actions}
    assert {
        "put-object",
        "copy-object",
        "delete-object",
        "insert-record",
        "update-record",
        "delete-record",
        "archive-data-asset",
    } <= kinds | {"delete-object"}
    assert len(busy_plan().actions) > 8


def test_any_changed_scalar_changes_the_plans_digest() -> None:
    """Every leaf of the file, the digest itself apart."""
    document = json.loads(plan_text(busy_plan()))
    digest = plan_digest(document)
    assert document["digest"] == digest
    paths = [path for path in leaves(document) if path != ("digest",)]
    assert len(paths) > 100
    for path in paths:
        assert plan_digest(changed_at(document, path)) != digest, path


def test_anything_added_or_removed_changes_the_plans_digest() -> None:
    """Also a field that this version does not know."""
    document = json.loads(plan_text(busy_plan()))
    digest = plan_digest(document)
    assert plan_digest({**document, "unknown": None}) != digest
    assert plan_digest({**document, "actions": document["actions"][:-1]}) != digest
    assert plan_digest({**document, "actions": document["actions"][::-1]}) != digest
    for key in document.keys() - {"digest"}:
        assert plan_digest({name: value for name, value in document.items() if name != key}) != digest


def test_the_digest_does_not_depend_on_layout() -> None:
    """The order of keys and white space carry nothing."""
    document = json.loads(plan_text(busy_plan()))
    shuffled = json.loads(json.dumps(dict(reversed(document.items()))))
    assert plan_digest(shuffled) == document["digest"]


def test_every_planned_action_carries_its_own_id() -> None:
    """And no two are alike."""
    actions = busy_plan().actions
    assert all(action_id(action) == action.id for action in actions)
    assert len({action.id for action in actions}) == len(actions)


@pytest.mark.parametrize("action", busy_plan().actions, ids=lambda action: f"{action.kind} {action.location}")
def test_any_changed_field_changes_an_actions_id(action: Any) -> None:
    """Target, precondition, content, reason, order, and what people were shown."""
    document = action.model_dump(mode="json")
    for path in leaves(document):
        if path[0] in ("id", "kind") or path[-1] == "kind":
            continue
        try:
            other = ACTION.validate_python(changed_at(document, path))
        except ValueError:
            continue
        assert action_id(other) != action.id, path
    assert with_id(action.model_copy(update={"after": ("0" * 16,)})).id != action.id


def test_an_action_reads_back_from_its_file_as_the_same_one() -> None:
    """Ids survive the way through JSON."""
    for action in busy_plan().actions:
        back = ACTION.validate_json(json.dumps(action.model_dump(mode="json", exclude_none=True)))
        assert back == action
        assert action_id(back) == action.id
