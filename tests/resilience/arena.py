"""A world with drift in it, the command pointed at it through faulty proxies, and what must hold afterwards."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bson.json_util import CANONICAL_JSON_OPTIONS, dumps

from end_to_end.workbench import BUCKET, INDEXER, Workbench, empty_systems, our_bytes
from indexer.runs.connect import Systems
from indexer.runs.files import save_plan
from indexer.runs.undo import undo as plan_the_way_back
from indexer_sandbox.seed import seed as fill
from indexer_sandbox.stack import MANAGED_BUCKETS, RESULTS_BUCKET
from resilience.inside import apply_inside, opened, plan_inside
from shared.patience import PATIENCE_S
from shared.proxy import FaultyProxy, Shares

MODIFIED = {"v1": "last_modified", "v2": "_last_modified"}
_HASTY = """
from indexer.applier import data_assets
from indexer.systems import codeocean_client as codeocean, docdb_connection as docdb, s3_connection as s3, s3_requests
{settings}
from indexer.cli import main
main()
"""
_SHORT = {
    "s3": "s3.ATTEMPTS, s3.READ_TIMEOUT_S, s3_requests.TIMEOUT_S = 2, 1, 1",
    "docdb": "docdb.SERVER_SELECTION_MS, docdb.SOCKET_TIMEOUT_MS, docdb.READ_DEADLINE_S = 1_000, 1_000, 2.0",
    "codeocean": "codeocean.READ_TIMEOUT_S, codeocean.RETRIES, codeocean.RETRY_AFTER_MAX_S = 1.0, 2, 1; "
    "data_assets.LOOKS_S = (0.2, 0.2)",
}


def hasty(down: str) -> str:
    """The command with its patience for one system cut short; the paths are the same.

    For the one that is down: a busy machine may keep it waiting for the others.
    """
    return _HASTY.format(settings=_SHORT[down])


State = dict[str, bytes]
"""What is where: `bucket/key` → bytes, `generation:_id` → the record, `codeocean:id` → the data asset."""


@dataclass
class Proxies:
    """One proxy in front of each system."""

    s3: FaultyProxy
    docdb: FaultyProxy
    codeocean: FaultyProxy

    def __iter__(self) -> Iterator[FaultyProxy]:
        return iter((self.s3, self.docdb, self.codeocean))

    @property
    def env(self) -> dict[str, str]:
        """The variables that lead the command through them."""
        return {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self.s3.port}",
            "INDEXER_DOCDB__URI": f"mongodb://127.0.0.1:{self.docdb.port}/?directConnection=true",
            "INDEXER_CODEOCEAN__DOMAIN": f"http://127.0.0.1:{self.codeocean.port}",
        }

    def strike(self, shares: Shares) -> None:
        """The same faults in front of all three."""
        for proxy in self:
            proxy.shares = shares

    @property
    def failures(self) -> int:
        """Requests that failed."""
        return sum(proxy.failures for proxy in self)


@dataclass
class Arena(Workbench):
    """A workbench with ways to look at the whole world, and to break it."""

    known: set[str] = field(default_factory=set)
    """The data assets that were there from the start."""

    def seeded(self, **how: Any) -> None:
        """Every kind of drift there is."""
        fill(self.sandbox, **how)
        self.known = set(self.sandbox.codeocean.data_assets())
        self.configure()

    def drifting(self, assets: int, *, register: bool = True) -> None:
        """A quick little world: so many assets of three kinds, some twelve actions for the three together."""
        for number in range(assets):
            record = self.insert_in_step(
                f"asset_{number:03}", subject={"subject_id": str(number)}, rig={"n": number}
            )
            name = record["name"]
            self.put(f"{name}/subject.json", b'{"subject_id": "nobody"}')  # stale
            self.put(f"{name}/session.json", our_bytes({"session": number}))  # adopted by the record
            self.put(f"{name}/instrument.json", b"no json")  # corrupt: copied and removed
            self.put(f"derived_{number:03}/data_description.json", our_bytes({"data_level": "derived"}))
            self.insert_gone(f"gone_{number:03}")
        self.configure(register)

    def insert_gone(self, prefix: str) -> None:
        """A v2 record whose folder is gone."""
        location = f"s3://{BUCKET}/{prefix}"
        record = {
            "_id": f"id of {prefix}",
            "name": prefix,
            "location": location,
            "subject": {"subject_id": "x"},
        }
        self.records("v2").insert_one({**record, "_last_modified": "2025-06-02T11:22:33Z"})

    def configure(self, register: bool = True) -> None:
        config = self.sandbox.config_toml() + f"register_assets = {str(register).lower()}\n"
        config += "[policy]\nmax_delete_percent = 100\n"
        (self.folder / "indexer.toml").write_text(config, encoding="utf-8")

    @contextmanager
    def proxies(self, shares: Shares | None = None, seed: int = 0, **how: Any) -> Iterator[Proxies]:
        """Proxies in front of the three systems, for as long as the block lasts."""
        with ExitStack() as stack:
            made = []
            for offset, (server, protocol) in enumerate(
                ((self.sandbox.s3, "http"), (self.sandbox.docdb, "mongodb"), (self.sandbox.codeocean, "http"))
            ):
                proxy = FaultyProxy(server.port, protocol, shares, seed=seed + offset, **how)  # type: ignore[arg-type]
                stack.callback(proxy.close)
                made.append(proxy)
            yield Proxies(*made)

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """The command, running."""
        return self._start([INDEXER, *arguments], env)

    def start_hasty(self, *arguments: str, program: str, **env: str) -> subprocess.Popen[str]:
        """A program that runs the command with other constants, running."""
        return self._start([sys.executable, "-c", program, *arguments], env)

    def _start(self, command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def killed(self, after_s: float, *arguments: str, **env: str) -> bool:
        """Run the command and kill it after a while; whether it was still there to be killed."""
        with self.start(*arguments, **env) as process:
            try:
                process.communicate(timeout=after_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                return True
        return False

    def interrupted(
        self, number: signal.Signals, plan: Mapping[str, Any], lines: int, name: str = "plan", **env: str
    ) -> int:
        """Apply, and send a signal as soon as the journal has so many lines more; the exit status."""
        until = self._journal_lines(plan, name) + lines
        with self.start("apply", f"{name}.json", **env) as process:
            while process.poll() is None and self._journal_lines(plan, name) < until:
                time.sleep(0.002)
            if process.poll() is None:
                process.send_signal(number)
            process.communicate(timeout=PATIENCE_S)
        return process.returncode

    def until_applied(self, name: str = "plan.json", times: int = 5, **env: str) -> int:
        """Apply, and again where something failed, as an operator would; how often."""
        for attempt in range(1, times + 1):
            done = self.run("apply", name, **env)
            if done.returncode == 0:
                return attempt
            assert done.returncode == 4, done.stderr
        raise AssertionError(done.stderr)

    def plan_everything(self, name: str = "plan.json") -> dict[str, Any]:
        """Plan all buckets, in this process; writes nothing but the plan."""
        with self.opened() as systems:
            plan_inside(systems, self.folder, name)
        return self.load(name)

    def plan_command(self, name: str = "plan.json", **env: str) -> dict[str, Any]:
        """The same with the command itself."""
        done = self.run("plan", "--all", "--out", name, **env)
        assert done.returncode == 0, done.stderr
        return self.load(name)

    def apply_everything(
        self, plan: Mapping[str, Any], name: str = "plan", *, stop: bool = False
    ) -> dict[str, Any]:
        """Apply in this process, with the results where the command has them; the result."""
        run = f"{name}.results/{plan['plan_id'][:8]}"
        with self.opened() as systems:
            apply_inside(systems, self.folder, f"{name}.json", run, stop=stop)
        return self.result(plan, name)

    def opened(self) -> AbstractContextManager[Systems]:
        """The three systems, open in this process."""
        return opened(self.sandbox, self.folder)

    def load(self, name: str) -> dict[str, Any]:
        """A JSON file of the command's."""
        loaded: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        return loaded

    def result(self, plan: Mapping[str, Any], name: str = "plan") -> dict[str, Any]:
        """The result of a plan's last run."""
        return self.load(f"{name}.results/{plan['plan_id'][:8]}/result.json")

    def journal(self, plan: Mapping[str, Any], name: str = "plan") -> list[dict[str, Any]]:
        """The lines of a plan's journal that are whole."""
        found = []
        for line in self.journal_path(plan, name).read_text(encoding="utf-8").splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def journal_path(self, plan: Mapping[str, Any], name: str = "plan") -> Path:
        """Where a plan's journal is."""
        return self.folder / f"{name}.results" / plan["plan_id"][:8] / "journal.jsonl"

    def _journal_lines(self, plan: Mapping[str, Any], name: str) -> int:
        path = self.journal_path(plan, name)
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def undo(self, plan: Mapping[str, Any], name: str = "plan", out: str = "undo.json") -> dict[str, Any]:
        """Plan the way back from the last run of a plan, in this process."""
        undone = plan_the_way_back(self.journal_path(plan, name).parent)
        save_plan(undone.plan, self.folder / out)
        return self.load(out)

    def state(self) -> State:
        """The three systems to the byte; of records all but their last-modified stamp."""
        state: State = {}
        for bucket in (*MANAGED_BUCKETS, RESULTS_BUCKET):
            state |= {f"{bucket}/{key}": body for key, body in self.sandbox.s3.objects(bucket).items()}
        for generation, modified in MODIFIED.items():
            for record in self.records(generation).find():
                body = {key: value for key, value in record.items() if key != modified}
                text = dumps(body, json_options=CANONICAL_JSON_OPTIONS, sort_keys=True)
                state[f"{generation}:{record['_id']}"] = text.encode()
        for one, asset in self.sandbox.codeocean.data_assets().items():
            state[f"codeocean:{one}"] = json.dumps(asset, sort_keys=True).encode()
        return state

    def end_state(self) -> State:
        """The state without what no two runs have alike: times of their writes, ids of new data assets."""
        year = datetime.now(UTC).year
        data_assets = self.sandbox.codeocean.data_assets()
        new = {
            one.encode(): f"<new {asset['name']}>".encode()
            for one, asset in data_assets.items()
            if one not in self.known
        }
        unlike = re.compile(rf'{year}-\d\d-\d\dT[\d:.]+Z|"created": \d{{10}}'.encode())
        state: State = {}
        for key, body in self.state().items():
            for one, name in new.items():
                key, body = key.replace(one.decode(), name.decode()), body.replace(one, name)
            state[re.sub(rf"\.{year}\d{{4}}\.json$", ".<day>.json", key)] = unlike.sub(b"<now>", body)
        return state

    def assert_in_step(self) -> None:
        """Nothing is left to do, and nothing is there twice."""
        again = self.plan_everything("again.json")
        assert again["actions"] == []
        self.assert_nothing_twice()

    def assert_nothing_twice(self) -> None:
        """No location has two new records, nor two data assets where the run made one."""
        for generation in MODIFIED:
            made = Counter(
                one["location"]
                for one in self.records(generation).find({"location": {"$type": "string"}})
                if str(one.get("created") or one.get("_created")).startswith(str(datetime.now(UTC).year))
            )
            assert [location for location, count in made.items() if count > 1] == []
        mounts = Counter(
            (asset["source_bucket"]["bucket"], asset["source_bucket"]["prefix"])
            for one, asset in self.sandbox.codeocean.data_assets().items()
            if one not in self.known
        )
        assert [mount for mount, count in mounts.items() if count > 1] == []

    def written_twice(self, since: int) -> list[tuple[str, str]]:
        """Objects that were written with success more than once since then."""
        written = Counter(
            (one.bucket, one.key) for one in self.sandbox.s3.log.writes(since) if one.status in (200, 204)
        )
        return [one for one, count in written.items() if count > 1]


@contextmanager
def arena(folder: Path) -> Iterator[Arena]:
    """Empty systems, for as long as the block lasts."""
    work = folder / "work"
    work.mkdir(parents=True)
    with empty_systems() as sandbox:
        made = Arena(sandbox, work)
        try:
            yield made
        finally:
            made.close()


def moments(count: int, longest_s: float, seed: int) -> list[float]:
    """Random moments, the same for a seed."""
    rng = random.Random(seed)
    return [round(rng.uniform(0.05, longest_s), 3) for _ in range(count)]


__all__ = ["BUCKET", "Arena", "Proxies", "Shares", "State", "arena", "hasty", "moments", "our_bytes"]
