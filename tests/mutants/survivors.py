"""What came of `make mutants`: by module how many were killed; and each survivor that README.md gives no reason for.

python tests/mutants/survivors.py
"""

from __future__ import annotations

import ast
import difflib
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MUTATED = ROOT / "mutants" / "src" / "indexer"
LISTED = Path(__file__).with_name("README.md")
ENOUGH = 95.0
"""So many per cent must be killed."""
OUTCOMES = {None: "unchecked", 0: "survived", 5: "survived", 33: "survived", 36: "time", 37: "types"}
"""By exit code; where no test goes there (5, 33) nothing kills it. Others are a test that failed."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change, and what came of it."""

    module: str
    name: str
    outcome: str


def mutants(folder: Path = MUTATED) -> Iterator[Mutant]:
    """All that mutmut made."""
    for path in sorted(folder.rglob("*.meta")):
        module = ".".join(path.relative_to(folder).with_suffix("").with_suffix("").parts)
        codes: Mapping[str, int | None] = json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
        for name, code in codes.items():
            timed_out = code in (-24, 24, 152, 255)
            yield Mutant(
                module, name.rpartition(".")[2], "time" if timed_out else OUTCOMES.get(code, "tests")
            )


def change(mutant: Mutant, folder: Path = MUTATED) -> str:
    """The line of README.md that a survivor must have: where it is, what stood there, and what stands there now."""
    path = folder.joinpath(*mutant.module.split(".")).with_suffix(".py")
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    original = f"{mutant.name.rpartition('__mutmut_')[0]}__mutmut_orig"
    bodies = {
        node.name: [line.strip().replace(node.name, "") for line in lines[node.lineno - 1 : node.end_lineno]]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name in (mutant.name, original)
    }
    old, new = _differing(bodies[original], bodies[mutant.name])
    where = original.removesuffix("__mutmut_orig").removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    return f"- `{mutant.module}.{where}`: `{old}` → `{new}`"


def _differing(old: list[str], new: list[str]) -> tuple[str, str]:
    delta = [line for line in difflib.ndiff(old, new) if line[0] in "-+"]
    return (
        " ".join(line[2:] for line in delta if line[0] == "-"),
        " ".join(line[2:] for line in delta if line[0] == "+"),
    )


def main() -> int:
    """0 where enough were killed and each survivor has its reason."""
    counts: dict[str, Counter[str]] = {}
    survivors: list[Mutant] = []
    for mutant in mutants():
        counts.setdefault(mutant.module, Counter())[mutant.outcome] += 1
        if mutant.outcome == "survived":
            survivors.append(mutant)
    for module, count in counts.items():
        print(f"{module:24} {count.total():5} {_share(count):6.1f} % killed  {_words(count)}")
    listed = set(LISTED.read_text(encoding="utf-8").splitlines())
    unlisted = [line for line in map(change, survivors) if line not in listed]
    print(*unlisted, sep="\n")
    total = sum(counts.values(), Counter[str]())
    print(f"mutants={total.total()} killed={_share(total):.1f}% {_words(total)} unlisted={len(unlisted)}")
    return 1 if unlisted or _share(total) < ENOUGH else 0


def _share(count: Counter[str]) -> float:
    """Per cent of those that were checked."""
    checked = count.total() - count["unchecked"]
    return 100 * (checked - count["survived"]) / checked if checked else 0.0


def _words(count: Counter[str]) -> str:
    return " ".join(f"{name}={number}" for name, number in sorted(count.items()))


if __name__ == "__main__":
    sys.exit(main())
