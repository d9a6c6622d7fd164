"""Record what users and programs see of every command, to compare it before and after the code was moved.

    python tests/house/record.py DIR                # on a seeded sandbox of its own
    python tests/house/record.py --compare DIR DIR  # what differs; 1 where anything does

Each command's stdout, stderr, status and files go to a file of their own. What no two runs share (ids of runs, times, ports,
and digests of what holds them) is replaced by a word; of all else every byte counts.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

from indexer.cli.demo import environment
from indexer.render.formats import GateFormat, ShowFormat
from indexer.runs.schema_names import SchemaName
from indexer_sandbox import running
from indexer_sandbox.seed import seed

ASSETS = 30
COMMANDS = (
    "plan",
    "show",
    "apply",
    "runs",
    "drift",
    "undo",
    "doctor",
    "schema",
    "sandbox",
    "demo",
    "config",
    "config show",
)
EXPECTED = """\
[[rule]]
asset = "*"
reason = "core-file-stale"
owner = "metadata team"
why = "a recording of what the gate says"
until = 2099-01-01

[[rule]]
asset = "no-such-asset-*"
finding = "name-mismatch"
owner = "metadata team"
why = "it matches nothing"
until = 2099-01-01

[[rule]]
asset = "*"
reason = "links-stale"
owner = "metadata team"
why = "it is over"
until = 2020-01-01
"""
MAKES_WORDS: tuple[tuple[str, str], ...] = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?", "TIME"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?", "TIME"),
    (r"\b\d\d:\d\d:\d\d\b", "CLOCK"),
    (r'"duration_s": ?[\d.]+', '"duration_s": SECONDS'),
    (r"\b\d+(\.\d+)? (m?s|min)\b", "SECONDS"),
    (r"127\.0\.0\.1:\d+", "HOST"),
    (r"localhost:\d+", "HOST"),
    (r"after \d+(\.\d+)? s", "after SECONDS"),
)
"""What no two runs share, and the word that stands for it."""
AFTER_A_WRITE = (
    "apply",
    "show-result",
    "show-stale",
    "run-",
    "back",
    "stale-",
    "undo",
    "show-undo",
    "plan-back",
)
"""Files in which digests and ETags are those of contents that hold the time of their write."""
HOW_FAR = re.compile(
    r"^TIME [^:]+: [\d,]+ of [\d,]+|^TIME reading [^:]+: [\d,]+$|stage-progress"
    r"|\"message\": \"[^\":]+: [\d,]+ of |\"message\": \"reading [^\":]+: [\d,]+\""
)
"""How far a run is by now is said every few seconds."""


def commands() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Name, what is typed, and variables; each builds on what those before it have left."""
    for name in COMMANDS:
        yield f"help-{name.replace(' ', '-')}", f"{name} --help", {}
    yield "help", "--help", {}
    for name in get_args(SchemaName):
        yield f"schema-{name}", f"schema {name}", {}
    yield "doctor", "doctor", {}
    yield "config-show", "config show", {}
    yield "plan", "plan --all --out plan.json --parallel 1 --events events-plan.jsonl", {}
    yield "plan-narrow", "plan --all --out narrow.json", {"COLUMNS": "80"}
    yield "plan-lines", "plan --all --out lines.json --log-format json", {}
    yield "plan-detail", "plan --bucket aind-private-data --out detail.json -d", {}
    yield "plan-withheld", "plan --all --policy create-only --max-deletes 0 --out withheld.json", {}
    yield "plan-limits", "plan --all --max-deletes 0 --max-delete-percent 0 --out limits.json", {}
    yield "plan-wrong", "plan --bucket no-such-bucket", {}
    for one in ("plan", "withheld", "limits"):
        for form in get_args(ShowFormat):
            yield f"show-{one}-{form}", f"show {one}.json --format {form}", {}
    yield "show-narrow", "show plan.json", {"COLUMNS": "80"}
    yield "show-wide", "show plan.json", {"COLUMNS": "200", "FORCE_COLOR": "1"}
    for form in get_args(ShowFormat):
        yield f"show-part-{form}", f"show plan.json --action delete-record --format {form}", {}
        yield f"show-against-{form}", f"show plan.json --against withheld.json --format {form}", {}
    for form in get_args(GateFormat):
        yield f"drift-{form}", f"drift --plan plan.json --format {form} --summary summary-{form}.md", {}
        yield (
            f"drift-expected-{form}",
            f"drift --plan plan.json --expected rules.toml --strict --format {form}",
            {},
        )
    yield "drift-live", "drift --all", {}
    yield "drift-none", "drift --bucket aind-private-data --asset no-such-asset", {}
    yield "apply-refused", "apply limits.json --max-deletes 0 --policy create-only", {}
    yield "apply", "apply plan.json --results run --parallel 1 --events events-apply.jsonl", {}
    yield "apply-again", "apply plan.json --results run --parallel 1", {}
    for form in get_args(ShowFormat):
        yield f"show-result-{form}", f"show run/result.json --format {form}", {}
    yield "plan-after", "plan --all --out after.json --detailed-exitcode", {}
    yield "drift-after", "drift --all", {}
    yield "apply-stale", "apply withheld.json --results stale --parallel 1", {}
    yield "runs", "runs", {}
    yield "undo", "undo run --out undo.json", {}
    for form in get_args(ShowFormat):
        yield f"show-undo-{form}", f"show undo.json --format {form}", {}
    yield "apply-undo", "apply undo.json --results back --parallel 1 --log-format json", {}
    yield "show-stale", "show back/result.json", {}
    yield "plan-back", "plan --all --out back.json", {}


def record(target: Path) -> None:
    """Type them all, and keep what is seen."""
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as sandbox:
        seed(sandbox, assets=ASSETS)
        work = Path(folder) / "work"
        work.mkdir()
        (work / "indexer.toml").write_text(sandbox.config_toml(), encoding="utf-8")
        (work / "rules.toml").write_text(EXPECTED, encoding="utf-8")
        known = environment(sandbox.environment())
        for name, typed, variables in commands():
            done = subprocess.run(
                [sys.executable, "-m", "indexer", *typed.split()],
                cwd=work, env=known | variables, capture_output=True, check=False,
            )  # fmt: skip
            print(f"{done.returncode} {typed}", flush=True)
            told = done.stdout + b"\n--- stderr ---\n" + done.stderr + f"\n--- {done.returncode}\n".encode()
            (target / f"{name}.txt").write_bytes(told)
        for path in sorted(work.rglob("*")):
            if (path.is_file() and path.name in KEPT) or path.suffix in (".md", ".jsonl"):
                shutil.copyfile(path, target / "-".join(path.relative_to(work).parts))
        _make_words(target, folder)


KEPT = frozenset(
    f"{one}.json" for one in ("plan", "withheld", "limits", "after", "undo", "back", "narrow", "result")
)


def _make_words(target: Path, folder: str) -> None:
    """Replace in all files what no two runs share, each by one word wherever it stands."""
    ids: dict[str, str] = {}
    for path in sorted(target.glob("*.json")):
        held = json.loads(path.read_bytes())
        for name in ("plan_id", "run_id", "digest", "undoes", "config_sha256"):
            value = held.get(name) or held.get("scope", {}).get(name)
            if isinstance(value, str):
                ids.setdefault(value, f"{name.upper()}-{path.stem}")
    for path in sorted(target.iterdir()):
        text = path.read_bytes().decode("utf-8", "backslashreplace").replace(folder, "FOLDER")
        for one, word in ids.items():
            text = text.replace(one, word).replace(one[:8], f"{word}-SHORT")
        for pattern, word in MAKES_WORDS:
            text = re.sub(pattern, word, text)
        if path.name.startswith(AFTER_A_WRITE):
            text = re.sub(
                r"\b[0-9a-f]{64}\b", "DIGEST", text
            )  # of contents that hold the time of their write
            text = re.sub(r"\b[0-9a-f]{16,32}\b", "ID", text)
            text = re.sub(r"\b[0-9a-f]{8,12}…", "ID…", text)
            text = re.sub(r'(ETag )[0-9a-f]{8}(…|\\u2026)|"[0-9a-f]{8}"', "ID", text)
        lines = re.sub(r"\b[0-9a-f]{32}\b", "RUN", text).splitlines(keepends=True)
        path.write_text("".join(one for one in lines if not HOW_FAR.search(one)), encoding="utf-8")


def compare(before: Path, after: Path) -> int:
    """Print what differs. 0 where nothing does."""
    names = sorted({one.name for folder in (before, after) for one in folder.iterdir()})
    differing = 0
    for name in names:
        old, new = (
            (folder / name).read_text("utf-8").splitlines() if (folder / name).exists() else []
            for folder in (before, after)
        )
        delta = list(difflib.unified_diff(old, new, f"before/{name}", f"after/{name}", n=1, lineterm=""))
        differing += bool(delta)
        print("\n".join(line[:300] for line in delta[:40]), end="\n" if delta else "")
    print(f"compared={len(names)} differing={differing}")
    return int(differing > 0)


def main(typed: Sequence[str]) -> int:
    """See above."""
    if len(typed) == 3 and typed[0] == "--compare":
        return compare(Path(typed[1]), Path(typed[2]))
    os.environ["COLUMNS"] = "160"
    record(Path(typed[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
