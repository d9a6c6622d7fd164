"""Read the project's Markdown: tables, fenced blocks, links, and which files there are."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MADE = {".git", ".venv", "build", "dist", "htmlcov", "__pycache__"}
"""Where no file of the project's own is."""


def committed() -> list[Path]:
    """Every file that is, or will be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:  # a copy without Git
        found = [path for path in ROOT.rglob("*") if not _made(path)]
    return sorted(path for path in found if path.is_file())


def _made(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return any(part in MADE or part.endswith("_cache") or part.startswith(".coverage") for part in parts)


def pages() -> list[Path]:
    """Every Markdown file."""
    return [path for path in committed() if path.suffix == ".md"]


def read(name: str) -> str:
    """A file's text, by its path in the project."""
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """What stands under a heading, to the next one of the same level or above; KeyError when there is none."""
    found = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    if found is None:
        raise KeyError(title)
    end = re.compile(rf"^#{{1,{len(found[1])}}} ", re.MULTILINE).search(text, found.end())
    return text[found.end() : end.start() if end else len(text)]


def rows(text: str) -> list[list[str]]:
    """The rows of all tables in a text, without heads; a first cell in backticks stands without them."""
    found: list[list[str]] = []
    for line in re.findall(r"^\|(.*)\|$", text, re.MULTILINE):
        cells = [cell.strip() for cell in line.split(" | ")]
        if cells[0].startswith("`"):
            found.append([cells[0].strip("`"), *cells[1:]])
    return found


def fenced(text: str, *languages: str) -> list[str]:
    """The bodies of the fenced blocks in these languages."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [body for language, body in blocks if language in languages]


def links(text: str) -> Iterator[str]:
    """The targets of a page's links that lead to files of the project."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            yield target
