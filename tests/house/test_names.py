"""One word, one thing: what is public has a name of its own across the package."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "indexer"
SAME_EVERYWHERE = frozenset({"command", "app"})
"""Each command's module has its own: the command line calls them by these names."""


def public_names(path: Path) -> Iterator[str]:
    """Classes, functions and types that a module defines for others; constants go by their module."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]) if not name.isupper() and len(name) > 1:
                yield name


def test_a_public_name_means_one_thing() -> None:
    """Where two modules share a word, whoever reads one believes that they know the other."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in public_names(path):
            if not name.startswith("_") and name not in SAME_EVERYWHERE:
                places[name].append(str(path.relative_to(PACKAGE)))
    twice = {name: held for name, held in places.items() if len(held) > 1}
    assert not twice
