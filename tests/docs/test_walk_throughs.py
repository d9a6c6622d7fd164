"""What the README, the tutorial and the how-to guides tell their readers to type, typed as it stands there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pages import ROOT, pages, read, section
from walk_through import Step, first_terminal, follow, missing, newcomer, steps

from shared import warm

HOW_TO = sorted((ROOT / "docs" / "how-to").glob("*.md"))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """With a command that is warm."""
    return newcomer(tmp_path, warm.command_for_shells())


def walked(page: list[Step], environment: Mapping[str, str], scratch: Path) -> tuple[Path, str]:
    """Follow a page that begins with a sandbox: the directory afterwards, and all that was printed."""
    directory = scratch / "new"
    directory.mkdir()
    with first_terminal(page[0].typed, directory, environment, scratch) as exported:
        return directory, follow(page[1:], directory, exported)


def test_every_command_of_the_readme_succeeds(environment: dict[str, str], tmp_path: Path) -> None:
    """The last plan finds nothing to do: with --detailed-exitcode it would not exit with 0 else."""
    typed = steps(section(read("README.md"), "Try it on a sandbox"))
    directory, printed = walked(typed, environment, tmp_path)
    assert "asset-gone" in printed
    assert (directory / "plan.json").is_file()
    assert list((directory / "plan.results").glob("*/result.json"))


def test_every_command_of_the_tutorial_succeeds(environment: dict[str, str], tmp_path: Path) -> None:
    directory, _ = walked(steps(read("docs/tutorial.md")), environment, tmp_path)
    assert list((directory / "plan.results").glob("*/result.json"))


@pytest.fixture(scope="module")
def beside_a_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """Where its configurations are, and the environment that leads to it: one sandbox for all how-to guides."""
    directory, scratch = tmp_path_factory.mktemp("sandbox"), tmp_path_factory.mktemp("scratch")
    typed = "indexer sandbox --directory . --assets 30 --gateway"
    with first_terminal(typed, directory, newcomer(scratch, warm.command_for_shells()), scratch) as exported:
        yield directory, exported


@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.stem)
def test_every_command_of_a_how_to_succeeds(
    page: Path, beside_a_sandbox: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    """And prints what the page shows. The guides deal with different assets, so any of them may be the first."""
    sandbox, exported = beside_a_sandbox
    for name in ("indexer.toml", "gateway.toml"):
        shutil.copy(sandbox / name, tmp_path)
    follow(steps(page.read_text(encoding="utf-8")), tmp_path, exported)


def test_a_line_that_is_shown_and_not_printed_is_named() -> None:
    """The order counts, and `…` stands for anything: else every page would pass."""
    printed = "Plan 49: 2 actions\n  + one\n  - two\n"
    assert missing("Plan …: 2 actions\n…\n  - two\n", printed) is None
    assert missing("Plan …: 3 actions\n", printed) == "Plan …: 3 actions"
    assert missing("  - two\n  + one\n", printed) == "  + one"
    assert missing("- two\n", printed) == "- two"


def test_a_step_that_fails_or_prints_something_else_is_told(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match="exit code 3"):
        follow(steps("```sh\ntrue\nexit 3\ntrue\n```\n"), tmp_path, environment)
    with pytest.raises(AssertionError, match="not printed: 'two'"):
        follow(
            steps("1. As:\n\n   ```sh\n   echo one\n   ```\n\n```text\none\ntwo\n```\n"),
            tmp_path,
            environment,
        )


def test_every_command_and_option_that_a_page_shows_exists() -> None:
    """Each is known to the command's `--help`."""
    known = read("docs/commands.md")
    for page in pages():
        for line in re.findall(r"^ *(?:\$ )?indexer ([a-z]+)(.*)$", page.read_text(), re.MULTILINE):
            command, rest = line
            usage = section(known, f"indexer {command}")
            for option in re.findall(r"(?<!\S)(--[a-z-]+)", rest):
                assert f"{option}" in usage, f"{page}: indexer {command} {option}"
