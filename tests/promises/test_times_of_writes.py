"""A record's last-modified field: a condition in any form, and never one that goes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from promises.mishaps import Call, carry_out, kinds, status_of, striking
from resilience.arena import BUCKET, Arena


def adopting(world: Arena, modified: Any) -> dict[str, Any]:
    """A record of this age that is to adopt a field."""
    world.insert_in_step("asset", subject={"subject_id": "1"})
    world.records().update_one({"name": "asset"}, {"$set": {"last_modified": modified}})
    world.put("asset/session.json", b'{"session":7}')
    plan = world.plan_everything()
    assert kinds(plan)[0] == "update-record"
    return plan


@pytest.mark.parametrize("as_date", [False, True])
def test_a_change_with_a_new_date_between_look_and_write_is_seen(world: Arena, as_date: bool) -> None:
    """By the database itself, be the field text, as other programs write it, or a BSON date."""
    old, new = datetime(2025, 6, 2, tzinfo=UTC), datetime(2025, 6, 3, tzinfo=UTC)
    world.insert_in_step("here")
    gone = {"_id": "gone", "name": "gone", "location": f"s3://{BUCKET}/gone", "subject": {"subject_id": "1"}}
    world.records().insert_one({**gone, "last_modified": old if as_date else old.isoformat()})
    assert kinds(world.plan_everything()) == ["delete-record"]
    change = {"subject": {"curated": 1}, "last_modified": new if as_date else new.isoformat()}

    def after_a_curator(call: Call) -> Any:
        world.records().update_one({"name": "gone"}, {"$set": change})
        return call()

    with world.opened() as systems:
        result = carry_out(world, striking(systems, "writers.records", "write", after_a_curator), "run")
    assert result.summary == {"stale": 1}
    assert (world.records().find_one({"name": "gone"}) or {})["subject"] == {"curated": 1}


def test_a_record_of_tomorrow_is_not_set_back_to_today(world: Arena) -> None:
    """Programs that poll would not see the write."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    plan = adopting(world, tomorrow)
    with world.opened() as systems:
        assert status_of(carry_out(world, systems, "run"), plan, "update-record") == "applied"
    assert (world.records().find_one({"name": "asset"}) or {})["last_modified"] > tomorrow
    world.assert_in_step()


def test_a_write_has_the_time_at_which_it_is_sent(world: Arena) -> None:
    """Not the one before its batch was read, which a poller may have passed by then."""
    plan = adopting(world, "2025-06-02T00:00:00Z")
    started = datetime(2026, 1, 1, tzinfo=UTC)
    read: list[str] = []

    def clock() -> datetime:
        return started + timedelta(hours=len(read))

    def looks(call: Call) -> Any:
        read.append("a look")
        return call()

    with world.opened() as systems:
        systems = striking(systems, "readers.objects", "get", looks, where="session.json")
        result = carry_out(world, systems, "run", clock=clock)
    assert status_of(result, plan, "update-record") == "applied"
    assert (world.records().find_one({"name": "asset"}) or {})["last_modified"].startswith("2026-01-01T01")
