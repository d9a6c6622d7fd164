"""Records whose `_id` is no text: planned, applied and in step, in memory and on every server there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from contract_handles import Records
from pymongo.errors import PyMongoError

from indexer.model.ids import id_key
from indexer.model.ports import Readers, Writers
from indexer.model.values import Foreign, Oid, to_bytes
from shared.builders import BUCKET, apply_to, at, by_kind, plan_of, record, statuses
from shared.memory.world import World

OID = Oid("65a000000000000000000001")
BINARY = Foreign("Binary", '{"$binary": {"base64": "AAEC", "subType": "05"}}')
DECIMAL = Foreign("Decimal128", '{"$numberDecimal": "1.10"}')
# fmt: off
IDS = (
    OID, 7, 2**40, 1.5, at(2024, 2, 29, 3), BINARY, DECIMAL, {"b": 1, "a": {"o": OID, "at": at(2024, 1, 1)}},
    {"bin": BINARY},
)
# fmt: on


@pytest.fixture
def records(typed_records: Records) -> Records:
    """Without the gateway, which hides types."""
    return typed_records


class Backed(World):
    """A world whose records are behind one of the ports."""

    def __init__(self, records: Records) -> None:
        super().__init__()
        self.port = records
        self.writer: Any = records.writer

    def readers(self, *, data_assets: bool = True) -> Readers:
        """All readers."""
        own = super().readers(data_assets=data_assets)
        return Readers(own.objects, self.port.reader, own.data_assets)

    def writers(self, *, data_assets: bool = True) -> Writers:
        """All writers."""
        own = super().writers(data_assets=data_assets)
        return Writers(own.objects, self.writer, own.data_assets)


def stored(records: Records, *bodies: dict[str, Any]) -> None:
    try:
        records.add("v1", *bodies)
    except PyMongoError as exc:
        pytest.skip(f"{records.server} cannot hold it: {type(exc).__name__}")


@pytest.mark.parametrize("record_id", IDS, ids=repr)
def test_a_record_with_such_an_id_is_updated_and_deleted(
    records: Records, record_id: object, tmp_path: Path
) -> None:
    """Its new file is adopted; when its folder is gone it is deleted; each time the next plan is empty."""
    if records.server == "nx-27017" and isinstance(record_id, Foreign | dict):
        pytest.skip("nx-27017 cannot find a record by such an id")
    world = Backed(records)
    stored(records, record("a", _id=record_id), record("b"))
    world.put(BUCKET, "a/session.json", b'{"s": 1}')
    world.put(BUCKET, "b/metadata.nd.json", to_bytes(record("b")))
    plan = plan_of(world)
    assert len(by_kind(plan.actions, "update-record")) == 1
    assert set(statuses(apply_to(world, plan, tmp_path / "1"))) == {"applied"}
    assert (records.body(record_id) or {})["session"] == {"s": 1}
    assert plan_of(world).actions == ()
    for key in [key for key in world.buckets[BUCKET] if key.startswith("a/")]:
        del world.buckets[BUCKET][key]
    plan = plan_of(world)
    assert [one.kind for one in plan.actions] == ["delete-record"]
    assert statuses(apply_to(world, plan, tmp_path / "2")) == ["applied"]
    assert [id_key(row.id) for row in records.all_rows("v1", BUCKET)] == ["id-b"]
    assert plan_of(world).actions == ()


@pytest.mark.parametrize("record_id", [{"a": {"$date": 1}}, {"$oid": "a"}], ids=repr)
def test_an_id_that_no_plan_can_name_is_one_finding(records: Records, record_id: object) -> None:
    """And nothing is planned for its asset: it is not new, and not gone."""
    stored(records, record("a", _id=record_id), record("b"))
    world = Backed(records)
    world.put(BUCKET, "a/data_description.json", b'{"data_level": "derived"}')
    world.put(BUCKET, "b/metadata.nd.json", to_bytes(record("b")))
    if len(records.all_rows("v1", BUCKET)) < 2 or records.server == "nx-27017":
        pytest.skip(f"{records.server} cannot hold it")
    plan = plan_of(world)
    assert plan.actions == ()
    (finding,) = [one for one in plan.findings if one.kind != "read-suspiciously-empty"]  # of v2
    assert (finding.kind, finding.location) == ("value-unserialisable", f"s3://{BUCKET}/a")
    assert "give it another" in finding.detail
