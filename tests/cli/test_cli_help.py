"""What is printed before any work: quickly, and where it belongs."""

from __future__ import annotations

import json
import subprocess
import sys

from shared.commands import Run

HEAVY = (
    "boto3",
    "botocore",
    "pymongo",
    "codeocean",
    "pydantic_settings",
    "deepdiff",
    "rich",
    "moto",
    "opentelemetry",
)


def test_help_imports_no_system() -> None:
    """`indexer --help` stays quick: no vendor's library, no screen."""
    asks = (
        "import sys, json, contextlib\n"
        "from indexer.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    finished = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(finished.stderr)}
    assert not loaded & set(HEAVY)
    assert "plan" in finished.stdout


def test_version_on_stdout(indexer: Run) -> None:
    """The version is data."""
    finished = indexer("--version")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.startswith("indexer ")


def test_no_command_is_wrong_usage(indexer: Run) -> None:
    """Nothing named, nothing done: the help, as talk."""
    finished = indexer()
    assert (finished.returncode, finished.stdout) == (2, "")
    assert "Usage: indexer" in finished.stderr
