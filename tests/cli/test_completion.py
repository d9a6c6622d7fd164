"""What a shell is told when somebody presses Tab; the scripts are typer's own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from shared.commands import Run
from shared.patience import PATIENCE_S
from shared.warm import command_for_shells

CONFIGURATION = """
buckets = ["one", "other", "two"]
[codeocean]
results_bucket = "results"
"""


def completed(indexer: Run, typed: str, **more: str) -> list[str]:
    """The words that bash is offered at the end of a line."""
    words = typed.split(" ")
    env = {"_INDEXER_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    done = indexer(**env, **more)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("indexer dr", ["drift"]),
        ("indexer plan --det", ["--detailed-exitcode", "--detail"]),
        ("indexer plan --bucket ", ["one", "other", "two", "results"]),
        ("indexer drift --bucket o", ["one", "other"]),
        ("indexer plan --policy u", ["upsert-only"]),
        ("indexer plan --allow-empty ", ["s3", "docdb", "codeocean"]),
        ("indexer show --system ", ["s3", "docdb", "codeocean"]),
        ("indexer show --effect d", ["delete"]),
        ("indexer show --action delete-", ["delete-object", "delete-record", "delete-data-asset"]),
        ("indexer show --reason links-", ["links-stale", "links-format"]),
        ("indexer apply plan.json --only links-", ["links-stale", "links-format"]),
        (
            "indexer apply plan.json --except de",
            ["delete", "delete-object", "delete-record", "delete-data-asset"],
        ),
        ("indexer show --status s", ["satisfied", "stale", "skipped"]),
    ],
)
def test_what_there_is_is_offered(indexer: Run, tmp_path: Path, typed: str, offered: list[str]) -> None:
    (tmp_path / "indexer.toml").write_text(CONFIGURATION)
    assert sorted(completed(indexer, typed)) == sorted(offered)


@pytest.mark.parametrize("text", ["", "buckets = [", "buckets = 3\ncodeocean = 4", "\ufeffbuckets = [1]"])
def test_a_configuration_that_cannot_be_read_offers_nothing(indexer: Run, tmp_path: Path, text: str) -> None:
    """And says nothing in the middle of a line."""
    (tmp_path / "indexer.toml").write_text(text, encoding="utf-8")
    assert completed(indexer, "indexer plan --bucket ") == []


def test_buckets_of_the_environment_go_over_the_file(indexer: Run, tmp_path: Path) -> None:
    (tmp_path / "indexer.toml").write_text(CONFIGURATION)
    assert completed(indexer, "indexer plan --bucket ", INDEXER_BUCKETS='["three"]') == ["three", "results"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_a_real_bash_completes(indexer: Run, variables: dict[str, str], tmp_path: Path) -> None:
    """The script that is shown defines what the shell calls at Tab."""
    (tmp_path / "indexer.toml").write_text(CONFIGURATION)
    # Without this, typer asks the processes above for their shell, and there may be none.
    script = indexer("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1").stdout
    (tmp_path / "completion.sh").write_text(script)
    typed = (
        f'PATH="{command_for_shells()}:$PATH"; . ./completion.sh; COMP_WORDS=(indexer plan --bucket t); COMP_CWORD=3; '
        '_indexer_completion indexer; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-ec", typed],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("two\n", "")
