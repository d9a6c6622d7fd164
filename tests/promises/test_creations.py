"""What is made rests on something, too: each thing is looked at again, and nothing is made twice."""

from __future__ import annotations

from typing import Any

import pytest

from indexer_sandbox.faults import Fault
from indexer_sandbox.stack import RESULTS_BUCKET
from promises.mishaps import (
    Call,
    Died,
    carry_out,
    dies_before,
    journal_of,
    kinds,
    loses_the_answer,
    mount,
    result_of,
    status_of,
    striking,
)
from resilience.arena import BUCKET, Arena, our_bytes

DESCRIPTION = "new/data_description.json"


def derived(world: Arena) -> dict[str, Any]:
    """A new derived asset: the plan makes a data asset, a record and its files."""
    world.insert_in_step("other", subject={"subject_id": "1"})
    world.put(DESCRIPTION, our_bytes({"data_level": "derived"}))
    plan = world.plan_everything()
    assert kinds(plan)[:2] == ["create-data-asset", "insert-record"]
    return plan


@pytest.mark.parametrize("description", [b'{"data_level": "raw"}', None])
def test_an_asset_that_is_no_longer_derived_is_not_registered(
    world: Arena, description: bytes | None
) -> None:
    """Neither in Code Ocean nor in DocDB: its description became raw, or its folder is gone."""
    derived(world)
    if description is None:
        world.remove(DESCRIPTION)
    else:
        world.put(DESCRIPTION, description)
    before = world.state()
    done = world.run("apply", "plan.json")
    assert done.returncode == 4, done.stderr
    assert world.state() == before


@pytest.mark.parametrize(
    "by_now", [{"state": "failed"}, {"provenance": {}}, {"tags": []}, {"archived": True}]
)
def test_a_result_that_is_not_wanted_by_now_is_not_registered(world: Arena, by_now: dict[str, Any]) -> None:
    """It runs again, lost its computation or its tag, or was archived since the plan."""
    world.sandbox.codeocean.put(result_of("r-0"))
    world.records().insert_one({"_id": "0", "name": "r-0", "location": f"s3://{RESULTS_BUCKET}/r-0"})
    world.sandbox.codeocean.put(result_of("r-1"))
    world.put("r-1/data_description.json", our_bytes({"data_level": "derived"}), RESULTS_BUCKET)
    assert kinds(world.plan_everything()) == ["insert-record"]
    world.sandbox.codeocean.put(result_of("r-1", **by_now))
    done = world.run("apply", "plan.json")
    assert done.returncode == 4, done.stderr
    assert world.records().count_documents({"location": f"s3://{RESULTS_BUCKET}/r-1"}) == 0


def test_a_creation_whose_answer_was_lost_is_not_sent_again_while_the_search_lags(world: Arena) -> None:
    """The search shows it at the third look only; there is one data asset, and it is ours to take back."""
    plan, hidden = derived(world), iter((True, True, True, False))

    def lags(call: Call) -> Any:
        pages = list(call())
        return iter([() for _ in pages] if next(hidden, False) else pages)

    with world.opened() as systems:
        systems = striking(systems, "writers.data_assets", "create", loses_the_answer)
        systems = striking(systems, "readers.data_assets", "mounted", lags, from_then_on=True)
        result = carry_out(world, systems, "run")
    assert len(world.sandbox.codeocean.data_assets()) == 1
    assert status_of(result, plan, "create-data-asset") == "applied"
    assert set(result.summary) == {"applied"}
    assert world.run("undo", "run", "--out", "undo.json").returncode == 0
    assert world.run("apply", "undo.json").returncode == 0
    assert world.sandbox.codeocean.data_assets() == {}


def test_what_an_earlier_run_created_is_not_made_again_while_the_search_lags(world: Arena) -> None:
    """That run had its answer, and died later; its journal knows."""
    plan, hidden = derived(world), iter((True, True, False))

    def lags(call: Call) -> Any:
        pages = list(call())
        return iter([() for _ in pages] if next(hidden, False) else pages)

    with world.opened() as systems:
        with pytest.raises(Died):
            carry_out(world, striking(systems, "writers.records", "write", dies_before), "run")
        lagging = striking(systems, "readers.data_assets", "mounted", lags, from_then_on=True)
        result = carry_out(world, lagging, "run")
    assert len(world.sandbox.codeocean.data_assets()) == 1
    assert status_of(result, plan, "create-data-asset") == "satisfied"
    assert world.run("undo", "run", "--out", "undo.json").returncode == 0
    assert "delete-data-asset" in kinds(world.load("undo.json"))


def test_a_creation_that_does_not_come_to_light_fails_and_says_how_to_look(world: Arena) -> None:
    """Applied again at once, it looks again, and then goes on with what it finds."""
    plan = derived(world)
    with world.opened() as systems:
        lost = striking(systems, "writers.data_assets", "create", loses_the_answer)
        blind = striking(lost, "readers.data_assets", "mounted", lambda _: iter(()), from_then_on=True)
        result = carry_out(world, blind, "run")
        assert status_of(result, plan, "create-data-asset") == "failed"
        assert "look in Code Ocean for a data asset that mounts" in str(result.outcomes)
        assert set(carry_out(world, systems, "run").summary) == {"applied", "satisfied"}
    assert len(world.sandbox.codeocean.data_assets()) == 1


def test_a_data_asset_that_somebody_made_is_as_good_and_not_ours(world: Arena) -> None:
    """Our creation is refused, theirs appears: undo leaves it alone."""
    derived(world)
    world.sandbox.codeocean.faults.add(Fault("CreateDataAsset", 403))
    with world.opened() as systems:
        carry_out(world, systems, "run")
        assert "refused" in [line["event"] for line in journal_of(world, "run")]
        mount(world, "theirs", "new")
        carry_out(world, systems, "run")
    assert world.run("undo", "run", "--out", "undo.json").returncode == 0
    assert "delete-data-asset" not in kinds(world.load("undo.json"))


def test_six_new_assets_beside_one_record_are_no_loss_of_six_hundred_percent(world: Arena) -> None:
    """Each has an empty core file that goes: six of seven assets, within a limit of 100 %; the next plan is empty."""
    world.insert_in_step("other", subject={"subject_id": "1"})
    for number in range(6):
        world.put(f"new_{number}/data_description.json", our_bytes({"data_level": "derived"}))
        world.put(f"new_{number}/subject.json", b"")
    world.configure(register=False)
    plan = world.plan_everything()
    assert plan["withheld"] == []
    assert world.run("apply", "plan.json").returncode == 0
    world.assert_in_step()
    assert world.sandbox.s3.objects(BUCKET).keys().isdisjoint(f"new_{n}/subject.json" for n in range(6))
