"""`indexer drift` as CI calls it: exit codes, formats, and clear words for a file of rules that is wrong."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.model.drift import Verdict
from indexer.runs.files import plan_text
from shared import warm
from shared.rendered import delete, plan_of, put

Drift = Callable[..., subprocess.CompletedProcess[str]]
RULE = '[[rule]]\nasset = "{}"\nowner = "data-infra"\nwhy = "moved by hand"\nuntil = {}\n'


@pytest.fixture
def drift(tmp_path: Path) -> Drift:
    """`drift(*arguments)` in a directory that holds plan.json and no configuration."""
    (tmp_path / "plan.json").write_text(plan_text(plan_of([put(), delete()])), encoding="utf-8")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("INDEXER_", "AWS_"))}

    def run(*arguments: str, rules: str | None = None) -> subprocess.CompletedProcess[str]:
        if rules is not None:
            (tmp_path / "rules.toml").write_text(rules, encoding="utf-8")
            arguments = (*arguments, "--expected", "rules.toml")
        return warm.run(["drift", *arguments], tmp_path, kept)

    return run


def test_a_saved_plan_is_judged_without_configuration(drift: Drift) -> None:
    """No system is read: there is none, and no indexer.toml."""
    done = drift("--plan", "plan.json")
    assert done.returncode == 3
    assert done.stdout.startswith("DRIFT: 2 unexpected actions on 2 assets.")
    assert "→ indexer show plan.json" in done.stderr


def test_expected_drift_passes(drift: Drift) -> None:
    done = drift(
        "--plan", "plan.json", rules=RULE.format("asset", "2999-01-01") + RULE.format("gone", "2999-01-01")
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("No unexpected drift: 10 assets looked at, 2 actions expected.")


def test_an_expired_rule_fails_and_names_its_line(drift: Drift) -> None:
    done = drift(
        "--plan", "plan.json", rules=RULE.format("*t", "2999-01-01") + RULE.format("gone", "2020-01-01")
    )
    assert done.returncode == 3
    assert (
        "line 6: any action on 'gone' until 2020-01-01 (data-infra: moved by hand): 1 matched" in done.stdout
    )
    assert "edit rules.toml" in done.stderr


@pytest.mark.parametrize("output", ["text", "json", "markdown", "html", "junit", "sarif", "github"])
def test_data_goes_to_stdout_and_talk_to_stderr(drift: Drift, output: str) -> None:
    """The exit code is the same whatever the format."""
    done = drift("--plan", "plan.json", "--format", output)
    assert done.returncode == 3
    assert done.stdout
    assert ("DRIFT: 2 unexpected actions" in done.stderr) == (output != "text")
    assert drift("--plan", "plan.json", "--format", output, "--quiet").stderr == ""


def test_json_is_a_verdict(drift: Drift) -> None:
    verdict = Verdict.model_validate_json(drift("--plan", "plan.json", "--format", "json").stdout)
    assert (verdict.status, verdict.exit_code, verdict.totals.unexpected) == ("drift", 3, 2)


def test_a_summary_is_appended(drift: Drift, tmp_path: Path) -> None:
    """As a workflow's steps share one file."""
    (tmp_path / "summary.md").write_text("# before\n")
    drift("--plan", "plan.json", "--summary", "summary.md", "--format", "github")
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert text.startswith("# before\n")
    assert "| `bucket` | asset-gone |  |  | 1 |" in text


def test_the_rules_are_named_relative_to_the_repository(drift: Drift, tmp_path: Path) -> None:
    """Else GitHub could not mark them."""
    (tmp_path / "plans").mkdir()
    rules = tmp_path / "plans" / "expected.toml"
    rules.write_text(RULE.format("nothing", "2999-01-01"))
    done = drift("--plan", "plan.json", "--format", "github", "--expected", str(rules))
    assert "file=plans/expected.toml,line=1" in done.stdout


def places(done: subprocess.CompletedProcess[str]) -> set[tuple[str, int]]:
    """File and line of each result in a SARIF log."""
    found = [one["locations"][0]["physicalLocation"] for one in json.loads(done.stdout)["runs"][0]["results"]]
    return {(one["artifactLocation"]["uri"], one["region"]["startLine"]) for one in found}


def test_without_rules_drift_is_at_the_bucket_in_the_configuration(drift: Drift, tmp_path: Path) -> None:
    """Relative to the root of the repository, wherever in it the command runs; code scanning wants a file of it."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "indexer.toml").write_text('# ours\nbuckets = [\n    "other",\n    "bucket",\n]\n')
    sarif = ("--plan", "plan.json", "--format", "sarif", "--config", "there/indexer.toml")
    assert places(drift(*sarif)) == {("there/indexer.toml", 4)}
    (tmp_path.parent / ".git").mkdir()
    try:
        assert places(drift(*sarif)) == {(f"{tmp_path.name}/there/indexer.toml", 4)}
    finally:
        (tmp_path.parent / ".git").rmdir()


def test_without_any_file_drift_has_a_place_all_the_same(drift: Drift) -> None:
    """Else the whole log is refused."""
    assert places(drift("--plan", "plan.json", "--format", "sarif")) == {("indexer.toml", 1)}


@pytest.mark.parametrize("more", [("--bucket", "b"), ("--all",), ("--asset", "x"), ("--allow-empty", "s3")])
def test_a_saved_plan_has_its_scope_already(drift: Drift, more: tuple[str, ...]) -> None:
    done = drift("--plan", "plan.json", *more)
    assert done.returncode == 2
    assert "a saved plan is judged as it is" in done.stderr


def test_a_plan_that_was_edited_is_refused(drift: Drift, tmp_path: Path) -> None:
    document = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    document["actions"].pop()
    (tmp_path / "plan.json").write_text(json.dumps(document))
    assert drift("--plan", "plan.json").returncode == 5


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("[[rule]", "is not TOML"),
        ("[[rules]]\nasset = 'x'\n", "rules: 'rules' is not known; did you mean rule?"),
        (RULE.format("x", "2999-01-01") + "reson = 'asset-gone'\n", "did you mean reason?"),
        (RULE.format("x", "2999-01-01") + "reason = 'asset-lost'\n", "did you mean asset-gone?"),
        (RULE.format("x", "2999-01-01") + "reason = 'name-mismatch'\n", "write finding = 'name-mismatch'"),
        (RULE.format("x", "2999-01-01T10:00:00"), "rule 1: until: must be a day such as 2026-12-31"),
        (RULE.format("x", "2999-13-01"), "A date is written as 2026-12-31"),
        (RULE.format("x", "2999-01-01").replace("[[rule]]", "[rule]"), "[[rule]], in two brackets"),
        (RULE.format("*", "2999-01-01"), "rule 1: the rule would expect everything"),
        ("[[rule]]\nasset = 'x'\n", "rule 1: owner: Field required"),
    ],
)
def test_wrong_rules_are_wrong_usage_in_words(drift: Drift, rules: str, words: str) -> None:
    """The file, the rule, the key, and what was probably meant; no verdict is given."""
    done = drift("--plan", "plan.json", rules=rules)
    assert done.returncode == 2
    assert "rules.toml" in done.stderr
    assert words in done.stderr
    assert done.stdout == ""


def test_a_missing_file_of_rules_is_wrong_usage(drift: Drift) -> None:
    """It never means: nothing is expected."""
    assert drift("--plan", "plan.json", "--expected", "nowhere.toml").returncode == 2


def test_a_summary_that_cannot_be_written_is_an_error(drift: Drift) -> None:
    done = drift("--plan", "plan.json", "--summary", "no/such/folder.md")
    assert done.returncode == 2
    assert "--summary" in done.stderr
