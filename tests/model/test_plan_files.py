"""Plan files: what was reviewed is what is loaded."""

from __future__ import annotations

import json
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from indexer.errors import RefusedError
from indexer.model.action import content_id
from indexer.model.content import Change
from indexer.model.plan import plan_digest
from indexer.runs.files import plan_text, save_plan
from indexer.runs.loading import load_plan
from shared import rendered
from shared.builders import BUCKET, plan_of, record, world_of


def document() -> dict[str, Any]:
    """A plan's document, with an action in it."""
    body = record(subject={"subject_id": "1"})
    world = world_of(body)
    world.put(BUCKET, f"{body['name']}/subject.json", b"{}")
    return json.loads(plan_text(plan_of(world)))


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
    plan, digest, file, place = load_plan(path)
    assert place == path
    assert json.loads(plan_text(plan)) == {**document(), "digest": digest}
    assert plan.actions
    assert b"".join(file) == path.read_bytes()


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


@pytest.mark.parametrize(
    "encoded",
    [
        lambda text: text.encode("utf-16"),
        lambda text: text.replace("s3://", "s3://\\ud800", 1).encode("utf-16"),
        lambda text: text.replace("s3://", "s3://\ud800", 1).encode("utf-8", "surrogatepass"),
    ],
)
def test_a_plan_is_utf_8(tmp_path: Path, encoded: Callable[[str], bytes]) -> None:
    """In another encoding something could stand that no text of ours holds: a lone surrogate."""
    path = written(tmp_path / "plan.json", lambda _: None)
    path.write_bytes(encoded(path.read_text()))
    with pytest.raises(RefusedError):
        load_plan(path)


def test_a_field_of_any_depth_is_read_or_refused(tmp_path: Path) -> None:
    """Reading, digesting and typing reach Python's limit at different depths."""

    def deep(plan: dict[str, Any], levels: int) -> None:
        value: Any = 1
        for _ in range(levels):
            value = [value]
        action = plan["actions"][0]
        action["later"] = value
        action["id"] = content_id(action)

    limit, outcomes = sys.getrecursionlimit(), set()
    for levels in range(limit - 150, limit):
        sys.setrecursionlimit(10 * limit)  # to write it
        try:
            path = written(tmp_path / "plan.json", lambda plan, levels=levels: deep(plan, levels))
        finally:
            sys.setrecursionlimit(limit)
        try:
            outcomes.add(bool(load_plan(path).plan.actions))
        except RefusedError:
            outcomes.add(False)
    assert outcomes == {True, False}


def test_what_is_no_action_is_named(tmp_path: Path) -> None:
    """By its place in the file."""
    path = written(tmp_path / "plan.json", lambda plan: plan["actions"].append(7))
    with pytest.raises(RefusedError) as wrong:
        load_plan(path)
    assert "actions.1: " in str(wrong.value)


def test_a_plan_is_loaded_in_a_few_times_the_size_of_its_file(tmp_path: Path) -> None:
    """A hundred thousand actions are a hundred MB; their document and its types together would be seven times that."""
    actions = [
        rendered.put(
            f"asset_{number:05}", *(Change(path=f"a[{at}].b", before='"x"', after="1") for at in "123")
        )
        for number in range(1_500)
    ]
    path = tmp_path / "plan.json"
    save_plan(rendered.plan_of(actions), path)
    load_plan(path)  # what is imported and made once
    tracemalloc.start()
    try:
        loaded = load_plan(path)
        now_bytes, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert list(loaded.plan.actions) == actions
    assert now_bytes < 4 * path.stat().st_size
    assert peak_bytes < 5 * path.stat().st_size
