"""Files as the repository that they stand in knows them: code scanning and annotations name them so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def repository_path(path: Path) -> str:
    """The path relative to the root of the repository; or to the working directory if there is none."""
    whole = path.resolve()
    roots = [one for one in whole.parents if (one / ".git").exists()]  # a file, in a worktree
    root = roots[0] if roots else Path.cwd()
    return (whole.relative_to(root) if whole.is_relative_to(root) else path).as_posix()


def lines_of_buckets(path: Path, buckets: Sequence[str]) -> dict[str, int]:
    """The line of each bucket in a configuration: the first that holds its name in quotes."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError):  # a parameter of AWS, or none at all
        return {}
    found: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        for bucket in buckets:
            if f'"{bucket}"' in line or f"'{bucket}'" in line:
                found.setdefault(bucket, number)
    return found
