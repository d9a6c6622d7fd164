"""Copies of files, and the proofs that go before a write: what is read, sent, journalled and claimed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from indexer.applier.ledger import ANSWER_LOST
from indexer.applier.objects import LiveRecords
from indexer.errors import SystemFaultError
from indexer.model.action import Action
from indexer.model.outcome import AfterImage, BeforeImage
from indexer.model.ports import NO_ETAG, PreconditionFailed
from indexer.model.values import etag_of, sha256, to_bytes
from shared.forgery import ASSET, BUCKET, copy, delete, of_object, put, target
from shared.ledgers import action_of, told
from shared.memory.objects import MemoryObjectWriter
from shared.memory.world import World
from shared.object_runs import Objects

FILE = f"{ASSET}/subject.json"
ORIGINAL = f"{ASSET}/original_metadata/subject.20250101.json"
BODY, OLD, NEW = b'{"s": 1}', b'"old"', to_bytes({"n": 1})
RECORDS: LiveRecords = {"v1": {"subject": {"n": 1}}}
ABSENT = BeforeImage(kind="absent")
KEPT = BeforeImage(kind="object", archive=sha256(OLD), place="archive", etag=etag_of(OLD))
COPY = AfterImage(key=ORIGINAL, etag=etag_of(BODY), sha256=sha256(BODY))
TO_LEAVE = AfterImage(key=ORIGINAL, sha256=sha256(BODY))
CHANGED = "the file that it copies was changed"
TAKEN = "there is another original by now"


OF_SUBJECT = {
    "source": {"kind": "record-field", "generation": "v1", "field": "subject"},
    "sha256": sha256(NEW),
    "size": len(NEW),
}


def copying(
    key: str = ORIGINAL, etag: str | None = etag_of(BODY), at: str = "", source: str = FILE
) -> Action:
    content = of_object(source, etag=etag) | {"sha256": sha256(BODY), "size": len(BODY)}
    return action_of(copy(at=at, target=target(key), content=content))


COPIED = copying()


def world_of(**files: bytes) -> World:
    """`file`, `original`: what they hold."""
    world = World()
    world.buckets[BUCKET] = {}
    for name, body in files.items():
        world.put(BUCKET, {"file": FILE, "original": ORIGINAL}[name], body)
    return world


@pytest.mark.parametrize("needed", [False, True])
def test_a_copy_is_what_was_reviewed_put_where_nothing_is(tmp_path: Path, needed: bool) -> None:
    """Whether the server's conditions had to be proved behind it or not."""
    world = world_of(file=BODY)
    with Objects(tmp_path, world, needed=needed) as run:
        outcomes = run.carried_out(COPIED, records=RECORDS)
    assert outcomes == [told(COPIED, "applied", before=ABSENT, after=COPY)]
    assert run.told_of == [
        ("intent", COPIED.id, ABSENT, TO_LEAVE),
        ("applied", COPIED.id, ABSENT, COPY),
    ]
    assert world.buckets[BUCKET][ORIGINAL].body == BODY


@pytest.mark.parametrize(("there", "status", "detail"), [(BODY, "satisfied", ""), (OLD, "stale", TAKEN)])
def test_an_original_that_is_there_is_not_replaced(
    tmp_path: Path, there: bytes, status: Any, detail: str
) -> None:
    """The same bytes are as good, and nobody's write of ours; others stay."""
    world = world_of(file=BODY, original=there)
    with Objects(tmp_path, world) as run:
        outcomes = run.carried_out(COPIED, records=RECORDS)
    assert outcomes == [told(COPIED, status, detail, after=COPY if status == "satisfied" else None)]
    assert (world.writes, world.calls["objects.put"]) == ([], 1)


@pytest.mark.parametrize(
    ("body", "etag"),
    [(None, None), (b"other", None), (BODY, "another"), (b"other", etag_of(BODY))],
    ids=["gone", "changed", "another-etag", "another-body"],
)
@pytest.mark.parametrize(
    ("there", "status", "detail"), [(None, "stale", CHANGED), (BODY, "satisfied", ""), (OLD, "stale", TAKEN)]
)
def test_of_a_file_that_was_changed_no_copy_is_made(
    tmp_path: Path, body: bytes | None, etag: str | None, there: bytes | None, status: Any, detail: str
) -> None:
    """A copy that is there already is as good."""
    world = world_of(**({} if there is None else {"original": there}))
    if body is not None:
        world.put(BUCKET, FILE, body, etag=etag)
    with Objects(tmp_path, world) as run:
        outcomes = run.carried_out(COPIED, records=RECORDS)
    assert outcomes == [told(COPIED, status, detail, after=COPY if status == "satisfied" else None)]
    assert world.calls["objects.put"] == 0


@pytest.mark.parametrize("earlier", [False, True])
def test_a_copy_that_was_sent_before_is_ours(tmp_path: Path, earlier: bool) -> None:
    """Its answer was lost; since then the file was changed that it came from."""
    world = world_of(file=BODY)
    if earlier:
        world.fail("objects.put", committed=True)
        world.fail("objects.get", 2)  # the look at what came of it
        with Objects(tmp_path, world) as run:
            assert run.carried_out(COPIED, records=RECORDS)[0].status == "failed"
        world.put(BUCKET, FILE, b"other")
    with Objects(tmp_path, world, run_id="run-2") as run:
        (outcome,) = run.carried_out(COPIED, records=RECORDS)
    if earlier:
        assert outcome == told(COPIED, "satisfied", ANSWER_LOST, before=ABSENT, after=COPY)
    else:
        assert outcome.status == "applied"


def test_a_file_that_was_sent_before_and_is_stale_by_now_is_ours(tmp_path: Path) -> None:
    """An undo takes it back: nobody else wrote it."""
    created, world = action_of(put(content=OF_SUBJECT)), world_of()
    world.fail("objects.put", committed=True)
    world.fail("objects.get")
    with Objects(tmp_path, world) as run:
        assert run.carried_out(created, records=RECORDS)[0].status == "failed"
    with Objects(tmp_path, world, run_id="run-2") as run:
        (outcome,) = run.carried_out(created, records={"v1": {"subject": {"n": 2}}})
    why = "its content is not what it was when the plan was reviewed"
    after = AfterImage(key=FILE, etag=etag_of(NEW), sha256=sha256(NEW))
    assert outcome == told(created, "stale", why, before=ABSENT, after=after)


DAY = datetime(2031, 12, 31, 23, tzinfo=UTC)


@pytest.mark.parametrize("prefix", [ASSET, "a.<date>.b"])
@pytest.mark.parametrize("lost", [False, True])
def test_a_copy_of_a_new_file_is_dated_by_that_file(tmp_path: Path, prefix: str, lost: bool) -> None:
    """Whatever its ETag, and whatever the asset is called; where the answer is lost, the look is at that key."""
    folder, source = f"{prefix}/original_metadata", f"{prefix}/subject.json"
    action = copying(f"{folder}/subject.<date>.json", None, f"s3://{BUCKET}/{prefix}", source)
    world = world_of()
    world.put(BUCKET, source, BODY, DAY, etag="whatever")
    if lost:
        world.fail("objects.put", committed=True)
    with Objects(tmp_path, world) as run:
        outcomes = run.carried_out(action, records=RECORDS)
    after = AfterImage(key=f"{folder}/subject.20311231.json", etag=etag_of(BODY), sha256=sha256(BODY))
    detail = ANSWER_LOST if lost else ""
    assert outcomes == [told(action, "applied", detail, before=ABSENT, after=after)]
    assert sorted(world.buckets[BUCKET]) == [after.key, source]


def test_a_copy_of_a_new_file_that_is_not_there_has_no_day(tmp_path: Path) -> None:
    """It is stale, and nothing is at the key that stands in the plan."""
    action = copying(f"{ASSET}/original_metadata/subject.<date>.json", None)
    with Objects(tmp_path, world_of()) as run:
        assert run.carried_out(action, records=RECORDS) == [told(action, "stale", CHANGED)]


# what is proved before a write

OVER = {"kind": "etag", "etag": etag_of(OLD)}
REPLACED = action_of(put(content=OF_SUBJECT, precondition=OVER))
DELETED = action_of(delete("undo", precondition=OVER, rests_on=None))
Kind = Literal["replace", "delete"]
ACTIONS: dict[Kind, Action] = {"replace": REPLACED, "delete": DELETED}
STAYS: dict[Kind, AfterImage] = {
    "replace": AfterImage(key=FILE, sha256=sha256(OLD)),
    "delete": AfterImage(),
}
LEAVES: dict[Kind, AfterImage] = {
    "replace": AfterImage(key=FILE, sha256=sha256(NEW)),
    "delete": AfterImage(),
}


class Asked(MemoryObjectWriter):
    """A writer that remembers on which ETag it was to write, and answers what is said of a proof."""

    def __init__(self, world: World, answer: Callable[[], Any] | None = None) -> None:
        super().__init__(world)
        self._answer, self.asked = answer, list[str | None]()

    def put(self, bucket: str, key: str, body: bytes, etag: str | None) -> Any:
        self.asked.append(etag)
        proof = self._answer is not None and etag == NO_ETAG
        return self._answer() if proof and self._answer else super().put(bucket, key, body, etag)

    def delete(self, bucket: str, key: str, etag: str) -> Any:
        self.asked.append(etag)
        proof = self._answer is not None and etag == NO_ETAG
        return self._answer() if proof and self._answer else super().delete(bucket, key, etag)


@pytest.mark.parametrize("kind", ["replace", "delete"])
def test_a_proof_is_journalled_as_what_it_could_do(tmp_path: Path, kind: Kind) -> None:
    """A server that ignores conditions would have put the same bytes there, or deleted them; then it is refused."""
    action, world = ACTIONS[kind], world_of(file=OLD)
    writer = Asked(world)
    with Objects(tmp_path, world, writer=writer, needed=True) as run:
        (outcome,) = run.carried_out(action, records=RECORDS)
    assert (outcome.status, outcome.before) == ("applied", KEPT)
    assert run.told_of == [
        ("intent", action.id, KEPT, STAYS[kind]),
        ("refused", action.id, None, None),
        ("intent", action.id, KEPT, LEAVES[kind]),
        ("applied", action.id, KEPT, outcome.after),
    ]
    assert writer.asked == [NO_ETAG, etag_of(OLD)]
    assert run.archive.held == {sha256(OLD): OLD}


@pytest.mark.parametrize("kind", ["replace", "delete"])
def test_a_server_that_is_known_is_asked_for_no_proof(tmp_path: Path, kind: Kind) -> None:
    """One intent, one write."""
    action, world = ACTIONS[kind], world_of(file=OLD)
    writer = Asked(world)
    with Objects(tmp_path, world, writer=writer) as run:
        (outcome,) = run.carried_out(action, records=RECORDS)
    assert run.told_of == [
        ("intent", action.id, KEPT, LEAVES[kind]),
        ("applied", action.id, KEPT, outcome.after),
    ]
    assert writer.asked == [etag_of(OLD)]


@pytest.mark.parametrize("kind", ["replace", "delete"])
def test_a_proof_that_is_not_answered_fails_the_action_and_asks_the_next_one(
    tmp_path: Path, kind: Kind
) -> None:
    """Its intent stays: the proof may have been carried out. Nothing was written for the action itself."""

    def no_answer() -> Any:
        raise SystemFaultError("No answer", "it took too long")

    action, world = ACTIONS[kind], world_of(file=OLD)
    with Objects(tmp_path, world, writer=Asked(world, no_answer), needed=True) as run:
        outcomes = run.carried_out(action, records=RECORDS)
        assert run.ledger.ready(COPIED)
    assert outcomes == [told(action, "failed", "No answer: it took too long")]
    assert [event for event, *_ in run.told_of] == ["intent", "failed"]
    assert world.buckets[BUCKET][FILE].body == OLD


@pytest.mark.parametrize("kind", ["replace", "delete"])
def test_where_a_proof_goes_through_nothing_more_is_tried(tmp_path: Path, kind: Kind) -> None:
    """The server ignores conditions: nothing may rest on them, in no asset."""
    action, world = ACTIONS[kind], world_of(file=OLD)
    done = {"replace": "etag", "delete": None}[kind]
    with Objects(tmp_path, world, writer=Asked(world, lambda: done), needed=True) as run:
        outcomes = run.carried_out(action, COPIED, records=RECORDS)
    why = f"This S3 server ignores conditions: s3://{BUCKET}/{FILE}: a {kind} went through that it should have refused"
    assert outcomes == [told(action, "failed", why), told(COPIED, "skipped", why)]


class Deaf(Asked):
    """A writer on a server that knows no `If-None-Match`: what is there already is no reason to refuse."""

    def put(self, bucket: str, key: str, body: bytes, etag: str | None) -> Any:
        self._world.buckets[bucket].pop(key, None)
        return super().put(bucket, key, body, etag)


def test_a_new_file_that_shows_a_deaf_server_is_ours_and_no_success(tmp_path: Path) -> None:
    """It may have gone over somebody else's. Were it the run's last write, nothing else would tell of it."""
    world = world_of(file=BODY)
    with Objects(tmp_path, world, writer=Deaf(world), needed=True) as run:
        (outcome,) = run.carried_out(COPIED, records=RECORDS)
    assert (outcome.status, outcome.before) == ("failed", BeforeImage(kind="absent"))
    assert outcome.after is not None
    assert outcome.after.sha256 == sha256(BODY)
    assert outcome.detail.endswith("a create went through that it should have refused")
    assert [event for event, *_ in run.told_of] == ["intent", "failed"]


class Scripted(MemoryObjectWriter):
    """A writer whose puts are refused first, then written; `last` is what becomes of the one after it, the proof."""

    def __init__(self, world: World, last: Callable[[], Any]) -> None:
        super().__init__(world)
        self._last, self._sent = last, 0

    def put(self, bucket: str, key: str, body: bytes, etag: str | None) -> Any:
        self._sent += 1
        match self._sent:
            case 1:
                return PreconditionFailed()
            case 2:
                return super().put(bucket, key, body, etag)
        return self._last()


def test_what_a_proof_behind_a_write_shows_is_told_with_the_write_and_its_attempts(tmp_path: Path) -> None:
    """The file is ours, whatever the proof comes to: deaf, or not answered."""

    def no_answer() -> Any:
        raise SystemFaultError("No answer", "it took too long")

    lasts: tuple[tuple[Callable[[], Any], str], ...] = ((lambda: "etag", "failed"), (no_answer, "applied"))
    for number, (last, status) in enumerate(lasts):
        world = world_of(file=BODY)
        with Objects(tmp_path / f"{number}", world, writer=Scripted(world, last), needed=True) as run:
            (outcome,) = run.carried_out(COPIED, records=RECORDS)
        assert (outcome.status, outcome.attempts) == (status, 2)
        assert (outcome.before, outcome.after) == (ABSENT, COPY)


# what is tried again


class Late(MemoryObjectWriter):
    """A writer whose first answers are refusals, though what is demanded holds."""

    def __init__(self, world: World, refusals: int) -> None:
        super().__init__(world)
        self._left = refusals

    def put(self, bucket: str, key: str, body: bytes, etag: str | None) -> Any:
        self._left -= 1
        return PreconditionFailed() if self._left >= 0 else super().put(bucket, key, body, etag)

    def delete(self, bucket: str, key: str, etag: str) -> Any:
        self._left -= 1
        return PreconditionFailed() if self._left >= 0 else super().delete(bucket, key, etag)


@pytest.mark.parametrize("action", [REPLACED, DELETED, COPIED], ids=lambda one: one.kind)
@pytest.mark.parametrize("refusals", [1, 2])
def test_a_write_that_succeeds_at_last_is_told_with_its_attempts(
    tmp_path: Path, action: Action, refusals: int
) -> None:
    """Each refusal is journalled: none of them was ours."""
    world = world_of(file=BODY if action is COPIED else OLD)
    with Objects(tmp_path, world, writer=Late(world, refusals)) as run:
        (outcome,) = run.carried_out(action, records=RECORDS)
    assert (outcome.status, outcome.attempts) == ("applied", refusals + 1)
    assert [event for event, *_ in run.told_of] == refusals * ["intent", "refused"] + ["intent", "applied"]


def test_what_an_archive_holds_and_the_plan_did_not_show_is_not_written(tmp_path: Path) -> None:
    """A digest of the source is not the digest of what was reviewed."""
    source = {"kind": "archive", "archive": "/archive", "sha256": sha256(OLD)}
    content = {"source": source, "sha256": sha256(NEW), "size": len(NEW)}
    action = action_of(put("undo", content=content))
    world = world_of()
    with Objects(tmp_path, world) as run:
        run.archive.keep(OLD)
        outcomes = run.carried_out(action, records=RECORDS)
    why = "its content is not what it was when the plan was reviewed"
    assert outcomes == [told(action, "stale", why)]
    assert world.writes == []
