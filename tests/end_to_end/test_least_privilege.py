"""The policies of docs/permissions.md, as they stand there, on services that enforce them.

moto with IAM switched on, without the sandbox's gate: it checks each request's signature and whether the
user's policies allow its action on its resource. What it cannot show: whether S3 asks for more than one
permission where moto asks for one (KMS keys), nor 404 against 403 for
a missing key without ListBucket, nor which parameter or secret may be read, since it looks at the action only.
nx-27017 and the sandbox's Code Ocean know no roles, so DocDB's roles and Code Ocean's scopes are not tested here.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pymongo
import pytest
from botocore.exceptions import ClientError
from workbench import our_bytes

from indexer_sandbox.docdb import DocDBServer
from shared import warm
from shared.patience import PATIENCE_S

PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"
BUCKET, RESULTS, ORIGINALS = "somebodys-assets", "their-results", "first_uploads"
PLACEHOLDERS = {"aind-open-data": BUCKET, "codeocean-results": RESULTS, "original_metadata": ORIGINALS}
REGION = "us-west-2"


def documented() -> list[dict[str, Any]]:
    """The fenced policies of the page, in order, with the placeholders replaced as it says."""
    policies = []
    for fence in re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        for placeholder, name in PLACEHOLDERS.items():
            fence = fence.replace(placeholder, name)
        policies.append(json.loads(fence))
    return policies


@dataclass
class Cloud:
    """An S3 with IAM, a DocDB, and the command pointed at them."""

    endpoint: str
    docdb_uri: str
    folder: Path
    keys: dict[str, tuple[str, str]]
    """User → access key id and secret access key."""

    def client(self, user: str, service: str = "s3") -> Any:
        """A client with a user's credentials."""
        key, secret = self.keys[user]
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            region_name=REGION,
        )

    def objects(self) -> dict[str, bytes]:
        """What the bucket holds."""
        with closing(self.client("admin")) as s3:
            listed = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
            return {row["Key"]: s3.get_object(Bucket=BUCKET, Key=row["Key"])["Body"].read() for row in listed}

    def run(self, user: str, *typed: str) -> subprocess.CompletedProcess[str]:
        """The command, with a user's credentials."""
        key, secret = self.keys[user]
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("INDEXER", "AWS_"))}
        env = {
            **kept,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ENDPOINT_URL_SSM": self.endpoint,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.endpoint,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        return warm.run(typed, self.folder, env)


@pytest.fixture(scope="module")
def moto_endpoint() -> Iterator[str]:
    """moto in a process of its own, IAM not enforced yet."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    env = {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "1000000"}
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + PATIENCE_S
    try:
        while True:
            try:
                urllib.request.urlopen(f"{endpoint}/moto-api/", timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield endpoint
    finally:
        process.kill()
        process.wait()


def tell(endpoint: str, what: str, body: str = "") -> None:
    """Ask moto for something about itself."""
    headers = {"Content-Type": "text/plain"}
    request = urllib.request.Request(f"{endpoint}/moto-api/{what}", body.encode(), headers, method="POST")
    urllib.request.urlopen(request, timeout=PATIENCE_S).close()


def enforce(endpoint: str, after: int) -> None:
    """From now on, moto lets so many requests pass unseen."""
    tell(endpoint, "reset-auth", str(after))


def add_user(iam: Any, name: str, policies: list[dict[str, Any]]) -> tuple[str, str]:
    """A user with inline policies; returns its keys."""
    iam.create_user(UserName=name)
    for number, policy in enumerate(policies):
        iam.put_user_policy(UserName=name, PolicyName=f"policy-{number}", PolicyDocument=json.dumps(policy))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return made["AccessKeyId"], made["SecretAccessKey"]


@pytest.fixture
def cloud(moto_endpoint: str, tmp_path: Path) -> Iterator[Cloud]:
    """A bucket with every kind of write to be done in it, and users as the page has them."""
    enforce(moto_endpoint, 1_000_000)
    tell(moto_endpoint, "reset")
    keys = {"admin": ("setup", "setup")}
    docdb = DocDBServer(tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    cloud = Cloud(moto_endpoint, docdb.uri, work, keys)
    reading, writing, *_, settings = documented()
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    with closing(cloud.client("admin")) as s3, closing(cloud.client("admin", "iam")) as iam:
        for bucket in (BUCKET, RESULTS):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        keys["planner"] = add_user(iam, "planner", [reading])
        keys["applier"] = add_user(iam, "applier", [reading, writing])
        for statement in settings["Statement"]:
            statement["Resource"] = "*"  # moto asks for no other
        keys["reader"] = add_user(iam, "reader", [settings, reading])
        keys["stranger"] = add_user(iam, "stranger", [])
        keys["admin"] = add_user(iam, "admin", [everything])
        seed(cloud, s3)
    (work / "indexer.toml").write_text(
        f'buckets = ["{BUCKET}"]\ndocdb.uri = "{docdb.uri}"\ndocdb.v1 = {{}}\ns3.originals_folder = "{ORIGINALS}"\n'
    )
    enforce(moto_endpoint, 0)
    yield cloud
    docdb.close()


def seed(cloud: Cloud, s3: Any) -> None:
    """A file to write, one to adopt and copy, one to delete, one to write anew, and one asset to register."""
    record = {
        "_id": "id",
        "name": "asset",
        "location": f"s3://{BUCKET}/asset",
        "last_modified": "2025-06-02T11:22:33Z",
        "external_links": {},
        "subject": {"subject_id": "1"},
        "instrument": {"i": 1},
    }
    with pymongo.MongoClient[dict[str, Any]](cloud.docdb_uri) as client:
        client["metadata_index"]["data_assets"].insert_one(record)
    files = {
        "asset/data.bin": b"data",
        "asset/subject.json": b"{}",
        "asset/rig.json": b'{"rig": 1}',
        "asset/session.json": b'{"s": 1}',
        f"asset/{ORIGINALS}/session.20250101.json": b"{}",
        "new/data_description.json": b'{"data_level": "derived"}',
    }
    for key, body in files.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def test_the_page_has_a_policy_for_each(cloud: Cloud) -> None:
    """Reading: no action that changes anything. Writing: nothing on the results bucket."""
    reading, writing, *_, settings = documented()
    allowed = [one["Action"] for one in reading["Statement"]]
    assert set(allowed) == {"s3:ListBucket", "s3:GetObject"}
    assert RESULTS not in json.dumps(writing)
    assert {one["Action"] for one in writing["Statement"]} == {"s3:PutObject", "s3:DeleteObject"}
    allowed = [one["Action"] for one in settings["Statement"]]
    assert allowed == ["ssm:GetParameter", "secretsmanager:GetSecretValue"]


def test_the_planner_reads_and_the_applier_writes_with_what_the_page_gives(cloud: Cloud) -> None:
    """Plan with the reading policy; apply fails in words with it and succeeds with the writing one."""
    before = cloud.objects()
    planned = cloud.run("planner", "plan", "--all")
    assert planned.returncode == 0, planned.stderr
    plan = json.loads((cloud.folder / "plan.json").read_text())
    assert plan["summary"]["complete"]
    kinds = {"put-object", "copy-object", "delete-object", "insert-record", "update-record"}
    assert set(plan["summary"]["actions"]) == kinds
    reading = cloud.run("planner", "apply", "plan.json", "--results", "reading")
    assert reading.returncode == 4, reading.stderr
    assert "S3 denies access" in reading.stderr
    outcomes = json.loads((cloud.folder / "reading/result.json").read_text())["outcomes"]
    assert any(f"put s3://{BUCKET}/asset/{ORIGINALS}/subject." in one.get("detail", "") for one in outcomes)
    assert "Traceback" not in reading.stderr
    assert cloud.objects() == before
    written = cloud.run("applier", "apply", "plan.json", "--results", "reading")
    assert written.returncode == 0, written.stderr
    after = cloud.objects()
    assert after["asset/subject.json"] == our_bytes({"subject_id": "1"})
    assert after["asset/rig.json"] == our_bytes({"rig": 1})
    assert "asset/session.json" not in after
    assert [body for key, body in after.items() if key.startswith(f"asset/{ORIGINALS}/rig.")] == [
        b'{"rig": 1}'
    ]
    assert "new/metadata.nd.json" in after
    again = cloud.run("planner", "plan", "--all", "--detailed-exitcode")
    assert again.returncode == 0, again.stderr


def test_without_a_policy_nothing_is_planned(cloud: Cloud) -> None:
    """An S3 that says 403 to a listing is an error with a hint, not an empty bucket."""
    done = cloud.run("stranger", "plan", "--all")
    assert done.returncode == 1
    assert "docs/permissions.md" in done.stderr
    assert json.loads((cloud.folder / "plan.json").read_text())["actions"] == []


def test_settings_in_aws_are_read_with_what_the_page_gives(cloud: Cloud) -> None:
    """By whoever has the policy; everybody else is told what to allow."""
    file = cloud.folder / "indexer.toml"
    text = file.read_text().replace(f'docdb.uri = "{cloud.docdb_uri}"', 'docdb.secret = "indexer/docdb"')
    file.unlink()
    with (
        closing(cloud.client("admin", "ssm")) as ssm,
        closing(cloud.client("admin", "secretsmanager")) as secrets,
    ):
        ssm.put_parameter(Name="/indexer/config", Value=text, Type="SecureString")
        secrets.create_secret(Name="indexer/docdb", SecretString=json.dumps({"uri": cloud.docdb_uri}))
    config = ("--config", "ssm:/indexer/config")
    planned = cloud.run("reader", "plan", "--all", *config)
    assert planned.returncode == 0, planned.stderr
    assert json.loads((cloud.folder / "plan.json").read_text())["actions"]
    stranger = cloud.run("stranger", "plan", "--all", *config)
    assert (stranger.returncode, stranger.stdout) == (1, "")
    assert "AWS denies access" in stranger.stderr
    assert "→ Allow ssm:GetParameter" in stranger.stderr
    file.write_text(text)
    planner = cloud.run("planner", "plan", "--all")
    assert (planner.returncode, planner.stdout) == (1, "")
    assert "→ Allow secretsmanager:GetSecretValue" in planner.stderr


@pytest.mark.parametrize("user", ["planner", "applier"])
def test_nobody_writes_data_with_what_the_page_gives(cloud: Cloud, user: str) -> None:
    """Data objects can neither be written nor deleted nor read, and the results bucket never changes."""
    with closing(cloud.client(user)) as s3:
        attempts = {
            "write data": lambda: s3.put_object(Bucket=BUCKET, Key="asset/data.bin", Body=b"x"),
            "write new data": lambda: s3.put_object(Bucket=BUCKET, Key="asset/new.bin", Body=b"x"),
            "write notes": lambda: s3.put_object(Bucket=BUCKET, Key="asset/notes.json", Body=b"x"),
            "write at the top": lambda: s3.put_object(Bucket=BUCKET, Key="subject.json", Body=b"x"),
            "delete data": lambda: s3.delete_object(Bucket=BUCKET, Key="asset/data.bin"),
            "delete metadata": lambda: s3.delete_object(Bucket=BUCKET, Key="asset/metadata.nd.json"),
            "delete an original": lambda: s3.delete_object(
                Bucket=BUCKET, Key=f"asset/{ORIGINALS}/session.20250101.json"
            ),
            "read data": lambda: s3.get_object(Bucket=BUCKET, Key="asset/data.bin"),
            "write a result": lambda: s3.put_object(Bucket=RESULTS, Key="r/subject.json", Body=b"x"),
            "delete a result": lambda: s3.delete_object(Bucket=RESULTS, Key="r/subject.json"),
            "delete the bucket": lambda: s3.delete_bucket(Bucket=BUCKET),
            "open the bucket": lambda: s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read"),
        }
        if user == "planner":
            attempts["write a core file"] = lambda: s3.put_object(
                Bucket=BUCKET, Key="asset/subject.json", Body=b"x"
            )
        passed = []
        for name, attempt in attempts.items():
            try:
                attempt()
                passed.append(name)
            except ClientError as exc:
                if exc.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
                    passed.append(f"{name}: {exc}")
    assert passed == []


def test_runs_are_kept_in_a_bucket_of_their_own_with_what_the_example_gives(cloud: Cloud) -> None:
    """Plan and results go where docs/deploy allows it, and nowhere else; the planner touches no result."""
    with closing(cloud.client("admin")) as s3, closing(cloud.client("admin", "iam")) as iam:
        s3.create_bucket(Bucket="indexer-runs", CreateBucketConfiguration={"LocationConstraint": REGION})
        for user in ("planner", "applier"):
            policy = (PAGE.parent / "deploy" / f"policy-runs-{user}.json").read_text(encoding="utf-8")
            iam.put_user_policy(UserName=user, PolicyName="runs", PolicyDocument=policy)
        plan = "s3://indexer-runs/nightly/plan.json"
        for place in ("s3://indexer-runs/plan.json", "s3://indexer-runs/nightly/plan.results/1/plan.json"):
            elsewhere = cloud.run("planner", "plan", "--all", "--out", place)
            assert elsewhere.returncode == 1
            assert "S3 denies access" in elsewhere.stderr
        planned = cloud.run("planner", "plan", "--all", "--out", plan)
        assert planned.returncode == 0, planned.stderr
        elsewhere = cloud.run("applier", "apply", plan, "--results", "s3://indexer-runs/other")
        assert elsewhere.returncode == 1
        assert cloud.objects()["asset/subject.json"] == b"{}"
        applied = cloud.run("applier", "apply", plan)
        assert applied.returncode == 0, applied.stderr
        keys = [row["Key"] for row in s3.list_objects_v2(Bucket="indexer-runs")["Contents"]]
    assert "nightly/plan.json" in keys
    assert any(re.fullmatch(r"nightly/plan\.results/\w{8}/result\.json", key) for key in keys)
    assert any("/archive/" in key for key in keys)


RUNS = "arn:aws:s3:::indexer-runs"
OWN_PLAN = {
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:PutObject"],
    "Resource": f"{RUNS}/nightly/plan.json",
}
LIST = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": RUNS}
RUN_PLANS = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"{RUNS}/*/plan.json"}
READ_RUNS = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{RUNS}/*"}


@pytest.mark.parametrize(
    ("allowed", "name", "code"),
    [
        ([OWN_PLAN], "nightly", 0),
        ([RUN_PLANS, LIST], "run", 2),
        ([RUN_PLANS, READ_RUNS], "run", 2),
    ],
    ids=["its-plan-alone", "lists", "reads"],
)
def test_a_planner_need_not_see_what_a_run_left_beside_its_plan(
    cloud: Cloud, allowed: list[dict[str, Any]], name: str, code: int
) -> None:
    """Where it may not look there is no run for it; where it may list or read, a run's plan is not replaced."""
    with closing(cloud.client("admin")) as s3, closing(cloud.client("admin", "iam")) as iam:
        s3.create_bucket(Bucket="indexer-runs", CreateBucketConfiguration={"LocationConstraint": REGION})
        for key in ("run/journal.jsonl", "run/plan.json"):
            s3.put_object(Bucket="indexer-runs", Key=key, Body=b"theirs")
        policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        iam.put_user_policy(UserName="planner", PolicyName="runs", PolicyDocument=policy)
        done = cloud.run("planner", "plan", "--all", "--out", f"s3://indexer-runs/{name}/plan.json")
        assert done.returncode == code, done.stderr
        assert s3.get_object(Bucket="indexer-runs", Key="run/plan.json")["Body"].read() == b"theirs"
