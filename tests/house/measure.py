"""What the house measures: the figures of docs/architecture.md, counted from the code as it stands.

    python tests/house/measure.py [REPOSITORY]

Lines are all lines of source. Files to touch are those of the package in which a word of the kind stands already: one
that is like the new one has been put in all the places where the new one must be.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path

CORE = ("model", "planner", "applier", "systems")
LIKE: Mapping[str, tuple[str, ...]] = {
    "kind of action": ("copy-object", "CopyObject"),
    "reason": ("core-file-unrecorded",),
    "finding": ("data-level-unknown",),
    "format of a verdict": ("junit",),
}
"""The words of one of each that is treated as a new one would be."""


def sources(package: Path) -> Iterator[tuple[Path, str]]:
    """Each module with its text; in a package that still holds the sandbox, without it."""
    for path in sorted(package.rglob("*.py")):
        if "sandbox" not in path.relative_to(package).parts:
            yield path, path.read_text(encoding="utf-8")


def functions(text: str) -> Iterator[int]:
    """How many lines each function has."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.end_lineno or node.lineno) - node.lineno + 1


def comments(text: str) -> int:
    """Comments for readers; those for tools (`noqa`, `type:`, `fmt:`) are none."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    told = (one.string.lstrip("# ") for one in tokens if one.type == tokenize.COMMENT)
    return sum(not one.startswith(("noqa", "type:", "fmt:")) or " - " in one for one in told)


def measured(repository: Path) -> Iterator[tuple[str, str]]:
    """What is counted, and the figure."""
    package = repository / "src" / "indexer"
    texts = dict(sources(package))
    yield "lines of src/indexer, sandbox apart", f"{sum(text.count(chr(10)) for text in texts.values()):,}"
    for one in (*CORE, "runs", "render", "cli"):
        held = [text for path, text in texts.items() if path.relative_to(package).parts[0] == one]
        yield f"… {one}: files, lines", f"{len(held)}, {sum(text.count(chr(10)) for text in held):,}"
    core = [
        path for path in texts if path.relative_to(package).parts[0] in CORE and path.name != "__init__.py"
    ]
    yield "files of the core (model, plan, apply, systems)", f"{len(core)}"
    long = [path for path, text in texts.items() if text.count("\n") > 300]
    yield "files over 300 lines", ", ".join(str(path.relative_to(package)) for path in long) or "0"
    lengths = [length for text in texts.values() for length in functions(text)]
    short = sum(length <= 24 for length in lengths)
    yield "functions of 24 lines or fewer", f"{100 * short / len(lengths):.1f} % of {len(lengths):,}"
    for name, words in LIKE.items():
        held = [path for path, text in texts.items() if any(word in text for word in words)]
        yield (
            f"files to touch for a new {name}",
            f"{len(held)}: " + ", ".join(str(path.relative_to(package)) for path in held),
        )
    yield "comments that say why", f"{sum(map(comments, texts.values())):,}"


def main() -> int:
    """Print them."""
    repository = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    for name, figure in measured(repository):
        print(f"{name}: {figure}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
