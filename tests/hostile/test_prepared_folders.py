"""A run's folder, whose name can be predicted, leads nowhere else; what it holds is its owner's only."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

import indexer.disk
from indexer.applier.history import ARCHIVE_FOLDER, JOURNAL_FILE, PLAN_FILE, RESULT_FILE
from indexer.disk import DiskFolder, UnsafeFileError, read_file
from indexer.errors import IndexerError, RefusedError
from indexer.runs.expected import load_expected
from indexer.runs.files import append_text, write_whole
from indexer.runs.loading import load_either, load_plan, load_result
from indexer.runs.run_folder import finished_run, results_folder
from indexer.systems.archive import FolderArchive
from indexer.systems.settings import settings_text
from shared.builders import BUCKET, apply_to, plan_of, record, world_of
from shared.memory.world import World
from shared.patience import PATIENCE_S
from shared.rendered import plan_of as rendered_plan

FIELD = {"subject_id": "1"}


def drifted() -> World:
    """One file that a run replaces."""
    world = world_of(record(subject=FIELD))
    world.put(BUCKET, "asset/subject.json", b"{}")
    return world


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_a_run_leaves_is_its_owners_only(tmp_path: Path) -> None:
    """Journal, plan, result and before-images, whatever the umask."""
    world, run = drifted(), tmp_path / "run"
    before = os.umask(0)
    try:
        apply_to(world, plan_of(world), run)
    finally:
        os.umask(before)
    held = {path.relative_to(run).as_posix(): mode(path) for path in [run, *run.rglob("*")]}
    folders = {".", ARCHIVE_FOLDER}
    assert folders | {JOURNAL_FILE, PLAN_FILE, RESULT_FILE} < held.keys()
    assert {name: bits for name, bits in held.items() if bits != (0o700 if name in folders else 0o600)} == {}


@pytest.mark.parametrize(
    "write", [lambda path: write_whole(path, (b"{}",), ()), lambda path: append_text(path, "x")]
)
def test_a_new_file_is_its_owners_and_an_old_one_keeps_its_mode(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    """Plans and summaries hold private metadata; who shares one on purpose goes on to do so."""
    path = tmp_path / "plan.json"
    write(path)
    assert mode(path) == 0o600
    path.chmod(0o640)
    write(path)
    assert mode(path) == 0o640


@pytest.mark.parametrize("name", [JOURNAL_FILE, ARCHIVE_FOLDER, RESULT_FILE, PLAN_FILE, "."])
def test_a_run_follows_no_link_in_its_folder(tmp_path: Path, name: str) -> None:
    """Whoever made it: what it leads to stays as it is."""
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    if name == ".":
        elsewhere.mkdir()
        run.symlink_to(elsewhere)
    else:
        run.mkdir()
        (elsewhere.mkdir if name == ARCHIVE_FOLDER else elsewhere.touch)()
        (run / name).symlink_to(elsewhere)
    world = drifted()
    with suppress(RefusedError):  # or the link is replaced by the file
        apply_to(world, plan_of(world), run)
        assert not (run / name).is_symlink()
    assert not list(elsewhere.iterdir()) if elsewhere.is_dir() else elsewhere.read_bytes() == b""


def test_a_default_folder_below_a_link_is_refused(tmp_path: Path) -> None:
    """`plan.results` is a name that everybody knows."""
    (tmp_path / "plan.json").touch()
    (tmp_path / "plan.results").symlink_to(tmp_path)
    with pytest.raises(RefusedError, match="link"):
        results_folder(tmp_path / "plan.json", rendered_plan(), None)


def test_a_second_name_of_somebodys_file_is_no_journal(tmp_path: Path) -> None:
    """A hard link leads elsewhere as well."""
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / JOURNAL_FILE).hardlink_to(tmp_path / "file")
    with pytest.raises(UnsafeFileError):
        DiskFolder(tmp_path / "run").lines(JOURNAL_FILE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_nobody_elses_folder_is_used(tmp_path: Path) -> None:
    """Neither the run's own nor that of its archive."""
    run = tmp_path / "run"
    run.mkdir()
    os.chown(run, 4711, 4711)
    with pytest.raises(UnsafeFileError, match="another user"):
        DiskFolder(run).lines(JOURNAL_FILE)
    with pytest.raises(RefusedError, match="another user"):
        FolderArchive(run).keep(b"body")


def test_an_image_behind_a_link_is_none(tmp_path: Path) -> None:
    """An archive's file is one."""
    archive = FolderArchive(tmp_path / "archive")
    name = archive.keep(b"body")
    (tmp_path / "archive" / name).rename(tmp_path / "body")
    (tmp_path / "archive" / name).symlink_to(tmp_path / "body")
    assert archive.read(name) is None


READS: list[Callable[[Path], object]] = [load_plan, load_either, load_result]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/random", "/dev/null"])
def test_no_device_is_read(read: Callable[[Path], object], device: str) -> None:
    """It would never end, or take all memory."""
    with pytest.raises(RefusedError, match="not a regular file"):
        read(Path(device))


@pytest.mark.parametrize("read", READS)
def test_a_pipe_without_a_writer_is_refused(
    read: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while, and in words."""
    monkeypatch.setattr(indexer.disk, "WRITER_WAIT_S", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RefusedError, match="nobody writes"):
        read(tmp_path / "pipe")


def test_a_pipe_whose_writer_comes_late_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it, however slowly it comes."""
    monkeypatch.setattr(indexer.disk, "WRITER_WAIT_S", PATIENCE_S)
    os.mkfifo(tmp_path / "pipe")

    def write() -> None:
        time.sleep(0.1)
        with (tmp_path / "pipe").open("wb") as pipe:
            time.sleep(0.1)
            for _ in range(3):
                pipe.write(b"x" * 100_000)

    writer = threading.Thread(target=write)
    writer.start()
    assert len(read_file(tmp_path / "pipe", pipes=True)) == 300_000
    writer.join()


def test_what_is_too_large_is_refused(tmp_path: Path) -> None:
    """A sparse file costs its maker nothing."""
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1_000_001)
    with pytest.raises(UnsafeFileError, match="larger than 1,000,000 bytes"):
        read_file(tmp_path / "large", limit=1_000_000)


@pytest.mark.parametrize("name", [JOURNAL_FILE, RESULT_FILE, PLAN_FILE])
def test_a_run_is_read_from_regular_files(tmp_path: Path, name: str) -> None:
    """Neither a device behind a link nor a pipe."""
    (tmp_path / name).symlink_to("/dev/zero")
    with pytest.raises(UnsafeFileError):
        finished_run(tmp_path).read(name)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(UnsafeFileError):
        finished_run(tmp_path).read(name)


@pytest.mark.parametrize("read", [load_expected, settings_text])
def test_neither_rules_nor_settings_come_from_a_device(read: Callable[[Path], object]) -> None:
    """Other files that people name."""
    with pytest.raises(IndexerError, match="not a regular file"):
        read(Path("/dev/zero"))
