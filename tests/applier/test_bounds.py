"""A plan that asks for anything that is not ours is refused whole, before the first write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from indexer.applier.bounds import check_bounds
from indexer.errors import RefusedError
from indexer.model.action import Action, with_id
from indexer.model.content import (
    FieldOfRecord,
    InlineSource,
    ObjectSource,
    RecordFieldSource,
    RecordSource,
    RestsOn,
)
from indexer.model.plan import Plan
from shared.builders import BUCKET, RESULTS, apply_to, bounds, plan_of, record, rules, stored_mount, world_of
from shared.memory.world import World


def busy_world() -> World:
    """Every kind of action."""
    world = world_of(record("a", subject={"n": 1}, rig={"r": 1}), record("b", links={"Code Ocean": ["old"]}))
    world.put(BUCKET, "a/subject.json", b"{}")
    del world.buckets[BUCKET]["a/rig.json"]
    del world.buckets[BUCKET]["a/original_metadata/rig.20200101.json"]
    world.put(BUCKET, "b/session.json", b'{"s": 1}')
    world.put(BUCKET, "b/procedures.json", b"broken")
    world.put(BUCKET, "new/data_description.json", b'{"data_level": "derived"}')
    world.add("v1", record("gone"))
    world.mount(stored_mount("da-b", "b"), stored_mount("da-gone", "gone"))
    return world


def busy_plan() -> Plan:
    return plan_of(busy_world(), with_rules=rules(register_data_assets=True))


def one_of(kind: str) -> Any:
    return next(action for action in busy_plan().actions if action.kind == kind)


def plan_with(*actions: Action) -> Plan:
    return busy_plan().model_copy(update={"actions": actions})


def altered(action: Any, **changed: Any) -> Any:
    """The action with dotted fields changed, resting on nothing, and carrying its own right id."""
    update: dict[str, Any] = {"after": ()}
    for path, value in changed.items():
        head, _, rest = path.partition("__")
        part = update.get(head, getattr(action, head))
        update[head] = part.model_copy(update={rest: value}) if rest else value
    return with_id(action.model_copy(update=update))


def test_what_the_planner_plans_is_within_bounds() -> None:
    """The refusals below are not refusals of everything."""
    plan = busy_plan()
    assert {action.kind for action in plan.actions} == {
        "put-object",
        "copy-object",
        "delete-object",
        "insert-record",
        "update-record",
        "delete-record",
        "create-data-asset",
        "archive-data-asset",
    }
    check_bounds(plan, bounds())
    for action in plan.actions:
        check_bounds(plan_with(altered(action)), bounds())


def _but(update: Any, name: str) -> dict[str, Any]:
    """What an update's precondition pins, but for one field."""
    return {field: read for field, read in update.precondition.fields.items() if field != name}


PUT, COPY, REMOVE = "put-object", "copy-object", "delete-object"
# fmt: off
KEYS = (
    "a/notes.json", "a/raw/data.bin", "a/metadata.nd.json.bak", "a/original_metadata/subject.json",
    "a/original_metadata/notes.20240101.json", "a/original_metadata/subject.2024011.json",
    "a/other_folder/subject.20240101.json", "a/original_metadata/x/subject.20240101.json", "b/subject.json",
    "subject.json", "", "/subject.json", "a//subject.json", "a/../b/subject.json", "a-b/subject.json", "a/",
    "a/SUBJECT.json", "a/original_metadata/subject.<date>.json.bak", "A/subject.json",
)
# fmt: on


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("kind", [PUT, COPY, REMOVE])
def test_a_key_that_is_not_ours_is_refused(kind: str, key: str) -> None:
    """Only core files, the metadata file and originals of the very asset."""
    action = altered(one_of(kind), location="s3://bucket/a", target__key=key)
    with pytest.raises(RefusedError):
        check_bounds(plan_with(action), bounds())


UNSAID = "it does not say what must still hold in the other systems"
# fmt: off
ALTERED: list[tuple[str, Callable[[Any], Any], str]] = [
    (PUT, lambda one: altered(one, location="s3://other/a", target__bucket="other"), "other is not a bucket that we manage"),
    (PUT, lambda one: altered(one, location=f"s3://{RESULTS}/a", target__bucket=RESULTS), "results is not a bucket that we manage"),
    (PUT, lambda one: altered(one, target__bucket=RESULTS), "its object is in another bucket than its asset"),
    (PUT, lambda one: altered(one, target__bucket="bucket-two"), "its object is in another bucket than its asset"),
    (PUT, lambda one: altered(one, location=one.location + "/"), "its location is not usable"),
    (PUT, lambda one: altered(one, location="s3://bucket"), "its location is not usable"),
    (PUT, lambda one: altered(one, location="nowhere"), "its location is not usable"),
    (PUT, lambda one: altered(one, target__key="a/original_metadata/subject.20240101.json"), "'original_metadata/subject.20240101.json' is not a file that we write"),
    (PUT, lambda one: altered(one, target__key="a/metadata.nd.json"), "metadata.nd.json comes neither from its field of the record nor, in an undo, from an archive"),
    (PUT, lambda one: altered(one, content__source=RecordFieldSource(generation="v1", field="rig")), "subject.json comes neither from its field of the record nor, in an undo, from an archive"),
    (PUT, lambda one: altered(one, content__source=RecordSource(generation="v1")), "subject.json comes neither from its field of the record nor, in an undo, from an archive"),
    (PUT, lambda one: altered(one, target__key="a/notes.json", content__source=RecordFieldSource(
        generation="v1", field="notes")), "'notes.json' is not a file that we write"),
    (PUT, lambda one: altered(one, content__source=ObjectSource(bucket="b", key="x", etag="e")), "subject.json comes neither from its field of the record nor, in an undo, from an archive"),
    (COPY, lambda one: altered(one, target__key=one.target.key.replace("original_metadata/", "")), "'rig.<date>.json' is not a file that we write"),
    (COPY, lambda one: altered(one, content__source=ObjectSource(bucket="other", key="a/rig.json")), "an original is a copy of its own asset's rig.json"),
    (COPY, lambda one: altered(one, content__source=ObjectSource(bucket=BUCKET, key="a/notes.json")), "an original is a copy of its own asset's rig.json"),
    (COPY, lambda one: altered(one, content__source=ObjectSource(bucket=BUCKET, key="b/rig.json")), "an original is a copy of its own asset's rig.json"),
    (COPY, lambda one: altered(one, content__source=RecordSource(generation="v1")), "an original is a copy of its own asset's rig.json"),
    (COPY, lambda one: altered(one, location="s3://results/a", target__bucket=RESULTS), "results is not a bucket that we manage"),
    (REMOVE, lambda one: altered(one, target__key="b/metadata.nd.json"), "'metadata.nd.json' is not a file that we write"),
    (REMOVE, lambda one: altered(one, target__key="b/original_metadata/procedures.20200101.json"), "'original_metadata/procedures.20200101.json' is not a file that we write"),
    (REMOVE, lambda one: altered(one, target__bucket="other"), "its object is in another bucket than its asset"),
    ("insert-record", lambda one: altered(one, target__record_id="another"), "a new record's id is derived from its location"),
    ("insert-record", lambda one: altered(one, target__database="admin"), "admin.data_assets is not where our v1 records are"),
    ("insert-record", lambda one: altered(one, target__collection="users"), "metadata_index.users is not where our v1 records are"),
    ("insert-record", lambda one: altered(one, target__generation="v2"), "metadata_index.data_assets is not where our v2 records are"),
    ("insert-record", lambda one: altered(one, location="s3://other/new"), "other is not a bucket that we manage"),
    ("insert-record", lambda one: altered(one, content__fields=(
        one.content.fields[0].model_copy(update={"source": InlineSource(value=1)}),)), "data_description is not a field that may come from there"),
    ("insert-record", lambda one: altered(one, content__fields=(
        one.content.fields[0].model_copy(update={"field": "location"}),)), "location is not a field that may come from there"),
    ("insert-record", lambda one: altered(one, content__fields=(
        one.content.fields[0].model_copy(update={"source": ObjectSource(bucket="other", key="k")}),)), "data_description is not a field that may come from there"),
    ("update-record", lambda one: altered(one, target__database="admin"), "admin.data_assets is not where our v1 records are"),
    ("update-record", lambda one: altered(one, target__collection="other"), "metadata_index.other is not where our v1 records are"),
    ("update-record", lambda one: altered(one, location="s3://other/b"), "other is not a bucket that we manage"),
    ("update-record", lambda one: altered(one, precondition__fields={}), "its precondition does not name external_links"),
    ("update-record", lambda one: altered(one, content__fields=(
        one.content.fields[0].model_copy(update={"field": "name", "source": InlineSource(value="x")}),), precondition__record="f" * 64), "name is not a field that may come from there"),
    ("update-record", lambda one: altered(one, content__fields=(
        one.content.fields[0].model_copy(update={"field": "subject", "source": InlineSource(value={})}),), precondition__record="f" * 64), "subject is not a field that may come from there"),
    ("update-record", lambda one: altered(one, content__fields=(
        one.content.fields[0].model_copy(update={"field": "$set", "source": InlineSource(value={})}),), precondition__record="f" * 64), "$set is not a field that may come from there"),
    ("update-record", lambda one: altered(one, content__unset=("subject",), precondition__record="f" * 64), "only an undo takes fields out"),
    ("update-record", lambda one: altered(one, rests_on=None), UNSAID),
    ("update-record", lambda one: altered(one, precondition__fields=_but(one, "external_links")), "its precondition does not name external_links"),
    ("update-record", lambda one: altered(one, precondition__fields=_but(one, "last_modified")), "its precondition does not name last_modified"),
    ("update-record", lambda one: altered(one, precondition__fields=_but(one, "session")), "its precondition does not name session"),
    ("delete-record", lambda one: altered(one, target__database="admin"), "admin.data_assets is not where our v1 records are"),
    ("delete-record", lambda one: altered(one, location="s3://other/gone"), "other is not a bucket that we manage"),
    ("delete-record", lambda one: altered(one, precondition__record=None), "its precondition does not pin the record"),
    ("delete-record", lambda one: altered(one, precondition__fields={}), "its precondition does not name location"),
    ("delete-record", lambda one: altered(one, rests_on=None), UNSAID),
    ("delete-record", lambda one: altered(one, rests_on=RestsOn(result="gone")), UNSAID),
    ("insert-record", lambda one: altered(one, rests_on=None), UNSAID),
    ("insert-record", lambda one: altered(one, content__links=("da-1",)), UNSAID),
    (REMOVE, lambda one: altered(one, rests_on=None), UNSAID),
    (REMOVE, lambda one: altered(one, rests_on__lacks=None), UNSAID),
    (REMOVE, lambda one: altered(one, rests_on__original=None), UNSAID),
    (REMOVE, lambda one: altered(one, rests_on__lacks=FieldOfRecord(generation="v1", field="rig")), UNSAID),
    (REMOVE, lambda one: altered(one, rests_on__original="b/original_metadata/rig.20200101.json"), UNSAID),
    (REMOVE, lambda one: altered(one, rests_on__original="a/original_metadata/procedures.20200101.json"), UNSAID),
    (REMOVE, lambda one: altered(one, rests_on__original="b/elsewhere/procedures.20200101.json"), UNSAID),
    ("create-data-asset", lambda one: altered(one, rests_on=None), UNSAID),
    ("create-data-asset", lambda one: altered(one, location="s3://other/new", target__bucket="other"), "other is not a bucket that we manage"),
    ("create-data-asset", lambda one: altered(one, location="s3://results/new", target__bucket=RESULTS), "results is not a bucket that we manage"),
    ("create-data-asset", lambda one: altered(one, target__prefix="b"), "its data asset mounts another location"),
    ("create-data-asset", lambda one: altered(one, target__bucket="other"), "its data asset mounts another location"),
    ("create-data-asset", lambda one: altered(one, content__mount="b"), "a new data asset is named as its folder"),
    ("create-data-asset", lambda one: altered(one, content__name="b"), "a new data asset is named as its folder"),
    ("archive-data-asset", lambda one: altered(one, target__prefix="b"), "its data asset mounts another location"),
    ("archive-data-asset", lambda one: altered(one, target__data_asset_id=None), "it names no data asset"),
    ("archive-data-asset", lambda one: altered(one, target__data_asset_id=""), "it names no data asset"),
    ("archive-data-asset", lambda one: altered(one, archive=False), "only an undo takes a data asset out of the archive"),
    ("archive-data-asset", lambda one: altered(one, rests_on=None), UNSAID),
]
# fmt: on


@pytest.mark.parametrize(
    ("kind", "alter", "problem"), ALTERED, ids=[f"{row[0]} {number}" for number, row in enumerate(ALTERED)]
)
def test_what_is_out_of_bounds_is_refused_though_its_id_is_right(
    kind: str, alter: Callable[[Any], Any], problem: str
) -> None:
    """A recomputed id opens no door; and each is refused for what is wrong with it."""
    action = one_of(kind)
    check_bounds(plan_with(altered(action)), bounds())
    with pytest.raises(RefusedError) as raised:
        check_bounds(plan_with(alter(action)), bounds())
    asked = alter(action)
    assert raised.value.detail == f"{asked.kind} {asked.id} of {asked.location}: {problem}"


@pytest.mark.parametrize("reason", ["undo", "links-stale"])
def test_only_an_undo_has_actions_for_that_reason(reason: str) -> None:
    """An undo's wider bounds are not had by a word in an action, nor is one mixed."""
    action = altered(one_of(PUT), reason=reason)
    plan = plan_with(action)
    if reason != "undo":
        plan = plan.model_copy(update={"undoes": "run"})
    with pytest.raises(RefusedError):
        check_bounds(plan, bounds())


def test_an_action_that_stands_there_twice_is_refused() -> None:
    """One write for each action."""
    action = altered(one_of(PUT))
    with pytest.raises(RefusedError):
        check_bounds(plan_with(action, action), bounds())


def test_an_action_rests_on_earlier_ones_of_its_own_asset() -> None:
    """Neither on later ones, nor on unknown ones, nor on another asset's."""
    put, other = altered(one_of(PUT)), altered(one_of("insert-record"))
    copy = altered(one_of(COPY))
    check_bounds(plan_with(other, put, copy), bounds())
    for after in (("0" * 16,), (other.id,)):
        resting = with_id(put.model_copy(update={"after": after}))
        with pytest.raises(RefusedError):
            check_bounds(plan_with(other, resting), bounds())
    resting = with_id(copy.model_copy(update={"after": (put.id,), "location": put.location}))
    with pytest.raises(RefusedError):
        check_bounds(plan_with(resting, put), bounds())


def test_code_ocean_must_be_configured() -> None:
    """Without it no data asset is touched."""
    plan = plan_with(altered(one_of("create-data-asset")))
    check_bounds(plan, bounds())
    with pytest.raises(RefusedError) as raised:
        check_bounds(plan, bounds(codeocean=False))
    assert raised.value.detail.endswith(": Code Ocean is not configured")


@pytest.mark.parametrize("place", range(len(busy_plan().actions)))
def test_one_action_out_of_bounds_refuses_the_whole_plan(place: int, tmp_path: Path) -> None:
    """Before the first write, wherever it stands."""
    world = busy_world()
    plan = plan_of(world, with_rules=rules(register_data_assets=True))
    actions = list(plan.actions)
    actions.insert(place, altered(one_of(PUT), target__key="a/raw/data.bin"))
    before = repr(world)
    with pytest.raises(RefusedError):
        apply_to(world, plan.model_copy(update={"actions": tuple(actions)}), tmp_path)
    assert (world.writes, repr(world)) == ([], before)


@pytest.mark.parametrize("key", ["a/subject.json", "a/data.bin", "a/original_metadata/subject.20200101.json"])
def test_only_the_metadata_file_is_retired(key: str) -> None:
    """What is deleted for that reason needs no original, and no record that lacks it; its folder must be kept."""
    kept = RestsOn(folder="kept")
    retired = {"location": "s3://bucket/a", "reason": "metadata-file-retired", "rests_on": kept}
    metadata = altered(one_of(REMOVE), target__key="a/metadata.nd.json", **retired)
    check_bounds(plan_with(metadata), bounds())
    with pytest.raises(RefusedError):
        check_bounds(plan_with(altered(metadata, rests_on=None)), bounds())
    with pytest.raises(RefusedError):
        check_bounds(plan_with(altered(one_of(REMOVE), target__key=key, **retired)), bounds())


@pytest.mark.parametrize(
    ("links", "mounts", "within"),
    [
        ((), None, True),
        ((), ("da-1",), True),
        (("da-1",), ("da-1",), True),
        (("da-2", "da-1"), ("da-1", "da-2"), True),
        (("da-1",), None, False),
        (("da-1",), (), False),
        (("da-1",), ("da-1", "da-2"), False),
    ],
)
def test_a_new_record_rests_on_the_data_assets_that_it_is_linked_to(
    links: tuple[str, ...], mounts: tuple[str, ...] | None, within: bool
) -> None:
    """Without links it rests on none; with others than it names they would be looked at for nothing."""
    rests_on = RestsOn(described="a" * 64, mounts=mounts)
    plan = plan_with(altered(one_of("insert-record"), content__links=links, rests_on=rests_on))
    if within:
        check_bounds(plan, bounds())
        return
    with pytest.raises(RefusedError):
        check_bounds(plan, bounds())
