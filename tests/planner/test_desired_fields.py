"""What is desired of one field, and of all of an asset: whole values, in the row order of the decision table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from indexer.model.generation import V1
from indexer.model.location import Location
from indexer.model.snapshot import Asset, Folder, MustReadError, ObjectBody
from indexer.model.values import Foreign, etag_of, to_bytes
from indexer.planner.capacity import HEADROOM_BYTES, KEY_BYTES, RECORD_BYTES, bson_size
from indexer.planner.desired import (
    Decision,
    FieldBlocked,
    FieldDesire,
    Held,
    decide,
    desire_field,
    desire_fields,
    holds,
)
from shared.builders import ORIGINALS, asset_of, info, location, record, rules
from shared.memory.stored import START

OLDEST = f"{ORIGINALS}/subject.20200101.json"
VALUE, OTHER = {"n": 1}, {"n": 2}
OURS, THEIRS = to_bytes(VALUE), b'{"n": 2}'
BROKEN = b"{broken"
WHY = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
ABSENT, PRESENT, JSON, NOT_JSON = Held
FROM_RECORD = Decision(root_from_record=True)
KEEP_IT = Decision(copy_root=True, root_from_record=True)
MAKE_BOTH = Decision(root_from_record=True, copy_new=True)
GONE = Decision(root_gone=True)
ADOPT = Decision(adopt=True, root_from_record=True)
KEEP_AND_ADOPT = Decision(copy_root=True, adopt=True, root_from_record=True)
KEEP_AND_GONE = Decision(copy_root=True, root_gone=True)


@pytest.mark.parametrize(
    ("has", "root", "original", "decision"),
    [
        *((True, root, original, FROM_RECORD) for root in list(Held)[1:] for original in list(Held)[1:]),
        *((True, root, ABSENT, KEEP_IT) for root in list(Held)[1:]),
        *((True, ABSENT, original, FROM_RECORD) for original in list(Held)[1:]),
        (True, ABSENT, ABSENT, MAKE_BOTH),
        *((False, root, JSON, GONE) for root in list(Held)[1:]),
        (False, JSON, NOT_JSON, ADOPT),
        (False, NOT_JSON, NOT_JSON, GONE),
        (False, JSON, ABSENT, KEEP_AND_ADOPT),
        (False, NOT_JSON, ABSENT, KEEP_AND_GONE),
        *((False, ABSENT, original, Decision()) for original in Held),
    ],
)
def test_each_row_has_its_decision(has: bool, root: Held, original: Held, decision: Decision) -> None:
    """All that it says, and no more."""
    assert decide(has, root, original) == decision


def asset(root: bytes | None, original: bytes | None, *, read: bool = True) -> Asset:
    """With a root file and an original of the subject."""
    files = {} if root is None else {"subject.json": root}
    return asset_of(None, files, {} if original is None else {"subject": original}, read=read)


def desire(held: Mapping[str, Any], of: Asset) -> FieldDesire | FieldBlocked:
    original = OLDEST if of.folder is not None and of.folder.originals else None
    return desire_field("subject", held, of, original, ORIGINALS)


# fmt: off
DESIRES: list[tuple[object, bytes | None, bytes | None, dict[str, Any]]] = [
    # record has it, root file, original: desired
    (VALUE, OURS, b"", {"decision": FROM_RECORD, "content": OURS, "in_step": True}),
    (VALUE, THEIRS, b"", {"decision": FROM_RECORD, "content": OURS}),
    (VALUE, BROKEN, b"", {"decision": FROM_RECORD, "content": OURS}),
    (VALUE, OURS, None, {"decision": KEEP_IT, "content": OURS, "in_step": True}),
    (VALUE, THEIRS, None, {"decision": KEEP_IT, "content": OURS}),
    (VALUE, None, b"", {"decision": FROM_RECORD, "content": OURS}),
    (VALUE, None, None, {"decision": MAKE_BOTH, "content": OURS}),
    (None, THEIRS, b"[]", {"decision": GONE}),
    (None, BROKEN, b"[]", {"decision": GONE, "corrupt": WHY}),
    (None, THEIRS, b"null", {"decision": ADOPT, "content": to_bytes(OTHER), "value": OTHER}),
    (None, OURS, BROKEN, {"decision": ADOPT, "content": OURS, "in_step": True, "value": VALUE}),
    (None, BROKEN, b"", {"decision": GONE, "corrupt": WHY}),
    (None, b"null", b"", {"decision": GONE, "corrupt": "the literal null"}),
    (None, THEIRS, None, {"decision": KEEP_AND_ADOPT, "content": to_bytes(OTHER), "value": OTHER}),
    (None, b"0", None, {"decision": KEEP_AND_ADOPT, "content": b"0", "in_step": True, "value": 0}),
    (None, BROKEN, None, {"decision": KEEP_AND_GONE, "corrupt": WHY}),
    (None, None, b"[]", {"decision": Decision()}),
    (None, None, None, {"decision": Decision()}),
]
# fmt: on


@pytest.mark.parametrize(("has", "root", "original", "desired"), DESIRES)
def test_what_is_desired_of_a_field(
    has: object, root: bytes | None, original: bytes | None, desired: dict[str, Any]
) -> None:
    """The root file's bytes and whether it holds them, what the record takes over, and why a file is no JSON."""
    expected = FieldDesire("subject", **desired, original=None if original is None else OLDEST)
    assert desire({"subject": has}, asset(root, original)) == expected


def test_where_s3_was_not_asked_there_is_no_file() -> None:
    """A record of which nothing is known makes both files."""
    assert desire({"subject": VALUE}, Asset(location())) == FieldDesire("subject", MAKE_BOTH, OURS)


UNREADABLE = b"[" * 2000
DECIMAL = Foreign("Decimal128", "{}")
# fmt: off
BLOCKED: list[tuple[object, bytes | None, bytes | None, str, bool]] = [
    (DECIMAL, THEIRS, b"", "Decimal128 has no form in JSON", True),
    (DECIMAL, None, None, "Decimal128 has no form in JSON", True),
    (None, b"99999999999999999999", None, "an integer beyond 64 bits", False),
    (None, b"99999999999999999999", b"[]", "an integer beyond 64 bits", False),
    (None, b'{"a\\u0000": 1}', None, "the key 'a\\x00'", False),
    (None, UNREADABLE, None, "nested too deeply", False),
    (None, OURS, UNREADABLE, "nested too deeply", False),
]
# fmt: on


@pytest.mark.parametrize(("has", "root", "original", "why", "in_record"), BLOCKED)
def test_a_value_that_the_other_side_cannot_hold_blocks_its_field(
    has: object, root: bytes | None, original: bytes | None, why: str, in_record: bool
) -> None:
    """With the reason, and with whether the metadata file would hold it too."""
    blocked = FieldBlocked("subject", why, in_record)
    assert desire({"subject": has}, asset(root, original)) == blocked


COPY = f"{ORIGINALS}/subject.YYYYMMDD.json"


@pytest.mark.parametrize(
    ("has", "root", "original", "copies"),
    [
        (VALUE, OURS, None, True),
        (VALUE, None, None, True),
        (None, OURS, None, True),
        (None, BROKEN, None, True),
        (VALUE, OURS, b"", False),
        (VALUE, None, b"", False),
        (None, OURS, b"", False),
    ],
)
def test_a_copy_whose_key_would_be_too_long_blocks_its_field(
    has: object, root: bytes | None, original: bytes | None, copies: bool
) -> None:
    """To the byte; where none is made, any root file fits."""
    for longer in (0, 1):
        prefix = "x" * (KEY_BYTES - len(f"/{COPY}") + longer)
        desired = desire({"subject": has}, replace(asset(root, original), location=Location("b", prefix)))
        if copies and longer:
            why = f"the key of {COPY} would be longer than 1,024 bytes"
            assert desired == FieldBlocked("subject", why, in_record=False)
        else:
            assert isinstance(desired, FieldDesire)


@pytest.mark.parametrize(
    ("has", "root", "original", "seen", "names"),
    [
        (None, THEIRS, b"", [], ("subject.json", OLDEST)),
        (None, THEIRS, b"", [OLDEST], ("subject.json",)),
        (None, THEIRS, b"", ["subject.json"], (OLDEST,)),
        (None, THEIRS, None, [], ("subject.json",)),
        (VALUE, THEIRS, b"", [], ("subject.json",)),
        (VALUE, THEIRS, None, [OLDEST], ("subject.json",)),
    ],
)
def test_what_decides_must_be_read(
    has: object, root: bytes, original: bytes | None, seen: list[str], names: tuple[str, ...]
) -> None:
    """Both files at once where the record lacks the field; else the root file, if its ETag proves nothing."""
    whole = asset(root, original)
    bodies = {name: body for name, body in whole.bodies.items() if name in seen}
    with pytest.raises(MustReadError) as need:
        desire({"subject": has}, replace(whole, bodies=bodies))
    assert (need.value.names, need.value.folder) == (names, False)


@pytest.mark.parametrize(("has", "root"), [(VALUE, OURS), (VALUE, None), (None, None)])
def test_what_does_not_decide_is_not_read(has: object, root: bytes | None) -> None:
    """A root file that its ETag proves, and the original of a field that the record has, or of no file."""
    for original in (b"", None):
        read, unread = (asset(root, original, read=one) for one in (True, False))
        assert desire({"subject": has}, unread) == desire({"subject": has}, read)


SAME = ObjectBody(OURS, "e", START)


@pytest.mark.parametrize(
    ("listed", "body", "answer"),
    [
        (None, None, False),
        (info("k", OURS), None, True),
        (info("k", OURS, "0123-2"), None, None),
        (replace(info("k", OURS), size=len(OURS) + 1), None, None),
        (info("k", THEIRS), None, None),
        (info("k", THEIRS), SAME, True),
        (info("k", OURS), replace(SAME, body=THEIRS, etag=etag_of(OURS)), False),
        (None, SAME, True),
    ],
)
def test_whether_a_file_holds_these_bytes(listed: Any, body: ObjectBody | None, answer: bool | None) -> None:
    """What was read tells; else size and ETag together, and they prove only that it does."""
    folder = Folder(exists=True, files={} if listed is None else {"f": listed})
    assert holds("f", OURS, folder, {} if body is None else {"f": body}) is answer


def test_an_assets_fields_are_desired_each_by_itself() -> None:
    """In the generation's order, by their oldest originals; what is blocked beside them."""
    body = record(subject=VALUE, procedures=DECIMAL)
    files = {"subject.json": OURS, "rig.json": b"99999999999999999999", "session.json": BROKEN}
    originals = {"subject.20210101.json": b"", "subject.20200101.json": b"", "session": b"[]"}
    desires, blocked = desire_fields(V1, body, asset_of(body, files, originals), rules())
    assert isinstance(desires, tuple)
    assert desires[0] == FieldDesire("subject", FROM_RECORD, OURS, in_step=True, original=OLDEST)
    session = next(one for one in desires if one.field == "session")
    kept = f"{ORIGINALS}/session.20200101.json"
    assert session == FieldDesire("session", GONE, corrupt=WHY, original=kept)
    blocking = ("procedures", "rig")
    assert [one.field for one in desires] == [one for one in V1.core_fields if one not in blocking]
    assert blocked == (
        FieldBlocked("procedures", "Decimal128 has no form in JSON", in_record=True),
        FieldBlocked("rig", "an integer beyond 64 bits", in_record=False),
    )


def test_where_s3_was_not_asked_every_field_of_the_record_makes_its_files() -> None:
    """And no other field does anything."""
    nowhere = Asset(location())
    desires, blocked = desire_fields(V1, record(rig=VALUE), nowhere, rules())
    assert [one for one in desires if one.decision != Decision()] == [FieldDesire("rig", MAKE_BOTH, OURS)]
    assert blocked == ()


def test_the_originals_folder_is_the_configured_one() -> None:
    """Its length counts."""
    longer = "o" * KEY_BYTES
    _, blocked = desire_fields(V1, {"rig": VALUE}, Asset(location()), rules(originals_folder=longer))
    assert [one.field for one in blocked] == ["rig"]
    assert longer in blocked[0].why


def test_all_that_must_be_read_is_named_at_once() -> None:
    """Of every field, in their order; those that are too large are blocked, and keep no other from being read."""
    files = {"subject.json": THEIRS, "rig.json": THEIRS, "session.json": THEIRS}
    unread = asset_of(None, files, {"subject": b"", "session": b""}, read=False)
    assert unread.folder is not None
    large = replace(unread.folder.files["session.json"], size=2 * 1024 * 1024 + 1)
    heavy = replace(
        unread, folder=replace(unread.folder, files={**unread.folder.files, "session.json": large})
    )
    with pytest.raises(MustReadError) as need:
        desire_fields(V1, {}, heavy, rules(largest_file_mb=2))
    assert need.value.names == ("subject.json", OLDEST, "rig.json")
    seen = {name: ObjectBody(BROKEN, "e", START) for name in (*need.value.names, "instrument.json")}
    desires, blocked = desire_fields(V1, {}, replace(heavy, bodies=seen), rules(largest_file_mb=2))
    why = "session.json is larger than 2 MB (`s3.largest_file_mb`), and is not read"
    assert blocked == (FieldBlocked("session", why, in_record=False),)
    assert [one.field for one in desires] == [one for one in V1.core_fields if one != "session"]
    assert {one.field: one.decision for one in desires if one.decision != Decision()} == {
        "subject": GONE,
        "rig": KEEP_AND_GONE,
    }


FULL = "with it the record would be larger than 16 MB"


@pytest.mark.parametrize("more", [0, 1])
def test_a_record_takes_over_what_it_has_room_for(more: int) -> None:
    """To the byte, in the fields' order; what comes too late is blocked after all others, and a smaller one still fits."""
    held = {"procedures": DECIMAL}
    taken = bson_size(held) + bson_size({"subject": ""}) + bson_size({"session": ""}) + HEADROOM_BYTES
    half = (RECORD_BYTES - taken) // 2
    rest = RECORD_BYTES - taken - half
    texts = {"subject": "x" * half, "session": "x" * (rest + more), "rig": "x"}
    files = {f"{field}.json": text for field, text in texts.items()}
    desires, blocked = desire_fields(V1, held, asset_of(None, files), rules())
    assert [one.field for one in desires if one.decision.adopt] == (
        ["subject", "rig"] if more else ["subject", "session"]
    )
    assert blocked == (
        FieldBlocked("procedures", "Decimal128 has no form in JSON", in_record=True),
        FieldBlocked("session" if more else "rig", FULL, in_record=False),
    )


def test_a_record_that_takes_nothing_over_may_be_of_any_size() -> None:
    """It is there already: how large it is is nobody's question."""
    held = {"name": "x" * RECORD_BYTES, "rig": VALUE}
    desires, blocked = desire_fields(V1, held, asset_of(None, {"session.json": BROKEN}), rules())
    assert blocked == ()
    assert [one.field for one in desires] == list(V1.core_fields)
