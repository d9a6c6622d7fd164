"""The templates fit the schemas of GitHub and GitLab, call commands that there are, and keep secrets where they belong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from pages import ROOT
from workflows import GITHUB, TEMPLATES, gitlab_jobs, parsed, shell, steps

from shared import warm

CALL = re.compile(r"(?<![\w/-])indexer (?P<command>[a-z]+)(?P<rest>(?: [^|>\n&;]*)?)")
OPTION = re.compile(r"--[a-z-]+")
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
READS_OR_WRITES = ("indexer plan --all", "indexer apply")
"""The commands that talk to the three systems: the rest works on a plan or a result, and needs no secret."""

each_template = pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
each_of_github = pytest.mark.parametrize("template", GITHUB, ids=lambda path: path.name)


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


def linted(template: Path) -> subprocess.CompletedProcess[str]:
    """As zizmor judges it, at its strictest, without asking anybody."""
    linter = Path(sysconfig.get_path("scripts")) / "zizmor"
    return subprocess.run(
        [linter, "--offline", "--no-config", "--no-progress", "--persona", "auditor", template],
        capture_output=True,
        text=True,
        check=False,
    )


@each_template
def test_a_template_fits_its_schema(template: Path, tmp_path: Path) -> None:
    """And one with a key that does not exist does not: the check can fail."""
    done = checked(template)
    assert done.returncode == 0, done.stdout + done.stderr
    broken = tmp_path / template.name
    broken.write_text(
        template.read_text(encoding="utf-8").replace("stage: ", "stge: ").replace("runs-on: ", "run-on: ")
    )
    assert checked(broken).returncode == 1


@each_of_github
def test_a_linter_of_workflows_finds_nothing(template: Path) -> None:
    done = linted(template)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (r"@[0-9a-f]{40} # v6\.\d\.\d", "@v6", "unpinned-uses"),
        (r'"\$BEFORE"', '"${{ github.event.head_commit.message }}"', "template-injection"),
        ("persist-credentials: false", "", "artipacked"),
        ("permissions: {}", "permissions: write-all", "excessive-permissions"),
        ("environment: indexer-write", "", "secrets-outside-env"),
    ],
)
def test_the_linter_finds_what_is_planted(tmp_path: Path, old: str, new: str, found: str) -> None:
    template = tmp_path / "github-apply.yml"
    planted, times = re.subn(old, new, GITHUB[0].read_text(encoding="utf-8"))
    assert times
    template.write_text(planted, encoding="utf-8")
    done = linted(template)
    assert done.returncode != 0
    assert f"[{found}]" in done.stdout


@each_template
def test_a_template_calls_what_there_is(template: Path) -> None:
    """Every command and every option is in `--help`."""
    calls = list(CALL.finditer("\n".join(shell(template))))
    assert calls
    for call in calls:
        shown = warm.run([call["command"], "--help"], ROOT, os.environ).stdout
        for option in OPTION.findall(call["rest"]):
            assert option in shown, call[0]


@each_template
def test_only_what_applies_has_credentials_that_write(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    if "indexer apply" not in text:
        assert "_WRITE" not in text
        assert "APPLIER" not in text
        assert "indexer-write" not in text


@each_of_github
def test_a_secret_is_given_to_the_step_that_needs_it(template: Path) -> None:
    """The role's keys are as secret as what stands under `secrets`."""
    [job] = parsed(template)["jobs"].values()
    assert "secrets." not in repr({name: value for name, value in job.items() if name != "steps"})
    for one in steps(template):
        secret = re.search(r"secrets\.|steps\.role\.outputs\.|github\.token", repr(one))
        runs = one.get("run", "")
        assert not secret or any(command in runs for command in (*READS_OR_WRITES, "gh pr comment")), one
        if "configure-aws-credentials" in one.get("uses", ""):
            assert one["with"]["output-env-credentials"] is False


def test_a_secret_is_given_to_the_job_that_needs_it() -> None:
    """GitLab hands variables to environments: the jobs of one do nothing that needs none."""
    for name, job in gitlab_jobs().items():
        script = "\n".join(job["script"])
        environment = job.get("environment", {}).get("name")
        if "NOTE_TOKEN" in script:
            assert environment == "indexer-comment"
        elif any(command in script for command in READS_OR_WRITES):
            assert environment == ("indexer-write" if "indexer apply" in script else "indexer-read")
            assert "AWS_TOKEN" in job["id_tokens"]
            assert "indexer show" not in script
        else:
            assert environment is None, name
            assert "id_tokens" not in job


@each_of_github
def test_a_token_goes_nowhere_without_its_domain(template: Path) -> None:
    """Else a pull request's indexer.toml says where the token goes."""
    for one in steps(template):
        env = one.get("env", {})
        assert ("INDEXER_CODEOCEAN__TOKEN" in env) == ("INDEXER_CODEOCEAN__DOMAIN" in env)
        if token := env.get("INDEXER_CODEOCEAN__TOKEN"):
            domain = env["INDEXER_CODEOCEAN__DOMAIN"]
            assert domain == "${{ vars.INDEXER_CODEOCEAN_DOMAIN }}"
            assert token.startswith("${{ vars.INDEXER_CODEOCEAN_DOMAIN && secrets.")


@each_template
def test_what_is_installed_is_pinned(template: Path) -> None:
    """Actions by commit, with the version that it is; the package, and all that it needs, by hash; from no index of ours."""
    text = template.read_text(encoding="utf-8")
    for used in re.findall(r"uses: .*", text):
        assert PINNED.fullmatch(used), used
    for installed in re.findall(r"pip install.*", "\n".join(shell(template))):
        assert "--no-deps --require-hashes --only-binary :all: -r ci/requirements.txt" in installed
        assert "index-url" not in installed
    assert "apt-get" not in text


@each_template
def test_no_expression_is_put_into_a_shell_line(template: Path) -> None:
    """What others name, a branch for example, gets there as a variable, which no shell takes for a command."""
    assert not [script for script in shell(template) if "${{" in script]


@each_template
def test_who_can_read_what_is_kept_is_said(template: Path) -> None:
    assert "values of private buckets" in " ".join(template.read_text(encoding="utf-8").split("\n# "))


def test_only_developers_can_read_what_gitlab_keeps() -> None:
    kept = [job["artifacts"] for job in gitlab_jobs().values() if "artifacts" in job]
    assert kept
    assert {one["access"] for one in kept} == {"developer"}
