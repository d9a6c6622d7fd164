"""The templates fit the schemas of GitHub and GitLab, and call commands that there are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT
from ruamel.yaml import YAML

TEMPLATES = sorted((ROOT / "docs" / "ci").glob("*.yml"))
CALL = re.compile(r"(?<![\w/-])indexer (?P<command>[a-z]+)(?P<rest>(?: [^|>\n&;]*)?)")
OPTION = re.compile(r"--[a-z-]+")


def test_there_are_templates() -> None:
    assert [one.name for one in TEMPLATES] == [
        "github-apply.yml",
        "github-drift.yml",
        "github-plan.yml",
        "gitlab-ci.yml",
    ]


def checked(template: Path) -> subprocess.CompletedProcess[str]:
    """As check-jsonschema judges it, by the schema that it carries."""
    schema = "vendor.gitlab-ci" if template.name.startswith("gitlab") else "vendor.github-workflows"
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(template)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_fits_its_schema(template: Path, tmp_path: Path) -> None:
    """And one with a key that does not exist does not: the check can fail."""
    done = checked(template)
    assert done.returncode == 0, done.stdout + done.stderr
    broken = tmp_path / template.name
    broken.write_text(
        template.read_text(encoding="utf-8").replace("stage: ", "stge: ").replace("runs-on: ", "run-on: ")
    )
    assert checked(broken).returncode == 1


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_calls_what_there_is(template: Path) -> None:
    """Every command and every option is in `--help`."""
    commands = [
        line
        for line in template.read_text(encoding="utf-8").splitlines()
        if not line.lstrip().startswith("#")
    ]
    text = re.sub(r"^name: .*$|^ *group: .*$|^indexer [a-z]+:$", "", "\n".join(commands), flags=re.MULTILINE)
    text = re.sub(r">-\n\s+(.*)\n\s+(--.*)", r"\1 \2", text)
    calls = list(CALL.finditer(text))
    assert calls
    for call in calls:
        shown = subprocess.run(
            [sys.executable, "-m", "indexer", call["command"], "--help"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for option in OPTION.findall(call["rest"]):
            assert option in shown, call[0]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_only_what_applies_has_credentials_that_write(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    if "indexer apply" not in text:
        assert "_WRITE" not in text
        assert "APPLIER" not in text


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A merge that added a plan, and a schema, which is none; `indexer` says on stdout how it was called."""
    for number, names in enumerate((["plans/old.json"], ["plans/new.json", "plans/schema/plan.json"])):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("{}", encoding="utf-8")
        git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
        for words in (["init", "-q"], ["add", "plans"], ["commit", "-qm", f"{number}"]):
            subprocess.run([*git, *words], check=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "indexer").write_text('#!/bin/sh\necho "$@"\n', encoding="utf-8")
    (tmp_path / "bin" / "indexer").chmod(0o755)
    return tmp_path


def step(template: str, name: str) -> str:
    """What a step of a template runs."""
    [job] = YAML(typ="safe").load(ROOT / "docs" / "ci" / template)["jobs"].values()
    [found] = [one["run"] for one in job["steps"] if one.get("name") == name]
    return str(found)


def ran(script: str, checkout: Path, **variables: str) -> str:
    """As a runner runs it."""
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=checkout,
        env={**os.environ, "PATH": f"{checkout / 'bin'}:{os.environ['PATH']}", **variables},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_merge_applies_the_plans_that_it_added(checkout: Path) -> None:
    """No other file below plans/."""
    told = ran(step("github-apply.yml", "Apply"), checkout, BEFORE="HEAD^1", GITHUB_SHA="HEAD")
    assert told.splitlines() == ["apply plans/new.json --results results/new"]


@pytest.mark.parametrize(
    ("event", "shown"), [("pull_request", "plans/new.json"), ("workflow_dispatch", "plan.json")]
)
def test_a_pull_request_shows_the_plan_that_its_merge_will_apply(
    checkout: Path, event: str, shown: str
) -> None:
    """Where it adds none, and elsewhere, the new plan."""
    summary = checkout / "summary.md"
    variables = {"GITHUB_EVENT_NAME": event, "GITHUB_STEP_SUMMARY": str(summary)}
    ran(step("github-plan.yml", "Report"), checkout, **variables)
    expected = f"show {shown} --format markdown\n"
    assert (checkout / "comment.md").read_text(encoding="utf-8") == expected
    assert summary.read_text(encoding="utf-8") == expected
