"""The journal: intent before a write, outcome after it; what a crash leaves of it is read."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from indexer.applier.history import History, journal_plan_id, read_history, read_lines
from indexer.applier.journal import Journal
from indexer.applier.protocol import protocol_problems
from indexer.disk import DiskFolder
from indexer.errors import IndexerError
from indexer.model.outcome import AfterImage, BeforeImage, Outcome
from indexer.model.values import sha256, to_bytes
from indexer.systems.archive import FolderArchive
from shared.builders import BUCKET, NOW, apply_to, by_kind, outcome_of, plan_of, record, world_of
from shared.memory.stored import Crash
from shared.memory.world import World

BEFORE = BeforeImage(kind="object", archive="a" * 64, etag="e")
LEFT = AfterImage(key="k", sha256="b" * 64)


def outcome(status: str, **more: Any) -> Outcome:
    return Outcome(action_id="act", status=status, started_at=NOW, ended_at=NOW, **more)  # type: ignore[arg-type]


def journal_path(folder: Path) -> Path:
    return folder / "journal.jsonl"


def journal_of(folder: Path, run_id: str = "run", plan_id: str = "plan") -> Journal:
    return Journal(DiskFolder(folder), run_id, plan_id)


def history_of(folder: Path) -> History:
    return read_history(DiskFolder(folder), "plan")


def lines_of(folder: Path) -> list[Any]:
    """What can be read."""
    return [line for line in read_lines(journal_path(folder).read_bytes()) if line is not None]


def test_lines_are_read_back(tmp_path: Path) -> None:
    """Run, plan, event and content of each."""
    with journal_of(tmp_path) as journal:
        journal.started(NOW, "digest")
        journal.intent("act", NOW, BEFORE, LEFT)
        journal.refused("act", NOW)
        journal.intent("act", NOW, BEFORE, LEFT)
        journal.outcome(outcome("applied", before=BEFORE))
        journal.finished(NOW)
    lines = lines_of(tmp_path)
    events = ["started", "intent", "refused", "intent", "outcome", "finished"]
    assert [line["event"] for line in lines] == events
    assert {(line["run_id"], line["plan_id"]) for line in lines} == {("run", "plan")}
    assert journal_plan_id(DiskFolder(tmp_path)) == "plan"
    assert list(protocol_problems(lines)) == []


@pytest.mark.parametrize("cut", range(60, 0, -7))
def test_a_line_that_a_crash_tore_is_passed_over(tmp_path: Path, cut: int) -> None:
    """And the next run's first line does not end up in it, nor is it called damage."""
    with journal_of(tmp_path) as journal:
        journal.started(NOW, "digest")
        journal.intent("one", NOW, BEFORE, LEFT)
        journal.intent("two", NOW, BEFORE, LEFT)
    whole = journal_path(tmp_path).read_bytes()
    journal_path(tmp_path).write_bytes(whole[:-cut])
    with journal_of(tmp_path, "again") as journal:
        journal.started(NOW, "digest")
        journal.intent("three", NOW, BEFORE, LEFT)
    seen = [line["action_id"] for line in lines_of(tmp_path) if line["event"] == "intent"]
    assert seen == ["one", "three"]
    assert history_of(tmp_path).damaged == 0


def test_lines_that_no_crash_explains_are_counted(tmp_path: Path) -> None:
    """In the midst of a run nothing is torn: what stood there is not known, and that is said."""
    with journal_of(tmp_path) as journal:
        journal.started(NOW, "digest")
        for name in ("one", "two", "three"):
            journal.intent(name, NOW, BEFORE, LEFT)
    body = journal_path(tmp_path).read_bytes()
    journal_path(tmp_path).write_bytes(body.replace(b'"two"', b'"tw'))
    assert history_of(tmp_path).damaged == 1
    assert set(history_of(tmp_path).writes) == {"one", "three"}


def test_odd_lines_are_passed_over(tmp_path: Path) -> None:
    """Whatever stands in the file, reading it raises nothing."""
    journal_path(tmp_path).write_bytes(
        b'\xff\xfe\n\n[1]\n7\n{"event": "intent", "plan_id": "plan", "action_id": "x"}\n'
        b'{"event": "outcome", "plan_id": "plan", "action_id": "x", "status": "odd"}\n'
        + b"[" * 100_000
        + b"\n"
    )
    assert [line["event"] for line in lines_of(tmp_path)] == ["intent", "outcome"]
    assert history_of(tmp_path).writes == {}


def test_no_journal_is_an_empty_one(tmp_path: Path) -> None:
    """The first run has none."""
    assert history_of(tmp_path) == History()
    assert journal_plan_id(DiskFolder(tmp_path)) is None


WRITTEN = {"before": BEFORE, "after": AfterImage(etag="new")}


@pytest.mark.parametrize(
    ("outcomes", "sure"),
    [
        ((), False),
        ((outcome("applied", **WRITTEN),), True),
        ((outcome("satisfied"),), False),
        ((outcome("satisfied", **WRITTEN),), True),
        ((outcome("applied", **WRITTEN), outcome("satisfied")), True),
        ((outcome("failed"),), False),
        ((outcome("failed"), outcome("applied", **WRITTEN)), True),
        ((outcome("stale"),), False),
        ((outcome("failed"), outcome("stale")), False),
        ((outcome("applied", **WRITTEN), outcome("stale")), True),
        ((outcome("skipped"),), False),
    ],
)
def test_an_intent_counts_whatever_is_found_later(
    tmp_path: Path, outcomes: tuple[Outcome, ...], sure: bool
) -> None:
    """A run that died, or lost its answer, may have written: its before-image is the true one."""
    with journal_of(tmp_path) as journal:
        journal.intent("act", NOW, BEFORE, LEFT)
        for one in outcomes:
            journal.outcome(one)
    found = history_of(tmp_path).writes.get("act", ())
    assert [(write.before, write.sure) for write in found] == [(BEFORE, sure)]


def test_a_write_that_was_refused_was_never_ours(tmp_path: Path) -> None:
    """What is there instead is somebody else's, though it be the same."""
    with journal_of(tmp_path) as journal:
        journal.intent("act", NOW, BEFORE, LEFT)
        journal.refused("act", NOW)
        journal.outcome(outcome("satisfied"))
    assert history_of(tmp_path).writes == {}


def test_what_was_there_first_is_what_comes_back(tmp_path: Path) -> None:
    """Where two runs made the same write: what the first one replaced, and what the second one left."""
    later = {"before": BeforeImage(kind="absent"), "after": AfterImage(etag="newer")}
    with journal_of(tmp_path) as journal:
        journal.outcome(outcome("applied", **WRITTEN))
        journal.outcome(outcome("applied", **later))
    (write,) = history_of(tmp_path).writes["act"]
    assert (write.before, write.after) == (BEFORE, AfterImage(etag="newer"))


def test_another_plans_lines_do_not_count(tmp_path: Path) -> None:
    """Ids are of actions, and two plans may share one."""
    with journal_of(tmp_path, plan_id="other") as journal:
        journal.intent("act", NOW, BEFORE, LEFT)
    assert history_of(tmp_path).writes == {}


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Before anything is written anywhere."""
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(IndexerError), journal_of(tmp_path / "taken"):
        pass


def test_the_archive_holds_what_hashes_to_its_name(tmp_path: Path) -> None:
    """A damaged image is none."""
    archive = FolderArchive(tmp_path / "archive")
    name = archive.keep(b"body")
    assert (name, archive.read(name), archive.keep(b"body")) == (sha256(b"body"), b"body", name)
    (tmp_path / "archive" / name).write_bytes(b"damaged")
    assert archive.read(name) is None
    assert archive.read("0" * 64) is None


def changing_world() -> World:
    """Replaces a file, deletes a file, changes a record, deletes a record, makes a file."""
    world = world_of(record("a", subject={"n": 1}), record("here"))
    world.put(BUCKET, "a/subject.json", b'"replaced"')
    world.put(BUCKET, "a/session.json", b"deleted")
    world.put(BUCKET, "a/original_metadata/session.20200101.json", b"")
    world.put(BUCKET, "a/rig.json", b'{"r": 1}')
    world.add("v1", record("gone", subject={"keep": "me"}))
    return world


def test_what_a_write_replaces_or_deletes_is_kept(tmp_path: Path) -> None:
    """Every before-image is in the archive under its digest, and named by the outcome."""
    world = changing_world()
    plan = plan_of(world)
    before = world.state()
    result = apply_to(world, plan, tmp_path)
    assert {one.status for one in result.outcomes} == {"applied"}
    archive = FolderArchive(tmp_path / "archive")
    reader = world.readers().records
    for action in plan.actions:
        image = outcome_of(result, action).before
        assert image is not None
        old = before["objects"][BUCKET].get(getattr(action.target, "key", None))
        if action.kind in ("update-record", "delete-record"):
            kept = archive.read(image.archive or "")
            assert kept is not None
            assert reader.from_archive(kept) == before["records"]["v1"][repr(action.target.record_id)]
        elif old is None:
            assert image == BeforeImage(kind="absent")
        else:
            assert archive.read(image.archive or "") == old
    assert {b'"replaced"', b"deleted"} <= {path.read_bytes() for path in (tmp_path / "archive").iterdir()}


@pytest.mark.parametrize("step", range(1, len(plan_of(changing_world()).actions) + 1))
def test_intents_are_on_disk_before_their_writes(tmp_path: Path, step: int) -> None:
    """A run that dies after any write has named it, and kept what it replaced."""
    world = changing_world()
    plan = plan_of(world)
    world.crash_after = step
    with pytest.raises(Crash):
        apply_to(world, plan, tmp_path)
    intents = {line["action_id"] for line in lines_of(tmp_path) if line["event"] == "intent"}
    written = {write.target for write in world.writes}
    for action in plan.actions:
        target = action.target
        name = f"{target.bucket}/{target.key}" if hasattr(target, "key") else repr(target.record_id)
        if name in written:
            assert action.id in intents


def test_a_second_run_keeps_the_first_runs_before_images(tmp_path: Path) -> None:
    """Satisfied by our own hand: the result still says what was there before."""
    world = changing_world()
    plan = plan_of(world)
    first = apply_to(world, plan, tmp_path)
    second = apply_to(world, plan, tmp_path)
    for action in plan.actions:
        one, two = outcome_of(first, action), outcome_of(second, action)
        assert (one.status, two.status) == ("applied", "satisfied")
        assert two.before == one.before
        assert two.after is None or two.after == one.after


def test_the_result_stands_beside_the_journal(tmp_path: Path) -> None:
    """Counts by status, and the plan's own digest."""
    world = changing_world()
    plan = plan_of(world)
    result = apply_to(world, plan, tmp_path)
    document = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert document["summary"] == {"applied": len(plan.actions)}
    assert document["plan_id"] == plan.plan_id
    assert len(document["outcomes"]) == len(result.outcomes) == len(plan.actions)


def test_a_files_after_image_is_what_was_written(tmp_path: Path) -> None:
    """An undo goes by it."""
    world = changing_world()
    plan = plan_of(world)
    result = apply_to(world, plan, tmp_path)
    put = next(one for one in by_kind(plan.actions, "put-object") if one.target.key == "a/subject.json")
    after = outcome_of(result, put).after
    assert after is not None
    assert (after.key, after.sha256) == ("a/subject.json", sha256(to_bytes({"n": 1})))


class _Locked(DiskFolder):
    """A folder of somebody else's, which its owner alone may look into."""

    def names(self) -> Sequence[str]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def read(self, name: str) -> bytes | None:
        return None


def test_a_folder_that_nobody_may_look_into_is_said_in_words(tmp_path: Path) -> None:
    """Whose journal it is cannot be told; that is no fault of ours."""
    with pytest.raises(IndexerError) as caught:
        read_history(_Locked(tmp_path), "plan")
    assert "Permission denied" in caught.value.detail
    assert str(tmp_path) in caught.value.detail
    assert "--results" in caught.value.hint


def test_of_two_data_assets_that_were_created_at_once_both_are_known(tmp_path: Path) -> None:
    """Two runs in one folder, neither of which saw the other's."""
    absent = BeforeImage(kind="absent")
    with journal_of(tmp_path) as journal:
        for made in ("da-1", "da-2", "da-2"):
            journal.outcome(outcome("applied", before=absent, after=AfterImage(data_asset_id=made)))
    (write,) = history_of(tmp_path).writes["act"]
    assert (write.after, write.twins) == (AfterImage(data_asset_id="da-2"), ("da-1",))
