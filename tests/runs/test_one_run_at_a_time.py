"""A run's folder is one run's at a time, and nobody's once its process is gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from indexer.applier.history import LOCK_FILE
from indexer.disk import DiskFolder
from indexer.errors import IndexerError, RefusedError
from indexer.runs.at_rest import NO_LOCKS, at_rest, held_alone
from indexer.runs.undo import undo
from shared.builders import Warned, apply_to, plan_of, record, world_of
from shared.memory.stored import START
from shared.memory.world import World
from shared.patience import PATIENCE_S

HOLDS = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from indexer.disk import DiskFolder
from indexer.runs.at_rest import held_alone
with held_alone(DiskFolder(Path(sys.argv[1])), "first", datetime.now(UTC)):
    print("held", flush=True)
    sys.stdin.read()
"""
"""A process that holds a folder until it is killed."""


def stale_world() -> World:
    """One asset, and a file of it that is to be written."""
    world = world_of(record("asset", subject={"n": 1}))
    world.put("bucket", "asset/subject.json", b"{}")
    return world


def test_a_second_run_is_refused_before_its_first_write(tmp_path: Path) -> None:
    """It leaves no line behind, and says who holds the folder."""
    world, folder = stale_world(), DiskFolder(tmp_path / "run")
    before = world.state()
    with (
        held_alone(folder, "first", START),
        pytest.raises(
            IndexerError, match=r"in use: .*run: by process \d+ on .*, since 20.*--results"
        ) as said,
    ):
        apply_to(world, plan_of(world), folder.path)
    assert f"process {os.getpid()} " in said.value.detail
    assert not isinstance(said.value, RefusedError)
    assert folder.names() == [LOCK_FILE]
    assert world.state() == before


def test_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    """However it ended: killed and run again at once goes on."""
    world, folder = stale_world(), tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        try:
            assert first.stdout is not None
            assert first.stdout.readline() == "held\n"
            with pytest.raises(IndexerError, match=f"by process {first.pid} on"):
                apply_to(world, plan_of(world), folder)
        finally:
            first.kill()
            first.wait(PATIENCE_S)
    assert json.loads((folder / LOCK_FILE).read_text())["pid"] == first.pid
    assert apply_to(world, plan_of(world), folder).complete


def test_a_run_that_goes_on_is_not_taken_back(tmp_path: Path) -> None:
    """What it has written is known at its end, and then its undo is planned as ever."""
    world, folder = stale_world(), tmp_path / "run"
    apply_to(world, plan_of(world), folder)
    with (
        held_alone(DiskFolder(folder), "again", START),
        pytest.raises(IndexerError, match=r"still going on: .*Ctrl-C"),
    ):
        undo(folder)
    assert undo(folder).plan.actions


def test_a_run_that_is_taken_back_is_not_carried_out_meanwhile(tmp_path: Path) -> None:
    """Nor does one who looks keep out another who does."""
    world, folder = stale_world(), tmp_path / "run"
    plan = plan_of(world)
    apply_to(world, plan, folder)
    with at_rest(DiskFolder(folder)), at_rest(DiskFolder(folder)):
        assert undo(folder).plan.actions
        with pytest.raises(IndexerError, match=r"in use: .*by another process"):
            apply_to(world, plan, folder)


def test_a_folder_without_a_lock_is_at_rest(tmp_path: Path) -> None:
    """One that an earlier version left: looking makes no file in it, and no folder."""
    with at_rest(DiskFolder(tmp_path)), at_rest(DiskFolder(tmp_path / "none")):
        assert list(tmp_path.iterdir()) == []


def test_the_workers_of_a_dead_command_are_told_to_end(tmp_path: Path) -> None:
    """Their sign of life goes as soon as nobody else can be alive to give it."""
    (tmp_path / "run.pulse-dead").write_bytes(b"7")
    with held_alone(DiskFolder(tmp_path), "next", START) as locks:
        assert locks
        assert DiskFolder(tmp_path).names() == [LOCK_FILE]


class WithoutLocks(DiskFolder):
    """On a file system that has none."""

    def locked(self, _name: str, _note: bytes | None = None) -> AbstractContextManager[bool]:
        """Not here."""
        return nullcontext(enter_result=False)


def test_without_locks_a_run_goes_on_with_a_warning(tmp_path: Path) -> None:
    """Nobody can tell who else is alive: no other command's workers are told to end."""
    world, said = stale_world(), list[str]()
    (tmp_path / "run.pulse-other").write_bytes(b"7")
    assert apply_to(world, plan_of(world), WithoutLocks(tmp_path), observer=Warned(said)).complete
    assert said == [NO_LOCKS]
    assert (tmp_path / "run.pulse-other").exists()


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    """The folder's name can be predicted, and prepared."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LOCK_FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RefusedError, match="link"), held_alone(DiskFolder(tmp_path / "run"), "run", START):
        pass
    assert not (tmp_path / "elsewhere").exists()
