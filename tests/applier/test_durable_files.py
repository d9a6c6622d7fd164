"""What a run leaves behind outlives a power cut, a full disk and a damaged file."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from indexer.applier.journal import Journal
from indexer.disk import DiskFolder
from indexer.errors import IndexerError, MissingBucketError, UsageError
from indexer.model.place import Everywhere
from indexer.model.plan import Plan
from indexer.model.ports import Archive
from indexer.model.values import sha256
from indexer.runs.files import write_whole
from indexer.systems.archive import FolderArchive, open_archive
from shared.builders import BUCKET, apply_to, plan_of, record, statuses, world_of
from shared.memory.world import World


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What is brought to disk, in order."""
    found: list[Path] = []
    fsync = os.fsync

    def noting(descriptor: int) -> None:
        found.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    return found


def test_a_before_image_is_on_disk_with_its_name(tmp_path: Path, synced: list[Path]) -> None:
    """Its bytes, then its name; the folders that were made for it, too."""
    name = FolderArchive(tmp_path / "run" / "archive").keep(b"body")
    assert synced == [tmp_path, tmp_path / "run", tmp_path / "run/archive" / name, tmp_path / "run/archive"]


def test_an_image_that_somebody_else_has_written_is_brought_to_disk_all_the_same(
    tmp_path: Path, synced: list[Path]
) -> None:
    """They may be about to, or were killed before they did: it is not their word that our write rests on."""
    archive = FolderArchive(tmp_path)
    (tmp_path / sha256(b"body")).write_bytes(b"body")
    archive.keep(b"body")
    assert synced[0].suffix == ".part"
    assert synced[1:] == [tmp_path]


def test_a_journal_is_on_disk_with_its_name(tmp_path: Path, synced: list[Path]) -> None:
    """Before the first line."""
    with Journal(DiskFolder(tmp_path / "run"), "run", "plan"):
        assert synced == [tmp_path, tmp_path / "run"]


def test_a_whole_file_is_on_disk_with_its_name(tmp_path: Path, synced: list[Path]) -> None:
    """A result that a power cut takes away would be the last run's."""
    write_whole(tmp_path / "plan.json", (b"{}",), frozenset())
    assert synced[-1] == tmp_path
    assert len(synced) == 2


def archive_in(world: World) -> Archive:
    """In a bucket of its own."""
    return open_archive(
        "s3://archive/run", lambda: (world.readers().objects, world.writers().objects), frozenset()
    )


def test_a_damaged_image_is_kept_anew(tmp_path: Path) -> None:
    """A file of the right name proves nothing: what it holds does."""
    archive = FolderArchive(tmp_path)
    (tmp_path / sha256(b"body")).write_bytes(b"bo")
    assert archive.read(archive.keep(b"body")) == b"body"


def test_a_damaged_image_in_s3_is_kept_anew() -> None:
    """There too; and what is there already costs no second write."""
    world = World()
    world.put("archive", f"run/{sha256(b'body')}", b"bo")
    archive = archive_in(world)
    assert archive.read(archive.keep(b"body")) == b"body"
    archive.keep(b"body")
    assert len(world.writes) == 1


def test_no_image_is_put_among_what_is_kept_in_step() -> None:
    """Whoever opened the archive there."""
    world = World()
    world.buckets["managed"] = {}
    objects = (world.readers().objects, world.writers().objects)
    with pytest.raises(UsageError):
        open_archive("s3://managed/asset", lambda: objects, {"managed"}).keep(b"body")
    assert world.buckets["managed"] == {}
    assert open_archive("s3://managed/asset", lambda: objects, Everywhere()).read(sha256(b"body")) is None


def test_a_missing_bucket_of_an_archive_is_a_matter_of_its_place() -> None:
    """Not of the buckets in the configuration."""
    with pytest.raises(MissingBucketError, match="name another place"):
        archive_in(World()).keep(b"body")


def test_an_image_that_does_not_get_into_s3_is_an_error() -> None:
    """Somebody always is there first: then nothing may be written that it stands behind."""
    world = World()
    world.buckets["archive"] = {}
    name = f"run/{sha256(b'body')}"
    for nth in range(1, 10):
        world.before("objects.put", lambda nth=nth: world.put("archive", name, b"%d" % nth), nth)  # type: ignore[misc]
    archive = archive_in(world)
    with pytest.raises(IndexerError):
        archive.keep(b"body")


@contextmanager
def room(size_bytes: int) -> Iterator[None]:
    """No file of this process may grow beyond it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def drifting() -> tuple[Plan, World]:
    world = world_of(record("a", subject={"n": 1}), record("b", subject={"n": 2}))
    world.put(BUCKET, "a/subject.json", b"{}")
    world.put(BUCKET, "b/subject.json", b"{}")
    world.put(BUCKET, "b/session.json", b'{"s": 1}')
    return plan_of(world), world


@pytest.mark.parametrize("more", range(100, 2_000, 300))
def test_no_room_in_the_journal_ends_a_run_in_words(tmp_path: Path, more: int) -> None:
    """Nothing is written that is not recorded; with room again, the run goes on from there."""
    plan, world = drifting()
    filled = 100_000
    (tmp_path / "journal.jsonl").write_text("\n" * filled)
    with room(filled + more), pytest.raises(IndexerError, match="journal cannot be written"):
        apply_to(world, plan, tmp_path)
    assert len(world.writes) < len(plan.actions)
    result = apply_to(world, plan, tmp_path)
    assert set(statuses(result)) <= {"applied", "satisfied"}
    assert [one.action_id for one in result.outcomes if one.before is None] == []


def test_no_room_in_the_archive_ends_a_run_in_words(tmp_path: Path) -> None:
    """What cannot be kept is not replaced."""
    plan, world = drifting()
    (tmp_path / "archive").write_text("a file")
    with pytest.raises(IndexerError, match="archive cannot be written"):
        apply_to(world, plan, tmp_path)
    assert world.writes == []
