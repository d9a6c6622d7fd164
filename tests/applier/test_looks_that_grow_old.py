"""A machine that sleeps between the look at what a write rests on and the write itself."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from indexer.errors import SystemFaultError
from indexer.model.values import etag_of, fingerprint
from shared.builders import record
from shared.forgery import ASSET, BUCKET, as_read, delete, delete_record, in_collection
from shared.ledgers import action_of
from shared.memory.stored import START
from shared.memory.world import World
from shared.object_runs import Objects
from shared.record_runs import Records

FILE = f"{ASSET}/subject.json"
ORIGINAL = f"{ASSET}/original_metadata/subject.20250101.json"
OLD = b'"old"'
DELETED = action_of(
    delete(precondition={"kind": "etag", "etag": etag_of(OLD)}, rests_on={"original": ORIGINAL})
)


RECORD = record(bucket=BUCKET)
DEREGISTERED = action_of(
    delete_record(
        target=in_collection(record=RECORD["_id"]),
        precondition=as_read(fields={}, record=fingerprint(RECORD)),
        rests_on={"folder": "gone"},
    )
)


@pytest.mark.parametrize(("slept_s", "deleted"), [(0, True), (59, True), (61, False)])
def test_what_it_rests_on_is_looked_at_again_where_the_look_grew_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slept_s: int, deleted: bool
) -> None:
    """Somebody takes the original away while the file's before-image is kept: then the file is the last that there is.

    A look is as good as new for a minute: so long somebody may be overlooked, and no longer.
    """
    world, now = World(), [START]
    world.buckets[BUCKET] = {}
    for key in (FILE, ORIGINAL):
        world.put(BUCKET, key, OLD)
    with Objects(tmp_path, world, clock=lambda: now[0]) as run:
        keep = run.archive.keep

        def slowly(body: bytes) -> str:
            now[0] += timedelta(seconds=slept_s)
            world.buckets[BUCKET].pop(ORIGINAL)
            return keep(body)

        monkeypatch.setattr(run.archive, "keep", slowly)
        (outcome,) = run.carried_out(DELETED, records={})
    assert (FILE not in world.buckets[BUCKET]) == deleted
    if not deleted:
        assert (outcome.status, outcome.detail) == ("stale", "its original is gone by now")
        assert outcome.before is None
        assert [event for event, *_ in run.told_of] == ["intent", "refused", "stale"]


@pytest.mark.parametrize(("slept_s", "deleted"), [(59, True), (61, False)])
@pytest.mark.parametrize("listed", [True, False])
def test_a_record_whose_asset_came_back_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slept_s: int, deleted: bool, listed: bool
) -> None:
    """Or may have come back: where nobody can look, nothing is sent."""
    world, now = World(), [START]
    world.add("v1", RECORD)
    world.buckets[BUCKET] = {}
    with Records(tmp_path, world, clock=lambda: now[0]) as run:
        keep = run.archive.keep

        def slowly(body: bytes) -> str:
            now[0] += timedelta(seconds=slept_s)
            world.put(BUCKET, "asset/x", b"")
            if not listed:
                world.fail("objects.listing", error=SystemFaultError("It is down", "the folders", "Wait."))
            return keep(body)

        monkeypatch.setattr(run.archive, "keep", slowly)
        (outcome,) = run.carried_out(DEREGISTERED)
    assert (RECORD not in world.records["v1"].values()) == deleted
    if not deleted:
        why = "the asset's folder is there by now" if listed else "It is down: the folders"
        assert (outcome.status, outcome.detail) == ("stale" if listed else "failed", why)
        assert [event for event, *_ in run.told_of] == ["intent", "refused", outcome.status]
