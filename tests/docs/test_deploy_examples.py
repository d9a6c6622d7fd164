"""The Dockerfile and the examples in docs/deploy: they fit AWS's own models, and call commands that there are."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import typer
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator
from moto.iam.policy_validation import IAMPolicyDocumentValidator
from pages import ROOT, read

from indexer import __version__
from indexer.cli.app import app
from indexer.config import Config

FOLDER = ROOT / "docs" / "deploy"
OPERATIONS = {
    "task": ("ecs", "RegisterTaskDefinition"),
    "schedule": ("scheduler", "CreateSchedule"),
    "rule": ("events", "PutRule"),
}
"""What the first word of a file's name says of it."""
EXAMPLES = sorted(path.stem for path in FOLDER.glob("*.json"))
TASKS = ("task-planner", "task-applier")
SCHEDULES = ("schedule-plan", "schedule-apply", "schedule-drift")
INSTRUCTION = re.compile(r"^([A-Z]+) ((?:.*\\\n)*.*)$", re.MULTILINE)


def example(name: str) -> Any:
    """A file of docs/deploy."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def shape_of(service: str, operation: str) -> Any:
    """What AWS takes for an operation, from botocore's own model."""
    return botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape


def problems(value: Any, shape: Any) -> list[str]:
    """What AWS would refuse: unknown and missing names, types, and words that an enumeration does not have."""
    return [
        *filter(None, [ParamValidator().validate(value, shape).generate_report()]),
        *(f"{word} is none of {allowed}" for word, allowed in unknown_words(value, shape)),
    ]


def unknown_words(value: Any, shape: Shape) -> Iterator[tuple[str, list[str]]]:
    """botocore leaves enumerations to the server."""
    match shape:
        case StructureShape():
            for name in value.keys() & shape.members.keys():
                yield from unknown_words(value[name], shape.members[name])
        case ListShape():
            for one in value:
                yield from unknown_words(one, shape.member)
        case MapShape():
            for one in value.values():
                yield from unknown_words(one, shape.value)
        case StringShape() if shape.enum and value not in shape.enum:
            yield value, shape.enum


def test_every_example_is_checked() -> None:
    """None is there that the tests below pass over."""
    kinds = {name.partition("-")[0] for name in EXAMPLES}
    assert kinds == {*OPERATIONS, "policy"}
    assert {*TASKS, *SCHEDULES} == {one for one in EXAMPLES if one.partition("-")[0] in ("task", "schedule")}


@pytest.mark.parametrize("name", [one for one in EXAMPLES if not one.startswith("policy")])
def test_an_example_fits_the_model_of_its_operation(name: str) -> None:
    """And one with a misspelt name does not: the check can fail."""
    shape = shape_of(*OPERATIONS[name.partition("-")[0]])
    assert problems(example(name), shape) == []
    first = next(iter(example(name)))
    assert problems({f"{first}s": example(name)[first]}, shape)


def test_a_word_that_an_enumeration_does_not_have_is_seen() -> None:
    task = example("task-planner")
    assert problems(
        {**task, "requiresCompatibilities": ["FARGET"]}, shape_of("ecs", "RegisterTaskDefinition")
    )


@pytest.mark.parametrize("name", [one for one in EXAMPLES if one.startswith("policy")])
def test_a_policy_is_one(name: str) -> None:
    IAMPolicyDocumentValidator((FOLDER / f"{name}.json").read_text(encoding="utf-8")).validate()


def commands() -> dict[str, list[str]]:
    """What each schedule runs: the task's command, or the one that goes over it."""
    shape = shape_of("ecs", "RunTask").members["overrides"]
    found = {}
    for name in SCHEDULES:
        target = example(name)["Target"]
        family = target["EcsParameters"]["TaskDefinitionArn"].rpartition("/")[2]
        (container,) = example(f"task-{family.removeprefix('indexer-')}")["containerDefinitions"]
        overrides = json.loads(target.get("Input", "{}"))
        assert problems(overrides, shape) == []
        (override,) = overrides.get("containerOverrides", [{"name": container["name"]}])
        assert override["name"] == container["name"]
        found[name] = override.get("command", container["command"])
    return found


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_command_is_one_that_there_is(name: str) -> None:
    """Parsed by the command line itself, with all its options."""
    command, *typed = commands()[name]
    assert f"schedule-{command}" == name
    known: Any = typer.main.get_command(app)
    known.commands[command].make_context(command, list(typed))
    with pytest.raises(Exception, match="No such option"):
        known.commands[command].make_context(command, [*typed, "--no-such-option"])


def test_what_is_planned_is_what_is_applied() -> None:
    """One place, which the policies allow: the planner writes it, the applier reads it."""
    planned, applied = commands()["schedule-plan"], commands()["schedule-apply"]
    place = planned[planned.index("--out") + 1]
    assert applied[1] == place
    arn = place.replace("s3://", "arn:aws:s3:::")
    writes, reads = (_resources(f"policy-runs-{who}", "s3:GetObject") for who in ("planner", "applier"))
    assert writes == {arn}
    assert reads == {arn, f"{arn.removesuffix('.json')}.results/*"}
    assert _resources("policy-runs-applier", "s3:PutObject") == reads - writes


def _resources(name: str, action: str) -> set[str]:
    """Where a policy allows an action."""
    found: set[str] = set()
    for statement in example(name)["Statement"]:
        actions, resources = statement["Action"], statement["Resource"]
        if action in ([actions] if isinstance(actions, str) else actions):
            found |= {resources} if isinstance(resources, str) else set(resources)
    return found


def test_who_plans_has_no_secret_and_no_role_of_who_applies() -> None:
    """The roles are apart, and each secret is one that the execution role may hand out."""
    planner, applier = (example(name) for name in TASKS)
    assert planner["taskRoleArn"] != applier["taskRoleArn"]
    secrets = [_secrets(one) for one in (planner, applier)]
    assert not secrets[0] & secrets[1]
    assert secrets[0] | secrets[1] == _resources("policy-execution", "secretsmanager:GetSecretValue")
    assert commands()["schedule-drift"][0] == "drift"
    assert example("schedule-drift")["Target"]["EcsParameters"]["TaskDefinitionArn"].endswith(
        planner["family"]
    )


def _secrets(task: dict[str, Any]) -> set[str]:
    """The secrets that a task is handed; each goes to a setting that there is."""
    (container,) = task["containerDefinitions"]
    for one in container["secrets"]:
        fields: Any = Config.model_json_schema()
        assert one["name"].startswith("INDEXER_")
        for part in one["name"].removeprefix("INDEXER_").lower().split("__"):
            options = fields["properties"][part]
            named = [key["$ref"] for key in (options, *options.get("anyOf", ())) if "$ref" in key]
            fields = Config.model_json_schema()["$defs"][named[0].rpartition("/")[2]] if named else {}
        assert not fields, one["name"]
    return {":".join(one["valueFrom"].split(":")[:7]) for one in container["secrets"]}


def test_the_scheduler_may_start_what_is_scheduled_and_nothing_else() -> None:
    started = {example(name)["Target"]["EcsParameters"]["TaskDefinitionArn"] for name in SCHEDULES}
    allowed = _resources("policy-scheduler", "ecs:RunTask")
    assert allowed == started | {f"{one}:*" for one in started}
    roles = {example(name)[role] for name in TASKS for role in ("taskRoleArn", "executionRoleArn")}
    assert _resources("policy-scheduler", "iam:PassRole") == roles


def test_a_failed_task_is_told_by_its_exit_code() -> None:
    """The pattern is JSON of its own, and speaks of the families that are scheduled."""
    detail = json.loads(example("rule-failed")["EventPattern"])["detail"]
    (group,) = detail["group"]
    assert all(f"family:{example(name)['family']}".startswith(group["prefix"]) for name in TASKS)
    assert detail["$or"][0] == {"containers": {"exitCode": [{"anything-but": 0}]}}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions and their arguments, lines that go on put together."""
    text = re.sub(r"^#.*\n", "", read("Dockerfile"), flags=re.MULTILINE)
    return [(one[1], one[2].replace("\\\n", " ")) for one in INSTRUCTION.finditer(text)]


def arguments(instruction: str) -> list[str]:
    """The arguments of all instructions of this kind."""
    return [rest for name, rest in instructions() if name == instruction]


def copied() -> list[tuple[str, str]]:
    """What is copied from the checkout, and where it goes."""
    found = [rest.split() for rest in arguments("COPY") if "--from" not in rest]
    assert all(len(words) == 2 for words in found)
    return [(source, target) for source, target in found]


def test_the_image_is_made_from_what_is_there() -> None:
    """Each source is in the checkout, or is what `make lock` writes; .dockerignore lets these through alone."""
    locked = re.findall(r"--output-file (\S+)", read("Makefile"))
    assert copied()
    for source, _ in copied():
        assert (ROOT / source).exists() or source in locked, source
    passed = [line[1:] for line in read(".dockerignore").splitlines() if line.startswith("!")]
    assert passed == [source for source, _ in copied()]
    assert "\n*\n" in read(".dockerignore")


def test_the_base_is_pinned_and_is_the_python_that_is_used() -> None:
    """By version and digest; who builds must say the digest, for there is none to fall back to."""
    base, digest = arguments("ARG")
    assert re.fullmatch(r"BASE=python:\d+\.\d+\.\d+-slim-\w+", base)
    assert digest == "DIGEST"
    assert {rest.split()[0] for rest in arguments("FROM")} == {"${BASE}@${DIGEST}"}
    version = re.findall(r"\d+\.\d+", base)[0]
    assert set(re.findall(r"python(\d+\.\d+)/site-packages", read("Dockerfile"))) == {version}
    assert f'requires-python = ">={version}"' in read("pyproject.toml")


@pytest.mark.parametrize(
    ("digest", "built"),
    [
        (f"sha256:{'a1' * 32}", True),
        ("", False),
        ("sha256:…", False),
        (f"sha256:{'a1' * 31}", False),
        ("latest", False),
    ],
)
def test_no_image_is_built_without_a_digest(tmp_path: Path, digest: str, built: bool) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho docker "$@"\n', encoding="utf-8")
    docker.chmod(0o755)
    done = subprocess.run(
        ["make", "--silent", "-C", str(ROOT), "image", f"DIGEST={digest}"],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = f"docker build --build-arg DIGEST={digest} --tag indexer:{__version__} ." if built else ""
    assert said in done.stdout
    assert (done.returncode == 0, "docker build" in done.stdout) == (built, built)


@pytest.mark.parametrize("step", arguments("RUN"), ids=lambda step: step.split()[0])
def test_a_step_is_shell(step: str) -> None:
    assert subprocess.run(["sh", "-n", "-c", step], check=False).returncode == 0
    if "install --no-cache-dir" in step:
        assert "--require-hashes" in step
        assert "--only-binary :all:" in step


def test_the_container_runs_as_nobody_in_particular() -> None:
    """No root in either place, and what is written to belongs to that user."""
    (user,) = arguments("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    uid, gid = user.split(":")
    assert any(f"--owner={uid} --group={gid} /scratch" in step for step in arguments("RUN"))
    for name in TASKS:
        (container,) = example(name)["containerDefinitions"]
        assert container["user"] == user
        assert container["readonlyRootFilesystem"] is True
        assert [one["containerPath"] for one in container["mountPoints"]] == json.loads(
            arguments("VOLUME")[0]
        )
        assert container["image"].endswith(f":{__version__}")


def test_what_is_copied_runs_without_an_installation(tmp_path: Path) -> None:
    """The image has no metadata of a package: the folders alone must do, templates and all."""
    for source, target in copied():
        if source.startswith("src/"):
            shutil.copytree(ROOT / source, tmp_path / Path(target).name)
    (entry,) = arguments("ENTRYPOINT")
    _, *words = json.loads(entry)
    command = [
        sys.executable,
        *words,
        "show",
        str(ROOT / "plans" / "example-sandbox.json"),
        "--format",
        "html",
    ]
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "<html" in done.stdout
    for package in ("indexer", "indexer_sandbox"):
        asked = [sys.executable, "-c", f"import {package}; print({package}.__file__)"]
        where = subprocess.run(asked, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
        assert where.stdout.startswith(str(tmp_path))
