"""`from indexer import plan, apply, …`: what the page shows works, is typed, and is what the commands call."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from workbench import BUCKET, Workbench

import indexer
from shared.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ROOT / "src" / "indexer" / "cli"


def shown() -> str:
    """The page's one block of Python, as it stands there."""
    page = (ROOT / "docs" / "reference" / "python-api.md").read_text(encoding="utf-8")
    _, block = page.split("```python\n")
    return block.partition("```")[0]


@pytest.fixture
def drifted(workbench: Workbench) -> Workbench:
    """A core file is missing."""
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.remove("asset/subject.json")
    return workbench


def run_python(bench: Workbench, script: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, in which what is left open is told."""
    (bench.folder / "script.py").write_text(script, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-W", "always::ResourceWarning", "script.py"],
        cwd=bench.folder,
        env=bench.env,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_the_script_of_the_page_runs_as_it_stands(drifted: Workbench) -> None:
    """It plans, applies, finds nothing to do after that, and says nothing but what it prints."""
    done = run_python(drifted, shown())
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "1 assets, complete"
    assert f"put-object core-file-missing s3://{BUCKET}/asset" in lines
    assert lines[-3:] == [
        "drift 1",
        "{'applied': 1}",
        "1 actions take it back, 0 cannot be taken back",
    ]
    result = json.loads((drifted.folder / "run" / "result.json").read_text(encoding="utf-8"))
    assert result["summary"] == {"applied": 1}


def test_the_script_of_the_page_is_typed(tmp_path: Path) -> None:
    """By mypy --strict, with nothing but the package's own types; and it tells a wrong argument."""
    wrong = shown().replace('buckets=["aind-open-data"]', "buckets=1")
    for name, script in (("right.py", shown()), ("wrong.py", wrong)):
        (tmp_path / name).write_text(script, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={os.devnull}", "right.py", "wrong.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line.partition(":")[0] for line in done.stdout.splitlines() if ": error:" in line]
    assert (done.returncode, set(told)) == (1, {"wrong.py"}), done.stdout + done.stderr


def test_faults_are_indexer_errors(drifted: Workbench) -> None:
    """A bucket that is not configured, a plan that was edited, a folder of another plan."""
    script = """
from pathlib import Path
from indexer import IndexerError, apply, load_config, load_plan, plan, save_plan

config = load_config("indexer.toml")
wrongs = {"buckets": ["other"]}, {"buckets": []}, {"policy": "none"}, {"parallel": 0}, {"allow_empty": "s4"}
for wrong in wrongs:
    try:
        plan(config, **wrong)
    except IndexerError as exc:
        print(exc.exit_code, exc.summary)
save_plan(plan(config), "plan.json")
Path("edited.json").write_text(Path("plan.json").read_text().replace("core-file-missing", "core-file-stale"))
try:
    load_plan("edited.json")
except IndexerError as exc:
    print(exc.exit_code, exc.summary)
found = plan(config, "aind-open-data", assets="ass*")
(action,) = found.actions
try:
    apply(found.model_copy(update={"actions": (action.model_copy(update={"reason": "undo"}),)}), config)
except IndexerError as exc:
    print(exc.exit_code, exc.summary)
Path("other").mkdir()
Path("other/journal.jsonl").write_text('{"plan_id": "other"}')
try:
    apply(load_plan("plan.json"), config, results="other")
except IndexerError as exc:
    print(exc.exit_code, exc.summary)
print(apply(load_plan("plan.json"), config).summary)
print(sorted(one.parent.parent.name for one in Path().glob("plan.results/*/result.json")))
"""
    done = run_python(drifted, script)
    assert done.stdout.splitlines() == [
        "2 The bucket is not configured",
        "2 No bucket is named",
        "2 The scope is not valid",
        "2 There must be a request at a time",
        "2 The scope is not valid",
        "5 The plan is not what was written",
        "5 The plan is not what was written",
        "2 The results folder is taken",
        "{'applied': 1}",
        "['plan.results']",
    ], done.stderr


def test_an_observer_is_told_of_stages_and_outcomes(drifted: Workbench) -> None:
    """Of plan and apply alike; what it does not override, it does not hear."""
    script = f"""
from indexer import Observer, apply, load_config, plan

class Watcher(Observer):
    def stage(self, name, total):
        print(name, total)

    def advance(self, steps=1, found=0):
        if found:
            print("found", found)

    def settled(self, action, outcome):
        print(action.kind, outcome.status)

config = load_config("indexer.toml")
found = plan(config, "{BUCKET}", observer=Watcher())
apply(found, config, results="run", observer=Watcher())
"""
    done = run_python(drifted, script)
    assert done.stdout.splitlines()[-6:] == [
        f"reading v2 records of {BUCKET} None",
        f"planning {BUCKET} 1",
        "found 1",
        "applying 1",
        "put-object applied",
        "found 1",
    ], done.stderr


def test_every_name_of_the_api_is_there() -> None:
    """Each is described on the page, and no other name is."""
    page = (ROOT / "docs" / "reference" / "python-api.md").read_text(encoding="utf-8")
    for name in indexer.__all__:
        assert getattr(indexer, name) is not None
        assert name in page or name == "__version__", name
    with pytest.raises(AttributeError):
        indexer.nothing  # type: ignore[attr-defined] # noqa: B018


def test_to_import_the_package_is_to_import_nothing_else() -> None:
    """Each name costs what it costs when it is asked for."""
    asks = "import sys, indexer; print([name for name in sys.modules if name.startswith('indexer.')])"
    done = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("scope", {"plan", "UnreadError"}),
        ("plan", {"save_plan"}),
        ("apply", {"apply", "load_plan"}),
        ("drift", {"drift", "load_plan"}),
        ("undo", {"undo", "save_plan"}),
    ],
)
def test_a_command_calls_the_api(command: str, names: set[str]) -> None:
    """That it calls nothing beneath it is held by import-linter: "The command line runs nothing itself"."""
    tree = ast.parse((COMMANDS / f"{command}.py").read_text(encoding="utf-8"))
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "indexer"
        for alias in node.names
    }
    assert imported - {"__version__"} == names
