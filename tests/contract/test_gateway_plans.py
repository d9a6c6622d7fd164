"""What JSON hides, and what a cut read shows: nothing is planned on either."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from test_record_ports import BINARY, MAX_KEY, MIN_KEY, OID, REGEX, TIMESTAMP
from test_record_types import LOOKALIKES

from indexer.model.findings import FindingKind
from indexer.model.generation import V2, GenerationName
from indexer.model.plan import Plan
from indexer.model.ports import Readers
from indexer.model.values import HiddenTypeError, fingerprint, to_bytes
from indexer.systems.bson_values import to_bson
from indexer.systems.docdb_connection import connect
from indexer.systems.docdb_gateway import GatewayReader
from indexer.systems.gateway_client import open_gateway
from indexer.systems.gateway_values import told
from indexer_sandbox.faults import Fault
from indexer_sandbox.gateway import GatewayServer
from shared.builders import BUCKET, at, by_kind, file_bytes, in_step, plan_of, record
from shared.memory.world import World

PLACES: dict[GenerationName, tuple[str, str]] = {
    "v1": ("plans", "data_assets"),
    "v2": ("plans_v2", "data_assets"),
}
ROUTES: dict[GenerationName, str] = {"v1": "v1/plans/data_assets", "v2": "v2/plans/data_assets"}
KINDS = ("python", "extended")


class Over(World):
    """A world whose records are behind the gateway, on a server that keeps every type."""

    def __init__(self, uri: str) -> None:
        super().__init__()
        self.docdb = connect(uri, None, PLACES, 4)
        self.server = GatewayServer(uri)
        gateway = replace(open_gateway(self.server.url, None, ROUTES), pause=lambda _: None)
        self.over_http = GatewayReader(gateway)

    def store(self, *bodies: dict[str, Any], generation: GenerationName = "v1") -> None:
        """Past the port."""
        self.docdb.collection(generation).insert_many([dict(body) for body in bodies])

    def readers(self, *, data_assets: bool = True) -> Readers:
        """All readers."""
        own = super().readers(data_assets=data_assets)
        return Readers(own.objects, self.over_http, own.data_assets)

    def close(self) -> None:
        """Leave nothing behind."""
        for database, _ in PLACES.values():
            self.docdb.client.drop_database(database)
        self.server.close()
        self.docdb.client.close()


@pytest.fixture
def over(secantus_uri: str) -> Iterator[Over]:
    """In step, with a record that is in step in v2, too."""
    world = Over(secantus_uri)
    body = record("a")
    in_step(world, body)
    world.store(body)
    world.store(record("b", V2), generation="v2")
    world.put(BUCKET, "b/data.bin", b"")
    yield world
    world.close()


def findings(plan: Plan) -> list[FindingKind]:
    return [one.kind for one in plan.findings]


# fmt: off
PLAIN = (
    "text", "", "né ß 日本", 0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 1.0, -0.0, 0.1, 1e300, 5e-324, float("nan"), True,
    False, None, [], {}, [[1, [2.5]], {"a": [{}]}], {"z": 1, "a": 2}, {"a.b.": {"$set": 1, ".": "$"}}, "2024-01-01T00:00:00Z",
    "2024-01-01", "2024-01-01 00:00", "b'", "Binary", "Timestamp(", "65a000000000000000000001", {"$id": 1}, "line\nbreak", "\x01",
)
HIDING = (
    at(2024, 2, 29, 3), at(2024, 1, 1).replace(microsecond=123000), BINARY, REGEX, TIMESTAMP, MIN_KEY, MAX_KEY,
    *(one for one in LOOKALIKES if "$" in repr(one)[:5]), "2024-01-01 00:00:00", "2024-01-01 00:00:00.123000+00:00", "b'\\x00'",
)
# fmt: on


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_what_json_tells_comes_as_it_is(over: Over, value: object, kind: Any) -> None:
    """To the bit: the same fingerprint as over the wire."""
    if kind == "extended" and value != value:
        pytest.skip("Extended JSON tells NaN by a type")
    over.server.values = kind
    over.store(record("v", subject={"value": [value]}))
    (found,) = over.over_http.by_id("v1", ["id-v"])
    assert fingerprint(found["subject"]) == fingerprint({"value": [value]})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", HIDING, ids=repr)
def test_what_json_hides_has_no_bytes(over: Over, value: object, kind: Any) -> None:
    """Whichever form the gateway gives it, and plain data of that form alike."""
    over.server.values = kind
    over.store(record("v", subject={"value": [value]}))
    (found,) = over.over_http.by_id("v1", ["id-v"])
    with pytest.raises(HiddenTypeError):
        to_bytes(found["subject"])


def test_every_form_of_pymongos_is_known() -> None:
    """In Extended JSON and in Python's text. (No text shows a Decimal128, or code.)"""
    from bson import json_util

    for one in (BINARY, REGEX, TIMESTAMP, MIN_KEY, MAX_KEY):
        value = to_bson(one)
        assert told(json_util.default(value)).type_name == "hidden"
        assert told(str(value)).type_name == "hidden"


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_with_a_hidden_type_is_left_alone(over: Over, kind: Any) -> None:
    """One finding; its file and the metadata file stay, and the asset's other files are kept in step."""
    over.server.values = kind
    over.store(record("v", subject={"born": at(2024, 1, 1)}, rig={"r": 1}))
    over.put(BUCKET, "v/data.bin", b"")
    plan = plan_of(over)
    assert [one.target.key for one in by_kind(plan.actions, "put-object")] == ["v/rig.json"]
    (finding,) = plan.findings
    assert (finding.kind, finding.location) == ("type-hidden", f"s3://{BUCKET}/v")
    assert "record field subject: JSON does not tell the type of" in finding.detail


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "fields", [{"last_modified": at(2024, 1, 1)}, {"_id": OID}, {"_id": 7}, {"_id": {"a": 1}}], ids=repr
)
def test_no_record_is_written_whose_condition_nobody_could_check(
    over: Over, fields: dict[str, Any], kind: Any
) -> None:
    """A new file would be adopted, a gone record deleted: neither is planned, and nothing else of the asset."""
    over.server.values = kind
    over.store(record("v", **fields))
    over.put(BUCKET, "v/session.json", b'{"s": 1}')
    plan = plan_of(over)
    assert (plan.actions, findings(plan)) == ((), ["type-hidden"])
    del over.buckets[BUCKET]["v/session.json"]
    plan = plan_of(over)
    assert (plan.actions, findings(plan)) == ((), ["type-hidden"])


def test_a_gone_record_with_a_hidden_type_anywhere_stays(over: Over) -> None:
    """All of it is the condition of its deletion."""
    over.store(record("v", notes=[{"at": at(2024, 1, 1)}]), record("w"))
    plan = plan_of(over)
    assert [one.location for one in plan.actions] == [f"s3://{BUCKET}/w"]
    assert findings(plan) == ["type-hidden"]


def drifting(world: Over) -> None:
    """A new derived asset, a gone record, a stale file."""
    world.put(
        BUCKET, "new/data_description.json", file_bytes({"data_level": "derived", "schema_version": "1.0"})
    )
    world.store(record("gone"), record("stale", subject={"s": 2}))
    world.put(BUCKET, "stale/subject.json", file_bytes({"s": 1}))


SPOILT: dict[str, Any] = {
    "a count that is one more": lambda server: setattr(server, "count_off_by", 1),
    "a count that is one less": lambda server: setattr(server, "count_off_by", -1),
    "a portal's page": lambda server: setattr(server, "portal", True),
    "no end of an answer": lambda server: setattr(server, "cuts", 1_000_000),
    "no rate left": lambda server: server.faults.add(Fault("*", 429, count=None)),
    "gone": lambda server: server.close(),
    "counts fail": lambda server: server.faults.add(Fault("count_documents", 500, count=None)),
    "everything is too large": lambda server: setattr(server, "page_bytes", 10),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT.keys())
def test_nothing_is_planned_on_a_cut_read(over: Over, spoil: Any) -> None:
    """Neither a registration nor a deletion, nor a file: the rows of no generation are whole."""
    drifting(over)
    assert len({one.reason for one in plan_of(over).actions}) > 2
    spoil(over.server)
    plan = plan_of(over)
    assert (plan.actions, plan.withheld) == ((), ())
    assert not plan.summary.complete
    rows = [one for one in plan.coverage if one.system == "docdb"]
    assert rows
    assert not any(one.complete for one in rows)
    assert set(findings(plan)) <= {"read-incomplete", "read-suspiciously-empty"}


@pytest.mark.parametrize("shorten", [{"page_rows": 1}, {"over": "refused", "page_bytes": 700}], ids=str)
def test_a_limited_gateway_costs_requests_and_no_action(over: Over, shorten: dict[str, Any]) -> None:
    """Short pages and halved ones make the same plan."""
    drifting(over)
    whole = plan_of(over)
    for name, value in shorten.items():
        setattr(over.server, name, value)
    plan = plan_of(over)
    assert plan.actions == whole.actions
    assert plan.summary.complete


@pytest.mark.parametrize("over_limit", ["short", "empty", "refused"])
def test_a_record_over_the_limit_is_a_finding_of_its_asset(over: Over, over_limit: Any) -> None:
    """Its asset is left alone, in words that say why; the others of its batch are planned."""
    drifting(over)
    over.store(record("large", subject={"text": "x" * 20_000}))
    over.put(BUCKET, "large/data.bin", b"")
    over.server.over, over.server.page_bytes = over_limit, 10_000
    plan = plan_of(over)
    assert {one.location for one in plan.actions} == {
        f"s3://{BUCKET}/{name}" for name in ("new", "gone", "stale")
    }
    (finding,) = plan.findings
    assert (finding.kind, finding.location) == ("read-incomplete", f"s3://{BUCKET}/large")
    assert "over the gateway's limit" in finding.detail
