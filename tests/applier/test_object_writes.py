"""One file at a time: what is sent, how often, and what is told of it, image by image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from indexer.applier.contents import Sources
from indexer.applier.evidence import Evidence
from indexer.applier.journal import Journal
from indexer.applier.ledger import ANSWER_LOST, Ledger
from indexer.applier.objects import ATTEMPTS, REFUSES_WHAT_HOLDS, LiveRecords, ObjectApplier
from indexer.applier.proof import Proof
from indexer.disk import DiskFolder
from indexer.errors import OutageError, SystemFaultError
from indexer.model.action import Action
from indexer.model.breaker import FAILURES_IN_A_ROW
from indexer.model.observer import NOBODY
from indexer.model.outcome import AfterImage, BeforeImage, Outcome
from indexer.model.plan import Plan
from indexer.model.ports import PreconditionFailed
from indexer.model.values import etag_of, sha256, to_bytes
from shared.forgery import ASSET, BUCKET, delete, forged, put, target
from shared.ledgers import told
from shared.memory.objects import MemoryObjectWriter
from shared.memory.stored import START
from shared.memory.world import World

KEY = f"{ASSET}/subject.json"
OLD, NEW = b'"old"', to_bytes({"n": 1})
RECORDS: LiveRecords = {"v1": {"subject": {"n": 1}}}
OF_SUBJECT = {
    "source": {"kind": "record-field", "generation": "v1", "field": "subject"},
    "sha256": sha256(NEW),
    "size": len(NEW),
}
ABSENT = BeforeImage(kind="absent")
KEPT = BeforeImage(kind="object", archive=sha256(OLD), place="archive", etag=etag_of(OLD))
LEFT = AfterImage(key=KEY, etag=etag_of(NEW), sha256=sha256(NEW))
OVER = {"kind": "etag", "etag": etag_of(OLD)}


def one(document: dict[str, Any]) -> Action:
    return Plan.model_validate(forged([document])).actions[0]


CREATED = one(put(content=OF_SUBJECT))
REPLACED = one(put(content=OF_SUBJECT, precondition=OVER))
DELETED = one(delete("undo", precondition=OVER, rests_on=None))


def world_of(body: bytes | None) -> World:
    world = World()
    world.buckets[BUCKET] = {}
    if body is not None:
        world.put(BUCKET, KEY, body)
    return world


class Archive:
    """Keeps bodies by their digest."""

    def keep(self, body: bytes) -> str:
        return sha256(body)

    def read(self, name: str) -> bytes | None:
        return OLD if name == sha256(OLD) else None


class Odd(MemoryObjectWriter):
    """A writer whose every answer is what is said of it, after the write or without."""

    def __init__(self, world: World, answer: Callable[[int], Any], *, writes: bool = False) -> None:
        super().__init__(world)
        self._answer, self._writes, self.sent = answer, writes, 0

    def put(self, bucket: str, key: str, body: bytes, etag: str | None) -> Any:
        if self._writes:
            super().put(bucket, key, body, etag)
        self.sent += 1
        return self._answer(self.sent)

    def delete(self, bucket: str, key: str, etag: str) -> Any:
        if self._writes:
            super().delete(bucket, key, etag)
        self.sent += 1
        return self._answer(self.sent)


def carried_out(
    folder: Path,
    world: World,
    *actions: Action,
    writer: Any = None,
    records: LiveRecords | SystemFaultError = RECORDS,
    needed: bool = False,
) -> list[Outcome]:
    """What comes of these actions; `needed`: the server's conditions are to be proved."""
    readers, writer = world.readers(), writer or MemoryObjectWriter(world)
    with Journal(DiskFolder(folder), "run", "plan") as journal:
        journal.started(START, "0" * 64)
        ledger = Ledger(journal, Archive(), "archive", lambda: START, NOBODY, Event())
        evidence = Evidence(readers, "original_metadata", lambda: START)
        sources = Sources(readers.objects, readers.records, lambda _: Archive())
        proof = Proof(writer, needed=needed)
        applier = ObjectApplier(readers.objects, writer, sources, evidence, proof, ledger)
        applier.apply(actions, records)
        return [ledger.outcomes[action.id] for action in actions]


@pytest.mark.parametrize("needed", [False, True])
@pytest.mark.parametrize(
    ("action", "there", "before", "after"),
    [(CREATED, None, ABSENT, LEFT), (REPLACED, OLD, KEPT, LEFT), (DELETED, OLD, KEPT, None)],
)
def test_a_write_is_told_with_both_images(
    tmp_path: Path,
    action: Action,
    there: bytes | None,
    before: BeforeImage,
    after: AfterImage | None,
    needed: bool,
) -> None:
    """An undo goes by them, whether the conditions had to be proved first or not."""
    world = world_of(there)
    outcomes = carried_out(tmp_path, world, action, needed=needed)
    assert outcomes == [told(action, "applied", before=before, after=after)]
    assert len(world.writes) == 1


def test_a_new_file_costs_no_look_where_most_are_new(tmp_path: Path) -> None:
    """On a plan's second run most are there: then a look is cheaper than a write that is refused."""
    world = world_of(None)
    carried_out(tmp_path, world, CREATED)
    assert (world.calls["objects.get"], world.calls["objects.put"]) == (0, 1)
    again = carried_out(tmp_path, world, CREATED)
    assert (world.calls["objects.get"], world.calls["objects.put"]) == (1, 1)
    assert again == [told(CREATED, "satisfied", after=LEFT)]


@pytest.mark.parametrize(
    ("action", "there", "why"),
    [
        (CREATED, OLD, "there is a file now where none was"),
        (REPLACED, b'"other"', "the file was changed since the plan"),
        (REPLACED, None, "the file is gone"),
        (DELETED, b'"other"', "the file was changed since the plan"),
    ],
)
def test_what_somebody_else_wrote_stays(
    tmp_path: Path, action: Action, there: bytes | None, why: str
) -> None:
    """And is claimed by nobody."""
    world = world_of(there)
    assert carried_out(tmp_path, world, action) == [told(action, "stale", why)]
    assert world.writes == []


@pytest.mark.parametrize(
    ("action", "there"), [(CREATED, None), (REPLACED, OLD), (DELETED, OLD)], ids=lambda one: ""
)
def test_a_server_that_refuses_what_holds_is_told_so(
    tmp_path: Path, action: Action, there: bytes | None
) -> None:
    """After so many times; nothing is claimed."""
    world = world_of(there)
    writer = Odd(world, lambda _: PreconditionFailed())
    outcomes = carried_out(tmp_path, world, action, writer=writer)
    assert outcomes == [told(action, "failed", REFUSES_WHAT_HOLDS, attempts=ATTEMPTS)]
    assert writer.sent == ATTEMPTS


@pytest.mark.parametrize(("action", "there"), [(CREATED, None), (REPLACED, OLD)], ids=lambda one: "")
@pytest.mark.parametrize("nth", range(1, ATTEMPTS + 1))
def test_what_becomes_as_wanted_meanwhile_is_satisfied(
    tmp_path: Path, action: Action, there: bytes | None, nth: int
) -> None:
    """By somebody else's hand, at whichever of the tries: it is not ours, and is there all the same."""
    world = world_of(there)

    def refuse(sent: int) -> PreconditionFailed:
        if sent == nth:
            world.put(BUCKET, KEY, NEW)
        return PreconditionFailed()

    writer = Odd(world, refuse)
    outcomes = carried_out(tmp_path, world, action, writer=writer)
    assert outcomes == [told(action, "satisfied", after=LEFT)]
    assert writer.sent == nth


@pytest.mark.parametrize(
    ("action", "there", "before", "after"),
    [(CREATED, None, ABSENT, LEFT), (REPLACED, OLD, KEPT, LEFT), (DELETED, OLD, KEPT, None)],
)
@pytest.mark.parametrize("lost", [True, False])
def test_an_answer_that_was_lost_is_looked_for(
    tmp_path: Path,
    action: Action,
    there: bytes | None,
    before: BeforeImage,
    after: AfterImage | None,
    lost: bool,
) -> None:
    """No answer at all, or a refusal that may be the echo of our own first try: what is there is ours."""

    def answer(_: int) -> Any:
        if lost:
            raise SystemFaultError("No answer", "it took too long")
        return PreconditionFailed(unsure=True)

    world = world_of(there)
    outcomes = carried_out(tmp_path, world, action, writer=Odd(world, answer, writes=True))
    assert outcomes == [told(action, "applied", ANSWER_LOST, before=before, after=after)]


@pytest.mark.parametrize(("action", "there"), [(CREATED, None), (REPLACED, OLD), (DELETED, OLD)])
def test_a_write_that_was_never_carried_out_has_failed(
    tmp_path: Path, action: Action, there: bytes | None
) -> None:
    """A look shows that nothing came of it."""

    def answer(_: int) -> Any:
        raise SystemFaultError("No answer", "it took too long")

    world = world_of(there)
    outcomes = carried_out(tmp_path, world, action, writer=Odd(world, answer))
    assert outcomes == [told(action, "failed", "No answer: it took too long")]


def test_without_its_record_nothing_is_written_from_it(tmp_path: Path) -> None:
    """What comes from an archive needs none."""
    source = {"kind": "archive", "archive": "/archive", "sha256": sha256(OLD)}
    content = {"source": source, "sha256": sha256(OLD), "size": len(OLD)}
    restored = one(put("undo", target=target(f"{ASSET}/rig.json"), content=content))
    fault = SystemFaultError("It is down", "the records")
    of_record, of_archive = carried_out(tmp_path, world_of(None), CREATED, restored, records=fault)
    assert of_record == told(CREATED, "failed", "It is down: the records")
    assert (of_archive.status, of_archive.before) == ("applied", ABSENT)
    changed = "its content is not what it was when the plan was reviewed"
    (gone,) = carried_out(tmp_path / "gone", world_of(None), CREATED, records={"v1": {"subject": {"n": 2}}})
    assert gone == told(CREATED, "stale", changed)


@pytest.mark.parametrize(
    ("records", "status"),
    [
        ({"v1": {"n": 1, "last_modified": "now"}}, "applied"),
        ({"v1": {"n": 2, "last_modified": "now"}}, "stale"),
        ({"v2": {"n": 1, "last_modified": "now"}}, "stale"),
    ],
)
def test_a_file_of_the_whole_record_holds_what_only_its_write_told(
    tmp_path: Path, records: LiveRecords, status: str
) -> None:
    """It was reviewed without its time; all else is as it was, and of the same generation."""
    content = {
        "source": {"kind": "record", "generation": "v1"},
        "sha256": sha256(to_bytes({"n": 1, "last_modified": None})),
        "known_after_apply": ["last_modified"],
    }
    world = world_of(None)
    (outcome,) = carried_out(tmp_path, world, one(put(content=content)), records=records)
    held = [stored.body for stored in world.buckets[BUCKET].values()]
    assert (outcome.status, held) == (status, [to_bytes(records["v1"])] if status == "applied" else [])


def test_what_cannot_be_looked_at_elsewhere_is_that_systems_fault(tmp_path: Path) -> None:
    """Not the bucket's: however often, files that rest on nothing are written all the same."""
    often = FAILURES_IN_A_ROW["s3"] + 1
    resting = [
        one(
            delete(
                "undo", target=target(f"{ASSET}/{number}.json"), precondition=OVER, rests_on={"mounts": []}
            )
        )
        for number in range(often)
    ]
    world = world_of(None)
    for number in range(often):
        world.put(BUCKET, f"{ASSET}/{number}.json", OLD)
    world.fail("data_assets.search", times=None, error=OutageError("It is down", "Code Ocean", "Wait."))
    *refused, written = carried_out(tmp_path, world, *resting, CREATED)
    assert {(it.status, it.detail) for it in refused} == {("failed", "It is down: Code Ocean")}
    assert written.status == "applied"


def test_a_bucket_that_is_down_is_not_asked_for_ever(tmp_path: Path) -> None:
    """Each request has cost its retries."""
    most = FAILURES_IN_A_ROW["s3"]
    actions = [
        one(delete("undo", target=target(f"{ASSET}/{number}.json"), precondition=OVER, rests_on=None))
        for number in range(most + 1)
    ]
    world = world_of(None)
    world.fail("objects.get", times=None, error=OutageError("It is down", "S3"))
    outcomes = carried_out(tmp_path, world, *actions)
    assert [it.status for it in outcomes] == most * ["failed"] + ["skipped"]
