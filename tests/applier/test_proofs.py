"""That a server refuses what it must is asked once for each bucket and condition, and believed then."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

import pytest

from indexer.applier.proof import HINT, Condition, ConditionsIgnoredError, Proof
from indexer.model.ports import NO_ETAG
from shared.builders import BUCKET
from shared.memory.exploding import ExplodingWriter
from shared.memory.objects import MemoryObjectWriter
from shared.memory.world import World

CONDITIONS: tuple[Condition, ...] = ("create", "replace", "delete")
KEY, BODY = "asset/subject.json", b"{}"


class Asked:
    """A writer that remembers what it was asked for; a deaf one does it whatever the condition."""

    def __init__(self, world: World, *, deaf: bool = False) -> None:
        self._world, self._writer, self._deaf = world, MemoryObjectWriter(world), deaf
        self.asked: list[tuple[Any, ...]] = []

    def put(self, bucket: str, key: str, body: bytes, etag: str | None) -> Any:
        self.asked.append(("put", bucket, key, body, etag))
        return "etag" if self._deaf else self._writer.put(bucket, key, body, etag)

    def delete(self, bucket: str, key: str, etag: str) -> Any:
        self.asked.append(("delete", bucket, key, etag))
        return None if self._deaf else self._writer.delete(bucket, key, etag)


def world_with_file() -> World:
    world = World()
    world.put(BUCKET, KEY, BODY)
    return world


REQUESTS: dict[Condition, tuple[Any, ...]] = {
    "create": ("put", BUCKET, KEY, BODY, None),
    "replace": ("put", BUCKET, KEY, BODY, NO_ETAG),
    "delete": ("delete", BUCKET, KEY, NO_ETAG),
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_each_condition_is_asked_for_once_in_each_bucket(condition: Condition) -> None:
    """By a write that changes nothing, whether it is refused or not."""
    world = world_with_file()
    world.put("another", KEY, BODY)
    writer = Asked(world)
    proof = Proof(writer, needed=True)
    assert not proof.given(BUCKET, condition)
    for _ in range(2):
        proof.ask(BUCKET, condition, KEY, BODY)
    assert writer.asked == [REQUESTS[condition]]
    assert world.writes == []
    others = [(bucket, one) for bucket in (BUCKET, "another") for one in CONDITIONS]
    assert [where for where in others if proof.given(*where)] == [(BUCKET, condition)]
    proof.ask("another", condition, KEY, BODY)
    assert len(writer.asked) == 2


@pytest.mark.parametrize("condition", CONDITIONS)
def test_after_one_that_was_not_refused_nothing_is_written(condition: Condition) -> None:
    """In no bucket: it is one server. It is said which write went through, and what to do."""
    proof = Proof(Asked(world_with_file(), deaf=True), needed=True)
    with pytest.raises(ConditionsIgnoredError) as raised:
        proof.ask(BUCKET, condition, KEY, BODY)
    fault = raised.value
    assert fault.summary == "This S3 server ignores conditions"
    assert fault.detail == f"s3://{BUCKET}/{KEY}: a {condition} went through that it should have refused"
    assert fault.hint == HINT
    for one in CONDITIONS:
        with pytest.raises(ConditionsIgnoredError), proof.alone("another", one):
            raise AssertionError("it may not be written")


def test_a_server_that_is_known_is_asked_nothing() -> None:
    """Amazon's, or one that is said to be trusted."""
    proof = Proof(ExplodingWriter(), needed=False)  # type: ignore[arg-type]
    for condition in CONDITIONS:
        assert proof.given(BUCKET, condition)
        proof.ask(BUCKET, condition, KEY, BODY)
        with proof.alone(BUCKET, condition):
            pass


def beside(proof: Proof, condition: Condition) -> bool:
    """Did another thread get through while this one writes?"""
    through = Event()

    def write() -> None:
        with proof.alone(BUCKET, condition):
            through.set()

    other = Thread(target=write)
    with proof.alone(BUCKET, condition):
        other.start()
        got_through = through.wait(0.2)
    other.join()
    return got_through


def test_until_it_is_shown_there_is_one_write_at_a_time() -> None:
    """A hundred threads would have written a hundred files before the first of them was told."""
    proof = Proof(Asked(world_with_file()), needed=True)
    assert not beside(proof, "replace")
    proof.ask(BUCKET, "replace", KEY, BODY)
    assert beside(proof, "replace")


def test_what_is_shown_already_waits_for_no_other_condition() -> None:
    """A write that is done is told so at once, though the first of another kind is still on its way."""
    proof, told = Proof(Asked(world_with_file()), needed=True), Event()
    proof.ask(BUCKET, "create", KEY, BODY)

    def ask() -> None:
        proof.ask(BUCKET, "create", KEY, BODY)
        told.set()

    other = Thread(target=ask)
    with proof.alone(BUCKET, "replace"):
        other.start()
        got_through = told.wait(60)
    other.join()
    assert got_through
