"""The golden cases on an S3 server that nobody here wrote: as they are recorded, but for what no other server can be told."""

from __future__ import annotations

import base64
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
sys.path.append(str(HERE.parents[1] / "golden"))

import golden_runner  # noqa: E402 - recorded with the cases, and no module of a package

from patience import PATIENCE_S  # noqa: E402
from peers.relayed import WriteLog  # noqa: E402
from peers.servers import PeerS3  # noqa: E402

CASES: dict[str, str] = golden_runner.case_files([str(HERE.parents[1] / "golden" / "cases")])
DATED = re.compile(r"\.\d{8}\.json$")
LOST = re.compile(r"(?<!not) (deleted|overwritten|unexpected)$|written without need$|changed DocDB")
"""What the runner says of something that it did not expect to change."""
STOPPED = re.compile(r"^apply exits with [14]\b")


class PeerSystems(golden_runner.Systems):  # type: ignore[misc]
    """S3 is a peer's; DocDB and Code Ocean are the runner's own. Every write to S3 passes a relay that notes it."""

    def __init__(self, peer: PeerS3, number: int, indexer: list[str]) -> None:
        self.peer, self.log = peer, WriteLog(peer.port)
        self.buckets: set[str] = set()
        golden_runner.TIMEOUT_S = PATIENCE_S * 4
        super().__init__(number, indexer, sys.executable)

    def start(self, number: int, warm: str) -> None:
        """The runner's own servers; the command is led to the relay."""
        super().start(number, warm)
        self.stack, self.s3 = self.s3, self.log.endpoint_port

    def load(self, case: dict[str, Any]) -> None:
        """The state of the three systems."""
        golden_runner.http(self.stack, "/_load", {"s3": {}, "codeocean": case["codeocean"]})
        for bucket in self.buckets:
            self.peer.forget(bucket)
        self.buckets = set()
        for bucket, objects in {case["bucket"]: case["s3"], **case["buckets"]}.items():
            self.peer.create_bucket(bucket)
            self.buckets.add(bucket)
            for key, one in objects.items():
                self.peer.put(bucket, key, _body(one))
        for generation in golden_runner.LINKS:
            self.coll(generation).delete_many({})
            if case[generation]:
                self.coll(generation).insert_many([dict(one) for one in case[generation]])
        self.reset()

    def reset(self) -> None:
        """Forget what was written."""
        self.mark = len(golden_runner.http(self.stack, "/_journal"))
        self.log.writes.clear()
        if self.tap:
            with self.tap.lock:
                self.tap.writes = []

    def journal(self) -> tuple[list[dict[str, Any]], None]:
        """What was written; requests to DocDB are not counted, which is no matter of S3's."""
        codeocean = golden_runner.http(self.stack, "/_journal")[self.mark :]
        return [
            *codeocean,
            *({"op": one.op, "bucket": one.bucket, "key": one.key} for one in self.log.writes),
        ], None

    def snapshot(self) -> dict[str, Any]:
        """The three systems as they are."""
        dump = golden_runner.http(self.stack, "/_dump")
        records = {one: list(self.coll(one).find({})) for one in golden_runner.LINKS}
        s3 = {bucket: self.peer.objects(bucket) for bucket in self.buckets}
        return {"s3": s3, "codeocean": dump["codeocean"], **records}

    def close(self) -> None:
        """Stop the runner's servers, and leave the peer without a bucket."""
        for bucket in self.buckets:
            self.peer.forget(bucket)
        self.buckets = set()
        super().close()
        self.log.close()


@dataclass(frozen=True)
class CaseOutcome:
    """What came of a case: `left out` (why), or the runner's problems with it."""

    name: str
    left_out: str = ""
    problems: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.left_out and not self.problems

    @property
    def stopped_safely(self) -> bool:
        """`apply` could not do all of it, and nothing was lost over that."""
        stopped = any(STOPPED.search(one) for one in self.problems)
        return stopped and not any(LOST.search(one) for one in self.problems)


def why_not(case: dict[str, Any]) -> str:
    """Why a case cannot be loaded into a server that is not ours; empty where it can."""
    if case.get("faults"):
        return "its reads fail on purpose"
    everything = [case["s3"], *case.get("buckets", {}).values()]
    if any("etag" in one for objects in everything for one in objects.values()):
        return "its ETags are given"
    return ""


def run(name: str, systems: PeerSystems) -> CaseOutcome:
    """One case: plan, apply, plan again, apply again."""
    text = Path(CASES[name]).read_text(encoding="utf-8")
    case = json.loads(text)
    if reason := why_not(case):
        return CaseOutcome(name, left_out=reason)
    pairs = [(case["s3"], case["expect"].get("s3", {}))]
    pairs += [(case["buckets"][bucket], one) for bucket, one in case["expect"].get("buckets", {}).items()]
    for there, expected in pairs:
        for key in [one for one in expected if DATED.search(one) and one not in there]:
            # A server dates what it is given itself, and that is the date of the original.
            expected[DATED.sub(".<date>.json", key)] = expected.pop(key)
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(case, file)
        file.flush()
        problems, _ = golden_runner.run_case(name, file.name, systems, skip_second=False, keep=None)
    if problems is None:
        return CaseOutcome(name, left_out="the DocDB server cannot hold what it needs")
    return CaseOutcome(name, problems=tuple(problems))


@contextmanager
def systems_on(peer: PeerS3, number: int, indexer: str) -> Iterator[PeerSystems]:
    """Everything that the cases need."""
    running = PeerSystems(peer, number, [indexer])
    try:
        yield running
    finally:
        running.close()


def _body(one: dict[str, Any]) -> bytes:
    return (
        base64.b64decode(one["body_b64"])
        if "body_b64" in one
        else one["body"].encode("utf-8", "surrogatepass")
    )
