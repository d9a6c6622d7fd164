"""Many records at a time: how they are read and sent, what is tried again, and what is told when nothing came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from indexer.applier.ledger import ANSWER_LOST
from indexer.applier.records import ATTEMPTS, NOTHING_CAME
from indexer.errors import OutageError, SystemFaultError
from indexer.model.action import Action
from indexer.model.breaker import FAILURES_IN_A_ROW
from indexer.model.generation import V1, V2, GenerationName, new_record
from indexer.model.location import Location
from indexer.model.outcome import AfterImage, BeforeImage
from indexer.model.ports import InsertOne, RecordWrite, UpdateOne, WriteError
from indexer.model.values import fingerprint, sha256
from indexer.systems.bson_values import archived as bson
from shared.builders import record
from shared.forgery import BUCKET, as_read, delete_record, in_collection, insert
from shared.ledgers import action_of, told
from shared.memory.records import MemoryRecordReader, MemoryRecordWriter
from shared.memory.world import World
from shared.record_runs import Records, changed

LINKS = {"Code Ocean": ["da-1"]}
A, B, C = (record(name, bucket=BUCKET, links={"Code Ocean": []}) for name in "abc")
V2_OF_A = record("a", V2, bucket=BUCKET, links={"Code Ocean": []})
OF_A, OF_B, OF_C = (changed(body, external_links=LINKS) for body in (A, B, C))
V2_ACTION = changed(V2_OF_A, generation="v2", other_identifiers=LINKS)
GONE = action_of(
    delete_record(
        at="s3://aind-open-data/a",
        target=in_collection(record=A["_id"]),
        precondition=as_read(fields={}, record=fingerprint(A)),
        rests_on=None,
    )
)


def inserted(name: str) -> tuple[dict[str, Any], Action]:
    body = new_record(V1, Location(BUCKET, name), name, {}, (), None)
    content = {
        "kind": "new-record",
        "name": name,
        "sha256": fingerprint(body),
        "known_after_apply": ["created", "last_modified"],
    }
    at = f"s3://{BUCKET}/{name}"
    return body, action_of(
        insert(at=at, target=in_collection(record=body["_id"]), rests_on=None, content=content)
    )


def world_of(*bodies: dict[str, Any]) -> World:
    world = World()
    world.add("v1", *bodies)
    world.add("v2", V2_OF_A)
    return world


def nothing(_: GenerationName, __: Sequence[RecordWrite]) -> tuple[WriteError, ...]:
    """No write is carried out, and none is called wrong: no record is as it demands."""
    return ()


def fault(error: SystemFaultError, world: World | None = None) -> Any:
    """No answer; in a world it was carried out all the same."""

    def write(generation: GenerationName, writes: Sequence[RecordWrite]) -> tuple[WriteError, ...]:
        if world is not None:
            MemoryRecordWriter(world).write(generation, writes)
        raise error

    return write


def refused(*messages: str) -> Any:
    """Each write is refused with these words, the others are not carried out either."""
    errors = tuple(WriteError(at, message) for at, message in enumerate(messages) if message != "-")
    return lambda _, __: errors


DOWN = OutageError("It is down", "DocDB", "Wait.")
ODD = SystemFaultError("It cannot", "compare", "Hm.")


def sizes(run: Records) -> list[tuple[str, int]]:
    return [(generation, len(writes)) for generation, writes in run.writer.batches]


def events(run: Records, action: Action) -> list[str]:
    return [event for event, at, *_ in run.told_of if at == action.id]


class Asked(MemoryRecordReader):
    """Remembers which ids it was asked for."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.asked: list[tuple[GenerationName, list[Any]]] = []

    def by_id(self, generation: GenerationName, ids: Sequence[Any]) -> tuple[Mapping[str, Any], ...]:
        self.asked.append((generation, list(ids)))
        return super().by_id(generation, ids)


def test_a_batch_is_one_read_one_write_and_one_read_for_each_generation(tmp_path: Path) -> None:
    """Each generation is asked for its own records alone; locations only where a record is new."""
    world = world_of(A, B)
    reader = Asked(world)
    with Records(tmp_path, world, records=reader) as run:
        outcomes = run.carried_out(V2_ACTION, OF_A, OF_B)
    assert [one.status for one in outcomes] == 3 * ["applied"]
    assert [one.attempts for one in outcomes] == 3 * [1]
    assert sizes(run) == [("v1", 2), ("v2", 1)]
    assert reader.asked == 2 * [("v1", [A["_id"], B["_id"]]), ("v2", [V2_OF_A["_id"]])]
    assert world.calls["records.by_location"] == 0
    assert [event for event, *_ in run.told_of] == 3 * ["intent"] + 3 * ["applied"]
    assert [at for _, at, *_ in run.told_of[3:]] == [OF_A.id, OF_B.id, V2_ACTION.id]


def test_a_new_record_is_looked_for_in_every_generation(tmp_path: Path) -> None:
    """By its location; and by its id in its own."""
    world = world_of()
    with Records(tmp_path, world) as run:
        run.carried_out(inserted("new")[1])
    assert (world.calls["records.by_location"], world.calls["records.by_id"]) == (4, 2)


def test_what_is_settled_costs_no_request(tmp_path: Path) -> None:
    """All that is left of a batch is none of it."""
    world = world_of(A)
    with Records(tmp_path, world) as run:
        run.ledger.failed(OF_A, "before")
        run.carried_out(OF_A)
    assert world.calls.total() == 0


@pytest.mark.parametrize("exact", [True, False])
def test_what_nothing_comes_of_is_tried_again_and_again(tmp_path: Path, exact: bool) -> None:
    """Together first, each by itself then; the database compares all it can once, and what any can from then on."""
    odd = {**A, "external_links": {"Code Ocean": ["old"]}}
    action = changed(odd, external_links=LINKS, removed=["old"])
    world = world_of(odd, B)
    with Records(tmp_path, world, *(99 * [nothing]), exact=exact) as run:
        outcomes = run.carried_out(action, OF_B)
    assert outcomes == [told(one, "failed", NOTHING_CAME, attempts=ATTEMPTS) for one in (action, OF_B)]
    assert sizes(run) == [("v1", 2)] + 2 * (ATTEMPTS - 1) * [("v1", 1)]
    assert events(run, action) == ATTEMPTS * ["intent", "refused"] + ["failed"]
    demands = [
        sorted(write.unchanged)
        for _, writes in run.writer.batches
        for write in writes
        if isinstance(write, UpdateOne) and write.id == A["_id"]
    ]
    assert demands == [["external_links", "location"] if exact else ["location"]] + (ATTEMPTS - 1) * [
        ["location"]
    ]
    assert not run.filters.exact


def test_what_comes_to_pass_later_is_told_with_its_attempts(tmp_path: Path) -> None:
    """And those of its batch that were applied at once are not sent again."""

    def first_alone(generation: GenerationName, writes: Sequence[RecordWrite]) -> tuple[WriteError, ...]:
        return MemoryRecordWriter(world).write(generation, writes[:1])

    world = world_of(A, B)
    with Records(tmp_path, world, first_alone, nothing) as run:
        outcomes = run.carried_out(OF_A, OF_B)
    assert [(one.status, one.attempts, one.detail) for one in outcomes] == [
        ("applied", 1, ""),
        ("applied", 3, ""),
    ]
    assert sizes(run) == [("v1", 2), ("v1", 1), ("v1", 1)]
    assert events(run, OF_A) == ["intent", "applied"]
    assert events(run, OF_B) == 2 * ["intent", "refused"] + ["intent", "applied"]


def test_the_database_s_own_words_are_told_of_the_write_that_they_were_said_of(tmp_path: Path) -> None:
    """Without words it only found no such record."""
    world = world_of(A, B, C)
    answers = [refused("-", "no to b", "")] + 99 * [lambda _, writes: (WriteError(0, ""),)]
    with Records(tmp_path, world, *answers) as run:
        outcomes = run.carried_out(OF_A, OF_B, OF_C)
    assert [(one.status, one.detail) for one in outcomes] == [
        ("failed", NOTHING_CAME),
        ("failed", "no to b"),
        ("failed", NOTHING_CAME),
    ]
    assert [events(run, one)[:2] for one in (OF_A, OF_B, OF_C)] == 3 * [["intent", "refused"]]
    assert {one.attempts for one in outcomes} == {ATTEMPTS}


def test_one_that_was_refused_has_not_written_what_is_there(tmp_path: Path) -> None:
    """Somebody else deleted it at that moment: it is gone as wanted, and not by us."""
    world = world_of(A)

    def theirs(_: GenerationName, __: Sequence[RecordWrite]) -> tuple[WriteError, ...]:
        del world.records["v1"][repr(A["_id"])]
        return (WriteError(0, ""),)

    with Records(tmp_path, world, theirs) as run:
        (outcome,) = run.carried_out(GONE)
    assert (outcome.status, outcome.before) == ("satisfied", None)
    assert events(run, GONE) == ["intent", "refused", "satisfied"]


def test_what_somebody_else_made_of_it_at_that_moment_stays(tmp_path: Path) -> None:
    """The write found no such record, and the look afterwards tells why. It is nobody's write of ours."""
    world = world_of(A)
    theirs = {**A, "external_links": {"Code Ocean": ["theirs"]}, "last_modified": "2026-01-20T00:00:00Z"}

    def meanwhile(_: GenerationName, __: Sequence[RecordWrite]) -> tuple[WriteError, ...]:
        world.add("v1", theirs)
        return ()

    with Records(tmp_path, world, meanwhile) as run:
        (outcome,) = run.carried_out(OF_A)
    assert outcome == told(OF_A, "stale", "the record's external_links was changed since the plan")
    assert events(run, OF_A) == ["intent", "refused", "stale"]
    assert world.records["v1"][repr(A["_id"])] == theirs


def test_what_becomes_as_wanted_at_that_moment_is_satisfied(tmp_path: Path) -> None:
    """By somebody else's hand, at a time of its own: the image says what is there."""
    world = world_of(A)
    theirs = {**A, "external_links": LINKS, "last_modified": "2026-01-20T00:00:00Z"}

    def meanwhile(_: GenerationName, __: Sequence[RecordWrite]) -> tuple[WriteError, ...]:
        world.add("v1", theirs)
        return ()

    with Records(tmp_path, world, meanwhile) as run:
        (outcome,) = run.carried_out(OF_A)
    after = AfterImage(sha256=fingerprint(theirs), modified="2026-01-20T00:00:00Z")
    assert outcome == told(OF_A, "satisfied", after=after)
    assert sizes(run) == [("v1", 1)]


@pytest.mark.parametrize("carried_out", [True, False])
def test_an_answer_that_was_lost_is_looked_for(tmp_path: Path, carried_out: bool) -> None:
    """What is there has the time of our write; else it is sent once more, by itself."""
    world = world_of(A, B)
    answer = fault(DOWN, world if carried_out else None)
    kept = BeforeImage(kind="record", archive=sha256(bson(A)), place="archive")
    with Records(tmp_path, world, answer) as run:
        one, two = run.carried_out(OF_A, OF_B)
    detail, attempts = (ANSWER_LOST, 1) if carried_out else ("", 2)
    assert (one.status, one.before, one.detail, one.attempts) == ("applied", kept, detail, attempts)
    assert (two.status, two.detail, two.attempts) == ("applied", detail, attempts)
    assert sizes(run) == [("v1", 2)] + ([] if carried_out else [("v1", 1), ("v1", 1)])
    # One that nothing answers is not refused: a later look may still find it.
    assert events(run, OF_A) == (["intent", "applied"] if carried_out else ["intent", "intent", "applied"])


def test_a_write_that_is_never_answered_fails_with_the_words_of_the_fault(tmp_path: Path) -> None:
    """A batch in each generation: one that fails takes the other's with it no further."""
    world = world_of(A)

    def v1_is_down(generation: GenerationName, writes: Sequence[RecordWrite]) -> tuple[WriteError, ...]:
        if generation == "v1":
            raise DOWN
        return MemoryRecordWriter(world).write(generation, writes)

    with Records(tmp_path, world, *(99 * [v1_is_down])) as run:
        one, two = run.carried_out(OF_A, V2_ACTION)
    assert one == told(OF_A, "failed", "It is down: DocDB", attempts=ATTEMPTS)
    assert (two.status, two.attempts, two.detail) == ("applied", 1, "")
    assert sizes(run) == [("v1", 1), ("v2", 1)] + (ATTEMPTS - 1) * [("v1", 1)]


def test_one_that_is_never_answered_holds_up_no_other(tmp_path: Path) -> None:
    """By themselves each is sent, whatever came of the one before."""
    world = world_of(A, B)
    with Records(tmp_path, world, fault(ODD), fault(ODD)) as run:
        outcomes = run.carried_out(OF_A, OF_B)
    assert [(one.status, one.attempts) for one in outcomes] == [("applied", 3), ("applied", 2)]
    assert sizes(run) == [("v1", 2), ("v1", 1), ("v1", 1), ("v1", 1)]


@pytest.mark.parametrize(("error", "exact"), [(DOWN, True), (ODD, False)])
@pytest.mark.parametrize("carried_out", [True, False])
def test_a_fault_may_have_been_the_filter_and_an_outage_is_none(
    tmp_path: Path, error: SystemFaultError, exact: bool, carried_out: bool
) -> None:
    """The whole run goes by what this batch has shown. Of a lost answer nobody knows."""
    world = world_of(A)
    with Records(tmp_path, world, fault(error, world if carried_out else None)) as run:
        (outcome,) = run.carried_out(OF_A)
    assert outcome.status == "applied"
    assert run.filters.exact is exact


def test_what_comes_to_nothing_beside_an_outage_still_shows_the_filter(tmp_path: Path) -> None:
    """One record of a batch is enough. A new record has no filter, and shows nothing."""
    (_, new), world = inserted("new"), world_of(A, B)
    with Records(tmp_path / "new", world, nothing) as run:
        assert [one.status for one in run.carried_out(new)] == ["applied"]
    assert run.filters.exact

    def second_in_vain(generation: GenerationName, writes: Sequence[RecordWrite]) -> tuple[WriteError, ...]:
        return MemoryRecordWriter(world).write(generation, writes[:1])

    with Records(tmp_path / "one", world, second_in_vain) as run:
        run.carried_out(OF_A, OF_B)
    assert not run.filters.exact


def test_a_run_that_knows_its_database_asks_it_no_more(tmp_path: Path) -> None:
    """What an earlier batch has shown holds for all that follow."""
    odd = {**A, "external_links": {"Code Ocean": ["old"]}}
    action = changed(odd, external_links=LINKS, removed=["old"])
    with Records(tmp_path, world_of(odd), exact=False) as run:
        assert [one.status for one in run.carried_out(action)] == ["applied"]
    (write,) = run.writer.batches[0][1]
    assert isinstance(write, UpdateOne)
    assert list(write.unchanged) == ["location"]
    assert not run.filters.exact


@pytest.mark.parametrize("nth", [1, 2])
def test_a_read_that_fails_ends_the_batch(tmp_path: Path, nth: int) -> None:
    """The reader has asked often enough itself. Nothing is sent again unseen, and what was sent is claimed by nobody."""
    world = world_of(A, B)
    world.fail("records.by_id", nth, times=None, error=DOWN)
    with Records(tmp_path, world) as run:
        run.ledger.failed(OF_B, "before")
        outcomes = run.carried_out(OF_A, OF_B)
    assert outcomes[0] == told(OF_A, "failed", "It is down: DocDB", attempts=ATTEMPTS)
    assert outcomes[1] == told(OF_B, "failed", "before")
    assert world.calls["records.by_id"] == nth
    assert events(run, OF_A) == (["failed"] if nth == 1 else ["intent", "failed"])


def down(run: Records) -> bool:
    return bool(run.ledger.breaker.against("docdb"))


def test_a_database_that_is_down_is_not_asked_for_ever(tmp_path: Path) -> None:
    """A request counts once, however many records it was for; an answer begins the count anew."""
    most = FAILURES_IN_A_ROW["docdb"]
    world = world_of(A, B)
    with Records(tmp_path, world) as run:
        for _ in range(most - 1):
            run.ledger.noted("docdb", DOWN)
        world.fail("records.by_id", error=DOWN)
        run.carried_out(OF_A)
        assert down(run)
    with Records(tmp_path / "answers", world) as run:
        for _ in range(most - 1):
            run.ledger.noted("docdb", DOWN)
        run.carried_out(OF_B)
        run.ledger.noted("docdb", DOWN)
        assert not down(run)


def test_a_database_that_goes_down_with_a_write_is_told_of(tmp_path: Path) -> None:
    """Before the look at what came of it."""
    world = world_of(A)
    with Records(tmp_path, world, fault(DOWN)) as run:
        for _ in range(FAILURES_IN_A_ROW["docdb"] - 1):
            run.ledger.noted("docdb", DOWN)
        seen: list[bool] = []
        world.before("records.by_id", lambda: seen.append(down(run)), nth=2)
        run.carried_out(OF_A)
    assert seen == [True]


def test_a_new_record_whose_id_is_taken_at_that_moment_is_stale(tmp_path: Path) -> None:
    """An insert of a taken id is no error; the look tells that the record is not ours."""
    body, action = inserted("new")
    world = world_of()
    theirs = {**body, "name": "theirs"}
    world.before("records.write", lambda: world.add("v1", theirs))
    with Records(tmp_path, world) as run:
        assert run.carried_out(action) == [told(action, "stale", "the asset has a record by now")]
    assert events(run, action) == ["intent", "refused", "stale"]
    assert world.records["v1"][repr(body["_id"])] == theirs
    assert [type(one) for one in run.writer.batches[0][1]] == [InsertOne]
