"""`indexer runs`: past runs by the real command, of this machine's folders and of a prefix in S3."""

from __future__ import annotations

import json
import shlex

import pytest
from workbench import BUCKET, Workbench

RESULTS = "s3://our-runs/nightly"


@pytest.fixture
def planned(workbench: Workbench) -> Workbench:
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.put("asset/subject.json", b"{}")
    workbench.plan()
    return workbench


def typed_back(bench: Workbench, said: str) -> None:
    """Type the way back that was shown, and apply it."""
    (line,) = [one for one in said.splitlines() if "→ indexer undo " in one]
    command = shlex.split(line.partition("→ indexer ")[2], comments=True)
    done = bench.run(*command)
    assert done.returncode == 0, done.stderr
    bench.apply("undo.json")
    assert bench.sandbox.s3.objects(BUCKET)["asset/subject.json"] == b"{}"


def test_apply_says_at_its_end_how_to_take_it_back(planned: Workbench) -> None:
    """As it can be typed; not where nothing was written."""
    done = planned.run("apply", "plan.json")
    assert done.stderr.splitlines()[-1].endswith(" --out undo.json  # plans the way back")
    typed_back(planned, done.stderr)
    planned.plan(name="again.json")
    planned.put("asset/subject.json", b'"edited"')
    done = planned.run("apply", "again.json")
    assert "indexer undo" not in done.stderr


def test_runs_of_this_folder(planned: Workbench) -> None:
    """What is shown can be typed; afterwards it says that the run was taken back, and by what."""
    planned.apply()
    done = planned.run("runs")
    assert done.returncode == 0, done.stderr
    assert "  plan.results/" in done.stdout
    assert "  done\n" in done.stdout
    assert "1 run." in done.stderr
    typed_back(planned, done.stdout)
    done = planned.run("runs")
    newest, older = done.stdout.split("\n20", 1)
    assert "undo.results/" in newest.splitlines()[0]
    assert "takes back run" in newest
    assert "taken back by undo.results/" in older
    told = json.loads(planned.run("runs", "plan.results", "--format", "json").stdout)
    assert (told["place"], [one["taken_back"] for one in told["runs"]]) == ("plan.results", ["no"])


def test_runs_in_s3(planned: Workbench) -> None:
    """The same of a prefix, and of one run in it."""
    planned.sandbox.s3.create_bucket("our-runs")
    for name in ("one", "two"):
        done = planned.run("apply", "plan.json", "--results", f"{RESULTS}/{name}")
        assert done.returncode == 0, done.stderr
    done = planned.run("runs", RESULTS)
    assert done.returncode == 0, done.stderr
    heads = [line for line in done.stdout.splitlines() if line.startswith("20")]
    assert [line.split()[2:] for line in heads] == [[f"{RESULTS}/two", "done"], [f"{RESULTS}/one", "done"]]
    typed_back(planned, planned.run("runs", f"{RESULTS}/one/").stdout)
    assert planned.run("runs", f"{RESULTS}/none").stdout == ""


def test_a_damaged_run_is_no_end(planned: Workbench) -> None:
    planned.apply()
    (folder,) = (planned.folder / "plan.results").iterdir()
    (folder.parent / "bad").mkdir()
    (folder.parent / "bad" / "result.json").write_text("{", encoding="utf-8")
    done = planned.run("runs")
    assert done.returncode == 0, done.stderr
    assert f"plan.results/{folder.name}  done" in done.stdout
    assert "plan.results/bad  nobody knows" in done.stdout
    assert "damaged The result cannot be read: plan.results/bad/result.json" in done.stdout
    assert "1 damaged" in done.stderr


def test_a_place_that_is_not_there_is_an_error(planned: Workbench) -> None:
    done = planned.run("runs", "nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nowhere: No such file or directory" in done.stderr
