"""Real servers on loopback, real drivers, the real command."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pymongo

from indexer_sandbox.codeocean import CodeOceanServer
from indexer_sandbox.docdb import DocDBServer
from indexer_sandbox.s3 import S3Server
from indexer_sandbox.stack import MANAGED_BUCKETS, RESULTS_BUCKET, Sandbox
from shared import warm
from shared.memory.stored import STRANGER
from shared.patience import PATIENCE_S

BUCKET = "aind-open-data"
INDEXER = str(Path(sys.executable).with_name("indexer"))


_idle: list[DocDBServer] = []
"""Those that earlier tests have done with."""


@contextmanager
def empty_systems() -> Iterator[Sandbox]:
    """The sandbox's three servers, empty. DocDB, a process that takes a second to start, is emptied and used again."""
    with ExitStack() as stack:
        s3, codeocean = S3Server(), CodeOceanServer()
        stack.callback(s3.close)
        stack.callback(codeocean.close)
        docdb = _idle.pop() if _idle else _new_docdb()
        stack.callback(_idle.append, docdb)
        with pymongo.MongoClient[dict[str, Any]](docdb.uri) as client:
            for name in set(client.list_database_names()) - {"admin", "config", "local"}:
                client.drop_database(name)
        yield Sandbox(s3, docdb, codeocean)


def _new_docdb() -> DocDBServer:
    server = DocDBServer(Path(tempfile.gettempdir()))
    atexit.register(server.close)
    return server


@contextmanager
def working_at(folder: Path) -> Iterator[Workbench]:
    """Empty systems, and a workbench in this folder."""
    folder.mkdir(exist_ok=True)
    with empty_systems() as sandbox:
        bench = Workbench(sandbox, folder)
        yield bench
        bench.close()


def our_bytes(value: Any) -> bytes:
    """The bytes of a file in step."""
    return json.dumps(value, indent=3, ensure_ascii=False, sort_keys=True).encode()


@dataclass
class Workbench:
    """A sandbox without a seed, and the command pointed at it."""

    sandbox: Sandbox
    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def database(self) -> pymongo.database.Database[dict[str, Any]]:
        """The database of v1."""
        return self._client["metadata_index"]

    def records(self, generation: str = "v1") -> pymongo.collection.Collection[dict[str, Any]]:
        """One generation's collection."""
        database = {"v1": "metadata_index", "v2": "metadata_index_v2"}[generation]
        return self._client[database]["data_assets"]

    def __post_init__(self) -> None:
        self._client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(self.sandbox.docdb_uri)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("INDEXER", "AWS_", "OTEL_"))}
        self.env = {**kept, **self.sandbox.environment(), "COLUMNS": "120"}
        for bucket in (*MANAGED_BUCKETS, RESULTS_BUCKET):
            self.sandbox.s3.create_bucket(bucket)
        # v2 is nobody's business here; a collection that holds nothing at all would be doubted.
        self.records("v2").insert_one(dict(STRANGER))
        (self.folder / "indexer.toml").write_text(self.sandbox.config_toml(), encoding="utf-8")

    def close(self) -> None:
        """Let go of the database."""
        self._client.close()

    def put(self, key: str, body: bytes, bucket: str = BUCKET) -> None:
        """Put an object."""
        self.sandbox.s3.put(bucket, key, body)

    def remove(self, key: str, bucket: str = BUCKET) -> None:
        """Take an object away."""
        boto3.client(
            "s3",
            endpoint_url=self.sandbox.s3_endpoint,
            aws_access_key_id="x",
            aws_secret_access_key="x",
            region_name="us-west-2",
        ).delete_object(Bucket=bucket, Key=key)

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the command as a user would."""
        if not any(name.startswith("PYTHON") for name in env):  # which only a new interpreter obeys
            return warm.run(arguments, self.folder, self.env | env)
        return subprocess.run(
            [INDEXER, *arguments],
            cwd=self.folder,
            env=self.env | env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def plan(self, *arguments: str, name: str = "plan.json") -> dict[str, Any]:
        """Plan; must succeed, and must send no write."""
        s3, codeocean = len(self.sandbox.s3.log), len(self.sandbox.codeocean.log)
        done = self.run("plan", "--out", name, *(arguments or ("--bucket", BUCKET)))
        assert done.returncode == 0, done.stderr
        assert not self.sandbox.s3.log.writes(s3)
        assert not self.sandbox.codeocean.log.writes(codeocean)
        loaded: dict[str, Any] = json.loads((self.folder / name).read_text())
        return loaded

    def apply(self, name: str = "plan.json") -> None:
        """Apply; everything must succeed."""
        done = self.run("apply", name)
        assert done.returncode == 0, done.stderr

    def insert_in_step(self, prefix: str, **fields: Any) -> dict[str, Any]:
        """A v1 record whose files are all in step."""
        core = [
            "subject",
            "data_description",
            "procedures",
            "session",
            "rig",
            "processing",
            "acquisition",
            "instrument",
            "quality_control",
        ]
        record = {
            "_id": f"id of {prefix}",
            "name": prefix,
            "location": f"s3://{BUCKET}/{prefix}",
            "created": "2025-05-01T10:20:30.123456Z",
            "last_modified": "2025-06-02T11:22:33.654321Z",
            "metadata_status": "Valid",
            "external_links": {},
            **dict.fromkeys(core),
            **fields,
        }
        self.records().insert_one(dict(record))
        for name in core:
            if record[name] is not None:
                self.put(f"{prefix}/{name}.json", our_bytes(record[name]))
                self.put(f"{prefix}/original_metadata/{name}.20250501.json", b"{}")
        self.put(f"{prefix}/metadata.nd.json", our_bytes(record))
        return record
