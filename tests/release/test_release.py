"""What is built is whole and says its version; `make release` goes on to install it and to run its demo."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from artefacts import ROOT, changelog_faults, sdist_faults, wheel_faults

import indexer


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


def wheel_in(folder: Path) -> Path:
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_what_is_built_is_whole(built: Path) -> None:
    """The package, its types, templates and shapes, and no tests; the version of `indexer.__version__`."""
    (sdist,) = built.glob("*.tar.gz")
    assert wheel_faults(wheel_in(built)) == []
    assert sdist_faults(sdist) == []
    assert changelog_faults() == []


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("indexer/py.typed", "the wheel lacks indexer/py.typed"),
        ("indexer/render/page/page.html", "the wheel lacks indexer/render/page/page.html"),
        ("indexer_sandbox/shapes/v2.json", "the wheel lacks indexer_sandbox/shapes/v2.json"),
    ],
)
def test_a_wheel_that_lacks_a_file_is_not_fit(built: Path, tmp_path: Path, name: str, fault: str) -> None:
    assert fault in wheel_faults(rebuilt(wheel_in(built), tmp_path, without=name))


def test_a_wheel_with_tests_or_another_version_is_not_fit(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "the wheel holds tests/conftest.py" in wheel_faults(
        rebuilt(wheel_in(built), tmp_path, more="tests/conftest.py")
    )
    monkeypatch.setattr("artefacts.__version__", "9.9.9")
    assert any("9.9.9" in fault for fault in wheel_faults(wheel_in(built)))


def rebuilt(wheel: Path, folder: Path, *, without: str = "", more: str = "") -> Path:
    """A wheel with a file less, or one more."""
    other = folder / wheel.name
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(other, "w") as target:
        for name in source.namelist():
            if name != without:
                target.writestr(name, source.read(name))
        if more:
            target.writestr(more, b"")
    return other


def test_a_version_that_the_changelog_does_not_know_is_not_fit(tmp_path: Path) -> None:
    """Unless its fragments still wait."""
    fragments = tmp_path / "changes.d"
    fragments.mkdir()
    shutil.copy(ROOT / "changes.d" / "README.md", fragments)
    (tmp_path / "CHANGELOG.md").write_text("## 0.0.1 (2026-01-01)\n")
    assert len(changelog_faults(tmp_path)) == 1
    (tmp_path / "CHANGELOG.md").write_text(f"## {indexer.__version__} (2026-01-01)\n")
    assert changelog_faults(tmp_path) == []


def test_the_fragments_make_release_notes() -> None:
    """towncrier can read every one of them."""
    done = subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "9.9.9"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("## 9.9.9 (")
