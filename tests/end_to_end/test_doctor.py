"""`indexer doctor` on real servers: what is there, what is down, denied or missing, and a probe that leaves nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from jsonschema import Draft202012Validator
from workbench import BUCKET, INDEXER, Workbench

from indexer.runs.schemas import schema_of
from indexer.systems.checks_docdb import host_checks
from indexer_sandbox.faults import Fault
from indexer_sandbox.stack import MANAGED_BUCKETS, RESULTS_BUCKET
from shared.gate import Gate
from shared.patience import PATIENCE_S
from shared.proxy import FaultyProxy
from shared.relay import Instead, Relay, document_of, hello_says, same

Row = dict[str, str]
SCHEMA = Draft202012Validator(schema_of("checkup"))
PROBE = "s3-conditional-writes"
UNSUPPORTED = b"<Error><Code>NotImplemented</Code><Message>A header is not supported</Message></Error>"


@pytest.fixture
def ready(workbench: Workbench) -> Workbench:
    """Everything that a run needs, and all that doctor advises but for a role: nx-27017 has none."""
    (workbench.folder / "indexer.toml").chmod(0o600)  # it holds the token
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    for bucket in (*MANAGED_BUCKETS, RESULTS_BUCKET):
        workbench.put("other/subject.json", b"{}", bucket)
    for generation in ("v1", "v2"):
        workbench.records(generation).create_index("location")
    workbench.sandbox.codeocean.put(
        {
            "id": "00000000-0000-4000-8000-000000000001",
            "created": 1,
            "name": "asset",
            "mount": "asset",
            "last_used": 0,
            "owner": "o",
            "state": "ready",
            "tags": [],
            "type": "dataset",
            "source_bucket": {"origin": "aws", "bucket": BUCKET, "prefix": "asset", "external": True},
        }
    )
    with closing(client(workbench)) as s3:
        for bucket in MANAGED_BUCKETS:
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
            by_default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
            s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [by_default]})
    return workbench


def client(bench: Workbench) -> Any:
    """A plain client."""
    return boto3.client(
        "s3",
        endpoint_url=bench.sandbox.s3_endpoint,
        aws_access_key_id="x",
        aws_secret_access_key="x",
        region_name="us-west-2",
    )


def doctor(bench: Workbench, *arguments: str, status: int = 0, **env: str) -> list[Row]:
    """The checks of one run, which must exit so."""
    done = bench.run("doctor", "--format", "json", *arguments, **env)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    SCHEMA.validate(found)
    assert found["exit_code"] == status
    assert sum(found["counts"].values()) == len(found["checks"])
    return list(found["checks"])


def the(rows: list[Row], name: str, about: str = "") -> Row:
    """The one check of this name (and of this bucket or collection)."""
    (row,) = (one for one in rows if one["name"] == name and about in one["about"])
    return row


def statuses(rows: list[Row]) -> dict[tuple[str, str], str]:
    """Status by name and what it is about."""
    return {(row["name"], row["about"]): row["status"] for row in rows}


def but(rows: list[Row], status: str) -> set[str]:
    """The names of the checks that do not have this status."""
    return {row["name"] for row in rows if row["status"] != status}


def test_all_is_well_and_nothing_is_written(ready: Workbench) -> None:
    """All ok but what nx-27017 cannot tell; as text, one line each."""
    before = set(ready.database().client.list_database_names()), ready.records().find_one()
    logged = len(ready.sandbox.s3.log)
    rows = doctor(ready)
    assert but(rows, "ok") == {"docdb-role", PROBE}
    assert the(rows, "docdb-role")["status"] == "warning"
    assert {row["status"] for row in rows if row["name"] == PROBE} == {"not-tried"}
    assert "server version" in the(rows, "docdb-connection")["detail"]
    assert "DocumentDB 5.0" in the(rows, "docdb-connection")["detail"]
    assert "version 4.8.0 or newer" in the(rows, "codeocean-token")["detail"]
    assert the(rows, "configuration") == {
        "name": "configuration",
        "about": "indexer.toml",
        "status": "ok",
        "detail": "2 managed buckets, v1 and v2",
        "hint": "",
    }
    done = ready.run("doctor")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, len(rows))
    assert done.stderr == "A run has what it needs: 0 errors, 1 warning, 25 ok, 2 not tried.\n"
    assert not ready.sandbox.s3.log.writes(logged)
    assert not ready.sandbox.codeocean.log.writes()
    assert (set(ready.database().client.list_database_names()), ready.records().find_one()) == before


def test_one_system_down_stops_no_other(ready: Workbench) -> None:
    """Its host is an error, what rests on it was not tried, the rest is as before."""
    dead = "127.0.0.1:9"
    for host, system, env in (
        ("docdb-host", "docdb", {"INDEXER_DOCDB__URI": f"mongodb://user:hushhush@{dead}"}),
        ("codeocean-host", "codeocean", {"INDEXER_CODEOCEAN__DOMAIN": f"http://{dead}"}),
        ("s3-endpoint", "s3", {"AWS_ENDPOINT_URL_S3": f"http://{dead}"}),
    ):
        rows = doctor(ready, status=1, **env)
        assert the(rows, host)["about"] == dead
        for row in rows:
            own = row["name"].startswith(f"{system}-")
            expected = (
                {"error"} if row["name"] == host else {"not-tried"} if own else {"ok", "warning", "not-tried"}
            )
            assert row["status"] in expected, row
        assert "hush" not in json.dumps(rows)


def test_a_name_that_does_not_resolve(ready: Workbench) -> None:
    """DNS is told from a host that is down; one host of several is only a warning where another answers."""
    rows = doctor(ready, status=1, INDEXER_CODEOCEAN__DOMAIN="https://nowhere.invalid")
    assert "does not resolve" in the(rows, "codeocean-host")["detail"]
    several = f"mongodb://127.0.0.1:{ready.sandbox.docdb.port},nowhere.invalid:27017/"
    assert [check.status for check in host_checks(several, None)] == ["ok", "warning"]
    assert [check.status for check in host_checks("mongodb://nowhere.invalid", None)] == ["error"]


def test_behind_a_proxy_the_host_is_not_looked_for(ready: Workbench) -> None:
    """Only the proxy knows it; what is wrong then shows in what rests on it. The proxy's password does not."""
    proxy = {"HTTPS_PROXY": "http://user:hushhush@127.0.0.1:9", "NO_PROXY": ""}
    rows = doctor(ready, status=1, INDEXER_CODEOCEAN__DOMAIN="https://nowhere.invalid", **proxy)
    assert "through a proxy" in the(rows, "codeocean-host")["detail"]
    assert the(rows, "codeocean-token")["status"] == "error"
    assert "hush" not in json.dumps(rows)


def test_what_is_refused_or_missing_is_named_with_what_to_do(ready: Workbench) -> None:
    """A wrong token, a missing bucket, a missing collection and a missing index, all in one run."""
    ready.records().drop_index(
        "location_1" if "location_1" in ready.records().index_information() else "idx_data_assets_location"
    )
    collections = ready.database().list_collection_names()
    rows = doctor(
        ready,
        "--write-probe",
        status=1,
        INDEXER_CODEOCEAN__TOKEN="cop_wronghush",
        INDEXER_BUCKETS=f'["{BUCKET}", "no-such-bucket"]',
        INDEXER_DOCDB__V2__COLLECTION="data_asets",
    )
    token = the(rows, "codeocean-token")
    assert (token["status"], "Renew the token" in token["hint"]) == ("error", True)
    assert the(rows, "s3-list", "no-such-bucket")["detail"].startswith("There is no such bucket")
    assert {row["status"] for row in rows if row["about"] == "no-such-bucket"} == {"error", "not-tried"}
    assert the(rows, PROBE, BUCKET)["status"] == "ok"
    missing = the(rows, "docdb-collection", "data_asets")
    assert missing["status"] == "error"
    assert "`docdb.v2.database`" in missing["hint"]
    assert 'db.getSiblingDB("metadata_index_v2").createCollection("data_asets")' in missing["hint"]
    assert the(rows, "docdb-index", "data_asets")["status"] == "not-tried"
    index = the(rows, "docdb-index", "metadata_index.data_assets")
    command = 'db.getSiblingDB("metadata_index").getCollection("data_assets").createIndex({"location": 1})'
    assert (index["status"], index["hint"]) == ("warning", command)
    assert ready.database().list_collection_names() == collections
    assert "hush" not in json.dumps(rows)


def test_a_collection_that_holds_nothing_may_be_the_wrong_one(ready: Workbench) -> None:
    """A warning, in words that name the table and the way on; its index is looked at all the same."""
    ready.records("v2").delete_many({})
    rows = doctor(ready)
    empty = the(rows, "docdb-collection", "metadata_index_v2")
    assert empty["status"] == "warning"
    assert "mistyped" in empty["detail"]
    assert "`docdb.v2.database`" in empty["hint"]
    assert "`--allow-empty docdb`" in empty["hint"]
    assert the(rows, "docdb-index", "metadata_index_v2")["status"] == "ok"
    assert the(rows, "docdb-collection", "metadata_index.")["status"] == "ok"


def test_a_configuration_that_is_not_valid(ready: Workbench) -> None:
    """It is the first check, and nothing else can be tried; the file is named."""
    (ready.folder / "wrong.toml").write_text('bucket = ["b"]\n')
    rows = doctor(ready, "--config", "wrong.toml", status=1)
    assert (rows[0]["about"], rows[0]["status"]) == ("wrong.toml", "error")
    assert "did you mean buckets?" in rows[0]["detail"]
    assert {row["status"] for row in rows[1:]} == {"not-tried"}
    assert (ready.folder / "indexer.toml").exists()
    (ready.folder / "indexer.toml").unlink()
    assert doctor(ready, status=1)[0]["about"] == "the environment"


def test_denied_in_s3_and_no_default_is_told(ready: Workbench) -> None:
    """Listing denied is an error; versioning and encryption that may not be looked at are unknown: warnings."""
    faults = ready.sandbox.s3.faults
    faults.add(Fault("ListObjectsV2", 403, count=None, contains=BUCKET))
    faults.add(Fault("GetBucketVersioning", 403, count=None, contains=BUCKET))
    faults.add(Fault("Other", 403, count=None, contains=BUCKET))
    rows = doctor(ready, status=1)
    assert {name: status for (name, about), status in statuses(rows).items() if about == BUCKET} == {
        "s3-list": "error",
        "s3-get": "not-tried",
        "s3-versioning": "warning",
        "s3-encryption": "warning",
        PROBE: "not-tried",
    }
    for name in ("s3-versioning", "s3-encryption"):
        row = the(rows, name, BUCKET)
        assert row["detail"].startswith("unknown: S3 denies access")
        assert "docs/permissions.md" in row["hint"]
    assert the(rows, "s3-get", RESULTS_BUCKET)["status"] == "ok"
    faults.clear()
    faults.add(Fault("GetObject", 403, count=None, contains=BUCKET))
    assert the(doctor(ready, status=1), "s3-get", BUCKET)["status"] == "error"


def test_advice_on_how_buckets_are_set_up(workbench: Workbench) -> None:
    """New buckets: no versioning, no encryption, nothing to read; the results bucket is nobody's to set up."""
    rows = doctor(workbench, status=1, INDEXER_DOCDB__V2__DATABASE="metadata_index_v3")
    for name in ("s3-versioning", "s3-encryption"):
        assert the(rows, name, BUCKET)["status"] == "warning"
        assert the(rows, name, RESULTS_BUCKET)["status"] == "ok"
    assert f"--bucket {BUCKET} " in the(rows, "s3-versioning", BUCKET)["hint"]
    assert the(rows, "codeocean-token")["status"] == "warning"
    with closing(client(workbench)) as s3:
        kms = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"}}
        s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [kms]})
        suspended = {"Status": "Suspended"}
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=suspended)
    rows = doctor(workbench, status=1)
    assert the(rows, "s3-encryption", BUCKET)["detail"].startswith("aws:kms")
    assert the(rows, "s3-versioning", BUCKET)["detail"].startswith("suspended")


def test_a_primary_is_wanted(ready: Workbench) -> None:
    """A read preference in the URI does nothing; a server that is a secondary is an error."""
    uri = ready.sandbox.docdb_uri
    settings = the(
        doctor(ready, INDEXER_DOCDB__URI=f"{uri}&readPreference=secondaryPreferred"), "docdb-settings"
    )
    assert settings["status"] == "warning"
    relay = Relay(ready.sandbox.docdb.port, "mongodb", answered=as_secondary)
    try:
        direct = f"mongodb://127.0.0.1:{relay.port}/?directConnection=true"
        rows = doctor(ready, status=1, INDEXER_DOCDB__URI=direct)
        planned = ready.run("plan", "--bucket", BUCKET, INDEXER_DOCDB__URI=direct)
    finally:
        relay.close()
    assert the(rows, "docdb-settings")["status"] == "error"
    assert "not a primary" in the(rows, "docdb-settings")["detail"]
    assert planned.returncode == 1
    assert "not a primary" in planned.stderr


def test_a_clock_that_is_off_is_an_error(ready: Workbench) -> None:
    """Of either system, by itself."""

    def a_day_ahead(answer: bytes) -> bytes:
        told = document_of(answer).get("localTime")
        return (
            hello_says(answer, localTime=told + timedelta(days=1)) if isinstance(told, datetime) else answer
        )

    relay = Relay(ready.sandbox.docdb.port, "mongodb", answered=a_day_ahead)
    try:
        uri = f"mongodb://127.0.0.1:{relay.port}/?directConnection=true"
        rows = doctor(ready, status=1, INDEXER_DOCDB__URI=uri)
    finally:
        relay.close()
    assert (the(rows, "clock", "DocDB")["status"], the(rows, "clock", "S3")["status"]) == ("error", "ok")
    assert "behind DocDB's" in the(rows, "clock", "DocDB")["detail"]


def as_secondary(answer: bytes) -> bytes:
    """A hello's answer as a member of a replica set gives it that is not the primary."""
    return hello_says(answer, isWritablePrimary=False, secondary=True, setName="rs0", hosts=["127.0.0.1:9"])


@contextmanager
def through(bench: Workbench, asked: Callable[[bytes], bytes | Instead]) -> Iterator[dict[str, str]]:
    """The environment in which S3 is reached through a relay that does this to requests."""
    relay = Relay(bench.sandbox.s3.port, "http", asked=asked)
    yield {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{relay.port}"}
    relay.close()


def ignoring(method: bytes, header: bytes) -> Callable[[bytes], bytes | Instead]:
    """A server that does not know a condition, and does not say so."""

    def asked(request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        if lines[0].startswith(method):
            lines = [line for line in lines if not line.lower().startswith(header + b":")]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    return asked


def unsupported(method: bytes) -> Callable[[bytes], bytes | Instead]:
    """A server that refuses every condition on such a request."""

    def asked(request: bytes) -> bytes | Instead:
        head = request.partition(b"\r\n\r\n")[0].lower()
        if not request.startswith(method) or b"\r\nif-" not in head:
            return same(request)
        return Instead(b"HTTP/1.1 501 x\r\nContent-Length: %d\r\n\r\n%b" % (len(UNSUPPORTED), UNSUPPORTED))

    return asked


def left_behind(bench: Workbench) -> list[str]:
    """Keys that a probe put into any managed bucket."""
    return [key for bucket in MANAGED_BUCKETS for key in bench.sandbox.s3.objects(bucket) if "doctor" in key]


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        (same, "ok", "put and delete obey"),
        (ignoring(b"PUT", b"if-none-match"), "error", "ignored: put If-None-Match over an object"),
        (ignoring(b"PUT", b"if-match"), "error", "ignored: put If-Match with an old ETag"),
        (ignoring(b"DELETE", b"if-match"), "error", "ignored: delete If-Match with an old ETag"),
        (unsupported(b"PUT"), "error", "not known to this server (501): put If-None-Match on a new key"),
        (
            unsupported(b"DELETE"),
            "warning",
            "not known to this server (501): delete If-Match with an old ETag",
        ),
    ],
    ids=["obeys", "no-none-match", "no-match", "no-delete-match", "put-501", "delete-501"],
)
def test_the_write_probe_tells_and_removes_its_key(
    workbench: Workbench, asked: Callable[[bytes], bytes | Instead], status: str, words: str
) -> None:
    """Whatever the server does with conditions, nothing is left, and the results bucket is never written to."""
    for generation in ("v1", "v2"):
        workbench.records(generation).create_index("location")
    kept = {bucket: workbench.sandbox.s3.objects(bucket) for bucket in MANAGED_BUCKETS}
    with through(workbench, asked) as env:
        rows = doctor(workbench, "--write-probe", status=1 if status == "error" else 0, **env)
    assert {row["about"] for row in rows if row["name"] == PROBE} == set(MANAGED_BUCKETS)
    assert {row["status"] for row in rows if row["name"] == PROBE} == {status}
    assert words in the(rows, PROBE, BUCKET)["detail"]
    assert {bucket: workbench.sandbox.s3.objects(bucket) for bucket in MANAGED_BUCKETS} == kept
    written = workbench.sandbox.s3.log.writes()
    assert written
    assert RESULTS_BUCKET not in {one.bucket for one in written}


def test_a_probe_that_fails_on_the_way_is_removed_and_one_that_cannot_be_is_named(ready: Workbench) -> None:
    """A refused write after the first one; then a server that deletes nothing."""
    faults = ready.sandbox.s3.faults
    faults.add(Fault("PutObject", 403, after=1, count=None))
    probe = the(doctor(ready, "--write-probe", status=1), PROBE, BUCKET)
    assert "S3 denies access" in probe["detail"]
    assert left_behind(ready) == []
    faults.clear()
    faults.add(Fault("DeleteObject", 403, count=None))
    probe = the(doctor(ready, "--write-probe", status=1), PROBE, BUCKET)
    assert probe["detail"].startswith("The probe is left behind")
    assert any(key in probe["detail"] for key in left_behind(ready))
    assert len(left_behind(ready)) == len(MANAGED_BUCKETS)


def test_an_interrupted_probe_is_removed(ready: Workbench) -> None:
    """SIGTERM while a write is under way: it gets there too, and finds nothing to replace."""
    log, gate = ready.sandbox.s3.log, Gate(b"PUT /", 2, late=True)
    proxy = FaultyProxy(ready.sandbox.s3.port, "http")
    proxy.gate = gate
    with subprocess.Popen(
        [INDEXER, "doctor", "--write-probe"],
        cwd=ready.folder,
        env=ready.env | {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{proxy.port}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        gate.reached(process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + signal.SIGTERM
    gate.open()
    deadline = time.monotonic() + PATIENCE_S
    while log.counts()["PutObject"] < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    proxy.close()
    assert left_behind(ready) == []
