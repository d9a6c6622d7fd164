"""Which tests are quick: those that start no process and no server, which is read from what their files import."""

from __future__ import annotations

import ast
import os
import sys
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
OUTSIDE = {
    "http.server",
    "indexer_sandbox",
    "moto",
    "multiprocessing",
    "playwright",
    "socket",
    "socketserver",
    "subprocess",
}
"""Modules and packages that a test imports, whole or in part, to leave its process."""
EVENTS = {"subprocess.Popen", "os.fork", "os.posix_spawn", "socket.bind"}
"""Python's audit events of having left it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `make quick` asks for."""
    parser.addoption("--quick", action="store_true", help="only what starts no process and no server")


def pytest_configure(config: pytest.Config) -> None:
    """In a quick run nothing leaves the process: a test that is taken for quick and is not fails."""
    if config.getoption("quick"):
        sys.addaudithook(_stay_inside)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file that is not quick is not even imported."""
    if config.getoption("quick") and collection_path.suffix == ".py" and goes_outside(collection_path):
        return True
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Nor is a test whose fixtures are not."""
    if not config.getoption("quick"):
        return
    left_out = [item for item in items if _has_fixtures_outside(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@cache
def goes_outside(file: Path) -> bool:
    """Does a file, or what it imports of the tests, import what leaves the process?"""
    return any(_leaves(name) for one in _reached(file) for name in _imported(one))


def _leaves(module: str) -> bool:
    return any(module == one or module.startswith(f"{one}.") for one in OUTSIDE)


def _reached(file: Path) -> set[Path]:
    """The file, and all files of the tests that it rests on."""
    found, to_do = set(), [file]
    while to_do:
        one = to_do.pop()
        if one not in found:
            found.add(one)
            to_do += [other for name in _imported(one) if (other := _file_of(name, one.parent))]
    return found


@cache
def _imported(file: Path) -> set[str]:
    """The names of all modules that a file imports, wherever in it; `a.b` for `from a import b` too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    return names


def _file_of(module: str, beside: Path) -> Path | None:
    """The tests' own file of that name."""
    path = f"{module.replace('.', '/')}.py"
    return next((folder / path for folder in (TESTS, beside) if (folder / path).is_file()), None)


def _has_fixtures_outside(item: pytest.Item) -> bool:
    info = getattr(item, "_fixtureinfo", None)
    definitions = [one for several in info.name2fixturedefs.values() for one in several] if info else []
    files = {Path(one.func.__code__.co_filename) for one in definitions}
    return any(goes_outside(one) for one in files if one.is_relative_to(TESTS))


def _stay_inside(event: str, _: tuple[object, ...]) -> None:
    if event in EVENTS and "PYTEST_CURRENT_TEST" in os.environ:
        raise AssertionError(f"not quick: {event}")
