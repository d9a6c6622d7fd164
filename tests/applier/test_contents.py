"""What a record action writes: each value read again from its source, and refused where it is not what was reviewed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from indexer.applier.contents import Draft, SourceChangedError, Sources, draft
from indexer.applier.guard import SATISFIED, stale
from indexer.model.action import Action
from indexer.model.content import ArchiveSource, FieldContent
from indexer.model.generation import V1, V2, new_record
from indexer.model.location import Location
from indexer.model.outcome import AfterImage, BeforeImage
from indexer.model.ports import Archive, DeleteOne, InsertOne, UpdateOne
from indexer.model.values import blanked, fingerprint, sha256
from indexer.systems.bson_values import archived as bson
from shared.builders import record
from shared.forgery import (
    BUCKET,
    DIGEST,
    archived,
    as_read,
    create_data_asset,
    delete_record,
    in_collection,
    insert,
    update,
)
from shared.ledgers import Bodies, Run, action_of
from shared.memory.world import World

BODY = record(bucket=BUCKET, links={"Code Ocean": ["old"]}, subject={"n": 1})
KEY = "asset/session.json"
WHERE = "/var/runs/archive"
STAMP = "2026-02-01T00:00:00.000000Z"


class Here:
    """Sources in memory; archives by the name that they are opened with."""

    def __init__(self, *bodies: bytes, place: str = WHERE) -> None:
        self.world, self.archive, self._place = World(), Bodies(), place
        self.world.buckets[BUCKET] = {}
        for body in bodies:
            self.archive.keep(body)
        readers = self.world.readers()
        self.sources = Sources(readers.objects, readers.records, self._open)

    def _open(self, name: str) -> Archive:
        return self.archive if name == self._place else Bodies()


def in_archive(body: bytes) -> ArchiveSource:
    return ArchiveSource(archive=WHERE, sha256=sha256(body))


def field(value: object, name: str = "session", /, **source: Any) -> FieldContent:
    document = {"field": name, "source": source, "sha256": fingerprint(value)}
    return FieldContent.model_validate(document)


OBJECT = {"kind": "object", "bucket": BUCKET, "key": KEY}


def test_a_before_image_is_read_from_the_archive_that_holds_it() -> None:
    """Under its digest; another archive is another place."""
    here = Here(b"body")
    assert here.sources.archived(in_archive(b"body")) == b"body"
    with pytest.raises(SourceChangedError) as raised:
        Here(b"body", place="elsewhere").sources.archived(in_archive(b"body"))
    name = sha256(b"body")[:12]
    assert str(raised.value) == f"the archive {WHERE} does not hold {name}…"


def test_what_is_archived_and_no_record_is_told_so() -> None:
    """The bytes of a file, say."""
    here = Here(bson(BODY), b"no record")
    assert here.sources.archived_record(in_archive(bson(BODY))) == BODY
    with pytest.raises(SourceChangedError) as raised:
        here.sources.archived_record(in_archive(b"no record"))
    assert str(raised.value) == f"the archived {sha256(b'no record')[:12]}… is not a record"


def test_a_value_is_read_from_the_plan_from_an_archived_record_or_from_a_file() -> None:
    """Each is what was reviewed; a field that the archived record lacks is null."""
    here = Here(bson(BODY))
    here.world.put(BUCKET, KEY, b'\xef\xbb\xbf{"s": 1}')
    archive = {"kind": "archive", "archive": WHERE, "sha256": sha256(bson(BODY))}
    assert here.sources.value(field({"s": 0}, kind="inline", value={"s": 0})) == {"s": 0}
    assert here.sources.value(field({"n": 1}, "subject", **archive)) == {"n": 1}
    assert here.sources.value(field(None, "rig", **archive)) is None
    assert here.sources.value(field({"s": 1}, **OBJECT)) == {"s": 1}


@pytest.mark.parametrize(
    ("held", "why"),
    [
        (None, f"{KEY} is gone"),
        (b"{", f"{KEY} was changed since the plan"),
        (b"null", f"{KEY} was changed since the plan"),
        (b"[" * 100_000, f"{KEY} was changed since the plan"),
        (b'{"s": 2}', "the value of session was changed since the plan"),
        (b'{"s": 1.0}', "the value of session was changed since the plan"),
    ],
)
def test_a_file_that_is_not_what_was_reviewed_is_named(held: bytes | None, why: str) -> None:
    """It is gone, is no JSON by now, or holds another value."""
    here = Here()
    if held is not None:
        here.world.put(BUCKET, KEY, held)
    with pytest.raises(SourceChangedError) as raised:
        here.sources.value(field({"s": 1}, **OBJECT))
    assert str(raised.value) == why


def test_no_other_source_s_value_is_taken_unseen() -> None:
    """Inline and archived ones are digested, too."""
    here = Here(bson(BODY))
    archive = {"kind": "archive", "archive": WHERE, "sha256": sha256(bson(BODY))}
    for content in (field(1, kind="inline", value=2), field({"n": 2}, "subject", **archive)):
        with pytest.raises(SourceChangedError) as raised:
            here.sources.value(content)
        assert str(raised.value) == f"the value of {content.field} was changed since the plan"


AT = datetime(2026, 1, 1, tzinfo=UTC)
MANY: Mapping[str, Any] = {
    "_id": "id",
    "": "unnamed",
    "a.b": "dotted",
    "$set": "an operator",
    "text": "text",
    "time": AT,
    "nothing": None,
    "number": 1,
    "flag": True,
    "list": [1],
    "object": {"a": 1},
    "last_modified": "then",
}
PLAIN = {"text": "text", "time": AT, "nothing": None, "last_modified": "then"}
ALL = {**PLAIN, "number": 1, "flag": True, "list": [1], "object": {"a": 1}}


def of_many(*, whole: bool, **content: Any) -> Action:
    read = dict.fromkeys(("text", "object", "absent"))
    precondition = as_read(fields=read, **({"record": DIGEST} if whole else {}))
    return action_of(update("undo" if whole else "links-stale", precondition=precondition, content=content))


@pytest.mark.parametrize(("exact", "unchanged"), [(True, ALL), (False, PLAIN)])
def test_a_deletion_demands_all_that_the_database_can_compare(exact: bool, unchanged: dict[str, Any]) -> None:
    """Never its id, nor a name that a filter would read as a path or an operator."""
    write, after = Draft(action_of(delete_record()), MANY).at(STAMP, exact=exact)
    assert write == DeleteOne("id", unchanged)
    assert after == AfterImage()


@pytest.mark.parametrize(
    ("whole", "exact", "unchanged"),
    [
        (False, True, {"text": "text", "object": {"a": 1}, "absent": None}),
        (False, False, {"text": "text", "absent": None}),
        (True, True, {**ALL, "session": None}),
        (True, False, {**PLAIN, "session": None}),
    ],
)
def test_a_change_demands_what_was_read(whole: bool, exact: bool, unchanged: dict[str, Any]) -> None:
    """Or the whole record, where that is pinned; what it sets must not have come meanwhile."""
    action = of_many(whole=whole, unset=["text"])
    one = Draft(action, MANY, {"session": 1, "list": [2]}, ("last_modified",))  # type: ignore[arg-type]
    write, after = one.at(STAMP, exact=exact)
    values = {"session": 1, "list": [2], "last_modified": STAMP}
    assert write == UpdateOne("id", unchanged, values, ("text",))
    left = {name: value for name, value in MANY.items() if name != "text"} | values
    assert after == AfterImage(sha256=fingerprint(left), modified=STAMP)


def test_an_insert_is_its_body_at_the_time_of_its_write() -> None:
    """And what it leaves is known by it."""
    body = {"_id": "id", "created": None, "last_modified": None}
    one = Draft(action_of(insert()), {}, body, ("created", "last_modified"))  # type: ignore[arg-type]
    write, after = one.at(STAMP, exact=True)
    stamped = {"_id": "id", "created": STAMP, "last_modified": STAMP}
    assert write == InsertOne(stamped)
    assert after == AfterImage(sha256=fingerprint(stamped), modified=STAMP)
    assert Draft(action_of(insert()), {}).at(STAMP, exact=True)[0] == InsertOne({})  # type: ignore[arg-type]


def drafted(
    folder: Path, action: Any, live: Mapping[str, Any] | None = None, here: Here | None = None
) -> Draft:
    with Run(folder) as run:
        return draft(action, live, (here or Here()).sources, run.ledger)


@pytest.mark.parametrize(("generation", "modified"), [("v1", "last_modified"), ("v2", "_last_modified")])
def test_a_change_sets_its_fields_and_the_time_that_others_poll_on(
    tmp_path: Path, generation: str, modified: str
) -> None:
    """In whichever of them the generation has it; a deletion sets nothing."""
    here = Here()
    here.world.put(BUCKET, KEY, b'{"s": 1}')
    fields = [field(7, "rig", kind="inline", value=7), field({"s": 1}, **OBJECT)]
    content = {"fields": [one.model_dump(mode="json") for one in fields]}
    changing = action_of(update(target=in_collection(generation), content=content))
    expected = Draft(changing, BODY, {"rig": 7, "session": {"s": 1}}, (modified,))  # type: ignore[arg-type]
    assert drafted(tmp_path, changing, BODY, here) == expected
    deleting = action_of(delete_record(target=in_collection(generation)))
    assert drafted(tmp_path, deleting, BODY) == Draft(deleting, BODY)  # type: ignore[arg-type]


def new_one(generation: Any = V1, **changed: Any) -> tuple[dict[str, Any], Action]:
    """A new record with a session, as it is reviewed; and the action that inserts it."""
    links = tuple(changed.pop("links", ()))
    body = new_record(generation, Location(BUCKET, "asset"), "name", {"subject": {"s": 1}}, links, None)
    source = field({"s": 1}, "subject", **OBJECT).model_dump(mode="json")
    times = [generation.modified_field, generation.created_field]
    content = {"kind": "new-record", "name": "name", "links": list(links), "fields": [source]}
    unknown = [*times, *changed.pop("unknown", ())]
    known = {"known_after_apply": unknown, "sha256": fingerprint(blanked(body, unknown))}
    target = in_collection(generation.name, body["_id"])
    return body, action_of(insert(target=target, content=content | known, **changed))


@pytest.mark.parametrize(
    ("generation", "times"),
    [(V1, ("created", "last_modified")), (V2, ("_created", "_last_modified"))],
    ids=["v1", "v2"],
)
def test_a_new_record_is_built_from_its_files(
    tmp_path: Path, generation: Any, times: tuple[str, ...]
) -> None:
    """Its times are those of its write, and null till then; its links are the planned ones."""
    here = Here()
    here.world.put(BUCKET, KEY, b'{"s": 1}')
    body, action = new_one(generation, links=["da-2", "da-1"])
    assert body[generation.links_field] == {"Code Ocean": ["da-1", "da-2"]}
    assert drafted(tmp_path, action, None, here) == Draft(action, {}, body, times)  # type: ignore[arg-type]


def test_a_new_record_that_would_not_be_what_was_reviewed_is_not_made(tmp_path: Path) -> None:
    """Its digest is over all of it but what only the write will tell."""
    here = Here()
    here.world.put(BUCKET, KEY, b'{"s": 1}')
    _, action = new_one()
    content = action.content.model_dump(mode="json") | {"name": "another"}  # type: ignore[union-attr]
    renamed = action_of(insert(target=in_collection(record=action.target.record_id), content=content))  # type: ignore[union-attr]
    with pytest.raises(SourceChangedError) as raised:
        drafted(tmp_path, renamed, None, here)
    assert str(raised.value) == "the record would not be what was reviewed"


def test_a_new_record_is_linked_to_the_data_assets_that_were_made_for_it(tmp_path: Path) -> None:
    """Made, or found to be there; what left no id behind, or nothing, is no link."""
    here = Here()
    here.world.put(BUCKET, KEY, b'{"s": 1}')
    made = [action_of(create_data_asset(content={"name": name, "mount": name})) for name in "abcd"]
    body, action = new_one(unknown=["external_links"], after=[one.id for one in made])
    with Run(tmp_path) as run:
        run.ledger.intend(made[0], BeforeImage(kind="absent"))
        run.ledger.written(made[0], AfterImage(data_asset_id="da-1"))
        run.ledger.judged(made[1], SATISFIED, AfterImage())
        run.ledger.judged(made[2], stale("it is gone"))
        run.ledger.judged(made[3], SATISFIED, AfterImage(data_asset_id="da-0"))
        one = draft(action, None, here.sources, run.ledger)  # type: ignore[arg-type]
    linked = {**body, "external_links": {"Code Ocean": ["da-0", "da-1"]}}
    assert one == Draft(action, {}, linked, ("created", "last_modified"))  # type: ignore[arg-type]


def back(body: Mapping[str, Any], **changed: Any) -> Action:
    """The action that brings a deleted record back."""
    unknown = ["last_modified", "external_links"]
    content = {
        "kind": "archived-record",
        "source": archived(WHERE, sha256(bson(body)))["source"],
        "sha256": fingerprint(blanked(body, unknown)),
        "known_after_apply": unknown,
    }
    target = in_collection(record=BODY["_id"])
    return action_of(insert("undo", **{"target": target, "rests_on": None, "content": content} | changed))


def test_a_deleted_record_comes_back_whole(tmp_path: Path) -> None:
    """Of what only the write tells, times alone are stamped; its location may have had a slash."""
    body = {**BODY, "location": f"{BODY['location']}/"}
    action = back(body)
    assert drafted(tmp_path, action, None, Here(bson(body))) == Draft(action, {}, body, ("last_modified",))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({**BODY, "location": "s3://elsewhere/asset"}, "the archived record has another location"),
        ({**BODY, "location": None}, "the archived record has another location"),
        ({**BODY, "_id": "another"}, "the archived record has another _id"),
    ],
)
def test_an_archived_record_of_something_else_is_not_brought_back(
    tmp_path: Path, body: dict[str, Any], why: str
) -> None:
    """Whatever the plan says of it."""
    with pytest.raises(SourceChangedError) as raised:
        drafted(tmp_path, back(body), None, Here(bson(body)))
    assert str(raised.value) == why
