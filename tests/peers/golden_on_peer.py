"""The golden cases on an S3 server that nobody here wrote: as they are recorded, but for what no other server can be told."""

from __future__ import annotations

import base64
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golden import run as golden_run
from golden.case import CASES, Case, Snapshot, load
from golden.systems import CaseSystems
from peers.relayed import WriteLog
from peers.servers import PeerS3
from shared.relay import HOST

DATED = re.compile(r"\.\d{8}\.json$")
LOST = re.compile(r"(?<!not) (deleted|overwritten|unexpected)$|written without need$|changed DocDB")
"""What is said of something that was not expected to change."""
STOPPED = re.compile(r"^apply exits with [14]\b")


class PeerSystems(CaseSystems):
    """S3 is a peer's; DocDB and Code Ocean are those of the golden cases. A relay notes every write to S3."""

    def __init__(self, peer: PeerS3) -> None:
        self._peer, self._log = peer, WriteLog(peer.port)
        self._buckets: set[str] = set()
        super().__init__()

    def s3_endpoint(self) -> str:
        """The relay."""
        return f"http://{HOST}:{self._log.endpoint_port}"

    def load_s3_and_codeocean(self, case: Case) -> None:
        """Buckets of earlier cases are gone."""
        self.ask("/_load", {"s3": {}, "codeocean": case["codeocean"]})
        self._forget_buckets()
        for bucket, objects in {case["bucket"]: case["s3"], **case["buckets"]}.items():
            self._peer.create_bucket(bucket)
            self._buckets.add(bucket)
            for key, one in objects.items():
                self._peer.put(bucket, key, _body(one))

    def forget_writes(self) -> None:
        """Note them from here on."""
        super().forget_writes()
        self._log.writes.clear()

    def journal(self) -> list[dict[str, Any]]:
        """The writes to the peer, and to Code Ocean."""
        of_s3 = [{"op": one.op, "bucket": one.bucket, "key": one.key} for one in self._log.writes]
        return [*super().journal(), *of_s3]

    def snapshot(self) -> Snapshot:
        """The three systems as they are."""
        return super().snapshot() | {"s3": {one: self._peer.objects(one) for one in self._buckets}}

    def close(self) -> None:
        """Stop what was started, and leave the peer without a bucket."""
        self._forget_buckets()
        super().close()
        self._log.close()

    def _forget_buckets(self) -> None:
        for bucket in self._buckets:
            self._peer.forget(bucket)
        self._buckets = set()


@dataclass(frozen=True)
class CaseOutcome:
    """What came of a case: `left out` (why), or what did not hold."""

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
    text = CASES[name].read_text(encoding="utf-8")
    case = json.loads(text)
    if reason := why_not(case):
        return CaseOutcome(name, left_out=reason)
    pairs = [(case["s3"], case["expect"].get("s3", {}))]
    pairs += [(case["buckets"][bucket], one) for bucket, one in case["expect"].get("buckets", {}).items()]
    for there, expected in pairs:
        for key in [one for one in expected if DATED.search(one) and one not in there]:
            # A server dates what it is given itself, and that is the date of the original.
            expected[DATED.sub(".<date>.json", key)] = expected.pop(key)
    with tempfile.TemporaryDirectory(prefix="golden-") as folder:
        problems = golden_run.run(load(json.dumps(case)), systems, Path(folder))
    return CaseOutcome(name, problems=tuple(problems))


@contextmanager
def systems_on(peer: PeerS3) -> Iterator[PeerSystems]:
    """Everything that the cases need."""
    running = PeerSystems(peer)
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
