"""Compare every definition before and after a move: what it left as it was, and what it did not.

    python tests/house/moves.py BEFORE [AFTER] [FOLDER ...]   # commits; HEAD, src and tests without them

A definition is a function, a class apart from its methods, a method, a name that a module assigns, or what else stands in a
module (`(rest)`). It is the same where its syntax tree is: comments, layout, docstrings and imports do not count. One that
only stands in another module was moved. 1 where anything was added, removed or changed.
"""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tarfile
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

FOLDERS = ("src", "tests")
REST = "(rest)"


@dataclass(frozen=True, slots=True, order=True)
class Definition:
    """Where one stands, and what it says."""

    module: str
    name: str
    """Qualified within its module: `Class.method`."""
    tree: str
    """As `ast.dump` prints it."""


@dataclass(frozen=True, slots=True)
class Moves:
    """What became of the definitions, each list in the order of names."""

    moved: tuple[tuple[Definition, Definition], ...]
    changed: tuple[tuple[Definition, Definition], ...]
    added: tuple[Definition, ...]
    removed: tuple[Definition, ...]


class WhatCounts(ast.NodeTransformer):
    """Leaves out docstrings, imports, and what stands empty without them."""

    def visit(self, node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            return None
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [one for one in node.body if not is_text(one)]
        kept = self.generic_visit(node)
        # `if TYPE_CHECKING:` holds nothing but imports
        return None if isinstance(kept, ast.If) and not kept.body and not kept.orelse else kept


def is_text(one: ast.stmt) -> bool:
    """A docstring, be it that of the module, of what follows or of a field before it."""
    return (
        isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant) and isinstance(one.value.value, str)
    )


def definitions(module: str, source: str) -> Iterator[Definition]:
    """Every definition of one module."""
    tree = ast.parse(source)
    WhatCounts().visit(tree)
    rest: list[ast.stmt] = []
    for one in tree.body:
        match one:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from within(module, "", one)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield Definition(module, name, ast.dump(one))
            case _:
                rest.append(one)
    if rest:
        yield Definition(module, REST, " ".join(map(ast.dump, rest)))


def within(
    module: str, outer: str, one: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
) -> Iterator[Definition]:
    """It, and of a class what it defines. A function stays whole."""
    name = f"{outer}{one.name}"
    if isinstance(one, ast.ClassDef):
        inner = [
            part
            for part in one.body
            if isinstance(part, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        one.body = [part for part in one.body if part not in inner]
        for part in inner:
            yield from within(module, f"{name}.", part)
    yield Definition(module, name, ast.dump(one))


def at(commit: str, folders: Sequence[str]) -> list[Definition]:
    """All that a commit defines."""
    there = subprocess.run(
        ["git", "ls-tree", "--name-only", commit, "--", *folders], check=True, capture_output=True, text=True
    ).stdout.split()
    archive = subprocess.run(["git", "archive", commit, "--", *there], check=True, capture_output=True).stdout
    found: list[Definition] = []
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for member in files:
            if member.name.endswith(".py") and (opened := files.extractfile(member)):
                module = member.name.removeprefix("src/").removesuffix(".py").removesuffix("/__init__")
                found.extend(definitions(module.replace("/", "."), opened.read().decode()))
    return found


def compare(before: Iterable[Definition], after: Iterable[Definition]) -> Moves:
    """Pair what is the same, then what has the same name: within a module first, then across them.

    Where several could be meant, the modules between which most was moved as it was are believed first.
    """
    old, new = Counter(before), Counter(after)
    gone, come = sorted((old - new).elements()), sorted((new - old).elements())
    moved = paired(gone, come, lambda one: (one.name, one.tree), {})
    ways = Counter((one.module, other.module) for one, other in moved)
    changed = paired(gone, come, lambda one: (one.name, one.module), {})
    changed += paired(gone, come, lambda one: one.name, ways)
    return Moves(tuple(moved), tuple(sorted(changed)), tuple(come), tuple(gone))


def paired(
    gone: list[Definition],
    come: list[Definition],
    key: Callable[[Definition], Hashable],
    ways: Mapping[tuple[str, str], int],
) -> list[tuple[Definition, Definition]]:
    """Take out of both lists what belongs together."""
    candidates: dict[Hashable, list[Definition]] = defaultdict(list)
    for one in come:
        candidates[key(one)].append(one)
    found: list[tuple[Definition, Definition]] = []
    for one in tuple(gone):
        if there := candidates[key(one)]:
            other = max(there, key=lambda it: ways.get((one.module, it.module), 0))
            there.remove(other)
            gone.remove(one)
            come.remove(other)
            found.append((one, other))
    return found


def lines(moves: Moves) -> Iterator[str]:
    """What a reader of a commit wants to know: the changes one by one, the moves by module."""
    for way, number in sorted(Counter((one.module, other.module) for one, other in moves.moved).items()):
        yield f"moved    {number:4} {way[0]} -> {way[1]}"
    for one, other in moves.changed:
        yield f"changed  {one.module}: {one.name}" + (
            f" -> {other.module}" if other.module != one.module else ""
        )
    yield from (f"added    {one.module}: {one.name}" for one in moves.added)
    yield from (f"removed  {one.module}: {one.name}" for one in moves.removed)
    yield (
        f"moved={len(moves.moved)} changed={len(moves.changed)} "
        f"added={len(moves.added)} removed={len(moves.removed)}"
    )


def main(typed: Sequence[str]) -> int:
    """See above."""
    before, after, folders = typed[0], typed[1] if len(typed) > 1 else "HEAD", typed[2:] or FOLDERS
    moves = compare(at(before, folders), at(after, folders))
    print("\n".join(lines(moves)))
    return int(bool(moves.changed or moves.added or moves.removed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
