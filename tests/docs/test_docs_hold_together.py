"""Links lead somewhere, what is generated is current, and no file tells where it was made."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from generated import SCHEMA_FOLDER, SCHEMAS, files
from pages import ROOT, committed, links, pages, read

from indexer import __version__
from indexer.model.findings import FINDINGS
from indexer.model.reasons import REASONS

_REGISTRIES = (
    ("py", "pi.org"),
    ("python", "hosted.org"),
    ("npm", "js.org"),
    ("npm", "js.com"),
    ("crates", ".io"),
)
REGISTRIES = re.compile("|".join(re.escape("".join(parts)) for parts in _REGISTRIES))
"""In two parts each, since this file is looked at too."""
INDEX_OPTIONS = re.compile(
    r"^\s*(-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host)\b", re.MULTILINE
)
HOME = re.compile(r"(?<![\w./*-])/(home|root|Users)/\w")


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_resolves(page: Path) -> None:
    for target in links(page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        if anchor:
            assert anchor in _anchors(linked), target


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(("path", "made"), [pytest.param(*one, id=one[0].name) for one in files()])
def test_what_is_generated_is_current(path: Path, made: Callable[[], str]) -> None:
    """`make docs` writes it: help, field tables, meanings, schemas."""
    assert path.read_text(encoding="utf-8") == made()


def test_the_readme_shows_the_help() -> None:
    assert "$ indexer --help\nUsage: " in read("README.md")


def test_no_schema_is_left_over() -> None:
    assert sorted(path.stem for path in SCHEMA_FOLDER.iterdir()) == sorted(SCHEMAS)


def _texts() -> list[tuple[Path, str]]:
    return [(path, path.read_bytes().decode("utf-8", "replace")) for path in committed()]


def test_no_file_names_a_package_registry() -> None:
    named = [str(path) for path, text in _texts() if REGISTRIES.search(text)]
    assert not named


def test_no_requirement_says_where_packages_come_from() -> None:
    said = [
        str(path) for path, text in _texts() if "requirements" in path.name and INDEX_OPTIONS.search(text)
    ]
    assert not said


def test_no_file_holds_a_path_of_somebodys_machine() -> None:
    held = [f"{path}: {found[0]}" for path, text in _texts() if (found := HOME.search(text))]
    assert not held


def test_every_test_that_a_page_names_exists() -> None:
    for page in pages():
        for path, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page.read_text(encoding="utf-8")):
            assert (ROOT / path).is_file(), f"{page.name} names {path}"
            assert not name or re.search(rf"def {name}\(", read(path)), f"{page.name} names {path}::{name}"


def test_the_version_stands_in_one_place() -> None:
    """The wheel's, too, comes from there: `tests/release/test_release.py`."""
    settings = tomllib.loads(read("pyproject.toml"))
    assert "version" not in settings["project"]
    assert f'__version__ = "{__version__}"\n' in read(settings["tool"]["hatch"]["version"]["path"])


def test_every_module_that_a_page_names_exists() -> None:
    """`planner.join`, or with `indexer.` before it."""
    named = re.compile(r"`(?:indexer\.)?((?:applier|model|planner|render|runs|systems)\.\w+)`")
    found = {module for page in pages() for module in named.findall(page.read_text(encoding="utf-8"))}
    assert "planner.join" in found
    package = ROOT / "src" / "indexer"
    assert not [one for one in found if not (package / f"{one.replace('.', '/')}.py").is_file()]


def test_every_reason_and_finding_has_a_step_of_the_nightly_jobs() -> None:
    """But for what needs past runs, of which they kept nothing."""
    said = set(re.findall(r"`([a-z-]+)`", read("docs/predecessor.md")))
    assert {*REASONS, *FINDINGS} - said == {"undo", "fought-over", "type-hidden"}


def test_every_fragment_of_the_changelog_has_a_known_type() -> None:
    settings = tomllib.loads(read("pyproject.toml"))["tool"]["towncrier"]
    types = {one["directory"] for one in settings["type"]}
    for fragment in (ROOT / settings["directory"]).glob("*.md"):
        assert fragment.name == "README.md" or fragment.name.split(".")[-2] in types, fragment.name


def test_the_man_page_has_every_command_and_is_good_troff() -> None:
    """groff warns of nothing, where it is installed."""
    page = read("docs/indexer.1")
    for command in re.findall(r"^## (indexer .*)$", read("docs/commands.md"), re.MULTILINE):
        assert f'.SS "{command}' in page
    if (groff := shutil.which("groff")) is not None:
        done = subprocess.run(
            [groff, "-man", "-Tutf8", "-ww", "-z"],
            input=page,
            capture_output=True,
            encoding="ascii",
            check=True,
        )
        assert done.stderr == ""
