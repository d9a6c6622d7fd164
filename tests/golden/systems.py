"""The three systems that a case is loaded into, what was written to them, and the command that is led to them."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pymongo
import tomlkit

from golden.case import LINKS, Case, Snapshot
from indexer_sandbox.docdb import DocDBServer
from shared import warm
from shared.commands import Finished
from shared.patience import PATIENCE_S
from shared.relay import HOST, Relay, document_of

TESTS = Path(__file__).resolve().parents[1]
DATABASES = {"docdb_v1": "metadata_index", "docdb_v2": "metadata_index_v2"}
COLLECTION = "data_assets"
WRITES = {
    *("insert", "update", "delete", "findAndModify", "findandmodify", "bulkWrite"),
    *("create", "createIndexes", "drop", "dropIndexes", "dropDatabase", "renameCollection", "collMod"),
}
STAGES_THAT_WRITE = ("$out", "$merge")
_open = build_opener(ProxyHandler({})).open


class CaseSystems:
    """Fakes of S3 and Code Ocean in one process, and the sandbox's DocDB behind a relay that notes writes."""

    def __init__(self) -> None:
        self.s3_port, self.codeocean_port = self._start_fakes()
        self._docdb = DocDBServer(Path(tempfile.gettempdir()))
        self._relay = Relay(self._docdb.port, "mongodb", asked=self._noted)
        self._lock = threading.Lock()
        self._docdb_writes: list[int] = []
        self._seen = 0
        self.client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(self._docdb.uri)
        self.known_ids: dict[tuple[str, str], Any] = {}

    def _start_fakes(self) -> tuple[int, int]:
        self._fakes = subprocess.Popen(
            [sys.executable, "-m", "golden.fakes"], cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._fakes.stdout is not None
        _, s3, codeocean = self._fakes.stdout.readline().split()
        return int(s3), int(codeocean)

    @property
    def docdb_uri(self) -> str:
        """Through the relay that notes writes."""
        return f"mongodb://{HOST}:{self._relay.port}/?directConnection=true"

    def close(self) -> None:
        """Stop all of it."""
        self.client.close()
        self._relay.close()
        self._docdb.close()
        self._fakes.kill()
        self._fakes.wait()
        for stream in (self._fakes.stdin, self._fakes.stdout):
            if stream is not None:
                stream.close()

    def _noted(self, message: bytes) -> bytes:
        command = document_of(message)
        name = next(iter(command), "")
        stages = command.get("pipeline") or []
        if name in WRITES or any(one in stage for stage in stages for one in STAGES_THAT_WRITE):
            several = (command.get(one) for one in ("documents", "updates", "deletes", "ops"))
            with self._lock:
                self._docdb_writes.append(next((len(one) for one in several if one), 1))
        return message

    def load(self, case: Case) -> None:
        """The case's state, and what shall fail."""
        self.load_s3_and_codeocean(case)
        for generation in LINKS:
            self.records(generation).delete_many({})
            if case[generation]:
                self.records(generation).insert_many([dict(one) for one in case[generation]])

    def load_s3_and_codeocean(self, case: Case) -> None:
        """Both at once."""
        s3 = {case["bucket"]: case["s3"], **case["buckets"]}
        self.ask("/_load", {"s3": s3, "codeocean": case["codeocean"]})
        self.ask("/_fault", case["faults"])

    def records(self, generation: str) -> pymongo.collection.Collection[dict[str, Any]]:
        """A generation's collection."""
        return self.client[DATABASES[generation]][COLLECTION]

    def other_collections(self) -> list[str]:
        """Collections that nobody asked for."""
        databases = set(self.client.list_database_names()) - {"admin", "local", "config"}
        names = {f"{one}.{name}" for one in databases for name in self.client[one].list_collection_names()}
        return sorted(names - {f"{one}.{COLLECTION}" for one in DATABASES.values()})

    def snapshot(self) -> Snapshot:
        """The three systems as they are."""
        dump = self.ask("/_dump")
        s3 = {
            bucket: {key: base64.b64decode(one["body_b64"]) for key, one in objects.items()}
            for bucket, objects in dump["s3"].items()
        }
        return {"s3": s3, "codeocean": dump["codeocean"], **self.all_records()}

    def all_records(self) -> Snapshot:
        """Each generation's."""
        return {generation: list(self.records(generation).find({})) for generation in LINKS}

    def forget_writes(self) -> None:
        """Note them from here on."""
        self._seen = len(self.ask("/_journal"))
        with self._lock:
            self._docdb_writes.clear()

    def journal(self) -> list[dict[str, Any]]:
        """The writes to S3, which have a `key`, and to Code Ocean, which have an `id`."""
        found: list[dict[str, Any]] = self.ask("/_journal")[self._seen :]
        return found

    def docdb_writes(self) -> int:
        """How many records were written, or asked to be."""
        with self._lock:
            return sum(self._docdb_writes)

    def ask(self, path: str, value: Any = None) -> Any:
        """A request to the fakes' control."""
        data = None if value is None else json.dumps(value).encode("utf-8", "surrogatepass")
        with _open(Request(f"http://{HOST}:{self.s3_port}{path}", data), timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def s3_endpoint(self) -> str:
        """Where the command finds S3."""
        return f"http://{HOST}:{self.s3_port}"

    def run(self, folder: Path, *arguments: str) -> Finished:
        """The command in a folder, in a time zone that is not UTC."""
        return warm.run(arguments, folder, self._environment(folder))

    def _environment(self, folder: Path) -> Mapping[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "TZ": "America/Los_Angeles",
            "COLUMNS": "200",
            "NO_PROXY": "*",
            "AWS_ENDPOINT_URL_S3": self.s3_endpoint(),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-west-2",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(folder / "no-aws"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "no-aws"),
        }

    def configure(self, case: Case, folder: Path) -> None:
        """Write the case's `indexer.toml`."""
        settings = case["settings"]
        docdb: dict[str, Any] = {"uri": self.docdb_uri}
        for generation, own in settings["docdb"].items():
            database = DATABASES[f"docdb_{generation}"]
            docdb[generation] = {"database": database, "collection": COLLECTION, **own}
        config = {"buckets": settings["buckets"], "docdb": docdb}
        for name in ("lookback_days", "s3", "policy"):
            if settings.get(name) is not None:
                config[name] = settings[name]
        if settings.get("codeocean"):
            domain = f"http://{HOST}:{self.codeocean_port}"
            config["codeocean"] = {"domain": domain, "token": "golden-token", **settings["codeocean"]}
        (folder / "indexer.toml").write_text(tomlkit.dumps(config), encoding="utf-8")
