"""Others write at the same time: no update is lost, and whoever comes second is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

import boto3
import pytest

from resilience.arena import BUCKET, Arena, our_bytes
from resilience.inside import apply_inside
from shared.patience import PATIENCE_S


def test_two_appliers_with_one_plan(world: Arena) -> None:
    """Both finish, whatever each of them wrote, and everything is there once."""
    world.drifting(4, register=False)
    plan, since = world.plan_everything(), len(world.sandbox.s3.log)
    with (
        world.start("apply", "plan.json") as one,
        world.start("apply", "plan.json", "--results", "two") as two,
    ):
        endings = [process.communicate(timeout=PATIENCE_S) for process in (one, two)]
    assert (one.returncode, two.returncode) == (0, 0), endings
    assert world.written_twice(since) == []
    results = [world.result(plan), world.load("two/result.json")]
    statuses = [{row["action_id"]: row["status"] for row in result["outcomes"]} for result in results]
    assert all(set(each.values()) <= {"applied", "satisfied"} for each in statuses)
    assert all("applied" in (statuses[0][action], statuses[1][action]) for action in statuses[0])
    world.assert_in_step()


def test_two_overlapping_plans_at_once(world: Arena) -> None:
    """The older one is stale where a curator wrote between the two; the newer one carries the day."""
    world.drifting(4, register=False)
    older = world.plan_everything("older.json")
    edit = {"subject": {"subject_id": "curated"}, "last_modified": "2025-07-01T00:00:00Z"}
    world.records().update_one({"_id": "id of asset_000"}, {"$set": edit})
    world.plan_everything("newer.json")
    with world.start("apply", "older.json") as one, world.start("apply", "newer.json") as two:
        endings = [process.communicate(timeout=PATIENCE_S) for process in (one, two)]
    assert (one.returncode, two.returncode) == (4, 0), endings
    assert world.result(older, "older")["summary"]["stale"] > 0
    assert world.sandbox.s3.objects(BUCKET)["asset_000/subject.json"] == our_bytes({"subject_id": "curated"})
    world.assert_in_step()


def test_a_curator_writes_between_plan_and_apply(world: Arena) -> None:
    """In DocDB and in S3: both edits stay, the actions are stale, and the next plan takes them up."""
    world.drifting(3, register=False)
    plan = world.plan_everything()
    edit = {"session": {"curated": 1}, "last_modified": "2025-07-01T00:00:00Z"}
    world.records().update_one({"_id": "id of asset_000"}, {"$set": edit})
    world.put("asset_001/subject.json", b'{"subject_id": "curated"}')
    done = world.run("apply", "plan.json")
    assert done.returncode == 4
    stale = {row["action_id"] for row in world.result(plan)["outcomes"] if row["status"] == "stale"}
    touched = {action["location"][-9:] for action in plan["actions"] if action["id"] in stale}
    assert touched == {"asset_000", "asset_001"}
    assert world.records().find_one({"_id": "id of asset_000"})["session"] == {"curated": 1}  # type: ignore[index]
    assert world.sandbox.s3.objects(BUCKET)["asset_001/subject.json"] == b'{"subject_id": "curated"}'
    world.apply_everything(world.plan_everything())
    world.assert_in_step()
    assert world.sandbox.s3.objects(BUCKET)["asset_000/session.json"] == our_bytes({"curated": 1})


@pytest.mark.parametrize(
    ("strike", "kind"),
    [
        ("asset_000/subject.json", "put-object"),
        ("asset_000/instrument.json", "delete-object"),
        ("asset_000/session.json", "update-record"),
        ("derived_000/data_description.json", "insert-record"),
    ],
)
def test_s3_changes_after_the_guard_has_read(world: Arena, strike: str, kind: str) -> None:
    """The condition holds in S3 itself: what was written in between stays, and the action is stale."""
    world.drifting(1, register=False)
    plan = world.plan_everything()
    with world.opened() as systems:
        edited = _EditAfterGet(systems.readers.objects, world, strike)
        wrapped = replace(systems, readers=replace(systems.readers, objects=edited))
        applied = apply_inside(wrapped, world.folder, "plan.json", "run")
    assert edited.done
    assert world.sandbox.s3.objects(BUCKET)[strike] == edited.body
    kinds = {action["id"]: (action["kind"], action["target"].get("key")) for action in plan["actions"]}
    stale = [kinds[row.action_id] for row in applied.outcomes if row.status == "stale"]
    if kind in ("put-object", "delete-object"):
        assert (kind, strike) in stale
    assert stale


@pytest.mark.parametrize(
    ("record_id", "generation", "edit"),
    [
        ("id of asset_000", "v1", {"session": {"curated": 1}, "last_modified": "2025-07-01T00:00:00Z"}),
        ("id of asset_000", "v1", {"session": {"curated": 1}}),
        ("id of asset_000", "v1", {"name": "curated", "last_modified": "2025-07-01T00:00:00Z"}),
        ("id of gone_000", "v2", {"subject": {"curated": 1}, "_last_modified": "2025-07-01T00:00:00Z"}),
        ("id of gone_000", "v2", {"name": "curated"}),
    ],
)
def test_docdb_changes_after_the_guard_has_read(
    world: Arena, record_id: str, generation: str, edit: Mapping[str, Any]
) -> None:
    """The write's filter holds in the database itself: the edit stays, and the action is stale."""
    world.drifting(1, register=False)
    plan = world.plan_everything()
    with world.opened() as systems:
        edited = _EditAfterRead(
            systems.readers.records,
            generation,
            lambda: world.records(generation).update_one({"_id": record_id}, {"$set": dict(edit)}),
        )
        wrapped = replace(systems, readers=replace(systems.readers, records=edited))
        applied = apply_inside(wrapped, world.folder, "plan.json", "run")
    assert edited.done
    record = world.records(generation).find_one({"_id": record_id})
    assert record is not None
    assert {key: record[key] for key in edit if key not in ("last_modified", "_last_modified")} == {
        key: value for key, value in edit.items() if key not in ("last_modified", "_last_modified")
    }
    targets = {action["id"]: action["target"].get("record_id") for action in plan["actions"]}
    stale = {targets[row.action_id] for row in applied.outcomes if row.status == "stale"}
    assert record_id in stale


class _EditAfterGet:
    """An object reader; the first time that it has read one object, somebody writes another version of it."""

    def __init__(self, reader: Any, world: Arena, key: str) -> None:
        self._reader, self._key, self._lock = reader, key, Lock()
        self._client = boto3.client("s3", **_client_options(world))
        self.body, self.done = b'{"edited": "in between"}', False

    def get(self, bucket: str, key: str) -> Any:
        found = self._reader.get(bucket, key)
        with self._lock:
            if key == self._key and not self.done:
                self.done = True
                self._client.put_object(Bucket=bucket, Key=key, Body=self.body)
                self._client.close()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


class _EditAfterRead:
    """A record reader; the first time that it has read a generation, somebody writes to a record there."""

    def __init__(self, reader: Any, generation: str, edit: Callable[[], object]) -> None:
        self._reader, self._generation, self._edit, self.done = reader, generation, edit, False

    def by_id(self, generation: Any, ids: Sequence[Any]) -> Any:
        found = self._reader.by_id(generation, ids)
        if generation == self._generation and not self.done:
            self.done = True
            self._edit()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


def _client_options(world: Arena) -> dict[str, Any]:
    names = world.sandbox.environment()
    return {
        "endpoint_url": world.sandbox.s3_endpoint,
        "region_name": names["AWS_DEFAULT_REGION"],
        "aws_access_key_id": names["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": names["AWS_SECRET_ACCESS_KEY"],
    }
