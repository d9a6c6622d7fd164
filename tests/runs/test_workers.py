"""Workers of this machine: real processes, in order, lost, told to stop, and gone at the end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from indexer.errors import SystemFaultError, UsageError
from indexer.runs.workers import APPLYING, PLANNING, Workers, open_workers
from shared.chores import asked_ahead, imported, known_to_all, shouted, waited_for
from shared.patience import PATIENCE_S

TESTS = Path(__file__).resolve().parents[1]
UNGUARDED = """
from functools import partial
from indexer.runs.workers import PLANNING, open_workers
print("begun")
with open_workers(2, PLANNING) as workers:
    print(sum(found for _, found in workers.spread(partial(map, len), ["ab"] * 10)))
"""
BUSY = """
import sys
from indexer.runs.workers import APPLYING, open_workers
from shared.chores import shouted
with open_workers(2, APPLYING) as workers:
    list(workers.spread(shouted, sys.argv[1:]))
"""


def pids(workers: Workers) -> set[int]:
    return {one.process.pid for one in workers.there}


def gone(pid: int) -> None:
    """Wait until there is no such process."""
    until = time.monotonic() + PATIENCE_S
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.fixture(scope="module")
def crew() -> Iterator[Workers]:
    """Two that nothing happens to."""
    with open_workers(2, PLANNING) as workers:
        yield workers


def test_answers_are_in_the_order_of_the_shards(crew: Workers, tmp_path: Path) -> None:
    """The first one is there last: it waits for what is written once the second has come."""

    def shards() -> Iterator[str]:
        yield f"waits {tmp_path / 'there'}"
        yield from (f"word {number}" for number in range(20))
        (tmp_path / "there").touch()
        yield "last"

    given = [*shards()]
    (tmp_path / "there").unlink()
    assert [found for _, found in crew.spread(shouted, given[1:])] == [word.upper() for word in given[1:]]
    found = list(crew.spread(shouted, shards()))
    assert found == [(word, word.upper()) for word in given]


def test_a_worker_takes_the_next_shard_before_it_is_through() -> None:
    """Else it would wait for its last requests at the end of each."""
    with open_workers(1, PLANNING) as workers:
        taken = [found for _, found in workers.spread(asked_ahead, range(PLANNING.ahead))]
    assert not any(isinstance(one, SystemFaultError) for one in taken)
    assert sum(map(len, {*taken})) == PLANNING.ahead  # type: ignore[arg-type]


def test_what_a_shard_fails_with_is_its_answer(crew: Workers) -> None:
    """An error of ours as it is, any other in words; the worker goes on."""
    found = dict(crew.spread(shouted, ["a", "refuses", "b", "fails"]))
    refused, failed = found["refuses"], found["fails"]
    assert isinstance(refused, UsageError)
    assert str(refused) == "It is refused: as it was asked"
    assert isinstance(failed, SystemFaultError)
    assert "ValueError: badly" in str(failed)
    assert dict(crew.spread(shouted, ["c"])) == {"c": "C"}


def test_a_signal_to_all_does_not_end_a_worker(crew: Workers) -> None:
    """Ctrl-C and service managers reach every process; it is the command that finishes what is in flight."""
    assert dict(crew.spread(shouted, ["deaf"] * 3)) == {"deaf": "DEAF"}


def test_a_worker_that_is_killed_costs_its_shard_alone() -> None:
    """It says by what signal, and what to do; what had not begun is done by the others."""
    words = ["a", "dies", *(f"word {number}" for number in range(9))]
    with open_workers(2, APPLYING) as workers:
        before = pids(workers)
        found = dict(workers.spread(shouted, words))
        lost = found.pop("dies")
        assert pids(workers) < before
    assert isinstance(lost, SystemFaultError)
    assert "was killed by SIGKILL: a machine that runs out of memory does so" in str(lost)
    assert "applying again goes on" in str(lost)
    assert found == {word: word.upper() for word in words if word != "dies"}


def test_where_no_worker_is_left_every_shard_says_so() -> None:
    """The last fault is the reason for all that follows."""
    with open_workers(1, PLANNING) as workers:
        found = [one for _, one in workers.spread(shouted, ["exits", *"abcdefghij"])]
        assert workers.there == []
    assert len(found) == 11
    assert all("ended with status 7" in str(one) for one in found)
    assert all("--workers 1" in str(one) for one in found)


def test_where_all_die_at_once_every_shard_says_so(tmp_path: Path) -> None:
    """What the first had not begun is given to the second, which turns out to be dead as well."""
    begun = [tmp_path / f"{number}" for number in range(8)]
    with open_workers(2, PLANNING) as workers:

        def all_die() -> bool:
            """As soon as both are at work; nobody gives up."""
            if workers.there and sum(one.exists() for one in begun) == 2:
                for worker in workers.there:
                    worker.process.kill()
                    worker.process.wait()
                for one in begun:
                    one.unlink(missing_ok=True)
            return False

        found = [one for _, one in workers.spread(shouted, [f"hangs {one}" for one in begun], all_die)]
        assert workers.there == []
    assert len(found) == 8
    assert all("was killed by SIGKILL" in str(one) for one in found)


def test_workers_are_gone_at_the_end() -> None:
    """Those that are idle end by themselves."""
    with open_workers(2, PLANNING) as workers:
        idle = pids(workers)
    assert not any(map(psutil.pid_exists, idle))


def interrupted_at(begun: Path, then: Callable[[], None] = lambda: None) -> Callable[[], bool]:
    """Ctrl-C, as soon as a worker has begun."""

    def gave_up() -> bool:
        if begun.exists():
            then()
            raise KeyboardInterrupt
        return False

    return gave_up


def test_who_plans_is_not_waited_for(tmp_path: Path) -> None:
    """It only reads: at Ctrl-C it is gone at once."""
    begun = tmp_path / "pid"
    with pytest.raises(KeyboardInterrupt), open_workers(2, PLANNING) as workers:
        list(workers.spread(shouted, [f"hangs {begun}"], interrupted_at(begun)))
    assert not psutil.pid_exists(int(begun.read_text()))


def test_what_was_begun_is_finished_where_that_is_the_duty(tmp_path: Path) -> None:
    """An action in flight, though whoever asked for it does not listen any more."""
    begun, go, done = (tmp_path / name for name in ("begun", "go", "done"))
    duty = replace(APPLYING, ending_s=PATIENCE_S)
    with pytest.raises(KeyboardInterrupt), open_workers(2, duty) as workers:
        list(workers.spread(shouted, [f"finishes {begun} {go} {done}"], interrupted_at(begun, go.touch)))
    assert done.exists()


def test_what_is_in_flight_is_not_waited_for_once_the_run_gives_up(tmp_path: Path) -> None:
    """A worker that hangs does not hold the command up for ever."""
    place = tmp_path / "pid"
    with open_workers(2, APPLYING) as workers:
        found = dict(workers.spread(shouted, ["word", f"hangs {place}"], place.exists))
        assert "undo knows of it" in str(found[f"hangs {place}"])
        pid = int(place.read_text())
    gone(pid)


@pytest.mark.parametrize("word", ["hangs", "word"])
def test_workers_end_with_a_process_that_is_killed(tmp_path: Path, word: str) -> None:
    """No orphan goes on, at work or idle."""
    place = tmp_path / "pid"
    command = [sys.executable, "-c", BUSY, f"{word} {tmp_path / 'other'}", f"hangs {place}"]
    with subprocess.Popen(command, env={"PYTHONPATH": str(TESTS)}) as process:
        waited_for(place)
        there = [one.pid for one in psutil.Process(process.pid).children(recursive=True)]
        process.kill()
    assert len(there) >= 2
    for pid in there:
        gone(pid)


def test_a_script_without_a_guard_is_not_run_again(tmp_path: Path) -> None:
    """Nor is anything imported that lies in the working directory."""
    (tmp_path / "script.py").write_text(UNGUARDED)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("json", "indexer", "multiprocessing"):
        (elsewhere / f"{name}.py").write_text("raise SystemExit(9)")
    done = subprocess.run(
        [sys.executable, "../script.py"], cwd=elsewhere, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("begun\n20\n", "")


def test_a_worker_imports_no_command_line_and_no_screen(crew: Workers) -> None:
    """What it does not need costs a tenth of a second and some megabytes each."""
    names = ["typer", "rich", "click", "indexer.cli", "distributed"]
    assert not any(found for _, found in crew.spread(imported, names))


def test_nobody_else_can_give_it_work(crew: Workers) -> None:
    """It listens to its pipe alone."""
    for pid in pids(crew):
        doors = psutil.Process(pid).net_connections(kind="all")
        assert [door.status for door in doors if door.status == psutil.CONN_LISTEN] == []
        assert [door for door in doors if door.laddr] == []


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc")
def test_what_goes_through_the_pipe_is_seen_by_nobody(crew: Workers) -> None:
    """Not in arguments, not in the environment."""
    assert dict(crew.spread(known_to_all, ["a password"])) == {"a password": False}


def test_a_python_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said in words, with the way out."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(SystemFaultError, match="--workers 1"), open_workers(1, PLANNING):
        pass
