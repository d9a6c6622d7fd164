"""A system is down: nobody listens, or somebody listens and never says a word. It ends, soon, in words."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from indexer_sandbox.faults import Fault
from resilience.arena import Arena, hasty
from shared.gate import Gate
from shared.patience import PATIENCE_S
from shared.proxy import Shares

BOUND_S = PATIENCE_S
"""Measured 3 to 15 seconds; one read that nothing bounds would not end at all."""
RETRY_AFTER_S = 3
SYSTEMS = ("s3", "docdb", "codeocean")


@pytest.mark.parametrize("way", ["refused", "silent"])
def test_a_system_that_is_down_ends_a_run_soon_and_in_words(world: Arena, way: str) -> None:
    """Plan and apply against each of the three, at the same time."""
    world.drifting(2)
    plan = world.plan_everything()
    plans = _each(lambda down: _hasty(world, way, down, "plan", "--all", "--out", f"{down}.json"))
    _assert_ends(plans["docdb"], 1, "DocDB cannot be reached")
    _assert_ends(plans["s3"], 1, "S3 cannot be reached")
    _assert_ends(plans["codeocean"], 0, "Code Ocean cannot be reached")
    assert not world.load("codeocean.json")["summary"]["complete"]

    kinds = {action["id"]: action["kind"] for action in plan["actions"]}
    applies = _each(lambda down: _hasty(world, way, down, "apply", "plan.json", "--results", down))
    _assert_ends(applies["docdb"], 1, "DocDB cannot be reached")
    assert not (world.folder / "docdb" / "result.json").exists()
    _assert_ends(applies["codeocean"], 4, "Code Ocean cannot be reached")
    assert _statuses(world, "codeocean", kinds)["create-data-asset"] == {"failed"}
    assert _statuses(world, "codeocean", kinds)["insert-record"] == {"skipped"}
    assert _statuses(world, "codeocean", kinds)["update-record"] <= {"applied", "satisfied"}
    _assert_ends(applies["s3"], 4, "S3 cannot be reached")
    for kind, statuses in _statuses(world, "s3", kinds).items():
        if kind.endswith("-object"):
            assert statuses <= {"failed", "skipped"}

    world.apply_everything(plan)
    world.assert_in_step()


def test_docdb_that_falls_silent_in_the_middle(world: Arena) -> None:
    """What was in flight has failed, the result says so, and another run goes on from there."""
    world.drifting(2)
    plan = world.plan_everything()
    # It is in good health up to the gate, and may be slow.
    patient = hasty("docdb").replace("1_000, 1_000", "10_000, 5_000")
    with world.proxies() as proxies:
        gate = proxies.codeocean.gate = Gate(rb"POST /api/v1/data_assets HTTP", 0)
        with world.start_hasty("apply", "plan.json", program=patient, **proxies.env) as process:
            gate.reached(process)
            proxies.docdb.shares = Shares(silent=1.0)
            gate.open()
            process.communicate(timeout=BOUND_S)
    assert process.returncode == 4
    assert world.result(plan)["summary"]["failed"] > 0
    assert set(world.apply_everything(plan)["summary"]) <= {"applied", "satisfied"}
    world.assert_in_step()


def test_a_storm_of_429_is_waited_out_as_told(world: Arena) -> None:
    """Retry-After is honoured."""
    world.drifting(1)
    world.sandbox.codeocean.faults.add(Fault("*", 429, retry_after_s=RETRY_AFTER_S))
    began = time.monotonic()
    world.plan_command()
    assert time.monotonic() - began >= RETRY_AFTER_S
    assert [one.status for one in world.sandbox.codeocean.log.since()][:2] == [429, 200]
    assert world.load("plan.json")["summary"]["complete"]


def test_a_retry_after_of_an_hour_does_not_stop_a_run_for_an_hour(world: Arena) -> None:
    """It is cut to a minute, and there are few of them."""
    world.drifting(1)
    world.sandbox.codeocean.faults.add(Fault("*", 429, count=None, retry_after_s=3600))
    with world.start_hasty("plan", "--all", program=hasty("codeocean")) as process:
        _, said = process.communicate(timeout=BOUND_S)
    assert process.returncode == 0
    assert "429" in said
    assert not world.load("plan.json")["summary"]["complete"]


def _hasty(world: Arena, way: str, down: str, *arguments: str) -> tuple[int, str, float]:
    """Run the command with one system down: exit status, what it said, how long it took."""
    with world.proxies() as proxies:
        if way == "refused":
            getattr(proxies, down).close()
        else:
            getattr(proxies, down).shares = Shares(silent=1.0)
        started_at = time.monotonic()
        with world.start_hasty(*arguments, program=hasty(down), **proxies.env) as process:
            _, said = process.communicate(timeout=BOUND_S)
    return process.returncode, said, time.monotonic() - started_at


def _each(run: Callable[[str], tuple[int, str, float]]) -> dict[str, tuple[int, str, float]]:
    with ThreadPoolExecutor(len(SYSTEMS)) as pool:
        return dict(zip(SYSTEMS, pool.map(run, SYSTEMS), strict=True))


def _assert_ends(ended: tuple[int, str, float], status: int, words: str) -> None:
    returned, said, took_s = ended
    assert (returned, words in said) == (status, True), said
    assert "Traceback" not in said
    assert took_s < BOUND_S


def _statuses(world: Arena, run: str, kinds: dict[str, str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    outcomes: list[dict[str, Any]] = world.load(f"{run}/result.json")["outcomes"]
    assert {one["action_id"] for one in outcomes} == set(kinds)
    for one in outcomes:
        found.setdefault(kinds[one["action_id"]], set()).add(one["status"])
    return found
