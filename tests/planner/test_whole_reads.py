"""A read that failed, was cut short, or looks wrong is not an empty one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from indexer.errors import AccessDeniedError, MissingBucketError, SystemFaultError
from indexer.model.generation import V1, V2, GenerationName
from indexer.model.values import canonical, to_bytes
from shared.builders import (
    BUCKET,
    COLLECTIONS,
    RESULTS,
    by_kind,
    plan_of,
    planned_of,
    record,
    rules,
    stored_mount,
    stored_result,
    world_of,
)
from shared.memory.world import World

DELETIONS = {"delete-record", "archive-data-asset", "delete-data-asset"}


def drifting_world() -> World:
    """A gone asset with a mount, a stale file, a new asset, a wrong link; a second generation beside it."""
    world = world_of(record("a", links={"Code Ocean": ["da-a"]}), record("b", subject={"n": 1}))
    world.put(BUCKET, "b/subject.json", b"{}")
    world.put(BUCKET, "new/data_description.json", b'{"data_level": "derived"}')
    world.add("v1", record("gone"))
    world.add("v2", record("gone", V2), record("a", V2, links={"Code Ocean": ["da-a", "old"]}))
    world.mount(stored_mount("da-a", "a"), stored_mount("da-gone", "gone"))
    world.page_size = 1
    return world


def test_without_a_fault_everything_is_planned() -> None:
    """The cases below are about something."""
    plan = plan_of(drifting_world())
    assert {action.kind for action in plan.actions} == {
        "delete-record",
        "archive-data-asset",
        "update-record",
        "insert-record",
        "put-object",
        "copy-object",
    }
    assert plan.summary.complete
    assert {row.complete for row in plan.coverage} == {True}


# fmt: off
FAULTS = [
    # what fails, the n-th time; kinds that must not be planned
    ("objects.prefixes", 1, DELETIONS | {"insert-record"}),
    ("objects.prefixes", 2, DELETIONS | {"insert-record"}),
    ("objects.prefixes", 3, DELETIONS | {"insert-record"}),
    ("records.rows", 1, DELETIONS | {"insert-record"}),
    ("records.rows", 2, DELETIONS | {"insert-record"}),
    ("records.rows", 3, DELETIONS | {"insert-record"}),
    ("records.rows", 4, DELETIONS | {"insert-record"}),
    ("records.rows", 5, DELETIONS | {"insert-record"}),
    ("records.unusable_rows", 1, DELETIONS | {"insert-record"}),
    ("records.unusable_rows", 2, DELETIONS | {"insert-record"}),
    ("data_assets.search", 1, DELETIONS | {"update-record", "create-data-asset"}),
    ("data_assets.search", 2, DELETIONS | {"update-record", "create-data-asset"}),
    ("records.by_id", 1, DELETIONS),
]
# fmt: on


@pytest.mark.parametrize("denied", [True, False], ids=["403", "fault"])
@pytest.mark.parametrize(("call", "nth", "forbidden"), FAULTS)
def test_nothing_rests_on_a_read_that_failed(call: str, nth: int, forbidden: set[str], denied: bool) -> None:
    """Each page counts; the plan says that it is incomplete, and which scope."""
    world = drifting_world()
    error = AccessDeniedError("The system denies access", call) if denied else None
    world.fail(call, nth, error=error)
    plan = plan_of(world)
    assert not {action.kind for action in plan.actions} & (forbidden - {"insert-record"})
    if "insert-record" in forbidden:
        assert not by_kind(plan.actions, "insert-record")
    assert not plan.summary.complete
    (row, *_) = [row for row in plan.coverage if not row.complete]
    assert row.why
    assert set(plan.summary.findings) & {"read-incomplete"}


def test_without_a_batch_of_records_only_what_needs_none_is_planned() -> None:
    """A new asset has no record: it rests on the rows, which were read."""
    world = drifting_world()
    with_record = {body["location"] for body in world.records["v1"].values()}
    world.fail("records.by_id")
    plan = plan_of(world)
    assert by_kind(plan.actions, "insert-record")
    assert not {action.location for action in plan.actions} & with_record


def test_a_folder_that_cannot_be_listed_is_not_gone() -> None:
    """Its asset drops out of the plan, the others go on."""
    world = drifting_world()
    whole = {action.id for action in plan_of(world).actions}
    assert world.calls["objects.listing"] > 4
    for nth in range(1, world.calls["objects.listing"] + 1):
        broken = drifting_world()
        broken.fail("objects.listing", nth)
        plan = plan_of(broken)
        assert not plan.summary.complete
        assert {action.id for action in plan.actions} <= whole
        (finding,) = plan.findings
        assert finding.kind == "read-incomplete"
        assert finding.location not in {action.location for action in plan.actions}


def test_a_listing_that_shows_no_folder_is_doubted() -> None:
    """DocDB has records there."""
    world = world_of(record("a"), record("b"))
    world.buckets[BUCKET].clear()
    plan = plan_of(world)
    assert plan.actions == ()
    assert plan.summary.findings == {"read-suspiciously-empty": 1}
    assert len(by_kind(plan_of(world, allow_empty=("s3",)).actions, "delete-record")) == 2


@pytest.mark.parametrize("bucket", [BUCKET, RESULTS])
@pytest.mark.parametrize("place", [None, 7, "nowhere", f"s3://{BUCKET}", f"s3://{RESULTS}"])
def test_a_record_that_is_located_nowhere_makes_no_bucket_doubted(bucket: str, place: object) -> None:
    """It does not show that there should be something."""
    world = World()
    world.buckets |= {BUCKET: {}, RESULTS: {}}
    world.add("v1", record("x", location=place))
    plan = plan_of(world, bucket)
    assert plan.summary.complete
    assert "read-suspiciously-empty" not in plan.summary.findings


def test_a_collection_that_shows_no_record_is_doubted() -> None:
    """S3 has folders there."""
    world = World()
    world.put(BUCKET, "new/data_description.json", b'{"data_level": "derived"}')
    plan = plan_of(world)
    assert plan.actions == ()
    assert plan.summary.findings == {"read-suspiciously-empty": 2}
    assert by_kind(plan_of(world, allow_empty=("docdb",)).actions, "insert-record")


def test_a_bucket_without_a_record_of_one_generation_is_believed() -> None:
    """v2's collection may hold other buckets only, for years."""
    world = world_of(record("a"))
    world.put(BUCKET, "new/data_description.json", b'{"data_level": "derived"}')
    plan = plan_of(world)
    assert by_kind(plan.actions, "insert-record")
    assert plan.summary.complete


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("empty", ["v1", "v2"])
def test_an_empty_collection_is_doubted_by_itself(empty: GenerationName, version: str) -> None:
    """A mistyped or retired database looks so: a new asset may have a record there, so none is inserted anywhere.

    What does not rest on it goes on: links, and gone assets of the other generation.
    """
    full, shape = ("v2", V2) if empty == "v1" else ("v1", V1)
    world = world_of()
    for name in ("there", "gone"):
        world.add(full, record(name, shape, links={"Code Ocean": ["old"]}))
    world.put(BUCKET, "there/data.bin", b"x")
    world.put(
        BUCKET, "new/data_description.json", to_bytes({"data_level": "derived", "schema_version": version})
    )
    world.mount(stored_mount("da-1", "there"))
    world.records[empty].clear()
    plan = plan_of(world)
    assert {(one.kind, one.location) for one in plan.actions if one.kind != "put-object"} == {
        ("update-record", "s3://bucket/there"),
        ("delete-record", "s3://bucket/gone"),
    }
    assert plan.summary.findings == {"read-suspiciously-empty": 1}
    assert [(row.scope, row.complete) for row in plan.coverage if not row.complete] == [
        (f"{empty} records of bucket", False)
    ]
    believed = plan_of(world, allow_empty=("docdb",))
    assert by_kind(believed.actions, "insert-record")
    assert believed.summary.complete


def test_an_empty_collection_may_hold_what_rules_the_files() -> None:
    """Where both generations sync, v1's record would go first: v2's is not taken for the ruling one."""
    world = world_of()
    world.records["v1"].clear()
    world.add("v2", record("a", V2, subject={"n": 1}))
    world.put(BUCKET, "a/subject.json", b"{}")
    both = {name: one.model_copy(update={"sync_to_s3": True}) for name, one in COLLECTIONS.items()}
    assert plan_of(world, with_rules=rules(collections=both)).actions == ()
    assert plan_of(world, with_rules=rules(collections=both), allow_empty=("docdb",)).actions
    v2_rules = both | {"v1": both["v1"].model_copy(update={"sync_to_s3": False})}
    assert plan_of(world, with_rules=rules(collections=v2_rules)).actions


@pytest.mark.parametrize("empty", ["v1", "v2"])
def test_no_result_is_registered_beside_an_empty_collection(empty: GenerationName) -> None:
    """It may be registered there."""
    world = World()
    world.buckets[RESULTS] = {}
    world.mount(stored_result("r-old"), stored_result("r-new"))
    full, shape = ("v2", V2) if empty == "v1" else ("v1", V1)
    world.add(full, record("r-old", shape, bucket=RESULTS, name="result r-old"))
    world.records[empty].clear()
    assert plan_of(world, RESULTS).actions == ()
    (insert,) = plan_of(world, RESULTS, allow_empty=("docdb",)).actions
    assert insert.location == "s3://results/r-new"


def test_whether_a_collection_is_empty_is_asked_once_and_only_in_doubt() -> None:
    """Not where the bucket has a record there; once for all buckets of a run."""
    world = world_of(record("a"), buckets=(BUCKET, "other"))
    world.add("v2", record("a", V2))
    plan_of(world)
    assert world.calls["records.holds_any"] == 0
    plan_of(world, BUCKET, "other")
    assert world.calls["records.holds_any"] == 2


def test_whether_a_collection_is_empty_may_not_be_known() -> None:
    """A fault is neither yes nor no: the generation counts as unread."""
    world = world_of(record("a"))
    world.add("v1", record("gone"))
    world.put(BUCKET, "new/data_description.json", b'{"data_level": "derived"}')
    world.fail("records.holds_any")
    plan = plan_of(world)
    assert plan.actions == ()
    assert plan.summary.findings == {"read-incomplete": 1}


def test_a_missing_bucket_alone_is_an_error() -> None:
    """Nothing else is planned: there is nothing but that."""
    world = World()
    with pytest.raises(MissingBucketError):
        plan_of(world)


def test_a_missing_bucket_beside_another_deletes_nothing() -> None:
    """The other one is planned, the missing one's records stay."""
    world = world_of(record("a", subject={"n": 1}))
    world.put(BUCKET, "a/subject.json", b"{}")
    world.add("v1", record("b", bucket="missing"))
    plan = plan_of(world, BUCKET, "missing")
    assert {action.location for action in plan.actions} == {"s3://bucket/a"}
    assert not plan.summary.complete


def test_a_system_that_is_down_is_told_beside_an_empty_plan() -> None:
    """The plan is kept, the run failed."""
    world = world_of(record("a"))
    world.fail("records.rows", times=None)
    planned = planned_of(world)
    assert isinstance(planned.fault, SystemFaultError)
    assert planned.plan.actions == ()
    assert not planned.plan.summary.complete


@pytest.mark.parametrize("mode", ["record gone", "record moved", "file gone", "folder gone"])
def test_what_changes_while_it_is_read_is_not_planned(mode: str) -> None:
    """The asset drops out, and the plan says so."""
    world = world_of(record("a", subject={"n": 1}), record("b"))
    world.put(BUCKET, "a/subject.json", b"{}")
    place = world.records["v1"]
    acts = {
        "record gone": ("records.by_id", lambda: place.pop("'id-a'")),
        "record moved": ("records.by_id", lambda: place["'id-a'"].update(location="s3://bucket/z")),
        "file gone": ("objects.get", lambda: world.buckets[BUCKET].pop("a/subject.json")),
        "folder gone": ("objects.listing", lambda: world.buckets[BUCKET].clear()),
    }
    call, act = acts[mode]
    world.before(call, lambda: (act(), None)[1])
    plan = plan_of(world)
    assert not [action for action in plan.actions if action.location == "s3://bucket/a"]
    assert not plan.summary.complete
    assert not by_kind(plan.actions, "delete-record")


class Torn(Mapping[str, Any]):
    """A record that cannot be decoded as a whole."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body

    def __getitem__(self, key: str) -> Any:
        return self._body[key]

    def __iter__(self) -> Iterator[str]:
        raise SystemFaultError("DocDB cannot be reached", "invalid BSON")

    def __len__(self) -> int:
        return len(self._body)


def test_a_record_that_cannot_be_opened_is_docdbs_fault_and_nobody_elses() -> None:
    """Its neighbours of the same batch are planned."""
    world = world_of(record("a", subject={"n": 1}), record("b", subject={"n": 1}))
    world.put(BUCKET, "b/subject.json", b"{}")
    world.records["v1"]["'id-a'"] = Torn(record("a"))  # type: ignore[assignment]
    plan = plan_of(world)
    assert {action.location for action in plan.actions} == {f"s3://{BUCKET}/b"}
    assert [(row.system, row.why) for row in plan.coverage if not row.complete] == [
        ("docdb", f"s3://{BUCKET}/a: DocDB cannot be reached: invalid BSON")
    ]


def test_the_planner_holds_no_writer() -> None:
    """By construction: it is handed readers only, and a world that is planned stays as it is."""
    world = drifting_world()
    before = repr(world)
    plan_of(world)
    assert repr(world) == before
    assert world.writes == []


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    """In the same order, whatever the run's own name and time of day."""
    one = plan_of(drifting_world(), plan_id="one")
    two = plan_of(drifting_world(), plan_id="two", parallel=8)
    for part in ("actions", "findings", "summary"):
        assert canonical(one.model_dump(mode="json")[part]) == canonical(two.model_dump(mode="json")[part])


def test_actions_are_sorted_by_asset() -> None:
    """An asset's own stand together, in the order of execution."""
    locations = [action.location for action in plan_of(drifting_world()).actions]
    assert locations == sorted(locations)
