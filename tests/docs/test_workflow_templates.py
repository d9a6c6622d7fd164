"""The templates fit the schemas of GitHub and GitLab, and call commands that there are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT

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
