"""Plan and apply by several processes of this machine: the same plan, and a killed one costs its shard and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from indexer.applier.history import LOCK_FILE
from indexer.applier.ledger import INTERRUPTED
from indexer.runs.audit import audit
from indexer_sandbox.faults import Fault
from resilience.arena import Arena, State
from resilience.held import WRITES, Held
from shared.gate import Gate
from shared.patience import PATIENCE_S

OWN = {"plan_id", "created_at", "digest"}
"""What no two plans have alike."""
SMALL_SHARDS = """
from indexer.runs import cores, shards_of_actions
cores.ASSETS_A_SHARD = shards_of_actions.ASSETS_A_SHARD = 3
from indexer.cli import main
main()
"""
LARGE = """
from indexer.runs import cores
cores.ASSETS_A_WORKER, cores.cores = 4, lambda: 2
from indexer.cli import main
main()
"""
"""A dozen assets are many, and there are two cores."""
FIRST_LISTING = rb"GET /[^ ]*list-type=2[^ ]*prefix=(asset|derived|gone)"
UNGUARDED = """
import indexer
config = indexer.load_config()
plan = indexer.plan(config, workers=2)
print(len(plan.actions), indexer.apply(plan, config, workers=2).summary)
"""


def content(plan: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in plan.items() if name not in OWN})


def done_by(world: Arena, *arguments: str, status: int = 0, **env: str) -> str:
    """What the command said, with small shards."""
    with world.start_hasty(*arguments, program=SMALL_SHARDS, **env) as process:
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == status, said
    return said


def told_by_workers(folder: Path) -> list[dict[str, Any]]:
    """What stands in the journals of a run's shards."""
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("journal.shard-*")]
    return [json.loads(line) for text in texts for line in text.splitlines() if line.endswith("}")]


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The processes that a command has started, by now."""
    until = time.monotonic() + PATIENCE_S
    while not (found := [one.pid for one in psutil.Process(process.pid).children()]):
        assert time.monotonic() < until
        time.sleep(0.01)
    return found


def assert_gone(pids: list[int]) -> None:
    """Soon there are no such processes any more."""
    until = time.monotonic() + PATIENCE_S
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids):
        assert time.monotonic() < until
        time.sleep(0.01)


@contextmanager
def held_at(
    world: Arena, pattern: bytes, let: int, *arguments: str, program: str = SMALL_SHARDS
) -> Iterator[Held]:
    """The command, with small shards, up to the moment at which so many such requests were sent."""
    with world.proxies() as proxies:
        gate = proxies.s3.gate = Gate(pattern, let)
        with world.start_hasty(*arguments, program=program, **proxies.env) as process:
            try:
                gate.reached(process)
                yield Held(process, gate, proxies)
            finally:
                process.kill()


def every_kind(world: Arena) -> None:
    """Every kind of drift and finding, in addition."""
    world.seeded(assets=4)


def forbidden(world: Arena) -> None:
    """One asset's folder may not be listed, another one's file may not be read."""
    for operation, name in (("ListObjectsV2", "asset_001"), ("GetObject", "asset_002/subject.json")):
        world.sandbox.s3.faults.add(Fault(operation, 403, count=None, contains=name))


@pytest.mark.parametrize("more", [every_kind, forbidden])
def test_the_plan_is_the_same_byte_for_byte(world: Arena, more: Any) -> None:
    """Actions and their order, findings, coverage, and what it says of what it could not read."""
    more(world)
    world.drifting(7)
    world.run("plan", "--all", "--workers", "1", "--out", "alone.json")
    done_by(world, "plan", "--all", "--workers", "2", "--out", "plan.json")
    alone, plan = world.load("alone.json"), world.load("plan.json")
    assert alone["actions"]
    assert content(plan) == content(alone)


def test_events_of_a_plan_are_the_same(drifting: Arena) -> None:
    """Stages, how far they are at the end, and the plan."""
    ends = []
    for workers in ("1", "2"):
        done_by(drifting, "plan", "--all", "--workers", workers, "--events", f"{workers}.jsonl")
        lines = [json.loads(line) for line in (drifting.folder / f"{workers}.jsonl").read_text().splitlines()]
        ends.append(
            [
                (one["type"], one.get("stage"), one.get("done"))
                for one in lines
                if "progress" not in one["type"]
            ]
        )
    assert ends[0] == ends[1]


def test_apply_by_workers(drifting: Arena, little_end_state: State) -> None:
    """The same end, a journal of each shard, and a way back."""
    before, plan = drifting.end_state(), drifting.plan_everything()
    done_by(drifting, "apply", "plan.json", "--workers", "2")
    assert drifting.result(plan)["summary"] == {"applied": len(plan["actions"])}
    folder = drifting.journal_path(plan).parent
    names = {path.name for path in folder.iterdir() if not path.name.startswith("journal.shard-")}
    assert names == {"archive", "journal.jsonl", "plan.json", "result.json", LOCK_FILE}
    lines = told_by_workers(folder)
    assert {line["run_id"] for line in lines} == {drifting.result(plan)["run_id"]}
    assert sum(line["event"] == "outcome" for line in lines) == len(plan["actions"])
    assert audit(folder).faults == ()
    drifting.assert_in_step()
    assert drifting.end_state() == little_end_state
    drifting.apply_everything(drifting.undo(plan), "undo")
    assert {key for key in drifting.end_state() if not key.startswith("codeocean:")} == {
        key for key in before if not key.startswith("codeocean:")
    }


def test_a_large_plan_uses_the_cores_that_there_are(drifting: Arena) -> None:
    """Unasked, and the plan is the same; a small one starts no process."""
    alone = drifting.plan_command("alone.json")
    with held_at(drifting, FIRST_LISTING, 0, "plan", "--all", program=LARGE) as run:
        assert len(workers_of(run.process)) == 2
        said = run.end()
    assert run.process.returncode == 0, said
    assert drifting.load("plan.json")["actions"] == alone["actions"]
    with held_at(drifting, FIRST_LISTING, 0, "plan", "--all") as run:
        assert psutil.Process(run.process.pid).children() == []


@pytest.mark.parametrize("why", ["memo", "verbose", "number"])
def test_a_large_plan_that_stays_in_one_process(drifting: Arena, why: str) -> None:
    """A memo is this process's, and so is a log of every request; or it was asked for."""
    if why == "memo":
        with (drifting.folder / "indexer.toml").open("a") as file:
            file.write('[plan]\nmemo = "memo"\n')
    option = {"memo": (), "verbose": ("--verbose",), "number": ("--workers", "1")}[why]
    with held_at(drifting, FIRST_LISTING, 0, "plan", "--all", *option, program=LARGE) as run:
        assert psutil.Process(run.process.pid).children() == []


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc")
def test_a_secret_of_the_configuration_is_shown_to_nobody(drifting: Arena) -> None:
    """Workers get it through their pipe: it is in no arguments, in no environment, and in no new file."""
    secret = drifting.sandbox.token.encode()
    assert secret in (drifting.folder / "indexer.toml").read_bytes()
    with held_at(drifting, FIRST_LISTING, 0, "plan", "--all", "--workers", "2") as run:
        for pid in workers_of(run.process):
            seen = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
            assert all(seen)
            assert not any(secret in one for one in seen)
    files = [path for path in drifting.folder.rglob("*") if path.is_file() and secret in path.read_bytes()]
    assert [path.name for path in files] == ["indexer.toml"]


def test_a_worker_that_is_killed_while_it_plans(drifting: Arena) -> None:
    """An error that says by what, and what to do; nothing is written."""
    arguments = ("plan", "--all", "--workers", "2", "--parallel", "2")
    with held_at(drifting, rb"GET /[^ ]*list-type=2[^ ]*prefix=asset", 2, *arguments) as run:
        for pid in workers_of(run.process):
            os.kill(pid, signal.SIGKILL)
        said = run.end()
    assert run.process.returncode == 1, said
    assert "A worker was lost" in said
    assert "SIGKILL" in said
    assert "--workers 1" in said
    assert "Traceback" not in said
    assert not (drifting.folder / "plan.json").exists()


def test_a_worker_that_is_killed_while_it_applies(drifting: Arena, little_end_state: State) -> None:
    """The actions of its shard have failed, the others are applied; applying again goes on, and writes nothing twice."""
    plan, since = drifting.plan_everything(), len(drifting.sandbox.s3.log)
    with held_at(drifting, WRITES, 3, "apply", "plan.json", "--workers", "2", "--parallel", "2") as run:
        os.kill(workers_of(run.process)[0], signal.SIGKILL)
        said = run.end()
    assert run.process.returncode == 4, said
    result, folder = drifting.result(plan), drifting.journal_path(plan).parent
    failed = [one for one in result["outcomes"] if one["status"] == "failed"]
    assert failed
    assert all("SIGKILL" in one["detail"] for one in failed)
    assert result["summary"]["applied"] > 0
    assert audit(folder).faults == ()
    drifting.apply_everything(plan)
    assert drifting.written_twice(since) == []
    drifting.assert_in_step()
    assert drifting.end_state() == little_end_state


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_the_first_signal_finishes_what_workers_have_in_flight(
    drifting: Arena, number: signal.Signals
) -> None:
    """Sent to all of them, as a terminal does: the result says what was done, and applying again goes on."""
    plan = drifting.plan_everything()
    with held_at(drifting, WRITES, 3, "apply", "plan.json", "--workers", "2", "--parallel", "2") as run:
        there = workers_of(run.process)
        for pid in there:
            os.kill(pid, number)
        run.tell(number)
        said = run.end()
    assert run.process.returncode == 4, said
    result, folder = drifting.result(plan), drifting.journal_path(plan).parent
    assert set(result["summary"]) == {"applied", "skipped"}
    assert {one["detail"] for one in result["outcomes"] if one["status"] == "skipped"} == {INTERRUPTED}
    assert list(folder.glob("run.pulse-*")) == []
    assert audit(folder).faults == ()
    assert_gone(there)
    drifting.apply_everything(plan)
    drifting.assert_in_step()


def test_ctrl_c_ends_a_plan_and_its_workers(drifting: Arena) -> None:
    """At once: nothing is written that would have to be finished."""
    with held_at(
        drifting, rb"GET /[^ ]*list-type=2[^ ]*prefix=asset", 1, "plan", "--all", "--workers", "2"
    ) as run:
        there = workers_of(run.process)
        run.process.send_signal(signal.SIGINT)
        _, said = run.process.communicate(timeout=PATIENCE_S)
    assert run.process.returncode == 130, said
    assert "Traceback" not in said
    assert_gone(there)
    assert not (drifting.folder / "plan.json").exists()


def test_workers_end_with_their_command(drifting: Arena, little_end_state: State) -> None:
    """Killed, it leaves no orphan that goes on writing; applying again does."""
    plan, since = drifting.plan_everything(), len(drifting.sandbox.s3.log)
    with held_at(drifting, WRITES, 3, "apply", "plan.json", "--workers", "2", "--parallel", "2") as run:
        there = workers_of(run.process)
        run.kill()
        assert_gone(there)
    drifting.apply_everything(plan)
    assert drifting.written_twice(since) == []
    drifting.assert_in_step()
    assert drifting.end_state() == little_end_state


def test_a_script_without_a_guard_plans_and_applies(drifting: Arena) -> None:
    """Nothing of it is run again in a worker, and nothing is left open."""
    with drifting.start_hasty(program=UNGUARDED, PYTHONWARNINGS="always::ResourceWarning") as process:
        out, said = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said) == (0, "")
    assert out.count("applied") == 1
    drifting.assert_in_step()


def test_it_is_this_machine_or_a_cluster(drifting: Arena) -> None:
    """Both at once is wrong usage."""
    for command in (("plan", "--all"), ("drift", "--all"), ("apply", "plan.json")):
        drifting.plan_everything()
        done = drifting.run(*command, "--workers", "2", "--dask", "tls://127.0.0.1:1")
        assert done.returncode == 2
        assert "for this machine or for a cluster" in done.stderr
