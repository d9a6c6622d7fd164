"""One record at a time: what is sent, in which form, and what is told of it, image by image."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from indexer.applier.current import current_action_id
from indexer.applier.guard import UNNAMED
from indexer.errors import SystemFaultError
from indexer.model.action import Action
from indexer.model.generation import V1, V2, new_record
from indexer.model.location import Location
from indexer.model.outcome import AfterImage, BeforeImage
from indexer.model.ports import DeleteOne, InsertOne, UpdateOne
from indexer.model.values import fingerprint, sha256, time_stamp
from indexer.systems.bson_values import archived as bson
from shared.builders import record
from shared.forgery import (
    BUCKET,
    DIGEST,
    archived,
    as_read,
    delete_record,
    in_collection,
    insert,
    new_id,
    update,
)
from shared.ledgers import Noting, action_of, told
from shared.memory.stored import START
from shared.memory.world import World
from shared.record_runs import Records, changed

LOCATION = "s3://aind-open-data/asset"
BODY = record(bucket=BUCKET, links={"Code Ocean": ["old"]}, subject={"n": 1})
LINKS = {"Code Ocean": ["da-1"]}
NOW = time_stamp(START)
ABSENT = BeforeImage(kind="absent")
KEPT = BeforeImage(kind="record", archive=sha256(bson(BODY)), place="archive")
UPDATED = changed(BODY, external_links=LINKS, removed=("old",))
DELETED = action_of(
    delete_record(
        target=in_collection(record=BODY["_id"]),
        precondition=as_read(fields={}, record=fingerprint(BODY)),
        rests_on=None,
    )
)
NEW = new_record(V1, Location(BUCKET, "asset"), "asset", {}, (), None)
INSERTED = action_of(
    insert(
        rests_on=None,
        content={
            "kind": "new-record",
            "name": "asset",
            "sha256": fingerprint(NEW),
            "known_after_apply": ["created", "last_modified"],
        },
    )
)
STAMPED = {**NEW, "created": NOW, "last_modified": NOW}
AFTER = {**BODY, "external_links": LINKS, "last_modified": NOW}


def left(body: Mapping[str, Any], modified: str | None = NOW) -> AfterImage:
    return AfterImage(sha256=fingerprint(body), modified=modified)


def world_of(*bodies: Mapping[str, Any]) -> World:
    world = World()
    world.add("v1", *bodies)
    return world


def test_a_new_record_is_inserted_with_the_time_of_its_write(tmp_path: Path) -> None:
    """There was none; what is left is known before it is sent, its time too."""
    world = world_of()
    with Records(tmp_path, world) as run:
        assert run.carried_out(INSERTED) == [told(INSERTED, "applied", before=ABSENT, after=left(STAMPED))]
    assert run.writer.batches == [("v1", [InsertOne(STAMPED)])]
    assert run.told_of == [
        ("intent", INSERTED.id, ABSENT, left(STAMPED)),
        ("applied", INSERTED.id, ABSENT, left(STAMPED)),
    ]
    assert world.records["v1"][repr(NEW["_id"])] == STAMPED


def test_a_record_is_changed_under_what_was_read(tmp_path: Path) -> None:
    """Its whole body is kept before; the database demands what the plan's precondition names."""
    world = world_of(BODY)
    with Records(tmp_path, world) as run:
        assert run.carried_out(UPDATED) == [told(UPDATED, "applied", before=KEPT, after=left(AFTER))]
    unchanged = {"location": LOCATION, "external_links": BODY["external_links"]}
    sets = {"external_links": LINKS, "last_modified": NOW}
    assert run.writer.batches == [("v1", [UpdateOne(BODY["_id"], unchanged, sets)])]
    assert run.told_of == [
        ("intent", UPDATED.id, KEPT, left(AFTER)),
        ("applied", UPDATED.id, KEPT, left(AFTER)),
    ]
    assert run.archive.held == {KEPT.archive: bson(BODY)}
    assert world.records["v1"][repr(BODY["_id"])] == AFTER


def test_a_record_is_deleted_under_all_that_was_read(tmp_path: Path) -> None:
    """Nothing is left, and the whole record is kept."""
    world = world_of(BODY)
    with Records(tmp_path, world) as run:
        assert run.carried_out(DELETED) == [told(DELETED, "applied", before=KEPT, after=AfterImage())]
    unchanged = {name: value for name, value in BODY.items() if name != "_id"}
    assert run.writer.batches == [("v1", [DeleteOne(BODY["_id"], unchanged)])]
    assert run.told_of == [
        ("intent", DELETED.id, KEPT, AfterImage()),
        ("applied", DELETED.id, KEPT, AfterImage()),
    ]
    assert repr(BODY["_id"]) not in world.records["v1"]


@pytest.mark.parametrize(
    ("action", "there"),
    [
        (INSERTED, STAMPED),
        (UPDATED, AFTER),
        (UPDATED, {**AFTER, "last_modified": datetime(2026, 1, 1, tzinfo=UTC)}),
        (DELETED, None),
    ],
)
def test_what_is_so_already_is_not_written(
    tmp_path: Path, action: Action, there: dict[str, Any] | None
) -> None:
    """By whomever; the image says what is there, and its time only where that is text."""
    world = world_of(*[there] if there else [])
    with Records(tmp_path, world) as run:
        outcomes = run.carried_out(action)
    modified = there["last_modified"] if there else None
    after = left(there, modified if isinstance(modified, str) else None) if there else AfterImage()
    assert outcomes == [told(action, "satisfied", after=after)]
    assert run.writer.batches == []
    assert [event for event, *_ in run.told_of] == ["satisfied"]


OTHER_LINKS = {**BODY, "external_links": {"Code Ocean": ["theirs"]}}
V2_BODY = record(generation=V2, bucket=BUCKET)


@pytest.mark.parametrize(
    ("action", "there", "why"),
    [
        (UPDATED, None, "the record is gone"),
        (UPDATED, OTHER_LINKS, "the record's external_links was changed since the plan"),
        (changed(BODY, external_links=LINKS), BODY, UNNAMED),
        (DELETED, {**BODY, "subject": {"n": 2}}, "the record was changed since the plan"),
        (DELETED, {**BODY, "location": "s3://other/x"}, "the record has another location by now"),
        (INSERTED, {**BODY, "_id": "theirs"}, "the asset has a record by now"),
        (INSERTED, {**BODY, "_id": NEW["_id"], "location": "s3://x/y"}, "the asset has a record by now"),
    ],
)
def test_what_somebody_else_wrote_stays(
    tmp_path: Path, action: Action, there: dict[str, Any] | None, why: str
) -> None:
    """And is claimed by nobody."""
    world = world_of(*[there] if there else [])
    before = world.state()
    with Records(tmp_path, world) as run:
        assert run.carried_out(action) == [told(action, "stale", why)]
    assert (run.writer.batches, world.state()) == ([], before)


BACK = action_of(
    insert(
        "undo",
        rests_on=None,
        target=in_collection(record=BODY["_id"]),
        content={
            "kind": "archived-record",
            "source": archived(sha256=sha256(bson(BODY)))["source"],
            "sha256": fingerprint({**BODY, "last_modified": None}),
            "known_after_apply": ["last_modified"],
        },
    )
)


def test_an_asset_that_is_new_may_have_a_record_in_no_generation(tmp_path: Path) -> None:
    """One that comes back may: it had both."""
    world = world_of()
    world.add("v2", V2_BODY)
    with Records(tmp_path / "new", world) as run:
        assert run.carried_out(INSERTED) == [told(INSERTED, "stale", "the asset has a record by now")]
    back = {**BODY, "last_modified": NOW}
    with Records(tmp_path / "back", world) as run:
        run.archive.keep(bson(BODY))
        assert run.carried_out(BACK) == [told(BACK, "applied", before=ABSENT, after=left(back))]
    assert run.writer.batches == [("v1", [InsertOne(back)])]
    with Records(tmp_path / "taken", world_of({**BODY, "_id": "theirs"})) as run:
        run.archive.keep(bson(BODY))
        assert run.carried_out(BACK) == [told(BACK, "stale", "the asset has a record by now")]


def test_a_record_of_another_asset_is_in_no_ones_way(tmp_path: Path) -> None:
    """Two new assets of one batch, one of which somebody else registered."""
    place = "s3://aind-open-data/asset-2"
    body = new_record(V1, Location(BUCKET, "asset-2"), "asset", {}, (), None)
    content = {**INSERTED.content.model_dump(), "sha256": fingerprint(body)}  # type: ignore[union-attr]
    other = action_of(
        insert(at=place, target=in_collection(record=new_id(place)), rests_on=None, content=content)
    )
    world = world_of({**BODY, "_id": "theirs"})
    with Records(tmp_path, world) as run:
        outcomes = run.carried_out(INSERTED, other)
    assert [one.status for one in outcomes] == ["stale", "applied"]


@pytest.mark.parametrize(
    ("replaced", "earliest", "latest"),
    [
        ("2026-01-15T11:59:59.000000Z", NOW, NOW),
        ("2030-01-01T00:00:00.000000Z", "2030-01-01T00:00:00.000001Z", "2030-01-01T00:00:00.001000Z"),
    ],
)
@pytest.mark.parametrize("kind", ["update", "insert"])
def test_a_write_is_dated_later_than_what_it_replaces(
    tmp_path: Path, kind: str, replaced: str, earliest: str, latest: str
) -> None:
    """However wrong this machine's clock is; of a record that comes back, too: who polls has seen its time."""
    body = {**BODY, "last_modified": replaced}
    action = changed(body, external_links=LINKS, removed=("old",))
    if kind == "insert":
        content = {
            "kind": "archived-record",
            "source": archived(sha256=sha256(bson(body)))["source"],
            "sha256": fingerprint({**body, "last_modified": None}),
            "known_after_apply": ["last_modified"],
        }
        action = action_of(
            insert("undo", rests_on=None, target=in_collection(record=BODY["_id"]), content=content)
        )
    world = world_of(*[body] if kind == "update" else [])
    with Records(tmp_path, world) as run:
        run.archive.keep(bson(body))
        (outcome,) = run.carried_out(action)
    assert outcome.status == "applied"
    stamp = world.records["v1"][repr(BODY["_id"])]["last_modified"]
    assert earliest <= stamp <= latest
    assert outcome.after is not None
    assert outcome.after.modified == stamp


def test_what_speaks_against_it_elsewhere_makes_it_stale(tmp_path: Path) -> None:
    """The others of its batch go on; nothing of it is journalled as sent."""
    resting = action_of(delete_record(**_but(DELETED, rests_on={"folder": "gone"})))
    other = {**BODY, "_id": "other", "location": f"s3://{BUCKET}/other"}
    free = changed(other, external_links=LINKS, removed=("old",))
    world = world_of(BODY, other)
    world.put(BUCKET, "asset/x", b"")
    with Records(tmp_path, world) as run:
        outcomes = run.carried_out(resting, free)
    assert outcomes[0] == told(resting, "stale", "the asset's folder is there by now")
    assert outcomes[1].status == "applied"
    assert [(event, at) for event, at, *_ in run.told_of] == [
        ("stale", resting.id),
        ("intent", free.id),
        ("applied", free.id),
    ]


def test_what_it_rests_on_and_cannot_be_looked_at_fails_it_alone(tmp_path: Path) -> None:
    """It is no fault of the database's: the others go on."""
    resting = action_of(delete_record(**_but(DELETED, rests_on={"folder": "gone"})))
    other = {**BODY, "_id": "other", "location": f"s3://{BUCKET}/other"}
    free = changed(other, external_links=LINKS, removed=("old",))
    world = world_of(BODY, other)
    world.fail("objects.listing", error=SystemFaultError("It is down", "the folders", "Wait."))
    with Records(tmp_path, world) as run:
        outcomes = run.carried_out(resting, free)
    assert outcomes[0] == told(resting, "failed", "It is down: the folders")
    assert outcomes[1].status == "applied"
    assert [generation for generation, _ in run.writer.batches] == ["v1"]


def test_a_value_that_is_not_what_was_reviewed_is_not_written(tmp_path: Path) -> None:
    """Its source was changed since the plan."""
    source = {"kind": "object", "bucket": BUCKET, "key": "asset/session.json"}
    field = {"field": "session", "source": source, "sha256": DIGEST}
    action = action_of(
        update(**_but(UPDATED, rests_on=None, content={"fields": [field]}, reason="field-missing"))
    )
    world = world_of(BODY)
    world.put(BUCKET, "asset/session.json", b'{"theirs": 1}')
    with Records(tmp_path, world) as run:
        assert run.carried_out(action) == [
            told(action, "stale", "the value of session was changed since the plan")
        ]
    assert run.writer.batches == []


def test_what_is_logged_meanwhile_names_the_action(tmp_path: Path) -> None:
    """A batch is for many; what one of them is looked at for, is for it."""
    actions = [
        action_of(update(**_but(UPDATED, rests_on={"root": f"asset/{name}.json"}))) for name in ("rig", "x")
    ]
    world = world_of(BODY)
    world.buckets[BUCKET] = {}
    reader = Noting(world)
    with Records(tmp_path, world, objects=reader) as run:
        run.carried_out(*actions)
    assert reader.noted == [one.id for one in actions]
    assert current_action_id() is None


def _but(action: Action, **changes: Any) -> dict[str, Any]:
    """The document of an action, changed."""
    document = action.model_dump(mode="json", exclude_none=True) | changes
    document.pop("id")
    document.pop("kind")
    return {"at": document.pop("location"), "reason": document.pop("reason"), **document}
