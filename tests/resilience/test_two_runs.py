"""Two commands on one results folder: the second is refused while the first lives, and goes on once it is dead."""

from __future__ import annotations

import json
from pathlib import Path

from resilience.arena import Arena, State
from resilience.held import held
from shared.patience import PATIENCE_S

RUN = "run"
APPLY = ("apply", "plan.json", "--results", RUN)


def run_ids(journal: Path) -> set[str]:
    """The runs that have written to it."""
    return {json.loads(line)["run_id"] for line in journal.read_text().splitlines() if line.endswith("}")}


def test_a_second_run_is_refused_until_the_first_is_dead(drifting: Arena, little_end_state: State) -> None:
    """It writes nothing, and no undo is planned either; after a kill both work at once."""
    before, _ = drifting.state(), drifting.plan_everything()
    since, journal = len(drifting.sandbox.s3.log), drifting.folder / RUN / "journal.jsonl"
    with held(drifting, 5, *APPLY) as first:
        ours = run_ids(journal)
        second = drifting.run(*APPLY)
        assert second.returncode == 1
        assert "The run's folder is in use" in second.stderr
        assert f"{RUN}: by process {first.process.pid} on " in second.stderr
        back = drifting.run("undo", RUN, "--out", "undo.json")
        assert (back.returncode, "The run is still going on" in back.stderr) == (1, True)
        assert not (drifting.folder / "undo.json").exists()
        assert run_ids(journal) == ours
        first.kill()
    done = drifting.run(*APPLY)
    assert done.returncode == 0, done.stderr
    assert len(run_ids(journal)) == 2
    assert drifting.written_twice(since) == []
    assert drifting.end_state() == little_end_state
    assert drifting.run("undo", RUN, "--out", "undo.json").returncode == 0
    done = drifting.run("apply", "undo.json", "--results", "undone")
    assert done.returncode == 0, done.stderr
    assert drifting.state() == before


def test_the_first_run_knows_nothing_of_the_second(drifting: Arena, little_end_state: State) -> None:
    """It goes on to its end as if nobody had come."""
    drifting.plan_everything()
    with held(drifting, 5, *APPLY) as first:
        assert drifting.run(*APPLY).returncode == 1
        first.gate.open()
        _, said = first.process.communicate(timeout=PATIENCE_S)
    assert first.process.returncode == 0, said
    assert drifting.end_state() == little_end_state
