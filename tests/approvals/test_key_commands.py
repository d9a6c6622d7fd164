"""`indexer keys` and `indexer approve` as people use them: no system is needed, and no secret is told."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import tomllib
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.moto_server.werkzeug_app import create_backend_app

from indexer.runs.loading import load_plan
from indexer_sandbox.loopback import LoopbackServer
from shared import warm
from shared.approvals import plan_file


class Desk:
    """A folder with a plan, and the command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("INDEXER", "AWS_", "OTEL_"))}
        self.env = {**kept, "HOME": str(folder)}
        (folder / "plan.json").write_bytes(plan_file().body)

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return warm.run(words, self.folder, self.env | env)

    def done(self, *words: str, **env: str) -> str:
        """It must succeed; what was printed for programs."""
        finished = self.run(*words, **env)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def configure(self, *tables: str, deletions: int = 1) -> None:
        lines = [one.removeprefix("[approvals.people]\n") for one in tables]
        text = f"[approvals]\ndeletions = {deletions}\n[approvals.people]\n{''.join(lines)}"
        (self.folder / "indexer.toml").write_text(text)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_new_key_signs_a_plan_and_its_lines_are_a_configuration(desk: Desk) -> None:
    table = desk.done("keys", "new", "ada.key", "--as", "ada", "--no-passphrase")
    assert list(tomllib.loads(table)["approvals"]["people"]) == ["ada"]
    assert stat.S_IMODE((desk.folder / "ada.key").stat().st_mode) == 0o600
    desk.configure(table)
    desk.done("approve", "plan.json", "--key", "ada.key")
    assert desk.done("approve", "plan.json", "--verify").splitlines()[-1] == "Approved by ada."
    assert desk.run("keys", "new", "ada.key", "--no-passphrase").returncode == 2
    assert desk.done("keys", "show", "ada.key.pub", "--as", "ada") == table
    assert desk.done("keys", "show", "ada.key", "--as", "ada") == table


def test_a_name_that_toml_must_quote_is_quoted(desk: Desk) -> None:
    table = desk.done("keys", "new", "ada.key", "--as", "ada@example.org", "--no-passphrase")
    assert list(tomllib.loads(table)["approvals"]["people"]) == ["ada@example.org"]
    desk.configure(table)
    desk.done("approve", "plan.json", "--key", "ada.key")
    assert "Approved by ada@example.org." in desk.done("approve", "plan.json", "--verify")


def test_a_passphrase_comes_from_a_variable_or_a_terminal_and_is_never_told(desk: Desk) -> None:
    secret = {"WORDS": "open sesame street"}
    made = desk.run("keys", "new", "ada.key", "--as", "ada", "--passphrase-from", "WORDS", **secret)
    assert made.returncode == 0, made.stderr
    assert b"ENCRYPTED" in (desk.folder / "ada.key").read_bytes()
    desk.configure(made.stdout)
    no_terminal = desk.run("approve", "plan.json", "--key", "ada.key")
    assert (no_terminal.returncode, "--passphrase-from" in no_terminal.stderr) == (2, True)
    wrong = desk.run(
        "approve", "plan.json", "--key", "ada.key", "--passphrase-from", "WORDS", WORDS="close sesame"
    )
    assert (wrong.returncode, "The passphrase is wrong" in wrong.stderr) == (2, True)
    unset = desk.run("approve", "plan.json", "--key", "ada.key", "--passphrase-from", "WORDS")
    assert (unset.returncode, "the variable WORDS is not set" in unset.stderr) == (2, True)
    good = desk.run(
        "approve", "plan.json", "--key", "ada.key", "--passphrase-from", "WORDS", "--verbose", **secret
    )
    assert good.returncode == 0, good.stderr
    told = [one.stdout + one.stderr for one in (made, no_terminal, wrong, good)]
    assert not [one for one in told if "sesame" in one]
    assert (
        desk.run("keys", "new", "bob.key").returncode == 2
    )  # nobody can be asked, and nobody said that none is wanted
    assert not (desk.folder / "bob.key").exists()


def test_an_approval_is_for_others_to_read(desk: Desk) -> None:
    desk.configure(desk.done("keys", "new", "ada.key", "--as", "ada", "--no-passphrase"))
    desk.done("approve", "plan.json", "--key", "ada.key")
    (file,) = (desk.folder / "plan.approvals").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    said = json.loads(b64decode(json.loads(file.read_text())["payload"]))
    plan = load_plan(desk.folder / "plan.json")
    assert [one["name"] for one in said["subject"]] == ["plan.json", f"plan:{plan.plan.plan_id}"]


def test_a_plan_without_actions_and_a_result_are_not_signed(desk: Desk) -> None:
    desk.done("keys", "new", "ada.key", "--no-passphrase")
    from indexer.runs.loading import as_file

    empty = as_file(plan_file().plan.model_copy(update={"actions": ()}))
    (desk.folder / "empty.json").write_bytes(empty.body)
    done = desk.run("approve", "empty.json", "--key", "ada.key", "--as", "ada")
    assert (done.returncode, "it has no actions" in done.stderr) == (2, True)
    (desk.folder / "broken.json").write_bytes(empty.body.replace(b"0.1.0", b"0.1.1"))
    assert desk.run("approve", "broken.json", "--key", "ada.key", "--as", "ada").returncode == 5


def test_two_people_with_one_key_are_a_mistake_in_the_configuration(desk: Desk) -> None:
    table = desk.done("keys", "new", "ada.key", "--as", "ada", "--no-passphrase")
    desk.configure(table, table.replace("ada =", "bob ="))
    done = desk.run("approve", "plan.json", "--verify")
    assert (done.returncode, "a key of bob is there twice, ada has it too" in done.stderr) == (2, True)


@pytest.fixture
def kms(desk: Desk) -> Iterator[Any]:
    """A client of moto's; the command finds it by boto3's own conventions."""
    server = LoopbackServer("kms", create_backend_app("kms"))
    desk.env |= {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_ENDPOINT_URL_KMS": server.endpoint,
    }
    client = boto3.client(
        "kms",
        endpoint_url=server.endpoint,
        aws_access_key_id="x",
        aws_secret_access_key="x",
        region_name="us-west-2",
    )
    with closing(client):
        yield client
    server.close()


def test_a_key_in_kms_approves_and_one_that_is_not_there_is_named(desk: Desk, kms: Any) -> None:
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    table = desk.done("keys", "show", f"awskms:{key}", "--as", "ada")
    assert tomllib.loads(table)["approvals"]["people"] == {"ada": [f"awskms:{key}"]}
    desk.configure(table)
    desk.done("approve", "plan.json", "--key", f"awskms:{key}")
    assert "Approved by ada." in desk.done("approve", "plan.json", "--verify")
    desk.configure(table.replace(key, "00000000-0000-0000-0000-000000000000"))
    done = desk.run("approve", "plan.json", "--verify")
    assert (done.returncode, "approvals.people.ada: key 00000000" in done.stderr) == (2, True)


def doctors_word(desk: Desk, **env: str) -> dict[str, Any]:
    """What the doctor says of approvals; of systems that are not there, it may say what it likes."""
    told = (desk.folder / "indexer.toml").read_text()
    systems = 'buckets = ["b-u-c-k-e-t"]\n[docdb]\nuri = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=10"\n[docdb.v1]\n'
    (desk.folder / "indexer.toml").write_text(systems + told)
    env |= {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    }
    done = desk.run("doctor", "--format", "json", **env, AWS_MAX_ATTEMPTS="1", AWS_DEFAULT_REGION="us-west-2")
    (found,) = [one for one in json.loads(done.stdout)["checks"] if one["name"] == "approvals"]
    return dict(found)


def test_the_doctor_looks_at_who_may_approve(desk: Desk) -> None:
    table = desk.done("keys", "new", "ada.key", "--as", "ada", "--no-passphrase")
    desk.configure(table)
    found = doctors_word(desk)
    assert (found["status"], found["detail"]) == ("ok", "1 person with 1 key; deletions need 1, changes 1")
    desk.configure(table)
    text = (
        (desk.folder / "indexer.toml").read_text().replace("deletions", "applier_counts = false\ndeletions")
    )
    (desk.folder / "indexer.toml").write_text(text)
    found = doctors_word(desk)
    assert (found["status"], "nobody says who applies" in found["detail"]) == ("warning", True)
    desk.configure('[approvals.people]\nada = ["ssh-ed25519 AAAA"]\n')
    found = doctors_word(desk)
    assert (found["status"], "approvals.people.ada" in found["detail"]) == ("error", True)
