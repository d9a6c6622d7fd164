"""Advisory leases: two scheduled runs do not collide by accident."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from workbench import BUCKET, Workbench

from indexer.errors import IndexerError
from indexer.systems.docdb_connection import connect
from indexer.systems.leases import LEASE_S, Leases, owner_name
from shared.proxy import FaultyProxy, Shares
from shared.relay import Relay, document_of, hello_says

IMPATIENT = "directConnection=true&serverSelectionTimeoutMS=3000"
"""Options of a URI: who is not there is not waited for for long."""


@pytest.fixture
def leased(workbench: Workbench) -> Workbench:
    """Leases are switched on, and a plan is ready."""
    config = workbench.folder / "indexer.toml"
    text = config.read_text()
    config.write_text(text.replace("[docdb]\n", '[docdb]\nlease_collection = "indexer_leases"\n'))
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.put("asset/subject.json", b"{}")
    workbench.plan()
    return workbench


def hold(bench: Workbench, until: datetime) -> None:
    """Somebody else has the lease."""
    bench.database()["indexer_leases"].insert_one(
        {
            "_id": BUCKET,
            "owner": "other-host:1:abc",
            "since": "2026-01-01T00:00:00+00:00",
            "expires_at": until.isoformat(),
        }
    )


def test_a_lease_is_given_back(leased: Workbench) -> None:
    """After a run nobody holds the bucket."""
    leased.apply()
    assert leased.database()["indexer_leases"].count_documents({}) == 0


def test_a_bucket_that_another_run_holds_is_left_alone(leased: Workbench) -> None:
    """The error names the owner, and nothing is written."""
    hold(leased, datetime.now(UTC) + timedelta(minutes=1))
    before = len(leased.sandbox.s3.log)
    done = leased.run("apply", "plan.json")
    assert done.returncode == 1
    assert "other-host:1:abc" in done.stderr
    assert "--steal-lease" in done.stderr
    assert not leased.sandbox.s3.log.writes(before)
    assert leased.database()["indexer_leases"].count_documents({"owner": "other-host:1:abc"}) == 1


def test_a_lease_that_expired_is_free(leased: Workbench) -> None:
    """A run that died holds its bucket for two minutes at most."""
    hold(leased, datetime.now(UTC) - timedelta(seconds=1))
    leased.apply()


def test_a_lease_can_be_stolen(leased: Workbench) -> None:
    """--steal-lease takes it over."""
    hold(leased, datetime.now(UTC) + timedelta(minutes=1))
    done = leased.run("apply", "plan.json", "--steal-lease")
    assert done.returncode == 0


def test_a_lease_that_cannot_be_given_back_ends_by_itself(leased: Workbench) -> None:
    """The run's own end is what counts: DocDB that has gone away by then does not turn it into an error."""
    proxy = FaultyProxy(leased.sandbox.docdb.port, "mongodb")
    docdb = connect(f"mongodb://127.0.0.1:{proxy.port}/?{IMPATIENT}", None, {}, 1)
    try:
        with Leases(docdb, "metadata_index", "indexer_leases").held([BUCKET], "us", steal=False):
            proxy.close()
    finally:
        docdb.client.close()
    assert leased.database()["indexer_leases"].count_documents({"owner": "us"}) == 1


def test_a_lease_whose_answer_was_lost_is_ours(leased: Workbench) -> None:
    """Taken, and the answer lost: asked again, the lease is there, and nobody else has it."""
    proxy = FaultyProxy(leased.sandbox.docdb.port, "mongodb", Shares(reset=0.1, lost=0.3), seed=2026)
    docdb = connect(f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true", None, {}, 1)
    buckets = [f"bucket-{number}" for number in range(12)]
    try:
        with Leases(docdb, "metadata_index", "indexer_leases").held(buckets, "us", steal=False):
            held = {one["_id"]: one["owner"] for one in leased.database()["indexer_leases"].find()}
    finally:
        docdb.client.close()
        proxy.close()
    assert held == dict.fromkeys(buckets, "us")
    assert proxy.counts["lost"] > 0


class OtherClock:
    """A database whose clock is not this machine's."""

    def __init__(self, ahead: timedelta) -> None:
        self.ahead = ahead

    def __call__(self, answer: bytes) -> bytes:
        told = document_of(answer).get("localTime")
        return hello_says(answer, localTime=told + self.ahead) if isinstance(told, datetime) else answer


@contextmanager
def leases_of(bench: Workbench, clock: OtherClock) -> Iterator[Leases]:
    relay = Relay(bench.sandbox.docdb.port, "mongodb", answered=clock)
    docdb = connect(f"mongodb://127.0.0.1:{relay.port}/?directConnection=true", None, {}, 1)
    try:
        yield Leases(docdb, "metadata_index", "indexer_leases")
    finally:
        docdb.client.close()
        relay.close()


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_lease_ends_by_the_databases_clock(leased: Workbench, hours: int) -> None:
    """Not by that of the machine that took it, nor of the one that wants it."""
    clock = OtherClock(timedelta(hours=hours))
    bucket = leased.database()["indexer_leases"]
    with leases_of(leased, clock) as leases, leases.held(["one"], "us", steal=False):
        (lease,) = bucket.find()
        ends_in = datetime.fromisoformat(lease["expires_at"]) - datetime.now(UTC) - clock.ahead
        assert timedelta() < ends_in <= timedelta(seconds=LEASE_S + 1)
        with pytest.raises(IndexerError, match="holds the bucket"), leases.held(["one"], "they", steal=False):
            pass
        clock.ahead += timedelta(seconds=LEASE_S + 1)
        with leases.held(["one"], "they", steal=False):
            pass


def test_no_two_runs_have_one_owner() -> None:
    """Two containers share their process's number, and may share a host's name and a plan."""
    assert owner_name("run") != owner_name("run")


def test_a_run_notices_that_its_lease_was_stolen(leased: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its next batch, and it does not give back what is another's."""
    monkeypatch.setattr("indexer.systems.leases.LOOK_S", 0.0)
    with leases_of(leased, OtherClock(timedelta())) as leases:
        with leases.held(["one", "two"], "us", steal=False) as held:
            assert held.still_held()
            held.renew()
            assert held.still_held()
            with leases.held(["two"], "they", steal=True) as theirs:
                assert theirs.still_held()
                assert not held.still_held()
            assert not held.still_held()
        assert leased.database()["indexer_leases"].count_documents({}) == 0


def test_a_renewal_notices_it_too(leased: Workbench) -> None:
    """Without another look."""
    with (
        leases_of(leased, OtherClock(timedelta())) as leases,
        leases.held(["one"], "us", steal=False) as held,
        leases.held(["one"], "they", steal=True),
    ):
        held.renew()
        assert not held.still_held()


def test_a_lease_is_ours_until_its_end_where_docdb_is_silent(
    leased: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage stops no run; but who cannot renew a lease for so long may have lost it."""
    monkeypatch.setattr("indexer.systems.leases.LOOK_S", 0.0)
    relay = Relay(leased.sandbox.docdb.port, "mongodb")
    docdb = connect(f"mongodb://127.0.0.1:{relay.port}/?{IMPATIENT}", None, {}, 1)
    try:
        with Leases(docdb, "metadata_index", "indexer_leases").held(["one"], "us", steal=False) as held:
            relay.close()
            assert held.still_held()
            monkeypatch.setattr("indexer.systems.leases.LEASE_S", 0)
            assert not held.still_held()
    finally:
        docdb.client.close()


def test_no_lease_is_taken_unless_configured(workbench: Workbench) -> None:
    """Without the setting nothing but records is written to DocDB."""
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.put("asset/subject.json", b"{}")
    workbench.plan()
    workbench.apply()
    assert workbench.database().list_collection_names() == ["data_assets"]
