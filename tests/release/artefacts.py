"""Check a built sdist and wheel as a user meets them: `make release` runs `artefacts.py dist`.

The wheel is installed into an environment that holds nothing else, and its demo is run in a directory that is not ours.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Sequence
from email.parser import Parser
from pathlib import Path

from indexer import __version__

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
MAN_PAGE = "share/man/man1/indexer.1"
OURS = ("AWS_", "INDEXER_", "OTEL_", "PYTHON", "VIRTUAL_ENV")
"""What would let an installation look at anything but itself."""


def main(folder: Path) -> int:
    """Say what is wrong with what was built, or that nothing is."""
    wheels, sdists = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    if len(wheels) != 1 or len(sdists) != 1:
        return told(
            [f"{folder} holds {len(wheels)} wheels and {len(sdists)} sdists, and one of each is wanted"]
        )
    faults = [*wheel_faults(wheels[0]), *sdist_faults(sdists[0]), *changelog_faults()]
    return told(faults or installed_faults(wheels[0]))


def told(faults: Sequence[str], what: str = "sdist and wheel are") -> int:
    """An exit status, and words."""
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    if not faults:
        sys.stdout.write(f"data-asset-indexer {__version__}: {what} fit to release\n")
    return 1 if faults else 0


def wheel_faults(wheel: Path) -> list[str]:
    """It holds the package and its man page, whole, and nothing else; its metadata has the version and the extras."""
    with zipfile.ZipFile(wheel) as file:
        names = {name for name in file.namelist() if not name.endswith("/")}
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        told_of = Parser().parsestr(file.read(metadata).decode("utf-8"))
    held = {name for name in names if ".dist-info/" not in name}
    wanted = {path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*") if _is_ours(path)}
    wanted.add(f"data_asset_indexer-{__version__}.data/data/{MAN_PAGE}")
    faults = [f"the wheel lacks {name}" for name in sorted(wanted - held)]
    faults += [f"the wheel holds {name}" for name in sorted(held - wanted)]
    if "indexer/py.typed" not in held:
        faults.append("the wheel says nothing of types: indexer/py.typed")
    if told_of["Version"] != __version__:
        faults.append(
            f"the wheel's version is {told_of['Version']}, and src/indexer/__init__.py says {__version__}"
        )
    extras = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    )
    if set(told_of.get_all("Provides-Extra", [])) != extras:
        faults.append(f"the wheel's extras are not {', '.join(sorted(extras))}")
    return faults


def _is_ours(path: Path) -> bool:
    return path.is_file() and path.suffix != ".pyc" and ".egg-info" not in str(path)


def sdist_faults(sdist: Path) -> list[str]:
    """It holds what it takes to build, to test and to release, under the version's name."""
    with tarfile.open(sdist) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    wanted = (
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "SECURITY.md",
        "src/indexer/py.typed",
        "tests/conftest.py",
        "changes.d/README.md",
        ".ci/run",
        ".github/ISSUE_TEMPLATE/bug.yml",
    )
    faults = [f"the sdist lacks {name}" for name in wanted if name not in names]
    if not sdist.name.endswith(f"-{__version__}.tar.gz"):
        faults.append(f"the sdist {sdist.name} is not of version {__version__}")
    return faults


def changelog_faults(root: Path = ROOT) -> list[str]:
    """The version has its section, or what comes in it still waits in fragments."""
    waiting = [path for path in (root / "changes.d").glob("*.md") if path.name != "README.md"]
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if waiting or re.search(rf"^## {re.escape(__version__)} ", changelog, re.MULTILINE):
        return []
    return [f"CHANGELOG.md says nothing of {__version__}, and changes.d is empty"]


def installed_faults(wheel: Path) -> list[str]:
    """A new environment, the wheel as users install it, and its commands in another directory."""
    with tempfile.TemporaryDirectory(prefix="indexer-release-") as folder:
        home, elsewhere = Path(folder) / "environment", Path(folder) / "elsewhere"
        elsewhere.mkdir()
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        python, indexer = str(home / "bin" / "python"), str(home / "bin" / "indexer")
        pip = (python, "-m", "pip", "--disable-pip-version-check")
        steps: tuple[tuple[str, ...], ...] = (
            (*pip, "install", "--quiet", str(wheel)),
            (
                python,
                "-c",
                f"import indexer; indexer.apply; assert indexer.__file__.startswith({str(home)!r})",
            ),
            (indexer, "--version"),
            (indexer, "schema", "config"),
            (*pip, "install", "--quiet", f"{wheel}[sandbox]"),
            (*pip, "check"),
            (indexer, "demo"),
        )
        own = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        for step in steps:
            done = subprocess.run(step, cwd=elsewhere, env=own, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                said = (done.stdout + done.stderr)[-3000:]
                return [f"`{' '.join(step)}` exited with {done.returncode}:\n{said}"]
        left = [path.name for path in elsewhere.iterdir()]
    return [f"the demo left {', '.join(left)} behind"] if left else []


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
