"""A stream that was closed before the command began: talk is not missed, data that went nowhere are an error; pipes and
folders to show.

What an interpreter makes of a closed stream when it starts is shown with the installed command, and what each command makes of
that with the warm one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from test_plans_from_pipes import drift, drifted, shell
from workbench import BUCKET, INDEXER, Workbench, working_at

__all__ = ["drifted"]


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A plan that was carried out, and what its run left behind in `done`: nobody here changes it."""
    with working_at(tmp_path_factory.mktemp("applied") / "work") as bench:
        drift(bench)
        bench.plan()
        assert bench.run("apply", "plan.json", "--results", "done").returncode == 0
        yield bench


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_the_work_is_done_all_the_same(drifted: Workbench, closed: str) -> None:
    """A plan in a file, and its apply: nothing of theirs goes to stdout."""
    planned = shell(drifted, f"indexer plan --bucket {BUCKET} --detailed-exitcode {closed}", INDEXER)
    assert planned.returncode == 3, planned.stderr
    assert json.loads((drifted.folder / "plan.json").read_text())["actions"]
    applied = shell(drifted, f"indexer apply plan.json {closed}", INDEXER)
    assert applied.returncode == 0, applied.stderr
    assert list(drifted.folder.glob("plan.results/*/result.json"))


def test_talk_that_nobody_hears_is_no_fault(drifted: Workbench) -> None:
    """What is shown goes to stdout, and the verdict is the exit status."""
    drifted.plan()
    shown = shell(drifted, "indexer show plan.json 2>&-")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "subject.json" in shown.stdout
    judged = shell(drifted, f"indexer drift --bucket {BUCKET} --format json 2>&-")
    assert (judged.returncode, json.loads(judged.stdout)["status"]) == (3, "drift")


@pytest.mark.parametrize(
    "line",
    [
        f"plan --bucket {BUCKET} --out -",
        f"plan --bucket {BUCKET} --out new.json --events -",
        "apply plan.json --events -",
        f"drift --bucket {BUCKET}",
        f"drift --bucket {BUCKET} --format json",
        "show plan.json",
        "show plan.json --format json",
        "show done",
        "undo done --out -",
        "doctor",
        "doctor --format json",
        "config show",
        "schema plan",
        "sandbox",
        "--help",
        "plan --help",
        "--version",
    ],
)
def test_data_for_a_stdout_that_is_closed_are_an_error(applied: Workbench, line: str) -> None:
    """Status 1, in words: a plan that went nowhere must not pass for one that was made."""
    before = sorted(applied.folder.rglob("*"))
    done = shell(applied, f"indexer {line} >&-")
    assert done.returncode == 1, done.stderr
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Internal error" not in done.stderr
    assert sorted(applied.folder.rglob("*")) == before


@pytest.mark.parametrize("closed", ["<&- >&-", "<&- >&- 2>&-", "1</dev/null"])
def test_so_are_they_whatever_else_is_closed(workbench: Workbench, closed: str) -> None:
    """Or where stdout is open, but only for reading."""
    done = shell(workbench, f"indexer schema plan {closed}", INDEXER)
    assert done.returncode == 1, done.stderr
    assert ("2>&-" in closed) is not ("stdout is closed" in done.stderr)


@pytest.mark.parametrize("line", [f"plan --bucket {BUCKET} --out -", "undo done --out -", "--help"])
def test_data_that_a_full_disk_refuses_are_an_error(applied: Workbench, line: str) -> None:
    """Status 1, and why."""
    done = shell(applied, f"indexer {line} > /dev/full")
    assert done.returncode == 1, done.stderr
    assert "The output cannot be written: stdout: No space left on device" in done.stderr
    assert "Internal error" not in done.stderr


@pytest.mark.parametrize("line", ["show plan.json", "undo done --out -", "schema plan"])
def test_a_reader_who_has_left_is_told_as_a_shell_tells_it(applied: Workbench, line: str) -> None:
    """As SIGPIPE would have ended the command, and without a word."""
    done = shell(applied, f"(sleep 0.5; exec {INDEXER} {line}) | true; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (141, "")


def test_the_way_back_goes_to_stdout_where_that_is_named(applied: Workbench) -> None:
    """The same plan as in a file; nothing else is said there."""
    printed = shell(applied, "indexer undo done --out -")
    assert printed.returncode == 0, printed.stderr
    assert not (applied.folder / "-").exists()
    shell(applied, "indexer undo done --out back.json")
    filed = json.loads((applied.folder / "back.json").read_text())
    assert json.loads(printed.stdout)["actions"] == filed["actions"] != []
    assert "indexer apply" not in printed.stderr


def test_nothing_that_is_said_ends_up_in_a_file_of_ours(drifted: Workbench) -> None:
    """The first file that is opened would take the number of the stream that was closed."""
    shell(drifted, f"indexer plan --bucket {BUCKET} -v 2>&- >&-", INDEXER)
    assert json.loads((drifted.folder / "plan.json").read_text())["plan_id"]


@pytest.mark.parametrize(
    "line",
    [
        "cat plan.json | indexer show -",
        "cat plan.json | indexer show /dev/stdin",
        "indexer show <(cat plan.json)",
        "indexer show plan.json --against <(cat plan.json)",
        "indexer apply plan.json && cat plan.results/*/result.json | indexer show -",
        "indexer apply plan.json && indexer show plan.results/*",
    ],
)
def test_what_is_shown_may_come_from_a_pipe_or_be_a_folder(drifted: Workbench, line: str) -> None:
    """As `apply` and `undo` take them."""
    drifted.plan(name="plan.json")
    done = shell(drifted, line)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_a_configuration_with_a_byte_order_mark_is_read(drifted: Workbench) -> None:
    """As some editors write it; the rules of the gate, too."""
    file = drifted.folder / "indexer.toml"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert drifted.run("config", "show").returncode == 0


def test_the_summary_is_written_before_what_nobody_reads(drifted: Workbench) -> None:
    """A reader that is satisfied early, as `head` is, must not cost the step's summary."""
    shell(drifted, f"indexer drift --bucket {BUCKET} --summary summary.md --format json | true")
    assert "unexpected action" in (drifted.folder / "summary.md").read_text()
