"""S3 servers that nobody here wrote, each started on 127.0.0.1 and gone at the end: ministack and Ceph's radosgw.

ministack lives in an environment of its own (.venv/peers, made by `make`); radosgw comes from Debian (`apt-get install radosgw
ceph-mon ceph-osd ceph-common`). Raises MissingServerError where one cannot be had.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

from indexer_sandbox.s3 import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from shared.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv" / "peers" / "bin" / "python"
CEPH = ("ceph-mon", "ceph-osd", "ceph", "radosgw", "radosgw-admin", "monmaptool")
HOST = "127.0.0.1"
STARTS = 5


class MissingServerError(Exception):
    """This server cannot be started here; its text says what is missing."""


@dataclass(frozen=True)
class PeerS3:
    """A server that runs, with what the seed, the contract suite and the golden cases want of one."""

    name: str
    endpoint: str

    @cached_property
    def client(self) -> Any:
        """A plain client, which `started` closes."""
        session = botocore.session.get_session()
        session.set_credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY)
        config = Config(request_checksum_calculation="when_required", s3={"addressing_style": "path"})
        return session.create_client("s3", region_name=REGION, endpoint_url=self.endpoint, config=config)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.endpoint.rpartition(":")[2])

    def create_bucket(self, bucket: str, *, versioned: bool = False, private: bool = False) -> None:
        """Make an empty bucket. None of these servers lets anybody read unsigned: each is private."""
        where = (
            {"CreateBucketConfiguration": {"LocationConstraint": REGION}} if self.name == "ministack" else {}
        )
        self.client.create_bucket(Bucket=bucket, **where)
        if versioned:
            self.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def put(self, bucket: str, key: str, body: bytes, last_modified_at: datetime | None = None) -> None:
        """Store an object; it is as old as it is, whatever is asked for."""
        self.client.put_object(Bucket=bucket, Key=key, Body=body)

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Every object of a bucket as it stands now, by key."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [row["Key"] for page in pages for row in page.get("Contents", ())]
        return {key: self.client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def forget(self, bucket: str) -> None:
        """Delete a bucket without versions, and all that is in it."""
        for key in self.objects(bucket):
            self.client.delete_object(Bucket=bucket, Key=key)
        self.client.delete_bucket(Bucket=bucket)


@contextmanager
def started(name: str, endpoint: str) -> Iterator[PeerS3]:
    """A handle on a server that answers."""
    peer = PeerS3(name, endpoint)
    yield peer
    peer.client.close()


def free_port() -> int:
    """A port that nobody has right now."""
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def ministack(folder: Path) -> Iterator[PeerS3]:
    """ministack's S3."""
    if not PYTHON.exists():
        raise MissingServerError("ministack is not installed: make .venv/peers/ready")
    port = free_port()
    settings = {"BIND_HOST": HOST, "GATEWAY_PORT": str(port), "SERVICES": "s3", "MINISTACK_REGION": REGION}
    places = {"STATE_DIR": str(folder / "state"), "S3_DATA_DIR": str(folder / "s3"), "TMPDIR": str(folder)}
    with running([str(PYTHON), "-m", "ministack"], folder / "ministack.log", settings | places):
        endpoint = f"http://{HOST}:{port}"
        wait_for(f"{endpoint}/_ministack/health", folder / "ministack.log")
        with started("ministack", endpoint) as peer:
            yield peer


@contextmanager
def radosgw(folder: Path) -> Iterator[PeerS3]:
    """Ceph's gateway over one monitor and one OSD in memory, without authentication among them."""
    missing = [one for one in CEPH if shutil.which(one) is None]
    if missing:
        raise MissingServerError(f"{', '.join(missing)} is not installed (Debian: {' '.join(PACKAGES)})")
    monitor, port, disk = free_port(), free_port(), str(uuid.uuid4())
    cluster = str(uuid.uuid4())
    for one in ("mon", "osd", "rgw"):
        (folder / one).mkdir(parents=True)
    conf = folder / "ceph.conf"
    (folder / "keyring").touch()
    conf.write_text(CEPH_CONF.format(folder=folder, cluster=cluster, monitor=monitor, port=port))
    address, rgw = f"v1:{HOST}:{monitor}", ("-n", "client.rgw")

    def tool(program: str, *arguments: str) -> str:
        command = [program, "-c", str(conf), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
        except subprocess.TimeoutExpired as exc:
            raise MissingServerError(f"{program} does not come to an end") from exc
        if done.returncode:
            raise MissingServerError(f"{program} failed: {done.stderr[-500:]}")
        return done.stdout

    def is_up() -> bool:
        return bool(json.loads(tool("ceph", "osd", "stat", "--format", "json"))["num_up_osds"])

    with ExitStack() as stack:

        def daemon(program: str, *arguments: str) -> subprocess.Popen[bytes]:
            command = [program, "-c", str(conf), *arguments, "-f"]
            return stack.enter_context(running(command, folder / f"{program}.out", {}))

        tool("monmaptool", "--create", "--addv", "a", address, "--fsid", cluster, str(folder / "monmap"))
        tool("ceph-mon", "-i", "a", "--mkfs", "--monmap", str(folder / "monmap"))
        daemon("ceph-mon", "-i", "a")
        tool("ceph", "--connect-timeout", "30", "osd", "new", disk)
        tool("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk)
        # On a busy machine it may ask before it has the monitor's map, is refused ("wrong fsid"), and ends.
        if not any(_comes_up(daemon("ceph-osd", "-i", "0"), is_up) for _ in range(STARTS)):
            raise MissingServerError(f"ceph-osd does not join its monitor: {folder / 'osd.0.log'}")
        daemon("radosgw", *rgw)
        keys = (f"--access-key={ACCESS_KEY_ID}", f"--secret-key={SECRET_ACCESS_KEY}")
        tool("radosgw-admin", *rgw, "user", "create", "--uid=tests", "--display-name=tests", *keys)
        golden = ("--access-key=test", "--secret-key=test")  # as the golden cases' runner signs
        tool("radosgw-admin", *rgw, "key", "create", "--uid=tests", "--key-type=s3", *golden)
        endpoint = f"http://{HOST}:{port}"
        wait_for(endpoint, folder / "radosgw.out")
        with started("radosgw", endpoint) as peer:
            yield peer


def _comes_up(process: subprocess.Popen[bytes], is_up: Callable[[], bool]) -> bool:
    """Waits for it. False where the process has ended instead."""
    until = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < until:
        if is_up():
            return True
        time.sleep(0.2)
    return False


@contextmanager
def running(command: list[str], log: Path, settings: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process, ended by its id."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "INDEXER_"))}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=own | settings, cwd=log.parent
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(url: str, log: Path) -> None:
    """Until it answers."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise MissingServerError(f"it did not start: {log.read_text(errors='replace')[-500:]}")


PACKAGES = ("radosgw", "ceph-mon", "ceph-osd", "ceph-common")
"""Debian's."""
CEPH_CONF = """[global]
fsid = {cluster}
mon initial members = a
mon host = v1:127.0.0.1:{monitor}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms bind msgr2 = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 5000
osd objectstore = memstore
memstore device bytes = 2147483648
run dir = {folder}
admin socket = {folder}/$name.$pid.asok
log file = {folder}/$name.log
keyring = {folder}/keyring
mon data = {folder}/mon
osd data = {folder}/osd
[mon.a]
mon addr = 127.0.0.1:{monitor}
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw data = {folder}/rgw
"""
