"""Somebody without credentials plans over the gateway; whoever has some applies that very plan over the wire."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indexer_sandbox import Fault, Sandbox, running
from indexer_sandbox.seed import seed
from shared import warm
from shared.commands import Finished

NOBODY = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running(tmp_path_factory.mktemp("sandbox"), gateway=True) as started:
        seed(started, assets=4)
        yield started


class Desk:
    """Two configurations of one sandbox: with credentials, and without."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        (folder / "gateway.toml").write_text(sandbox.gateway_toml())
        whole = sandbox.config_toml().partition("[codeocean]")[0]
        (folder / "wire.toml").write_text(
            whole.replace('"aind-open-data", "aind-private-data"', '"aind-open-data"')
        )

    def run(self, *arguments: str, config: str = "gateway.toml", **more: str) -> Finished:
        """A command; over the gateway nobody has keys."""
        own = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "COLUMNS": "200", "NO_PROXY": "*"}
        environment = own | self.sandbox.environment() | more
        if config == "gateway.toml":
            environment = {name: value for name, value in environment.items() if name not in NOBODY}
        return warm.run((*arguments, "--config", config), self.folder, environment)

    def plan(self, name: str, config: str = "gateway.toml") -> dict[str, Any]:
        done = self.run("plan", "--all", "--out", name, config=config)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        return found


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path) -> Iterator[Desk]:
    yield Desk(sandbox, tmp_path)
    assert sandbox.gateway is not None
    sandbox.gateway.faults.clear()


@pytest.fixture(scope="module")
def made(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plan over the gateway, for the tests that only read it."""
    folder = tmp_path_factory.mktemp("made")
    Desk(sandbox, folder).plan("http.json")
    return folder / "http.json"


@pytest.fixture
def planned(desk: Desk, made: Path) -> Desk:
    """It lies here as http.json."""
    shutil.copy(made, desk.folder)
    return desk


def as_text(actions: object) -> str:
    return json.dumps(actions, ensure_ascii=False)


def test_the_plan_is_the_same_plan(desk: Desk, made: Path) -> None:
    """Byte for byte: what is done, what is held back, what is found; and each says how it was read."""
    over_http, wire = json.loads(made.read_text(encoding="utf-8")), desk.plan("wire.json", "wire.toml")
    assert len(over_http["actions"]) > 50
    for part in ("actions", "withheld", "findings", "summary"):
        assert as_text(over_http[part]) == as_text(wire[part]), part
    assert {(one["system"], one.get("via")) for one in over_http["coverage"]} == {
        ("s3", "unsigned"),
        ("docdb", "gateway"),
    }
    assert {one.get("via") for one in wire["coverage"]} == {None}


def test_nobody_was_asked_with_a_signature(desk: Desk) -> None:
    """Not one request of the plan, of the doctor or of the gate says who asks; the gateway hears a name and a version."""
    gateway = desk.sandbox.gateway
    assert gateway is not None
    s3, http = len(desk.sandbox.s3.log), len(gateway.log)
    desk.plan("http.json")
    assert desk.run("doctor").returncode == 0
    assert desk.run("drift", "--all").returncode == 3
    assert {one.signed for one in desk.sandbox.s3.log.since(s3)} == {False}
    assert not desk.sandbox.s3.log.writes(s3)
    assert not gateway.log.writes(http)
    assert all(one.agent.startswith("data-asset-indexer/") for one in gateway.log.since(http))


@pytest.mark.parametrize("command", ["apply", "undo"])
def test_what_would_write_is_refused_in_words(planned: Desk, command: str) -> None:
    """As a wrong configuration is, with whom to turn to."""
    arguments = ("http.json",) if command == "apply" else ("http.results/x", "--out", "back.json")
    done = planned.run(command, *arguments)
    assert done.returncode == 2
    assert f"This configuration only reads: `{command}` writes" in done.stderr
    assert "docdb.uri" in done.stderr
    assert not list(planned.folder.glob("http.results*"))


def test_it_is_shown_how_it_was_read(planned: Desk) -> None:
    """In one line of every format, and of the gate's page."""
    for form in ("text", "markdown", "html"):
        told = planned.run("show", "http.json", "--format", form).stdout
        assert (
            "Read S3 without credentials and DocDB over its HTTP gateway, whose JSON hides types." in told
        ), form
    page = planned.run("drift", "--all", "--format", "html")
    assert page.returncode == 3
    assert "DocDB over its HTTP gateway" in page.stdout
    assert "buckets aind-open-data" in page.stdout
    assert re.search(r"in step: \d+ of \d+ assets, \d+(\.\d)? %", page.stdout)
    verdict = json.loads(planned.run("drift", "--plan", "http.json", "--format", "json").stdout)
    assert verdict["via"] == {"docdb": "gateway", "s3": "unsigned"}


def test_whole_differences_are_shown_over_the_gateway(planned: Desk) -> None:
    """Read as they are now."""
    plan = json.loads((planned.folder / "http.json").read_text(encoding="utf-8"))
    location = next(one["location"] for one in plan["actions"] if one["reason"] == "core-file-stale")
    done = planned.run("show", "http.json", "--full", "--asset", location)
    assert done.returncode == 0, done.stderr
    assert "lines the same" in done.stdout


def test_a_gateway_that_is_down_is_no_empty_bucket(desk: Desk) -> None:
    """Nothing is planned, and the gate cannot say."""
    assert desk.sandbox.gateway is not None
    desk.sandbox.gateway.faults.add(Fault("*", 500, count=None))
    done = desk.run("plan", "--all", "--out", "http.json")
    assert done.returncode == 1
    assert "DocDB's gateway answered with an error" in done.stderr
    plan = json.loads((desk.folder / "http.json").read_text())
    assert plan["actions"] == []
    assert desk.run("drift", "--all").returncode == 1
    doctor = desk.run("doctor")
    assert doctor.returncode == 1
    assert "docdb-connection" in doctor.stdout


def test_a_bucket_that_is_closed_is_not_one_that_is_missing(desk: Desk) -> None:
    """Each is told apart, and neither is empty."""
    text = (desk.folder / "gateway.toml").read_text()
    for bucket, words in (
        ("aind-private-data", "S3 denies access"),
        ("aind-no-data", "There is no such bucket"),
    ):
        (desk.folder / "gateway.toml").write_text(text.replace("aind-open-data", bucket))
        done = desk.run("plan", "--all", "--out", f"{bucket}.json")
        assert done.returncode == 1, done.stderr
        assert words in done.stderr


def test_the_plan_of_nobody_is_applied_by_somebody(planned: Desk) -> None:
    """Over the wire, as it is; the next plans find nothing, either way. (Last: it changes the sandbox.)"""
    plan = json.loads((planned.folder / "http.json").read_text(encoding="utf-8"))
    done = planned.run("apply", "http.json", config="wire.toml")
    assert done.returncode == 0, done.stderr
    result = json.loads(next(planned.folder.glob("http.results/*/result.json")).read_text())
    assert {one["status"] for one in result["outcomes"]} == {"applied"}
    assert len(result["outcomes"]) == len(plan["actions"])
    for config in ("gateway.toml", "wire.toml"):
        assert planned.plan("again.json", config)["actions"] == []
    shutil.rmtree(planned.folder / "http.results")
