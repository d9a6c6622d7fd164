"""Plan and apply over a real dask cluster: the same plan, and a lost worker costs a retry and nothing else."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from distributed.security import Security

from indexer import __version__
from indexer.applier.ledger import INTERRUPTED
from indexer.disk import DiskFolder
from indexer.errors import UsageError
from indexer.runs.audit import audit
from indexer.runs.carry_out import Work
from indexer.runs.cluster import open_cluster
from indexer.runs.pulse import OVER
from indexer.runs.shards import Sender
from indexer.runs.shards_of_actions import carry_out_shard
from resilience.arena import Arena, Shares, State
from resilience.held import WRITES
from shared.gate import Gate
from shared.patience import PATIENCE_S
from shared.proxy import FaultyProxy

OWN = {"plan_id", "created_at", "digest"}
"""What no two plans have alike."""
IMPATIENT = """
from indexer.runs import cluster
cluster.CONNECT_TIMEOUT_S = 1
from indexer.cli import main
main()
"""


@dataclass
class Servers:
    """A scheduler and workers, each a process of its own."""

    world: Arena
    s3: FaultyProxy
    stack: ExitStack = field(default_factory=ExitStack)
    workers: list[subprocess.Popen[str]] = field(default_factory=list)

    @cached_property
    def keys(self) -> dict[str, str]:
        """Variables that let a process of dask talk to the others, and nobody else."""
        made = Security.temporary()
        for name in ("tls_ca_file", "tls_client_key"):
            (self.world.folder / f"{name}.pem").write_text(getattr(made, name), encoding="utf-8")
        cert, key = (str(self.world.folder / f"{name}.pem") for name in ("tls_ca_file", "tls_client_key"))
        roles = ("CLIENT", "SCHEDULER", "WORKER")
        tls = "DASK_DISTRIBUTED__COMM__TLS__"
        return {
            "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True",
            f"{tls}CA_FILE": cert,
            **{f"{tls}{role}__KEY": key for role in roles},
            **{f"{tls}{role}__CERT": cert for role in roles},
        }

    @property
    def file(self) -> Path:
        return self.world.folder / "scheduler.json"

    @property
    def address(self) -> str:
        """Where the scheduler is, once it says so."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                return str(json.loads(self.file.read_text(encoding="utf-8"))["address"])
            except (OSError, ValueError):
                time.sleep(0.05)
        raise AssertionError("the scheduler did not start")

    def start(self, module: str, *options: str, **env: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", f"distributed.cli.{module}", "--scheduler-file", str(self.file)]
        started = self.world._start(
            [*command, "--no-dashboard", "--protocol", "tls", *options], {**self.keys, **env}
        )
        self.stack.callback(self._end, started)
        return started

    def hire(self, *more: str, **env: str) -> subprocess.Popen[str]:
        """One more worker."""
        place = str(self.world.folder.parent / f"worker-{len(self.workers)}")
        options = ("--no-nanny", "--nthreads", "1", "--local-directory", place, *more)
        self.workers.append(self.start("dask_worker", *options, **env))
        return self.workers[-1]

    def let_go_slowly(self, gate: Gate) -> None:
        """The worker hears of the command every second, and must not be through before it has heard."""
        self.s3.shares = Shares(delay=1.0)
        gate.open()

    @staticmethod
    def _end(process: subprocess.Popen[str]) -> None:
        with process:
            process.kill()
            process.communicate()


@pytest.fixture
def servers(drifting: Arena) -> Iterator[Servers]:
    """A scheduler, and one worker whose way to S3 has a gate, in front of a little world."""
    with drifting.proxies(delay_s=0.4) as proxies:
        made = Servers(drifting, proxies.s3)
        with made.stack:
            made.start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
            made.hire(AWS_ENDPOINT_URL_S3=proxies.env["AWS_ENDPOINT_URL_S3"])
            yield made


def told_by_workers(folder: Path) -> list[dict[str, Any]]:
    """What stands in the journals of a run's shards."""
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("journal.shard-*")]
    return [json.loads(line) for text in texts for line in text.splitlines() if line.endswith("}")]


def lose_one(servers: Servers, process: subprocess.Popen[str], gate: Gate) -> str:
    """Wait until the only worker comes to the gate, kill it there, hire another one; what the command said."""
    with process:
        gate.reached(process)
        servers.workers[-1].kill()
        servers.workers[-1].wait()
        servers.hire()
        _, said = process.communicate(timeout=PATIENCE_S)
    return said


def content(plan: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in plan.items() if name not in OWN})


def test_a_worker_that_is_lost_while_it_plans(servers: Servers) -> None:
    """Its shard is planned by the next one; the plan is the same."""
    world = servers.world
    alone = world.plan_command("alone.json")
    gate = servers.s3.gate = Gate(rb"GET /[^ ]*list-type=2", 2)
    process = world.start("plan", "--all", "--dask", servers.address, "--parallel", "1", **servers.keys)
    said = lose_one(servers, process, gate)
    assert process.returncode == 0, said
    assert content(world.load("plan.json")) == content(alone)


def test_a_worker_that_is_lost_while_it_applies(servers: Servers, little_end_state: State) -> None:
    """Nothing is written twice, and what it had replaced is kept for undo."""
    world = servers.world
    before = world.state()
    plan, since = world.plan_everything(), len(world.sandbox.s3.log)
    gate = servers.s3.gate = Gate(WRITES, 3)
    process = world.start("apply", "plan.json", "--dask", servers.address, "--parallel", "1", **servers.keys)
    said = lose_one(servers, process, gate)
    assert process.returncode == 0, said
    summary = world.result(plan)["summary"]
    assert set(summary) <= {"applied", "satisfied"}
    assert summary["satisfied"] > 0
    assert audit(world.journal_path(plan).parent).faults == ()
    assert world.written_twice(since) == []
    world.assert_in_step()
    assert world.end_state() == little_end_state
    replaced = [key for key in before if key in little_end_state and before[key] != little_end_state[key]]
    world.apply_everything(world.undo(plan), "undo")
    after = world.state()
    objects = [key for key in replaced if key.endswith(".json")]
    assert objects
    assert {key: after.get(key) for key in objects} == {key: before[key] for key in objects}


@pytest.mark.parametrize("number", [signal.SIGINT], ids=["ctrl-c"])
def test_a_command_that_is_told_to_stop_stops_its_workers(servers: Servers, number: signal.Signals) -> None:
    """They end at the next action, their outcomes are in the result, and applying again goes on."""
    world = servers.world
    plan, since = world.plan_everything(), len(world.sandbox.s3.log)
    gate = servers.s3.gate = Gate(WRITES, 3)
    with world.start(
        "apply", "plan.json", "--dask", servers.address, "--parallel", "1", **servers.keys
    ) as process:
        gate.reached(process)
        process.send_signal(number)
        servers.let_go_slowly(gate)
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 4, said
    written = len(world.sandbox.s3.log.writes(since))
    result, folder = world.result(plan), world.journal_path(plan).parent
    assert set(result["summary"]) == {"applied", "skipped"}
    assert {one["detail"] for one in result["outcomes"] if one["status"] == "skipped"} == {INTERRUPTED}
    applied = {one["action_id"] for one in result["outcomes"] if one["status"] == "applied"}
    lines = told_by_workers(folder)
    assert applied == {one["action_id"] for one in lines if one.get("status") == "applied"}
    assert list(folder.glob("run.pulse-*")) == []
    assert audit(folder).faults == ()
    assert len(world.sandbox.s3.log.writes(since)) == written
    world.apply_everything(plan)
    world.assert_in_step()


def test_what_a_worker_does_after_its_command_died(servers: Servers) -> None:
    """It ends when the plan is applied again, and undo takes back what both of them wrote."""
    world = servers.world
    before, plan = world.state(), world.plan_everything()
    gate = servers.s3.gate = Gate(WRITES, 3)
    with world.start(
        "apply", "plan.json", "--dask", servers.address, "--parallel", "1", **servers.keys
    ) as process:
        gate.reached(process)
        process.kill()
    folder = world.journal_path(plan).parent
    gate.let(1)  # it goes on, and writes
    gate.reached()
    world.apply_everything(plan)
    world.assert_in_step()
    servers.let_go_slowly(gate)
    until = time.monotonic() + PATIENCE_S
    while not any(OVER in line.get("detail", "") for line in told_by_workers(folder)):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert audit(folder).faults == ()
    actions = {one["id"] for one in plan["actions"]}
    assert len(world.undo(plan)["actions"]) == len(actions)
    world.apply_everything(world.load("undo.json"), "undo")
    assert {key: one for key, one in world.state().items() if key in before} == before


def test_nobody_listens(drifting: Arena) -> None:
    """Said in words, and nothing is read; that the way there is open to everybody is said first."""
    arguments = ("plan", "--all", "--dask", "tcp://127.0.0.1:1", "--dask-cleartext")
    with drifting.start_hasty(*arguments, program=IMPATIENT) as process:
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "is not encrypted" in said
    assert "The dask cluster cannot be used" in said
    assert "Traceback" not in said
    assert not (drifting.folder / "plan.json").exists()


def test_a_worker_with_another_configuration_refuses(servers: Servers) -> None:
    """It would write into another database; nothing is written, and none of the command's secrets has travelled."""
    world = servers.world
    plan, since = world.plan_everything(), len(world.sandbox.s3.log)
    other = f"{world.sandbox.docdb_uri}&appName=another"
    with world.start(
        "apply", "plan.json", "--dask", servers.address, INDEXER_DOCDB__URI=other, **servers.keys
    ) as process:
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2, said
    assert "another configuration" in said
    assert plan["actions"]
    assert world.sandbox.s3.log.writes(since) == ()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "127.0.0.1:1", "ws://127.0.0.1:1"])
def test_an_open_connection_is_refused(address: str) -> None:
    """Unless somebody says that it is right."""
    with pytest.raises(UsageError, match="not encrypted"), open_cluster(address):
        pass


def test_an_encrypted_connection_wants_keys() -> None:
    """Said in words, before dask says it in its own."""
    with pytest.raises(UsageError, match="no keys"), open_cluster("tls://127.0.0.1:1"):
        pass


def test_dask_is_an_extra(drifting: Arena) -> None:
    """Without it the command says what to install."""
    without = "import sys; sys.modules['distributed'] = None; from indexer.cli import main; main()"
    with drifting.start_hasty("plan", "--all", "--dask", "tls://127.0.0.1:1", program=without) as process:
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert "data-asset-indexer[dask]" in said


def test_a_worker_that_is_another_indexer_refuses() -> None:
    """It would plan by other rules."""
    with pytest.raises(UsageError, match="another indexer"):
        Sender(None, None, version=f"{__version__}.other").check()  # type: ignore[arg-type]


def test_a_worker_that_does_not_see_the_journal_refuses(tmp_path: Path) -> None:
    """It would keep before-images where no undo looks; nothing is opened, and nothing is written there."""
    work = Work(
        folder=DiskFolder(tmp_path / "elsewhere"),
        run_id="run",
        plan_id="plan",
        archive="archive",
        generations=("v1",),
        originals_folder="original_metadata",
        kept_in_step=frozenset(),
        parallel=1,
        clock=lambda: datetime.now(UTC),
    )
    with pytest.raises(UsageError, match="not shared"):
        carry_out_shard(Sender(None, None), work, (0, ()))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
