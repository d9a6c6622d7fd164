"""How much may be lost at once: to the unit and to the per cent, as the table in the module has it."""

from __future__ import annotations

from typing import Any

import pytest

from indexer.model.action import Action
from indexer.model.limits import Hold, Limits, losses, mode_hold, over_limits
from indexer.model.plan import Measures, Plan
from shared import forgery
from shared.forgery import (
    BUCKET,
    archive_data_asset,
    delete,
    delete_record,
    forged,
    links,
    location,
    put,
    update,
)

HERE = Limits(max_deletes=100, max_delete_percent=10.0)


def actions_of(*documents: dict[str, Any]) -> tuple[Action, ...]:
    return Plan.model_validate(forged(list(documents))).actions


def gone(count: int) -> list[dict[str, Any]]:
    return [delete_record(at=location(f"a{number}")) for number in range(count)]


def measured(**of: int) -> dict[str, Measures]:
    return {BUCKET: Measures(**{"records": 0, "assets": 0, "linked_records": 0} | of)}


def held(actions: tuple[Action, ...], measures: dict[str, Measures], limits: Limits = HERE) -> set[str]:
    """What is said of those that are held back, all of a kind or none."""
    holds = over_limits(actions, measures, limits)
    assert len(holds) in (0, len(actions))
    return {f"{hold.policy}: {hold.detail}" for hold in holds.values()}


@pytest.mark.parametrize(
    ("count", "measures", "limits", "said"),
    [
        (6, measured(records=60), HERE, ""),
        (
            6,
            measured(records=59),
            HERE,
            f"deletions of 6 of 59 records (10.2 %) in {BUCKET} exceed the limit of 10 %",
        ),
        (5, measured(records=5), HERE, ""),
        (6, {}, HERE, f"deletions of 6 of 0 records (100 %) in {BUCKET} exceed the limit of 10 %"),
        (
            6,
            measured(assets=600),
            HERE,
            f"deletions of 6 of 0 records (100 %) in {BUCKET} exceed the limit of 10 %",
        ),
        (6, {}, Limits(max_delete_percent=100.0), ""),
        (6, measured(records=3), Limits(max_delete_percent=100.0), ""),
        (6, measured(records=100), Limits(max_deletes=6), ""),
        (6, measured(records=100), Limits(max_deletes=5), "deletions of 6 records exceed the limit of 5"),
        (1, measured(records=100), Limits(max_deletes=0), "deletion of 1 record exceeds the limit of 0"),
    ],
)
def test_records_are_held_back_beyond_the_limit_and_not_at_it(
    count: int, measures: dict[str, Measures], limits: Limits, said: str
) -> None:
    """Where nobody knows the share, all counts; a hundred per cent are no limit."""
    policy = "max_delete_percent" if "%" in said else "max_deletes"
    assert held(actions_of(*gone(count)), measures, limits) == ({f"{policy}: {said}"} if said else set())


def test_a_gone_assets_data_assets_go_with_its_record() -> None:
    """They count with it, and alone where they go alone, once for each asset."""
    mounts = [archive_data_asset(at=location("a0")), archive_data_asset("undo", at=location("a0"))]
    assert losses(actions_of(*gone(2), *mounts)) == 2
    assert losses(actions_of(*mounts)) == 1
    assert losses(actions_of(*gone(1), archive_data_asset(at=location("b")))) == 2


def test_files_count_by_asset_and_links_by_update() -> None:
    """What an undo does to links counts, whatever it does; what only sets other fields does not."""
    root = {"bucket": BUCKET, "key": "asset/rig.json"}
    assert losses(actions_of(delete(), delete(target=root), delete(at=location("b")))) == 2
    inline = links({"Code Ocean": []})
    other = {"fields": [{**inline["fields"][0], "field": "subject"}], "unset": ["rig"]}
    counted = {
        "adds": update(),
        "removes": update(content={**inline, "removed_links": ["da-1"]}),
        "undo sets": update("undo"),
        "undo takes out": update("undo", content={**other, "unset": ["external_links"]}),
        "undo of others": update("undo", content=other),
        "sets others": update("field-missing", content=other),
    }
    assert {name: losses(actions_of(one)) for name, one in counted.items()} == {
        "adds": 0,
        "removes": 1,
        "undo sets": 1,
        "undo takes out": 1,
        "undo of others": 0,
        "sets others": 0,
    }


DELETES = Hold("upsert-only", "nothing is deleted or archived under --policy upsert-only")
CHANGES = Hold("create-only", "nothing that exists is changed under --policy create-only")
OVER = {"kind": "etag", "etag": "e"}


@pytest.mark.parametrize(
    ("document", "upserts", "creates"),
    [
        (put(), None, None),
        (put(precondition=OVER), None, CHANGES),
        (forgery.copy(), None, None),
        (delete(), DELETES, CHANGES),
        (forgery.insert(), None, None),
        (update(), None, CHANGES),
        (delete_record(), DELETES, CHANGES),
        (forgery.create_data_asset(), None, None),
        (archive_data_asset(), DELETES, CHANGES),
        (archive_data_asset("undo", archive=False), None, CHANGES),
        (forgery.delete_data_asset(), DELETES, CHANGES),
    ],
)
def test_each_mode_holds_back_what_it_does_not_allow(
    document: dict[str, Any], upserts: Hold | None, creates: Hold | None
) -> None:
    """By kind of action, and what must be there before it; sync allows everything."""
    (action,) = actions_of(document)
    assert mode_hold(action, "sync") is None
    assert mode_hold(action, "upsert-only") == upserts
    assert mode_hold(action, "create-only") == creates
