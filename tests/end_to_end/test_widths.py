"""On a terminal no line is longer than it and no word is broken; a long text begins with a summary, and is paged."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from workbench import Workbench, empty_systems

from indexer.render.paint import columns_of
from indexer_sandbox.seed import seed
from shared.commands import Finished
from shared.terminal import Screen, on_terminal

WIDTHS = (60, 200)
INDENT = 12
"""So far to the right stands what hangs deepest, but for the doctor's."""
PART = "reason=core-file-stale"
COMMANDS = {
    "plan": ("plan", "--all", "--out", "other.json"),
    "plan of nothing": ("plan", "--all", "--asset", "nobody*", "--out", "none.json"),
    "apply": ("apply", "plan.json", "--only", PART, "--results", "applied-in-a-folder-with-a-long-name"),
    "show": ("show", "plan.json", "--no-pager"),
    "show --full": (
        "show",
        "plan.json",
        "--full",
        "--asset",
        "*_7001*",
        "--no-pager",
        "--config",
        "indexer.toml",
    ),
    "show a result": ("show", "applied-in-a-folder-with-a-long-name/result.json", "--no-pager"),
    "show --against": ("show", "newer.json", "--against", "plan.json"),
    "show --against --gone": ("show", "newer.json", "--against", "plan.json", "--gone", "--no-pager"),
    "doctor": ("doctor",),
    "explain": ("explain",),
    "explain a word": ("explain", "core-file-stale"),
    "runs": ("runs",),
    "undo": (
        "undo",
        "applied-in-a-folder-with-a-long-name",
        "--out",
        "a-plan-that-takes-all-of-it-back.json",
    ),
    "drift": ("drift", "--plan", "plan.json"),
    "a wrong file": ("show", "a-file/that-nobody-has/in-any-of-the-folders/which-are-there/plan.json"),
}
SAME_EACH_TIME = {name for name in COMMANDS if name.split()[0] in ("show", "explain", "runs", "drift")}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """Every kind of drift, a plan of it, a run of a part of that, and a newer plan of what is left."""
    with empty_systems() as sandbox, closing(Workbench(sandbox, tmp_path_factory.mktemp("widths"))) as work:
        seed(sandbox, assets=4)
        for arguments in (
            ("plan", "--all"),
            COMMANDS["apply"],
            ("plan", "--all", "--out", "newer.json"),
        ):
            assert work.run(*arguments).returncode == 0
        yield work


@pytest.fixture(scope="module")
def piped(bench: Workbench) -> Callable[[str], Finished]:
    """What goes to a pipe, where no line is broken at all."""
    return cache(lambda name: bench.run(*COMMANDS[name]))


def seen(bench: Workbench, name: str, columns: int, **env: str) -> Screen:
    return on_terminal(COMMANDS[name], bench.folder, bench.env | env, columns=columns)


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("name", COMMANDS)
def test_no_line_is_longer_than_the_terminal_and_no_word_is_broken(
    bench: Workbench, piped: Callable[[str], Finished], name: str, columns: int
) -> None:
    """Held against what goes to a pipe: all of its words are there."""
    screen, whole = seen(bench, name, columns), piped(name)
    assert screen.status == whole.returncode
    assert screen.coloured
    assert [line for line in screen.lines if columns_of(line) > columns] == []
    words = {word for word in f"{whole.stdout} {whole.stderr}".split() if len(word) <= columns - INDENT}
    for before, after in pairwise(screen.lines):
        if before.strip() and after.strip():
            assert f"{before.split()[-1]}{after.split()[0]}" not in words
    if name in SAME_EACH_TIME:
        text = "".join(screen.text.split())
        lost = [word for word in words if word != "·" and word.strip("→") not in text]
        assert lost == []


def test_what_the_sandbox_says_fits(bench: Workbench) -> None:
    """Prose, where it is narrow; what is to be copied stands there as it is, however long."""
    columns = min(WIDTHS)
    with tempfile.TemporaryDirectory() as folder:
        screen = on_terminal(
            ("sandbox", "--assets", "1"),
            Path(folder),
            bench.env,
            columns=columns,
            until="nothing stays behind",
            then=lambda process: process.send_signal(signal.SIGINT),
        )
    begin, end = (screen.lines.index(line) for line in ("# indexer.toml", "Ready. In another terminal:"))
    said = [*screen.lines[:begin], *screen.lines[end:]]
    assert [line for line in said if columns_of(line) > columns] == []
    configuration = "\n".join(screen.lines[begin:end]).partition("# environment")[0]
    assert set(tomllib.loads(configuration)) == {"buckets", "docdb", "codeocean"}


@pytest.mark.skipif(shutil.which("tee") is None, reason="there is no tee")
def test_more_than_two_screens_are_paged_behind_a_summary(bench: Workbench) -> None:
    """First the counts and the most telling entries, and how to read it in a browser; then all of it."""
    file = bench.folder / "paged"
    screen = on_terminal(
        ("show", "plan.json"), bench.folder, bench.env | {"PAGER": f"tee {file}"}, columns=80
    )
    assert screen.status == 0
    paged = file.read_text(encoding="utf-8")
    assert "\x1b[" in paged
    assert "First differences" in "\n".join(screen.lines[:20])
    hint = next(at for at, line in enumerate(screen.lines) if "--format html > report.html" in line)
    assert hint < next(at for at, line in enumerate(screen.lines) if line.startswith("s3://"))
    assert "indexer apply plan.json" in screen.lines[-1]
    assert seen(bench, "show", 80).text == screen.text


@pytest.mark.parametrize(
    ("more", "pager", "rows"),
    [(("--no-pager",), "tee", 20), ((), "tee", 5000), ((), "", 20), ((), "cat", 20), ((), "/no/such", 20)],
)
def test_there_is_no_pager_where_none_is_wanted_or_needed(
    bench: Workbench, tmp_path: Path, more: tuple[str, ...], pager: str, rows: int
) -> None:
    """With --no-pager, where all fits two screens, and where PAGER is empty, cat, or not there."""
    file = tmp_path / "paged"
    pager = f"tee {file}" if pager == "tee" else pager
    screen = on_terminal(
        ("show", "plan.json", *more), bench.folder, bench.env | {"PAGER": pager}, columns=80, rows=rows
    )
    assert screen.status == 0
    assert not file.exists()
    assert ("--format html > report.html" in screen.text) == (rows == 20)


def test_a_pipe_is_not_paged(bench: Workbench) -> None:
    """However long it is."""
    done = bench.run("show", "plan.json", PAGER="false")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") > 100
    assert "report.html" not in done.stdout


@pytest.mark.parametrize("pager", ["head -n 1", "true"])
def test_who_leaves_the_pager_early_has_seen_enough(bench: Workbench, pager: str) -> None:
    screen = on_terminal(("show", "plan.json"), bench.folder, bench.env | {"PAGER": pager}, columns=80)
    assert screen.status == 0
    assert "Traceback" not in screen.text


@pytest.mark.skipif(shutil.which("less") is None, reason="there is no less")
def test_less_leaves_colours_and_what_was_read_on_the_screen(bench: Workbench) -> None:
    """As git sets it up, where the user has not said otherwise."""
    env = {name: value for name, value in bench.env.items() if name not in ("LESS", "PAGER")}
    file = bench.folder / "environment"
    script = bench.folder / "less"
    script.write_text(f'#!/bin/sh\nprintf %s "$LESS" > {file}\nexec cat\n', encoding="utf-8")
    script.chmod(0o755)
    path = os.pathsep.join([str(bench.folder), env["PATH"]])
    on_terminal(("show", "plan.json"), bench.folder, env | {"PATH": path}, columns=80)
    assert file.read_text(encoding="utf-8") == "FRX"
