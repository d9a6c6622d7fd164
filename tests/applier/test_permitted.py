"""What the applier's own configuration forbids is refused, and so is what goes beyond a plan's own limits."""

from __future__ import annotations

from typing import Any

import pytest

from indexer.applier.permitted import Permissions, check_own_limits, check_permitted, warnings
from indexer.errors import RefusedError
from indexer.model.limits import Limits
from indexer.model.plan import Plan
from shared import forgery
from shared.builders import BUCKET, plan_of, record, rules, stored_mount, stored_result, world_of
from shared.forgery import forged
from shared.memory.world import World

SHA = "0" * 64


def permissions(*, limits: dict[str, Any] | None = None, **changed: Any) -> Permissions:
    """All that a configuration can permit, but for what is said."""
    everything: dict[str, Any] = {
        "limits": Limits(**limits or {}),
        "enforce_limits": False,
        "codeocean": True,
        "on_missing": "delete",
        "register_data_assets": True,
        "synced": frozenset({"v1", "v2"}),
        "metadata_file": "sync",
        "config_sha256": SHA,
    }
    return Permissions(**everything | changed)


def plan_with(*actions: dict[str, Any], **changed: Any) -> Plan:
    return Plan.model_validate(forged(list(actions), **changed))


METADATA = forgery.put(
    "metadata-file-stale",
    target=forgery.target("asset/metadata.nd.json"),
    content=forgery.of_record(),
)
RETIRED = forgery.delete(target=forgery.target("asset/metadata.nd.json"))
ADOPTION = forgery.update(
    "field-missing",
    rests_on={"no_original": ["rig"]},
    content={
        "fields": [
            {
                "field": "rig",
                "source": {"kind": "object", "bucket": BUCKET, "key": "k", "etag": "e"},
                "sha256": SHA,
            }
        ]
    },
)
OVER = {"kind": "etag", "etag": "e"}
ONLY_V2 = {"synced": frozenset({"v2"})}
NONE_SYNCED: dict[str, Any] = {"synced": frozenset()}
NEW = {"kind": "new-record", "name": "asset", "fields": [], "sha256": SHA}
UNLINKED, LINKED = forgery.insert(), forgery.insert(content=NEW | {"links": ["da-1"]})
LINKED_LATER = forgery.insert(content=NEW | {"known_after_apply": ["external_links"]})
RETURNING = forgery.archive_data_asset("undo", archive=False, precondition={"kind": "mounted"})


@pytest.mark.parametrize(
    ("says", "action", "refused"),
    [
        ({}, forgery.delete_data_asset(), False),
        ({"limits": {"mode": "upsert-only"}}, forgery.delete_record(), True),
        ({"limits": {"mode": "upsert-only"}}, forgery.delete(), True),
        ({"limits": {"mode": "upsert-only"}}, forgery.archive_data_asset(), True),
        ({"limits": {"mode": "upsert-only"}}, forgery.delete("undo"), True),
        ({"limits": {"mode": "upsert-only"}}, RETURNING, False),
        ({"limits": {"mode": "upsert-only"}}, forgery.put(precondition=OVER), False),
        ({"limits": {"mode": "create-only"}}, forgery.put(precondition=OVER), True),
        ({"limits": {"mode": "create-only"}}, forgery.update(), True),
        ({"limits": {"mode": "create-only"}}, RETURNING, True),
        ({"limits": {"mode": "create-only"}}, forgery.put(), False),
        ({"limits": {"mode": "create-only"}}, forgery.insert(), False),
        ({"codeocean": False}, forgery.archive_data_asset(), True),
        ({"codeocean": False}, RETURNING, True),
        ({"codeocean": False}, forgery.create_data_asset(), True),
        ({"codeocean": False}, forgery.update(), True),
        ({"codeocean": False}, forgery.update(precondition=forgery.as_read(record=SHA)), True),
        ({"codeocean": False}, forgery.update(rests_on=None), True),
        ({"codeocean": False}, ADOPTION, False),
        ({"codeocean": False}, forgery.insert(rests_on={"mounts": []}), True),
        ({"codeocean": False}, LINKED, True),
        ({"codeocean": False}, LINKED_LATER, True),
        ({"codeocean": False}, UNLINKED, False),
        ({"codeocean": False}, forgery.insert("result-unregistered"), True),
        ({"codeocean": False}, forgery.delete_record("result-gone"), True),
        ({"codeocean": False}, forgery.insert("result-unregistered", rests_on=None), True),
        ({"codeocean": False}, forgery.delete_record("result-gone", rests_on=None), True),
        ({"codeocean": False}, forgery.delete_record(), False),
        ({"on_missing": "archive"}, forgery.delete_data_asset(), True),
        ({"on_missing": "archive"}, forgery.archive_data_asset(), False),
        ({"on_missing": "archive"}, forgery.delete_data_asset("undo"), False),
        ({"on_missing": "keep"}, forgery.delete_data_asset(), True),
        ({"on_missing": "keep"}, forgery.archive_data_asset(), True),
        ({"on_missing": "keep"}, forgery.archive_data_asset("undo"), False),
        ({"register_data_assets": False}, forgery.create_data_asset(), True),
        (ONLY_V2, forgery.put(), True),
        (ONLY_V2, METADATA, True),
        (ONLY_V2, ADOPTION, True),
        (ONLY_V2, forgery.put("undo", content=forgery.archived()), False),
        (ONLY_V2, forgery.copy(), False),
        (ONLY_V2, forgery.delete(), True),
        ({"synced": frozenset({"v1"})}, forgery.delete(), False),
        (ONLY_V2, forgery.update(), False),
        (NONE_SYNCED, forgery.copy(), True),
        (NONE_SYNCED, forgery.delete(), True),
        (NONE_SYNCED, forgery.delete("undo"), False),
        (NONE_SYNCED, forgery.delete_record(), False),
        ({"metadata_file": "leave"}, METADATA, True),
        ({"metadata_file": "leave"}, RETIRED, True),
        ({"metadata_file": "leave"}, forgery.put(), False),
        ({"metadata_file": "remove"}, METADATA, True),
        ({"metadata_file": "remove"}, RETIRED, False),
        ({"metadata_file": "sync"}, RETIRED, True),
        ({"metadata_file": "sync"}, METADATA, False),
    ],
)
def test_what_the_configuration_forbids_is_refused(
    says: dict[str, Any], action: dict[str, Any], refused: bool
) -> None:
    """Whatever the plan says of itself; rows as in the module's table."""
    plan = plan_with(action)
    if not refused:
        check_permitted(plan, permissions(**says))
        return
    with pytest.raises(RefusedError) as raised:
        check_permitted(plan, permissions(**says))
    assert plan.actions[0].id in raised.value.detail


LIMITS = (
    "Plan again within these limits, or say that more is right with --max-deletes and --max-delete-percent."
)
UNDER_THIS = "Nothing was written. Plan again under this configuration; --policy overrides its policy.mode."


@pytest.mark.parametrize(
    ("says", "action", "problem"),
    [
        (
            {"limits": {"mode": "upsert-only"}},
            forgery.delete_record(),
            "nothing is deleted or archived under --policy upsert-only",
        ),
        (
            {"limits": {"mode": "create-only"}},
            forgery.update(),
            "nothing that exists is changed under --policy create-only",
        ),
        ({"codeocean": False}, forgery.update(), "it rests on Code Ocean, which is not configured"),
        ({"on_missing": "archive"}, forgery.delete_data_asset(), "codeocean.on_missing is archive"),
        ({"on_missing": "keep"}, forgery.archive_data_asset(), "codeocean.on_missing is keep"),
        ({"register_data_assets": False}, forgery.create_data_asset(), "codeocean.register_assets is off"),
        (ONLY_V2, forgery.put(), "docdb.v1.sync_to_s3 is off"),
        (NONE_SYNCED, forgery.copy(), "no generation's sync_to_s3 is on"),
        ({"metadata_file": "leave"}, METADATA, "s3.metadata_file is leave"),
    ],
)
def test_the_setting_that_forbids_it_is_named(
    says: dict[str, Any], action: dict[str, Any], problem: str
) -> None:
    """So that a person knows which to change, or what to plan again."""
    plan = plan_with(action)
    (asked,) = plan.actions
    with pytest.raises(RefusedError) as raised:
        check_permitted(plan, permissions(**says))
    assert raised.value.summary == "The plan asks for what this configuration forbids"
    assert raised.value.detail == f"{asked.kind} {asked.id} of {asked.location}: {problem}"
    assert raised.value.hint == UNDER_THIS


def busy_world() -> World:
    """Something of everything that a plan may ask for."""
    world = world_of(record("a", rig={"r": 1}), record("b", links={"Code Ocean": ["old"]}))
    world.put(BUCKET, "a/rig.json", b"{}")
    world.put(BUCKET, "b/subject.json", b"broken")
    world.put(BUCKET, "b/session.json", b"[1]")
    world.put(BUCKET, "new/data_description.json", b'{"data_level": "derived"}')
    world.add("v1", record("gone"))
    world.mount(stored_mount("da-1", "a"), stored_mount("da-2", "gone"), stored_result("da-3"))
    return world


@pytest.mark.parametrize("mode", ["sync", "upsert-only", "create-only"])
@pytest.mark.parametrize("limits", [{}, {"max_deletes": 0}, {"max_delete_percent": 0.0}])
def test_what_the_planner_lets_pass_is_permitted(mode: Any, limits: dict[str, Any]) -> None:
    """Under the same configuration, and under the plan's own limits."""
    plan = plan_of(busy_world(), with_rules=rules(register_data_assets=True), policy=mode, **limits)
    here = permissions(limits={"mode": mode, "max_delete_percent": 100.0, **limits}, on_missing="archive")
    assert plan.actions
    check_permitted(plan, here)
    check_own_limits(plan)
    assert list(warnings(plan, here)) == []


def unheld(plan: Plan) -> Plan:
    """What was withheld moved among the actions."""
    moved = (*plan.actions, *(one.action for one in plan.withheld))
    return plan.model_copy(update={"actions": moved, "withheld": ()})


@pytest.mark.parametrize(
    ("scoped", "policy"),
    [
        ({"max_deletes": 0}, "max_deletes"),
        ({"max_delete_percent": 10.0}, "max_delete_percent"),
        ({"policy": "upsert-only"}, "upsert-only"),
        ({"policy": "create-only"}, "create-only"),
    ],
)
def test_what_a_plan_withholds_is_not_carried_out_from_its_actions(
    scoped: dict[str, Any], policy: str
) -> None:
    """However its digest was made: deletions are counted once more, against the limits that the plan carries."""
    world = world_of(record("here"))
    world.add("v1", *(record(f"gone{number}") for number in range(6)))
    plan = plan_of(world, **scoped)
    assert {one.policy for one in plan.withheld} == {policy}
    check_own_limits(plan)
    with pytest.raises(RefusedError, match=policy) as raised:
        check_own_limits(unheld(plan))
    assert raised.value.summary == "The plan goes beyond its own limits"
    moved = "Nothing was written. What a plan withholds is never moved by hand: plan again."
    assert raised.value.hint == moved


def test_removed_links_are_counted_once_more() -> None:
    """They are limited as deletions are, when it is planned and when it is applied."""
    world = world_of(*(record(f"a{number}", links={"Code Ocean": ["da"]}) for number in range(6)))
    world.mount(stored_mount("other", "elsewhere"))
    plan = plan_of(world, max_delete_percent=10.0)
    with pytest.raises(RefusedError, match="6 of 6 records' links"):
        check_own_limits(unheld(plan))


def test_a_plan_that_says_nothing_of_its_buckets_may_take_away_five() -> None:
    """Nobody knows the share: more is refused."""
    gone = [forgery.delete_record(at=f"s3://{BUCKET}/a{number}") for number in range(6)]
    check_own_limits(plan_with(*gone[:5]))
    with pytest.raises(RefusedError, match="max_delete_percent"):
        check_own_limits(plan_with(*gone))


@pytest.mark.parametrize(
    ("scoped", "said"),
    [
        ({"max_deletes": 100, "max_delete_percent": 10.0}, ""),
        ({"max_deletes": 101, "max_delete_percent": 1.0}, "up to 101 deletions, here 100"),
        ({"max_deletes": 1, "max_delete_percent": 10.5}, "up to 10.5 %, here 10 %"),
        ({"max_deletes": 1, "max_delete_percent": float("nan")}, "up to nan %, here 10 %"),
        (
            {"max_deletes": 101, "max_delete_percent": 11.0},
            "up to 101 deletions, here 100; up to 11 %, here 10 %",
        ),
    ],
)
def test_limits_wider_than_those_here_are_said_or_refused(scoped: dict[str, Any], said: str) -> None:
    """A warning, and under `policy.enforce_at_apply` a refusal."""
    plan = plan_with(scope={"buckets": [BUCKET], "config_sha256": SHA, **scoped})
    check_permitted(plan, permissions())
    words = " ".join(warnings(plan, permissions()))
    assert said in words
    if not said:
        assert words == ""
        check_permitted(plan, permissions(enforce_limits=True))
        return
    with pytest.raises(RefusedError) as raised:
        check_permitted(plan, permissions(enforce_limits=True))
    assert raised.value.summary == "The plan's own limits are wider than those here"
    assert (raised.value.detail, raised.value.hint) == (said, LIMITS)


def test_another_configuration_is_said() -> None:
    """It may be right: planner and applier have different rights, often in different files."""
    plan = plan_with()
    (words,) = warnings(plan, permissions(config_sha256="f" * 64))
    assert words == "The plan was made under another configuration than this one."
