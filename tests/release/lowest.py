"""Print the lowest version of each direct dependency that pyproject.toml allows, as constraints for pip."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
BOUND = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?>=([0-9][0-9A-Za-z.]*)$")


def lowest(document: dict[str, object]) -> Iterator[str]:
    """One line for each dependency that has a lower bound; a dependency named twice must have one bound."""
    project = document["project"]
    assert isinstance(project, dict)
    extras = [one for named in project["optional-dependencies"].values() for one in named]
    found: dict[str, str] = {}
    for requirement in [*project["dependencies"], *extras]:
        match = BOUND.match(requirement)
        if match is None:  # ourselves with an extra, or stubs, which follow what they are for
            continue
        name, version = match.groups()
        if found.setdefault(name, version) != version:
            raise SystemExit(f"{name} has two lower bounds: {found[name]} and {version}")
    yield from (f"{name}=={version}" for name, version in sorted(found.items()))


if __name__ == "__main__":
    print(*lowest(tomllib.loads(PROJECT.read_text(encoding="utf-8"))), sep="\n")  # noqa: T201
