"""What the templates run, run: with plans and branches that are named to do harm, and an `indexer` that says how it is called."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from workflows import gitlab_jobs, gitlab_script, step

HOSTILE_NAMES = [
    "..json",  # results/.
    "...json",  # results/..
    ".json",
    ".hidden.json",  # which is not uploaded
    "-rf.json",
    "$(touch pwned).json",
    "`touch pwned`.json",
    'a"; touch pwned; ".json',
    "a b.json",
    "a\n##[stop-commands]x\n::add-mask::a.json",
    "a\x1b[2Jb.json",
    "ä.json",
    "a\\..\\b.json",
]
HOSTILE_BRANCH = 'x"; touch pwned; #$(touch pwned)`touch pwned`'
ELSEWHERE = (
    "GITHUB_HEAD_REF",
    "GITHUB_REF",
    "GITHUB_REF_NAME",
    "GITHUB_BASE_REF",
    "GITHUB_ACTOR",
    "CI_COMMIT_REF_NAME",
    "CI_COMMIT_MESSAGE",
    "CI_MERGE_REQUEST_TITLE",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
)
"""Where runners put what others name."""


class Checkout:
    """A clone in which a merge added plans, and a runner's folder beside it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self.temporary = folder / "temporary"
        self.summary = self.temporary / "summary.md"
        for one in (self.root / "plans" / "schema", self.temporary, folder / "bin"):
            one.mkdir(parents=True)
        stub = folder / "bin" / "indexer"
        stub.write_text('#!/bin/sh\necho "$@"\n', encoding="utf-8")
        stub.chmod(0o755)
        self._path = f"{stub.parent}:{os.environ['PATH']}"
        self._git("init", "-q")
        self.add("plans/old.json")

    def add(self, *names: str) -> None:
        """A merge that adds these."""
        for name in names:
            (self.root / name).write_text("{}", encoding="utf-8")
        self.commit()

    def commit(self) -> None:
        self._git("add", ".")
        self._git("commit", "-qm", "x")

    def _git(self, *words: str) -> None:
        identity = ("-c", "user.name=x", "-c", "user.email=x@example.org")
        subprocess.run(["git", "-C", str(self.root), *identity, *words], check=True)

    def run(self, script: str, **more: str) -> subprocess.CompletedProcess[str]:
        """As a runner runs it."""
        variables = {
            **os.environ,
            **dict.fromkeys(ELSEWHERE, HOSTILE_BRANCH),
            "PATH": self._path,
            "RUNNER_TEMP": str(self.temporary),
            "TMPDIR": str(self.temporary),
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "BEFORE": "HEAD^1",
            "GITHUB_SHA": "HEAD",
            "CI_COMMIT_BEFORE_SHA": "HEAD^1",
            "CI_COMMIT_SHA": "HEAD",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": "HEAD^1",
            **more,
        }
        return subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=self.root,
            env=variables,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def github_apply() -> str:
    return step("github-apply.yml", "Added plans") + step("github-apply.yml", "Apply")


def github_plan() -> str:
    return step("github-plan.yml", "Added plans") + step("github-plan.yml", "Report")


def gitlab_apply() -> str:
    return gitlab_script("indexer apply")


def gitlab_report() -> str:
    # The base is in the clone of this test, which has no origin.
    return 'git() { [ "$1" = fetch ] || command git "$@"; }\n' + gitlab_script("indexer report")


ALL = (github_apply, github_plan, gitlab_apply, gitlab_report)
each_script = pytest.mark.parametrize("script", ALL, ids=lambda one: one.__name__)
Script = Callable[[], str]


@pytest.mark.parametrize(
    ("script", "results"), [(github_apply, "{temporary}/results/new"), (gitlab_apply, "results/new")]
)
def test_a_merge_applies_the_plans_that_it_added(checkout: Checkout, script: Script, results: str) -> None:
    """No other file below plans/."""
    checkout.add("plans/new.json", "plans/schema/plan.json")
    told = checkout.run(script())
    expected = f"apply plans/new.json --results {results.format(temporary=checkout.temporary)}"
    assert (told.returncode, told.stdout.splitlines()) == (0, [expected]), told.stderr


@pytest.mark.parametrize(
    ("event", "shown"), [("pull_request", "plans/new.json"), ("workflow_dispatch", "{temporary}/plan.json")]
)
def test_a_pull_request_shows_the_plan_that_its_merge_will_apply(
    checkout: Checkout, event: str, shown: str
) -> None:
    """Where it adds none, and elsewhere, the new plan."""
    checkout.add("plans/new.json", "plans/schema/plan.json")
    assert checkout.run(github_plan(), GITHUB_EVENT_NAME=event).returncode == 0
    expected = f"show {shown.format(temporary=checkout.temporary)} --format markdown\n"
    assert (checkout.temporary / "comment.md").read_text(encoding="utf-8") == expected
    assert checkout.summary.read_text(encoding="utf-8") == expected


def test_a_merge_request_shows_the_plan_that_its_merge_will_apply(checkout: Checkout) -> None:
    checkout.add("plans/new.json")
    assert checkout.run(gitlab_report()).returncode == 0
    comment = (checkout.root / "report" / "comment.md").read_text(encoding="utf-8")
    assert comment == "show plans/new.json --format markdown\n"


@each_script
def test_a_plan_that_looks_like_one_that_went_is_seen(checkout: Checkout, script: Script) -> None:
    """For git it is the old one under a new name, unless it is told not to guess."""
    (checkout.root / "plans" / "old.json").unlink()
    checkout.add("plans/new.json")
    told = checkout.run(script())
    shown = [*checkout.root.glob("report/comment.md"), *checkout.temporary.glob("comment.md")]
    assert "plans/new.json" in told.stdout + "".join(one.read_text(encoding="utf-8") for one in shown)


@each_script
@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_plan_whose_name_leads_elsewhere_stops_the_job_before_any_is_applied(
    checkout: Checkout, script: Script, name: str
) -> None:
    """It is named so that no terminal and no runner obeys it, and nothing that it names is run."""
    checkout.add("plans/good.json", f"plans/{name}")
    told = checkout.run(script())
    assert told.returncode == 5
    assert "apply" not in told.stdout
    (said,) = told.stdout.splitlines()
    assert said.startswith("Refused, a link or a name beyond ")
    assert said.isascii()
    assert said.isprintable()
    assert "##[" not in said
    assert not list(checkout.root.parent.rglob("pwned"))


@each_script
def test_a_plan_that_is_a_link_stops_the_job(checkout: Checkout, script: Script) -> None:
    """A reviewer sees where it leads, and not what is there."""
    (checkout.root / "plans" / "new.json").symlink_to("/etc/passwd")
    checkout.commit()
    told = checkout.run(script())
    assert told.returncode == 5
    assert "apply" not in told.stdout


@pytest.mark.parametrize(("script", "folder"), [(gitlab_apply, "results"), (gitlab_report, "report")])
def test_a_folder_that_a_commit_prepared_is_not_used(
    checkout: Checkout, tmp_path: Path, script: Script, folder: str
) -> None:
    """Least of all a link of its name: results would land, and stay, where it leads."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (checkout.root / folder).symlink_to(elsewhere)
    checkout.commit()
    assert checkout.run(script()).returncode == 0
    assert not (checkout.root / folder).is_symlink()
    assert not list(elsewhere.iterdir())


@each_script
def test_a_branch_that_is_named_like_a_command_is_none(checkout: Checkout, script: Script) -> None:
    checkout.add("plans/new.json")
    assert checkout.run(script()).returncode == 0
    assert not list(checkout.root.parent.rglob("pwned"))


def test_a_token_without_its_domain_is_forgotten(checkout: Checkout) -> None:
    """GitLab hands variables over as they are: the job's own lines look."""
    (line,) = [one for one in gitlab_jobs()["indexer plan"]["before_script"] if "unset" in one]
    script = f'{line}\necho "${{INDEXER_CODEOCEAN__TOKEN:-none}}"'
    token = {"INDEXER_CODEOCEAN__TOKEN": "t"}
    assert checkout.run(script, **token).stdout == "none\n"
    assert checkout.run(script, **token, INDEXER_CODEOCEAN__DOMAIN="https://a.example.org").stdout == "t\n"


APPROVERS = "[approvals]\ndeletions = 1\n"


def github_approved() -> str:
    return step("github-plan.yml", "Added plans") + step("github-plan.yml", "Approved")


def gitlab_approved() -> str:
    return 'git() { [ "$1" = fetch ] || command git "$@"; }\n' + gitlab_script("indexer approved")


@pytest.mark.parametrize("script", [github_approved, gitlab_approved], ids=lambda one: one.__name__)
def test_what_a_merge_will_apply_is_verified_by_the_approvers_of_the_branch_it_goes_to(
    checkout: Checkout, script: Script
) -> None:
    """Those that a pull request names itself count for nothing; and where nobody must approve, nothing is asked."""
    checkout.add("plans/unasked.json")
    (checkout.root / "indexer.toml").write_text(APPROVERS, encoding="utf-8")
    told = checkout.run(script())
    assert (told.returncode, told.stdout) == (0, "")
    checkout.commit()
    (checkout.root / "indexer.toml").write_text("[approvals]\ndeletions = 0\n", encoding="utf-8")
    (checkout.root / "plans" / "new.approvals").mkdir()
    checkout.add("plans/new.json", "plans/new.approvals/mallory.json")
    stub = Path(checkout._path.partition(":")[0]) / "indexer"
    stub.write_text('#!/bin/sh\necho "$1 $2 $3"\ncat "$5"\nexit 5\n', encoding="utf-8")
    told = checkout.run(script())
    assert (told.returncode, told.stdout) == (5, f"approve plans/new.json --verify\n{APPROVERS}")


@pytest.mark.parametrize("script", [github_apply, gitlab_apply], ids=lambda one: one.__name__)
def test_a_merge_that_names_its_own_approvers_applies_nothing(checkout: Checkout, script: Script) -> None:
    (checkout.root / "indexer.toml").write_text("buckets = []\n", encoding="utf-8")
    checkout.add("plans/one.json")
    assert checkout.run(script()).returncode == 0
    (checkout.root / "indexer.toml").write_text(APPROVERS, encoding="utf-8")
    checkout.add("plans/two.json")
    assert checkout.run(script()).returncode == 0, "before it nobody had to approve"
    checkout.add("plans/three.json")
    assert checkout.run(script()).returncode == 0
    (checkout.root / "indexer.toml").write_text(f"{APPROVERS}changes = 0\n", encoding="utf-8")
    checkout.add("plans/four.json")
    told = checkout.run(script())
    assert (told.returncode, "apply" in told.stdout.split("Refused")[0]) == (5, False)
