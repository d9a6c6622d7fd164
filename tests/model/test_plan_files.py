"""Plan files: what was reviewed is what is loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builders import BUCKET, plan_of, record, world_of
from indexer.errors import RefusedError
from indexer.model.action import content_id
from indexer.model.plan import plan_digest
from indexer.runs.files import load_plan, plan_document


def document() -> dict[str, Any]:
    """A plan's document, with an action in it."""
    body = record(subject={"subject_id": "1"})
    world = world_of(body)
    world.put(BUCKET, f"{body['name']}/subject.json", b"{}")
    return json.loads(json.dumps(plan_document(plan_of(world))))


def written(path: Path, changed: Callable[[dict[str, Any]], None]) -> Path:
    """The plan in a file after a change, its digest made anew."""
    plan = document()
    changed(plan)
    plan["digest"] = plan_digest(plan)
    path.write_text(json.dumps(plan))
    return path


def test_a_plan_survives_its_file(tmp_path: Path) -> None:
    """What is loaded is what was planned."""
    path = written(tmp_path / "plan.json", lambda _: None)
    plan, digest, body = load_plan(path)
    assert plan_document(plan) == {**document(), "digest": digest}
    assert plan.actions
    assert body == path.read_bytes()


def test_an_action_whose_id_is_not_its_contents_hash_is_refused(tmp_path: Path) -> None:
    """Even where the digest was made anew."""
    for change in ({"id": "0" * 16}, {"reason": "core-file-format"}):
        path = written(tmp_path / "plan.json", lambda plan, change=change: plan["actions"][0].update(change))
        with pytest.raises(RefusedError):
            load_plan(path)


def test_an_edited_plan_is_refused(tmp_path: Path) -> None:
    """Its digest does not fit."""
    path = written(tmp_path / "plan.json", lambda _: None)
    path.write_text(path.read_text().replace('"max_deletes": 100', '"max_deletes": 101'))
    with pytest.raises(RefusedError):
        load_plan(path)


def test_an_unknown_major_version_is_refused(tmp_path: Path) -> None:
    """A later major version may mean other things by the same words."""
    path = written(tmp_path / "plan.json", lambda plan: plan.update(format_version="2.0"))
    with pytest.raises(RefusedError):
        load_plan(path)


def test_fields_of_a_later_minor_version_are_ignored(tmp_path: Path) -> None:
    """Anywhere in the plan; ids and digest cover them all the same."""

    def later(plan: dict[str, Any]) -> None:
        plan["format_version"] = "1.7"
        plan["new"] = {"x": 1}
        action = plan["actions"][0]
        action["new"] = [None]
        action["id"] = content_id(action)

    plan = load_plan(written(tmp_path / "plan.json", later)).plan
    assert plan.actions
